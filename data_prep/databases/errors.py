"""The errors of reading a database, and the rule for names of subjects and clips."""

from __future__ import annotations

import re
import unicodedata

from basis.errors import Mendable
from data_prep.messages import one_line, shown

__all__ = ["DatabaseError", "Refused", "checked_name", "one_line", "shown"]

NAME_RULE = (
    "a name is letters, digits, spaces and . _ - + ( ) #, begins with a letter, digit or _, "
    "and has at most 80 characters"
)
_NAME = re.compile(r"\w[\w .+()#-]{0,79}")


class DatabaseError(Mendable, ValueError):
    """A database that cannot be read at all: what was looked for, where, and what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class Refused(ValueError):
    """One clip or picture that cannot be used, with the reason; loaders turn it into a SetAside."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))


def checked_name(value: str, what: str) -> str:
    """The name itself if it is harmless in paths, tables and pages.

    Raises
    ------
    Refused
        Otherwise.
    """
    name = value.strip()
    composed = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(composed) or not name.isprintable():
        raise Refused(f"{what} {shown(value)} is refused: {NAME_RULE}")
    return name
