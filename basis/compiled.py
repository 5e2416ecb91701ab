"""Decorators for the compiled inner loops, and loading what was compiled before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])
_made: list[Any] = []


def compiled(function: F) -> F:
    """Compile with numba at first call: cached on disk, without the GIL, IEEE division, exact arithmetic."""
    return _kept(function)


def compiled_any_order(function: F) -> F:
    """As `compiled`, but sums may be taken in any order (SIMD): last bits depend on the processor."""
    return _kept(function, fastmath={"reassoc", "nsz"})


def compiled_fused(function: F) -> F:
    """As `compiled`, but a product and a sum may be rounded once instead of twice (fused multiply-add)."""
    return _kept(function, fastmath={"contract"})


def _kept(function: F, **options: Any) -> F:
    made = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    _made.append(made)
    return cast(F, made)


def load_compiled() -> int:
    """Load everything that earlier processes compiled of the loops imported so far; compiles nothing.

    A loop is loaded at its first call anyway, 15 ms for each type of its arguments. A process that will be
    forked does it once for all its children. Where numba's cache cannot be read nothing is loaded.

    Returns
    -------
    How many were loaded.
    """
    loaded = 0
    for made in _made:
        with suppress(
            Exception
        ):  # the index is numba's own affair; without it the first call loads or compiles
            codegen = made.targetctx.codegen()
            for key in made._cache._cache_file._load_index():
                if key == made._cache._index_key(key[0], codegen):  # of this processor and this source
                    made.compile(key[0])
                    loaded += 1
    return loaded
