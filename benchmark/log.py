"""Lines for the user."""

from __future__ import annotations

from collections.abc import Callable

Log = Callable[[str], None]


def show(line: str) -> None:
    """One line on stdout, at once."""
    print(line, flush=True)
