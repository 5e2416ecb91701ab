"""Per-clip arrays of the view that was asked for last, for methods that sweep variants of one descriptor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from data_prep.clips import Clips

Array = npt.NDArray[Any]


class LastView:
    """Remembers one result: clips in memory have no folder to keep theirs in, and a sweep asks many times."""

    def __init__(self) -> None:
        self._key = ""
        self._rows: Array | None = None

    def rows(self, clips: Clips, compute: Callable[[Clips], Array]) -> Array:
        """`compute(clips)`, or the array it gave last time if these are the same clips and landmarks."""
        if self._rows is None or clips.key != self._key:
            self._key, self._rows = clips.key, compute(clips)
        return self._rows
