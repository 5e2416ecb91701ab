"""Vectors of different lengths in one .npy file, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths in a flat array; row i ends before ends[i]."""

    flat: Array
    ends: list[int]

    def __getitem__(self, row: int) -> Array:
        return self.flat[self.ends[row - 1] if row else 0 : self.ends[row]]


class RaggedWriter:
    """Writes the flat array row by row; a row of None is empty.

    Attributes
    ----------
    ends
        Of the rows that were written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._dtype: np.dtype[Any] | None = None
        self.ends: list[int] = []

    def add(self, values: Array | None, row: int) -> None:
        """Write the next row; ValueError if it is no vector of the same kind as those before."""
        if values is not None:
            if self._dtype is None:
                self._start(values.dtype)
            if values.ndim != 1 or values.dtype != self._dtype:
                raise ValueError(
                    f"row {row} is {values.dtype}{values.shape}, it should be a vector of {self._dtype}"
                )
            self._file.write(values.tobytes())
        self.ends.append((self.ends[-1] if self.ends else 0) + (0 if values is None else len(values)))

    def finish(self) -> None:
        """Write the header again, now that the length is known; numpy leaves room for its digits."""
        self._file.seek(0)
        self._start(self._dtype or np.dtype(np.float32))
        self._file.seek(0, 2)

    def _start(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        shape = (self.ends[-1] if self.ends else 0,)
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
