"""Sums in a fixed order, for compiled loops: the same bits on every processor."""

from __future__ import annotations

from typing import Any

from basis.compiled import compiled


@compiled
def dot(a: Any, b: Any) -> Any:
    """The sum of the products of two (n,) arrays, from the first to the last."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total
