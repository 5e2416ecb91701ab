"""Names for content: the sha256 of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

_PIECE = 64
"""Items of a list, or characters of a word, that are made into text at once."""


class Listed(Iterable[Any]):
    """A list that is made anew, item by item, whenever it is gone through: never in memory as a whole."""

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Any]:
        return self._make()


class Spelled(Listed):
    """A word that is made anew, piece by piece, whenever it is written."""


def canonical(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """The one JSON text of a value: sorted keys, no blanks, UTF-8; ValueError for nan and infinity."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def canonical_pieces(value: Mapping[str, Any]) -> Iterator[bytes]:
    """`canonical` of a mapping in pieces, so that a large one never lies in memory as a whole.

    A value that is an iterator, or `Listed`, is a list of what it gives; one that is `Spelled` a word.
    """
    before = b"{"
    for key in sorted(value):
        yield before + canonical([key])[1:-1] + b":"
        before = b","
        yield from _pieces_of(value[key])
    yield b"}" if value else b"{}"


def _pieces_of(value: Any) -> Iterator[bytes]:
    """The text of one value; that of a list, or of what an iterator gives, and that of a word in pieces."""
    if isinstance(value, str):
        yield b'"'
        for i in range(0, len(value), _PIECE):
            yield canonical([value[i : i + _PIECE]])[2:-2]
        yield b'"'
    elif isinstance(value, Spelled):
        yield b'"'
        for piece in value:
            yield canonical([piece])[2:-2]
        yield b'"'
    elif isinstance(value, list | Iterator | Listed):
        yield b"["
        items, before = iter(value), b""
        while some := list(islice(items, _PIECE)):
            yield before + canonical(some)[1:-1]
            before = b","
        yield b"]"
    else:
        yield canonical([value])[1:-1]


def digest_of_pieces(value: Mapping[str, Any]) -> str:
    """`digest_of` what `canonical_pieces` gives."""
    digest = hashlib.sha256()
    for piece in canonical_pieces(value):
        digest.update(piece)
    return digest.hexdigest()


def digest_of(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """sha256 of the canonical JSON of names and numbers: the key of everything that is cached or kept."""
    return hashlib.sha256(canonical(value)).hexdigest()
