"""Four float32 at once in compiled loops: numba leaves out LLVM's pass that would find them by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_FOUR = ir.VectorType(ir.FloatType(), 4)
_FIRST = ir.Constant(ir.IntType(32), 0)
_SPREAD = ir.Constant(ir.VectorType(ir.IntType(32), 4), [0] * 4)


@intrinsic  # type: ignore[untyped-decorator]
def weighted_quads(typing: Any, total: Any, o: Any, row: Any, i: Any, f: Any, s: Any, t: Any) -> Any:
    """total[o : o + 4] = (row[i : i + 4] f + row[i + 3 : i + 7] s) + row[i + 6 : i + 10] t, to the last bit.

    For compiled loops only; `total` and `row` are float32 in one piece of memory, and their bounds are not
    checked.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def place(array: int, index: Any) -> Any:
            data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
            return builder.bitcast(builder.gep(data, [index]), _FOUR.as_pointer())

        def term(k: int) -> Any:
            at = builder.add(arguments[3], ir.Constant(arguments[3].type, 3 * k))
            one = builder.insert_element(ir.Constant(_FOUR, ir.Undefined), arguments[4 + k], _FIRST)
            return builder.fmul(
                builder.load(place(2, at), align=4), builder.shuffle_vector(one, one, _SPREAD)
            )

        sums = builder.fadd(builder.fadd(term(0), term(1)), term(2))
        builder.store(sums, place(0, arguments[1]), align=4)
        return context.get_dummy_value()

    return types.void(total, o, row, i, f, s, t), generate
