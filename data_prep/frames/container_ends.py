"""What the containers themselves say of their end, which reaches no decoder.

AVI: null frames at the end of the row of slots stand in no index. AVI, MKV and WebM: a file that was cut off
between two pictures, or within one (Matroska drops it), shows it only by a container that is longer than the
file.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_ENTERED = (b"AVI ", b"AVIX", b"movi", b"rec ")
_OPEN = (0, 2**32 - 1)
"""Lengths that a recorder writes before it knows the true one."""
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def count_slots(path: Path, stream: int) -> int:
    """Chunks of one video stream, null frames included, however many the headers promise.

    Parameters
    ----------
    path
        A RIFF AVI file; a damaged one ends where no further chunk follows.
    stream
        Number of the video stream.
    """
    chunk = b"%02d" % stream
    found, position, size = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            head = file.read(12)
            code, length = struct.unpack("<4sI", head[:8])
            if code in {b"RIFF", b"LIST"} and head[8:] in _ENTERED:
                position += 12
                continue
            found += code[:2] == chunk and code[2:] in {b"dc", b"db"}
            position += 8 + length + length % 2
    return found


def ends_early(path: Path) -> bool:
    """Whether an AVI, MKV or WebM is longer by its own account than its file is.

    A container whose length its recorder left open is not, nor is an AVI with its index behind the pictures.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF" and head[8:] == b"AVI ":
            return _avi_ends_early(file, size)
        return head[:4] == _EBML and _matroska_ends_early(file, size)


def _avi_ends_early(file: BinaryIO, size: int) -> bool:
    position = 0
    while position + 12 <= size:
        file.seek(position)
        code, length, kind = struct.unpack("<4sI4s", file.read(12))
        if code == b"RIFF" and kind in _ENTERED:
            if length in _OPEN:
                return False
            position += 12
            continue
        if code == b"idx1":
            return False
        position += 8 + length + length % 2
    return position > size


def _matroska_ends_early(file: BinaryIO, size: int) -> bool:
    """Whether the segment, which follows the EBML header, promises more bytes than there are."""
    file.seek(len(_EBML))
    header = _length(file)
    if header is None:
        return False
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != _SEGMENT:
        return False
    segment = _length(file)
    return segment is not None and file.tell() + segment > size


def _length(file: BinaryIO) -> int | None:
    """An EBML length of 1 to 8 bytes; None for one that was left open, or none."""
    first = file.read(1)
    more = 8 - first[0].bit_length() if first and first[0] else None
    if more is None:
        return None
    bits = 7 * (more + 1)
    value = int.from_bytes(first + file.read(more), "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
