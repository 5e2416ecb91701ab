"""The source as a whole: no circle of imports, short files and functions, names where they belong."""

import ast
import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
PACKAGES = ("basis", "features", "data_prep", "methods", "results", "benchmark")
LONGEST_FILE, LONGEST_FUNCTION = 400, 50


def sources(*packages):
    """Dotted name -> path of every module of these packages."""
    return {
        ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__"): path
        for package in packages
        for path in sorted((HOUSE / package).rglob("*.py"))
    }


MODULES = sources(*PACKAGES)


def imported(text, modules):
    """The modules of `modules` that a source text imports: at its top, in a function, for type checkers."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in names}
    return found & set(modules)


def circle(graph):
    """One circle of a graph (node -> nodes) as a list that ends where it begins, or None."""
    finished, path = set(), []

    def visit(node):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in finished:
            return None
        path.append(node)
        found = next(filter(None, map(visit, sorted(graph.get(node, ())))), None)
        path.pop()
        finished.add(node)
        return found

    return next(filter(None, map(visit, sorted(graph))), None)


def test_the_search_for_circles_finds_one():
    modules = ("a", "b", "b.c")
    graph = {
        "a": imported("def f():\n    from b import c\n", modules),
        "b.c": imported("if TYPE_CHECKING:\n    import a\n", modules),
        "b": imported("import os\n", modules),
    }
    assert circle(graph) == ["a", "b.c", "a"]
    assert circle({**graph, "b.c": {"b"}}) is None


def test_no_module_imports_itself_by_way_of_others():
    found = circle({name: imported(path.read_text(), MODULES) for name, path in MODULES.items()})
    assert found is None, " -> ".join(found)


@pytest.mark.parametrize("package", PACKAGES)
def test_files_and_functions_are_short(package):
    for path in sources(package).values():
        text = path.read_text()
        assert text.count("\n") <= LONGEST_FILE, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                assert length <= LONGEST_FUNCTION, f"{path}: {node.name} has {length} lines"


@pytest.mark.parametrize("folder", ["tests", "docs", "examples"])
def test_files_beside_the_packages_are_short_too(folder):
    long = [path for path in (HOUSE / folder).rglob("*.py") if path.read_text().count("\n") > LONGEST_FILE]
    assert not long


def words_of(text):
    """The string constants of a source text, docstrings left aside."""
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in docs)
    return {node.value for node in constants if isinstance(node.value, str)}


def test_results_names_no_method_and_no_protocol():
    from benchmark.protocols import PROTOCOLS
    from methods import METHODS

    # plain words as well (a role is called "paper"): they are looked for where a name would stand
    names = {*METHODS, *PROTOCOLS} - {"clips", "subject", "linear", "majority"}
    for name, path in sources("results").items():
        if not name.startswith("results.audit"):
            assert not words_of(path.read_text()) & names, path
            quoted = re.findall(r"(?:method|protocol)(?:\"\]|\.name)? [!=]= \"([\w-]+)\"", path.read_text())
            assert not quoted, f"{path}: {quoted}"
