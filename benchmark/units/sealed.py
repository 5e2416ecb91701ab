"""Files that a method may not open while its unit runs: those that hold what its view does not.

A view hides labels and pixels of other clips, but the cache and the run folder hold them, and a method is
told where the cache is. So while a method fits and predicts, Python itself refuses to open them.

Notes
-----
An audit hook sees whatever is opened through Python: `open`, `os.open`, `numpy.load`, memory maps, pathlib;
and what gives a file another name, links and renames. It does not see libraries that open files themselves
(OpenCV, FFmpeg, Arrow), other processes, or the user's own database folders. It keeps a method honest that
was written in good faith; it is no prison.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PREPARED = frozenset({"meta.json", "frames.npy"})
"""The files of a prepared set."""


class OutsideTheView(PermissionError):
    """A method opens a file that holds labels or pixels of clips that it was not given."""


@dataclass(frozen=True)
class Seal:
    """What is closed.

    Attributes
    ----------
    cache
        Prepared sets of clips anywhere below it.
    run
        Everything below it, records of other units above all; but not a cache that lies there.
    free
        Folders that stay open all the same: photographs, and the unit's own scratch.
    """

    cache: Path
    run: Path
    free: tuple[Path, ...] = ()

    def closes(self, path: str | Path) -> bool:
        """Whether a file may not be opened."""
        real = _real(path)
        if any(real.is_relative_to(folder) for folder in self.free):
            return False
        if real.is_relative_to(self.cache):
            return real.name in PREPARED
        return real.is_relative_to(self.run)


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))


_seals: list[Seal] = []
_hooked: list[bool] = []


_BY_NAME = frozenset({"open", "os.link", "os.rename"})
"""Audit events whose first argument is a file that is there."""


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in _BY_NAME and _seals and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.fsdecode(arguments[0])
        if _seals[-1].closes(path) or _beside_a_folder(path):
            raise OutsideTheView(f"{path} holds more than the clips that a method is given; it stays closed")


def _beside_a_folder(path: str) -> bool:
    """Whether it is the name of a prepared set's file that no path leads to: `os.open(name, dir_fd=...)`."""
    here = Path(path)
    return here.name in PREPARED and not here.is_absolute() and not here.exists()


@contextmanager
def sealed(seal: Seal | None) -> Iterator[None]:
    """Close these files for the block, for all threads of this process; None closes nothing."""
    if seal is None:
        yield
        return
    if not _hooked:
        sys.addaudithook(_hook)  # never taken away again: it does nothing outside such a block
        _hooked.append(True)
    _seals.append(Seal(_real(seal.cache), _real(seal.run), tuple(map(_real, seal.free))))
    try:
        yield
    finally:
        _seals.pop()
