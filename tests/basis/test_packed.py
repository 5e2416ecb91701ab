"""A packed sequence reads like a list and takes far less memory."""

import pickle
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basis.packed import Packed, on_disk

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


@pytest.mark.parametrize("n", [0, 1, 3000])
def test_arrays_on_disk_are_what_was_written_take_no_memory_and_leave_no_file(tmp_path: Path, n: int) -> None:
    def rows() -> Iterator[np.ndarray]:
        return (np.full((66, 2), i, np.float32) for i in range(n))

    tracemalloc.start()
    held = on_disk(rows(), (66, 2), tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held.shape == (n, 66, 2) and held.dtype == np.float32
    assert all(np.array_equal(a, b) for a, b in zip(held, rows(), strict=True))
    assert most < 200_000, "3,000 of them are 1.6 MB"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_spared(tmp_path: Path) -> None:
    assert on_disk([np.ones(2, np.float32)], (2,), tmp_path / "nowhere").tolist() == [[1, 1]]
