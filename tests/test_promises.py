"""docs/reliability.md: every promise of a table names a test, and every test that is named is there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
PAGE = (HOUSE / "docs" / "reliability.md").read_text()
NAMED = re.compile(r"`(?P<file>tests/[\w/]+\.py|\.\.)?(?:::)?(?P<test>[Tt]est_?\w+)?`")
SAME = re.compile(r"\bsame\b")


@cache
def functions_in(path: Path) -> set[str]:
    """Names of the tests, and of the classes of tests, in a file."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@cache
def all_tests() -> set[str]:
    return set().union(*(functions_in(path) for path in (HOUSE / "tests").rglob("test_*.py")))


def not_there(text: str) -> Iterator[str]:
    """The files and tests that are named in a text and are not there; `..` is the file named before."""
    file = None
    for match in NAMED.finditer(text):
        if match["file"] and match["file"] != "..":
            file = HOUSE / match["file"]
            if not file.is_file():
                yield match["file"]
                continue
        test = match["test"]
        if test and test not in (functions_in(file) if match["file"] and file else all_tests()):
            yield match[0]


def without_a_test(text: str) -> Iterator[str]:
    """Rows of tables, without their heads, that name no test in their last column."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        head = i + 1 < len(lines) and set(lines[i + 1]) <= set("|-")
        if not line.startswith("|") or head or set(line) <= set("|-"):
            continue
        last = line.rstrip("|").rpartition("|")[2]
        if not any(match["file"] or match["test"] for match in NAMED.finditer(last)) and not SAME.search(
            last
        ):
            yield line


def test_every_test_that_is_named_is_there() -> None:
    assert list(not_there(PAGE)) == []


def test_every_promise_names_a_test() -> None:
    assert list(without_a_test(PAGE)) == []


def test_both_find_what_is_missing() -> None:
    text = "| what | kept by |\n|---|---|\n| a | `tests/test_promises.py::test_no_such` |\n| b | nothing |\n"
    assert list(not_there(text)) == ["`tests/test_promises.py::test_no_such`"]
    assert list(without_a_test(text)) == ["| b | nothing |"]
    assert list(not_there("`tests/test_nowhere.py`, `test_every_promise_names_a_test`")) == [
        "tests/test_nowhere.py"
    ]
    assert list(not_there("`tests/test_promises.py`, `..::test_gone`")) == ["`..::test_gone`"]
