"""Arithmetic of 16-bit whole numbers in compiled loops: numba widens every other one to 64 bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_Made = tuple[Any, Callable[..., Any]]


@intrinsic  # type: ignore[untyped-decorator]
def add(context: Any, a: Any, b: Any) -> _Made:
    """The sum a + b modulo 2^16."""
    return types.int16(types.int16, types.int16), lambda _, builder, __, values: builder.add(*values)


@intrinsic  # type: ignore[untyped-decorator]
def subtract(context: Any, a: Any, b: Any) -> _Made:
    """The difference a - b modulo 2^16."""
    return types.int16(types.int16, types.int16), lambda _, builder, __, values: builder.sub(*values)


@intrinsic  # type: ignore[untyped-decorator]
def multiply(context: Any, a: Any, b: Any) -> _Made:
    """The product a * b modulo 2^16."""
    return types.int16(types.int16, types.int16), lambda _, builder, __, values: builder.mul(*values)


@intrinsic  # type: ignore[untyped-decorator]
def high_product(context: Any, a: Any, b: Any) -> _Made:
    """floor(a * b / 2^16)."""

    def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
        wide = ir.IntType(32)
        product = builder.mul(*(builder.sext(value, wide) for value in values))
        return builder.trunc(builder.ashr(product, ir.Constant(wide, 16)), ir.IntType(16))

    return types.int16(types.int16, types.int16), generate


@intrinsic  # type: ignore[untyped-decorator]
def either(context: Any, a: Any, b: Any) -> _Made:
    """The bits of both, a | b."""
    return types.int16(types.int16, types.int16), lambda _, builder, __, values: builder.or_(*values)


@intrinsic  # type: ignore[untyped-decorator]
def both(context: Any, a: Any, b: Any) -> _Made:
    """The bits that both have, a & b."""
    return types.int16(types.int16, types.int16), lambda _, builder, __, values: builder.and_(*values)


@intrinsic  # type: ignore[untyped-decorator]
def bit_if_at_least(context: Any, a: Any, b: Any, bit: Any) -> _Made:
    """The bit where a >= b, else 0."""

    def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
        a, b, bit = values
        return builder.select(builder.icmp_signed(">=", a, b), bit, ir.Constant(ir.IntType(16), 0))

    return types.int16(types.int16, types.int16, types.int16), generate
