"""Thousands of things of one kind in little memory: packed and unpacked one by one, or on disk."""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
import zlib
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

T = TypeVar("T")

_WINDOW, _MEMORY = -13, 5
"""zlib's window (8 KB, without header and checksum) and the memory of its tables: what is packed is small."""


class Packed(Sequence[T]):
    """A sequence whose items are kept as compressed bytes, each against the first, and made anew when read.

    An item that resembles the first one takes some 70 bytes; to read one takes some 15 microseconds. Items
    must be picklable, and equal ones are not the same object.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._first = b""
        self._bytes = bytearray()
        self._starts, self._sizes = array("Q"), array("L")
        for item in items:
            self.append(item)

    def append(self, item: T) -> None:
        """Add an item at the end."""
        data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        self._first = self._first or data
        packer = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=self._first)
        packed = packer.compress(data) + packer.flush()
        self._starts.append(len(self._bytes))
        self._sizes.append(len(packed))
        self._bytes += packed

    def at(self, places: Iterable[int]) -> Packed[T]:
        """The items at these places, packed as they are here: the bytes of all items are shared."""
        chosen: Packed[T] = Packed()
        chosen._first, chosen._bytes = self._first, self._bytes
        for i in places:
            chosen._starts.append(self._starts[i])
            chosen._sizes.append(self._sizes[i])
        return chosen

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, i: int) -> T: ...
    @overload
    def __getitem__(self, i: slice) -> list[T]: ...
    def __getitem__(self, i: int | slice) -> T | list[T]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        unpacker = zlib.decompressobj(_WINDOW, zdict=self._first)
        start = self._starts[i]
        item: T = pickle.loads(unpacker.decompress(self._bytes[start : start + self._sizes[i]]))
        return item

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))


def on_disk(rows: Iterable[Float32], shape: tuple[int, ...], folder: Path) -> Float32:
    """Arrays of one shape as (n, *shape) float32 in a file without a name, which is gone with the process.

    It lies in this folder where that can be written, else among the system's temporary files. Its pages are
    no memory of ours: the system reads them when they are looked at, and may drop them at any time.
    """
    with tempfile.TemporaryFile(dir=folder if os.access(folder, os.W_OK) else None) as file:
        for row in rows:
            file.write(np.ascontiguousarray(row, np.float32).data)
        file.flush()
        if not file.tell():
            return np.empty((0, *shape), np.float32)
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return np.frombuffer(mapped, np.float32).reshape(-1, *shape)
