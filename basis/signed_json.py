"""A JSON object in a file that holds the sha256 of the rest of it; written and read entry by entry.

Of thousands of clips the whole text and the whole object never lie in memory: the text is mapped, checked,
and only the entries that are asked for are made.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import re
from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from basis.canonical import canonical_pieces, digest_of_pieces
from basis.files import atomically

_KEY = "sha256"
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
"""What tells the depth of an entry: whole words, which may hold brackets, and brackets."""
_PIECE = 2**20
LONG = 2**12
"""Words of more bytes are given as they lie in the file."""


class NotSigned(ValueError):
    """A file that is no such object, or whose content does not match its sha256."""


def write_signed(path: Path, body: Mapping[str, Any]) -> None:
    """Write an object, canonical and atomically; see `canonical_pieces` and `atomically`.

    One of its keys must come after "sha256" in alphabetical order.
    """
    with atomically(path) as file:
        for piece in canonical_pieces({**body, _KEY: digest_of_pieces(body)}):
            file.write(piece)


def read_signed(path: Path, wanted: Collection[str] | None = None) -> dict[str, Any]:
    """Those of these entries that the object has, or all; one that is a word of more than `LONG` as bytes.

    Raises
    ------
    OSError
        If the file cannot be read.
    NotSigned
        If it is not what `write_signed` wrote.
    """
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                places = _places(text)
                _check(text, places)
                asked = places if wanted is None else [key for key in places if key in wanted]
                return {key: _value(text, *places[key][1:]) for key in asked if key != _KEY}
        except ValueError as error:
            raise NotSigned(f"{path}: {error}") from error


def _places(text: mmap.mmap) -> dict[str, tuple[int, int, int]]:
    """Where each entry of the outermost object begins, and its value begins and ends."""
    depth, starts = 0, []
    for token in _TOKEN.finditer(text):
        begin, end = token.span()
        kind = text[begin : begin + 1]
        if kind != b'"':
            depth += 1 if kind in b"[{" else -1
        elif depth == 1 and text[end : end + 1] == b":":
            starts.append((json.loads(text[begin:end]), begin, end + 1))
    ends = [begin - 1 for _, begin, _ in starts[1:]] + [len(text) - 1]
    return {key: (begin, value, end) for (key, begin, value), end in zip(starts, ends, strict=False)}


def _check(text: mmap.mmap, places: Mapping[str, tuple[int, int, int]]) -> None:
    """Raise ValueError unless the text without its sha256 has it."""
    if _KEY not in places:
        raise ValueError("not a whole JSON file with its sha256")
    begin, _, end = places[_KEY]
    digest = hashlib.sha256()
    for a, b in ((0, begin), (end + 1, len(text))):
        for start, stop in pairwise([*range(a, b, _PIECE), b]):
            digest.update(text[start:stop])
    if text[begin : end + 1] != f'"{_KEY}":"{digest.hexdigest()}",'.encode():
        raise ValueError("its content does not match its sha256")


def _value(text: mmap.mmap, begin: int, end: int) -> Any:
    word = end - begin > LONG and text[begin : begin + 1] == b'"'
    return text[begin + 1 : end - 1] if word else json.loads(text[begin:end])
