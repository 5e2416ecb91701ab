"""One matrix product whose bits depend on its operands alone.

`multiply` adds products of one gathered and one packed operand; every sum runs over the same terms in the
same order with the same roundings, on whatever processor, with however many threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from basis.compiled import compiled

AnyFloat = npt.NDArray[np.floating[Any]]
Int64 = npt.NDArray[np.int64]

LANES = 16
ROWS = 8 if "+avx512f" in cpu_target.target_context.codegen().magic_tuple()[2] else 6
"""Results of a tile are LANES x ROWS: as many as the registers hold; changes no bit."""
CHUNK = 256
"""Terms that are summed by themselves before they are added to the result: part of the bits' definition."""
BLOCK = 16 * ROWS
"""Rows that go through all panels of a chunk together, so that the gathered operand stays in the cache."""


def _tile(lanes: int) -> Callable[..., Any]:
    """An intrinsic that computes ROWS x lanes results over at most CHUNK terms."""

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(
        _: Any, x: Any, rows: Any, row: Any, steps: Any, step: Any, k: Any,
        b: Any, panel: Any, out: Any, places: Any, column: Any, count: Any, width: Any,
    ) -> Any:  # fmt: skip
        """out[places[i] + column + lane] += sum of x[rows[i] + steps[r]] * b[panel + r * lanes + lane]."""
        arguments = (x, rows, row, steps, step, k, b, panel, out, places, column, count, width)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            _Tile(context, builder, dict(zip(_NAMES, zip(signature.args, values, strict=True), strict=True)))(
                lanes
            )
            return context.get_dummy_value()

        return types.void(*arguments), generate

    return tile  # type: ignore[no-any-return]


_NAMES = ("x", "rows", "row", "steps", "step", "k", "b", "panel", "out", "places", "column", "count", "width")


class _Tile:
    """Writes the instructions of one tile: one accumulator of `lanes` numbers for every row."""

    def __init__(self, context: Any, builder: Any, given: dict[str, tuple[Any, Any]]) -> None:
        self.builder = builder
        self.values = {name: value for name, (_, value) in given.items()}
        self.arrays = {
            name: context.make_array(kind)(context, builder, value).data
            for name, (kind, value) in given.items()
            if isinstance(kind, types.Array)
        }
        self.number = self.arrays["x"].type.pointee
        self.one = ir.Constant(ir.IntType(64), 1)

    def __call__(self, lanes: int) -> None:
        builder = self.builder
        self.vector = ir.VectorType(self.number, lanes)
        rows = builder.gep(self.arrays["rows"], [self.values["row"]])
        places = builder.gep(self.arrays["places"], [self.values["row"]])
        gathered = [
            builder.gep(self.arrays["x"], [builder.load(self._at(rows, i))], inbounds=True)
            for i in range(ROWS)
        ]
        steps = builder.gep(self.arrays["steps"], [self.values["step"]])
        panel = builder.gep(self.arrays["b"], [self.values["panel"]])
        for i, total in enumerate(self._totals(gathered, steps, panel, lanes)):
            with builder.if_then(builder.icmp_signed(">", self.values["count"], self._index(i))):
                place = builder.add(builder.load(self._at(places, i)), self.values["column"])
                self._add(builder.gep(self.arrays["out"], [place]), total, lanes)

    def _totals(self, gathered: list[Any], steps: Any, panel: Any, lanes: int) -> list[Any]:
        """The loop over the terms; a product and its addition are rounded once."""
        builder, zero = self.builder, ir.Constant(self.vector, None)
        before = builder.block
        loop, after = builder.append_basic_block("terms"), builder.append_basic_block("summed")
        builder.branch(loop)
        builder.position_at_end(loop)
        r = builder.phi(ir.IntType(64))
        totals = [builder.phi(self.vector) for _ in range(ROWS)]
        step = builder.load(builder.gep(steps, [r]))
        weights = self._load(builder.gep(panel, [builder.mul(r, self._index(lanes))]))
        name = f"llvm.fma.v{lanes}{self.number.intrinsic_name}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, name)
        sums = [
            builder.call(fma, [self._everywhere(builder.load(builder.gep(x, [step])), lanes), weights, total])
            for x, total in zip(gathered, totals, strict=True)
        ]
        following = builder.add(r, self.one)
        r.add_incoming(self._index(0), before)
        r.add_incoming(following, loop)
        for total, added in zip(totals, sums, strict=True):
            total.add_incoming(zero, before)
            total.add_incoming(added, loop)
        builder.cbranch(builder.icmp_signed("<", following, self.values["k"]), loop, after)
        builder.position_at_end(after)
        return sums

    def _add(self, place: Any, total: Any, lanes: int) -> None:
        """Add to the result: whole vectors, or number by number where the row ends within one."""
        builder = self.builder
        whole = builder.icmp_signed(">=", self.values["width"], self._index(lanes))
        with builder.if_else(whole) as (then, otherwise):
            with then:
                pointer = builder.bitcast(place, self.vector.as_pointer())
                added = builder.fadd(builder.load(pointer, align=4), total)
                builder.store(added, pointer, align=4)
            with otherwise:
                self._add_some(place, total, lanes)

    def _add_some(self, place: Any, total: Any, lanes: int) -> None:
        """Add the first `width` numbers of a vector."""
        builder, integers = self.builder, ir.VectorType(ir.IntType(64), lanes)
        masks, pointers = ir.VectorType(ir.IntType(1), lanes), self.vector.as_pointer()
        suffix = f"v{lanes}{self.number.intrinsic_name}.p0"
        width = self._everywhere(self.values["width"], lanes)
        mask = builder.icmp_signed("<", ir.Constant(integers, list(range(lanes))), width)
        align, pointer = ir.Constant(ir.IntType(32), 4), builder.bitcast(place, pointers)
        load = ir.FunctionType(self.vector, [pointers, align.type, masks, self.vector])
        read = cgutils.get_or_insert_function(builder.module, load, f"llvm.masked.load.{suffix}")
        store = ir.FunctionType(ir.VoidType(), [self.vector, pointers, align.type, masks])
        write = cgutils.get_or_insert_function(builder.module, store, f"llvm.masked.store.{suffix}")
        before = builder.call(read, [pointer, align, mask, ir.Constant(self.vector, None)])
        builder.call(write, [builder.fadd(before, total), pointer, align, mask])

    def _load(self, pointer: Any) -> Any:
        return self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()), align=4)

    def _everywhere(self, number: Any, lanes: int) -> Any:
        nothing = ir.Constant(ir.VectorType(number.type, lanes), ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
        return self.builder.shuffle_vector(first, nothing, mask)

    def _at(self, pointer: Any, i: int) -> Any:
        return self.builder.gep(pointer, [self._index(i)])

    def _index(self, i: int) -> Any:
        return ir.Constant(ir.IntType(64), i)


_sixteen, _eight = _tile(LANES), _tile(LANES // 2)


def product(
    x: AnyFloat, rows: Int64, steps: Int64, b: AnyFloat, out: AnyFloat, places: Int64, *, threads: int = 1
) -> None:
    """out[places[i] + j] += sum over r of x[rows[i] + steps[r]] * b[r, j].

    A product and its addition are rounded once; CHUNK terms are summed from zero in the order of r and then
    added to what is there.

    Parameters
    ----------
    x, out
        (any,) contiguous, both float32 or both float64.
    rows, steps, places
        (m,), (k,) and (m,) int64, positions in x, in x and in out.
    b
        (k, n) of the same type.
    threads
        Rows are shared among so many; the result does not depend on them.
    """
    panels = _packed(b)
    m, rows, places = len(rows), _whole(rows), _whole(places)

    def part(first: int, last: int) -> None:
        _multiply(x, rows, steps, panels, b.shape[1], out, places, first, last)

    side_by_side(part, m, threads)


def side_by_side(part: Callable[[int, int], None], n: int, threads: int) -> None:
    """part(first, last) for ranges that make up range(n), in threads if there is enough for several."""
    threads = min(threads, n // BLOCK)
    if threads <= 1:
        part(0, n)
        return
    bounds = [n * i // threads // BLOCK * BLOCK for i in range(threads)] + [n]
    list(_pool(os.getpid(), threads).map(part, bounds[:-1], bounds[1:]))


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process; a forked child has those of its parent no more."""
    return ThreadPoolExecutor(threads)


def _packed(b: AnyFloat) -> AnyFloat:
    """The panels of b one after the other: b itself where it is one panel as it lies."""
    if b.shape[1] in (LANES, LANES // 2) and b.flags.c_contiguous:
        return b.reshape(-1)
    panels = np.empty(len(b) * _lanes(b.shape[1]), b.dtype)
    _pack(b, panels)
    return panels


def _lanes(n: int) -> int:
    """Columns of all panels of a packed operand with n columns."""
    half = LANES // 2
    return n // LANES * LANES + (0 if n % LANES == 0 else half if n % LANES <= half else LANES)


def _whole(positions: Int64) -> Int64:
    """The positions and, up to a multiple of ROWS, the last one again (read, never written to)."""
    missing = -len(positions) % ROWS
    return np.concatenate([positions, np.repeat(positions[-1:], missing)]) if missing else positions


@compiled
def _multiply(
    x: Any, rows: Any, steps: Any, b: Any, n: Any, out: Any, places: Any, first: Any, last: Any
) -> None:
    """Rows first .. last of the product; rows and places are padded to a multiple of ROWS."""
    terms = len(steps)
    for block in range(first, last, BLOCK):
        end = min(block + BLOCK, last)
        for step in range(0, terms, CHUNK):
            k = min(CHUNK, terms - step)
            for column in range(0, n, LANES):
                width = n - column
                start = column * terms
                for row in range(block, end, ROWS):
                    if width > LANES // 2:
                        panel = start + step * LANES
                        _sixteen(
                            x, rows, row, steps, step, k, b, panel, out, places, column, last - row, width
                        )
                    else:
                        panel = start + step * (LANES // 2)
                        _eight(x, rows, row, steps, step, k, b, panel, out, places, column, last - row, width)


@compiled
def _pack(b: Any, packed: Any) -> None:
    """Rows of b side by side in panels of LANES columns; the last panel may have half of them.

    Positions are unsigned, so that none is taken for one from the end, which would keep them from vectors.
    """
    terms, n = b.shape
    left = n % LANES
    lanes = LANES if left > LANES // 2 else LANES // 2
    for r in range(terms):
        for column in range(0, n - left, LANES):
            at = np.uintp(column * terms + r * LANES)
            for lane in range(np.uintp(LANES)):
                packed[at + lane] = b[r, np.uintp(column) + lane]
        if left:
            at = np.uintp((n - left) * terms + r * lanes)
            for lane in range(np.uintp(left)):
                packed[at + lane] = b[r, np.uintp(n - left) + lane]
            for lane in range(np.uintp(left), np.uintp(lanes)):
                packed[at + lane] = 0


@compiled
def column_sums(values: Any) -> Any:
    """Sums over the rows of (m, n), from the first to the last in float64, as the values' type."""
    totals = np.zeros(values.shape[1], np.float64)
    for i in range(values.shape[0]):
        for j in range(np.uintp(values.shape[1])):
            totals[j] += values[i, j]
    return totals.astype(values.dtype)
