"""Docstrings say the same things in the same places (numpydoc), so that readers and the API page find them.

Ruff holds that everything public has one (D1) and that a section Parameters names every parameter (D417); the
rest is here. What a method inherits from the one that it overrides need not be said again.
"""

import ast
import inspect
import re
from collections import defaultdict
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
PACKAGES = ("basis", "features", "data_prep", "methods", "results", "benchmark")
SECTION = re.compile(r"^(\w+)\n-+$", re.MULTILINE)
LABEL = re.compile(r"(?:^|[;.]\s)(\w+(?:, \w+)*) ?: ", re.MULTILINE)


def last_name(kind):
    return ast.unparse(kind.func if isinstance(kind, ast.Call) else kind).split(".")[-1]


def raised_by(node):
    """Names of the exceptions that a function raises in its own body and does not catch there."""
    kinds = (each.exc for each in ast.walk(node) if isinstance(each, ast.Raise) and each.exc)
    caught = (each.type for each in ast.walk(node) if isinstance(each, ast.ExceptHandler) and each.type)
    names = set(map(last_name, kinds)) - set(map(last_name, caught))
    return {name for name in names if name[0].isupper()}


def sections_of(text):
    """Section title -> its text; what stands before the first one is under ""."""
    parts = SECTION.split(text)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def labels(text, names):
    """Beginnings of lines such as "height, width: " that hold nothing but these names."""
    return [loose[0] for loose in LABEL.finditer(text) if set(loose[1].split(", ")) <= names]


def loose_fields(source):
    """Lines such as "size: in pixels" in the docstring of a public class that has such a field."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            fields = {ast.unparse(each.target) for each in node.body if isinstance(each, ast.AnnAssign)}
            for loose in labels(sections_of(ast.get_docstring(node) or "")[""], fields):
                yield f"{node.name}: {loose!r} belongs into a section Attributes"


def public(source):
    """(class or None, function) of every public function and method of a source text."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield None, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
            yield from ((node, each) for each in methods if not each.name.startswith("_"))


def complaints(sources):
    """What is wrong with the docstrings of these (name, text), one line each."""
    for name, text in sources:
        yield from (f"{name}: {line}" for line in loose_fields(text))
    functions = [(name, owner, node) for name, text in sources for owner, node in public(text)]
    raises, bases = defaultdict(str), defaultdict(set)
    for _, owner, node in functions:
        if owner:
            raises[owner.name, node.name] += sections_of(ast.get_docstring(node) or "").get("Raises", "")
            bases[owner.name] |= {last_name(base) for base in owner.bases} - {owner.name}

    def said(owner, name):
        """The sections Raises of a method and of those it overrides, in one text."""
        return raises[owner, name] + "".join(said(base, name) for base in bases[owner])

    for name, owner, node in functions:
        sections = sections_of(ast.get_docstring(node) or "")
        summary = sections[""].split("\n\n")[0]
        known = summary + (said(owner.name, node.name) if owner else sections.get("Raises", ""))
        where = f"{name}: {node.name}"
        missing = {kind for kind in raised_by(node) if kind not in known}
        if missing:
            kinds = ", ".join(sorted(missing))
            yield f"{where} raises {kinds} and says so neither in its summary nor in a section Raises"
        if loose := re.search(r"\b[Rr]aises [A-Z]\w+", sections[""]):
            yield f"{where}: {loose[0]!r} belongs into a section Raises"
        for loose in labels(sections[""], {each.arg for each in [*node.args.args, *node.args.kwonlyargs]}):
            yield f"{where}: {loose!r} belongs into a section Parameters"


def test_what_is_raised_and_taken_stands_in_its_section():
    found = complaints(
        [
            (str(path.relative_to(HOUSE)), path.read_text())
            for package in PACKAGES
            for path in sorted((HOUSE / package).rglob("*.py"))
        ]
    )
    assert not (wrong := list(found)), "\n".join(wrong)


def test_each_kind_of_complaint_is_made():
    source = inspect.cleandoc('''
        class Base:
            def fit(self):
                """Learn.

                Raises
                ------
                OSError
                    Always.
                """

        class Good(Base):
            def fit(self):
                """Learn more."""
                raise OSError

        class Bad(Base):
            def fit(self):
                """Learn less."""
                raise ValueError("no")

        class Square:
            """A square.

            size: in pixels.
            """

            size: int

        def loose(size):
            """Something; raises KeyError; size: in pixels."""
    ''')
    field, raised, word, label = complaints([("a.py", source)])
    assert (
        "Square: 'size: '" in field
        and "fit raises ValueError" in raised
        and "KeyError" in word
        and "size: " in label
    )
