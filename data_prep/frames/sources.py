"""Where the frames of a clip lie: pictures in a folder, or a part of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, init=False, repr=False)
class ImageFrames:
    """Frames as image files, first to last; what all their paths begin and end with is kept once."""

    _head: str
    _tail: str
    _between: str
    _n: int

    def __init__(self, paths: Sequence[str]) -> None:
        head, tail = _shared(paths)
        between = "\0".join(path[len(head) : len(path) - len(tail)] for path in paths)
        for name, value in (("_head", head), ("_tail", tail), ("_between", between), ("_n", len(paths))):
            object.__setattr__(self, name, value)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files, made anew from what is kept of them."""
        return (
            tuple(f"{self._head}{each}{self._tail}" for each in self._between.split("\0")) if self._n else ()
        )

    def __len__(self) -> int:
        return self._n

    def __repr__(self) -> str:
        return f"ImageFrames({self.paths})"


def _shared(paths: Sequence[str]) -> tuple[str, str]:
    """What all paths begin with, and what all of them end with behind that."""
    head = _common(paths)
    return head, _common([path[len(head) :][::-1] for path in paths])[::-1]


def _common(texts: Sequence[str]) -> str:
    """What all texts begin with: what the first and the last in alphabetical order do."""
    first, last = min(texts, default=""), max(texts, default="")
    unlike = (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(unlike, len(first))]


@dataclass(frozen=True)
class VideoFrames:
    """Frames `first` to `last` (0-based, inclusive) of one video file."""

    path: str
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


FrameSource = ImageFrames | VideoFrames
