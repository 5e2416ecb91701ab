"""Foreign text in messages: always one line, never control characters, never endless."""

from __future__ import annotations


def shown(value: object, limit: int = 60) -> str:
    """Text from a file as it may appear in a message: quoted, control characters escaped, cut to `limit`."""
    text = str(value)
    return repr(text if len(text) <= limit else text[:limit] + "...")


def one_line(text: str, limit: int = 2000) -> str:
    """The text with everything that is not printable escaped, cut to `limit` characters."""
    short = text if len(text) <= limit else text[:limit] + "..."
    return short if short.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in short)
