"""Lines for the user."""

from __future__ import annotations

import sys
from collections.abc import Callable

Log = Callable[[str], None]

TROUBLE = ("warning", "failed", "timeout", "crashed", "memory")
"""How lines begin that are said even to those who want none."""


def show(line: str) -> None:
    """One line on stdout, at once."""
    print(line, flush=True)


def only_trouble(line: str) -> None:
    """`--quiet`: nothing on stdout; a warning or a unit that failed is a line on stderr."""
    if line.startswith(TROUBLE):
        print(line, file=sys.stderr, flush=True)


def silent(line: str) -> None:
    """Says nothing: where the answer is one JSON object."""
