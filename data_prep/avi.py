"""The row of slots in an AVI file: null frames at its end stand in no index and reach no decoder."""

from __future__ import annotations

import struct
from pathlib import Path

_ENTERED = (b"AVI ", b"AVIX", b"movi", b"rec ")


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
