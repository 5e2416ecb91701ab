"""The errors of reading a database, and how foreign text is shown in messages."""

from __future__ import annotations

import re

NAME_RULE = (
    "letters, digits, spaces and . _ - + ( ) #, beginning with a letter, digit or _, at most 80 characters"
)
_NAME = re.compile(r"\w[\w .+()#-]{0,79}")


class DatabaseError(ValueError):
    """A database that cannot be read at all: what was looked for, where, and what would be right."""


class Refused(ValueError):
    """One clip or picture that cannot be used, with the reason; loaders turn it into a SetAside."""


def shown(value: object, limit: int = 60) -> str:
    """Text from a file as it may appear in a message: quoted, control characters escaped, cut to `limit`."""
    text = str(value)
    return repr(text if len(text) <= limit else text[:limit] + "...")


def checked_name(value: str, what: str) -> str:
    """The name itself if it is harmless in paths, tables and pages; raises Refused otherwise."""
    name = value.strip()
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise Refused(f"{what} {shown(value)} is not a name: {NAME_RULE}")
    return name
