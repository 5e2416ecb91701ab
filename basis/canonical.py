"""Names for content: the sha256 of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def canonical(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """The one JSON text of a value: sorted keys, no blanks, UTF-8; ValueError for nan and infinity."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def canonical_pieces(value: Mapping[str, Any]) -> Iterator[bytes]:
    """`canonical` of a mapping in pieces, so that a large one never lies in memory as a whole.

    A value that is an iterator is a list of what it gives.
    """
    before = b"{"
    for key in sorted(value):
        yield before + canonical([key])[1:-1] + b":"
        before = b","
        if not isinstance(value[key], Iterator):
            yield canonical([value[key]])[1:-1]
            continue
        yield b"["
        for i, item in enumerate(value[key]):
            yield (b"," if i else b"") + canonical([item])[1:-1]
        yield b"]"
    yield b"}" if value else b"{}"


def digest_of_pieces(value: Mapping[str, Any]) -> str:
    """`digest_of` what `canonical_pieces` gives."""
    digest = hashlib.sha256()
    for piece in canonical_pieces(value):
        digest.update(piece)
    return digest.hexdigest()


def digest_of(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """sha256 of the canonical JSON of names and numbers: the key of everything that is cached or kept."""
    return hashlib.sha256(canonical(value)).hexdigest()
