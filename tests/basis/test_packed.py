"""A packed sequence reads like a list and takes far less memory."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from basis.packed import Packed

ITEMS = st.lists(st.tuples(st.text(), st.integers(), st.none() | st.floats(allow_nan=False)), max_size=6)


@given(ITEMS, st.slices(6), st.randoms())
def test_it_reads_like_a_list(items: list[object], part: slice, random: object) -> None:
    packed = Packed(items)
    assert packed == items and list(packed) == items and len(packed) == len(items)
    assert packed[part] == items[part]
    assert [packed[i - len(items)] for i in range(len(items))] == items
    order = sorted(range(len(items)), key=lambda _: random.random())  # type: ignore[attr-defined]
    assert packed.at(order) == [items[i] for i in order]
    assert packed != [*items, None]
    assert pickle.loads(pickle.dumps(packed)) == items


def test_what_resembles_the_first_takes_little() -> None:
    items = [{"name": f"casme2/sub{i % 26}/EP{i}", "frames": list(range(67)), "row": i} for i in range(50)]
    held = len(pickle.dumps(Packed(items)))
    assert held < 0.25 * sum(len(pickle.dumps(item)) for item in items)
