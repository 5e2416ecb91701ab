"""One decorator for the compiled inner loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile with numba at first call: cached on disk, without the GIL, IEEE division, exact arithmetic."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def compiled_any_order(function: F) -> F:
    """As `compiled`, but sums may be taken in any order (SIMD): last bits depend on the processor."""
    return cast(
        F, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})(function)
    )


def compiled_fused(function: F) -> F:
    """As `compiled`, but a product and a sum may be rounded once instead of twice (fused multiply-add)."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function))
