"""Thousands of things of one kind in little memory: packed one by one, and unpacked when they are read."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Sequence
from typing import TypeVar, overload

T = TypeVar("T")

_WINDOW, _MEMORY = -13, 5
"""zlib's window (8 KB, without header and checksum) and the memory of its tables: what is packed is small."""


class Packed(Sequence[T]):
    """A sequence whose items are kept as compressed bytes, each against the first, and made anew when read.

    An item that resembles the first one takes some 100 bytes; to read one takes some 15 microseconds. Items
    must be picklable, and equal ones are not the same object.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._first = b""
        self._items: list[bytes] = []
        for item in items:
            self.append(item)

    def append(self, item: T) -> None:
        """Add an item at the end."""
        data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        self._first = self._first or data
        packer = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=self._first)
        self._items.append(packer.compress(data) + packer.flush())

    def at(self, places: Iterable[int]) -> Packed[T]:
        """The items at these places, packed as they are here: what they take is shared."""
        chosen: Packed[T] = Packed()
        chosen._first, chosen._items = self._first, [self._items[i] for i in places]
        return chosen

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, i: int) -> T: ...
    @overload
    def __getitem__(self, i: slice) -> list[T]: ...
    def __getitem__(self, i: int | slice) -> T | list[T]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        unpacker = zlib.decompressobj(_WINDOW, zdict=self._first)
        item: T = pickle.loads(unpacker.decompress(self._items[i]))
        return item

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
