"""Names that users type: what is not there is an error that says what would have been right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from basis.errors import Mendable


class UnknownName(Mendable, ValueError):
    """A name that is not in a table; the message lists the near ones, or all."""


def one_of(name: str, names: Iterable[str], what: str, *, error: type[Exception] = UnknownName) -> str:
    """The name itself if it is there; otherwise `error` with what would have been right.

    Parameters
    ----------
    name
        What was asked for.
    names
        What there is.
    what
        The kind of name, for the message ("method", "setting of lbp-top").
    error
        The exception to raise.
    """
    names = list(names)
    if name in names:
        return name
    raise error(f"{name!r} is not a {what}; {hint(name, names)}")


def hint(name: str, names: Iterable[str]) -> str:
    """The near names as a question, or all names where none is near."""
    names = list(names)
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(folded[each] for each in near)}?"
    return f"must be one of {', '.join(names)}"
