"""Prepared sets opened, without building anything: what worker processes do."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.cache import read_set
from data_prep.clips import Clips, Float32, Stills

_OF_CLIPS = {
    *("names", "subjects", "databases", "labels", "classes"),
    *("landmarks", "fps", "holds", "apex"),
}
"""What a view of clips is made of, of all that `meta.json` says."""
_LETTERS = 2**16
"""Of base64, decoded at once; four of them are three bytes."""


def open_prepared(folder: Path, *, expected: str, trust: bool = False) -> Clips:
    """Open a prepared set without building anything, for worker processes; writes nothing.

    Raises `CacheMissing` or `CacheDamaged` if the folder does not hold the set of digest `expected`.
    """
    frames, meta = read_set(folder, expected=expected, trust=trust, wanted=_OF_CLIPS)
    return Clips.from_arrays(
        frames,
        landmarks_of(meta["landmarks"]),
        meta["labels"],
        names=meta["names"],
        subjects=[sys.intern(subject) for subject in meta["subjects"]],
        databases=[sys.intern(database) for database in meta["databases"]],
        classes=meta["classes"],
        fps=meta["fps"],
        digest=meta["digest"],
        folder=folder,
        holds=meta["holds"],
        apex=[np.nan if place is None else place for place in meta["apex"]],
    )


def landmarks_as_text(landmarks: Float32) -> str:
    """What `meta.json` keeps of (n, 66, 2) float32: their bytes in base64, not lists of numbers."""
    return base64.b64encode(np.ascontiguousarray(landmarks, "<f4").data).decode()


def landmarks_of(kept: str | bytes | list[Any]) -> Float32:
    """(n, 66, 2) float32 from `landmarks_as_text`, or from the lists of numbers of an older set."""
    if isinstance(kept, list):
        return np.array(kept, np.float32).reshape(-1, 66, 2)
    numbers = bytearray(len(kept) // 4 * 3)  # those of a clip are 528 bytes: nothing is padded
    for i in range(0, len(kept), _LETTERS):
        numbers[i // 4 * 3 : (i + _LETTERS) // 4 * 3] = base64.b64decode(kept[i : i + _LETTERS])
    return np.frombuffer(numbers, "<f4").astype(np.float32, copy=False).reshape(-1, 66, 2)


def open_prepared_stills(folder: Path, *, expected: str, trust: bool = False) -> Stills:
    """Open prepared photographs without building anything, as `open_prepared` does for clips."""
    frames, meta = read_set(folder, expected=expected, trust=trust, wanted={"labels", "subjects", "names"})
    return Stills(
        frames=frames[:, 0],
        labels=np.asarray(meta["labels"], np.int64),
        subjects=tuple(meta["subjects"]),
        names=tuple(meta["names"]),
        digest=meta["digest"],
        folder=folder,
    )
