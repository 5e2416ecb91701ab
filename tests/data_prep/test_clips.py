"""A view of prepared clips leads to nothing that belongs to other clips."""

from __future__ import annotations

import gc
import types

import numpy as np
import pytest

from data_prep.clips import Clips, LabelsHidden

OTHER = 987_654_321
"""A label that only the clips outside the view have."""

N = 8
INSIDE = [6, 1, 3]


@pytest.fixture
def whole() -> Clips:
    random = np.random.default_rng(0)
    labels = np.full(N, OTHER)
    labels[INSIDE] = [2, 0, 1]
    return Clips.from_arrays(
        random.integers(0, 256, (N, 4, 6, 5, 3)).astype(np.uint8),
        random.random((N, 66, 2)),
        labels,
        subjects=[f"own/s{i % 3}" for i in range(N)],
        names=[f"own/s{i % 3}/class{label}" for i, label in enumerate(labels)],
        fps=[float(i) for i in range(N)],
    )


def reachable(start: object) -> list[object]:
    """Every object that one comes to from here, modules, types and functions apart."""
    stop = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, types.MappingProxyType)
    seen: dict[int, object] = {}
    todo = [start]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, stop):
            continue
        seen[id(one)] = one
        todo += gc.get_referents(one)
        if isinstance(one, np.ndarray) and one.base is not None:
            todo.append(one.base)
    return list(seen.values())


def tells(found: object, secret: int) -> bool:
    """Whether an object holds the secret as a number, in an array or within a text."""
    if isinstance(found, np.ndarray) and found.dtype.kind in "iu":
        return bool((found == secret).any())
    if isinstance(found, str):
        return str(secret) in found
    return isinstance(found, int) and found == secret


def test_the_walk_finds_the_secret_in_the_whole_set(whole):
    assert any(tells(one, OTHER) for one in reachable(whole))


@pytest.mark.parametrize("made", ["select", "twice", "hidden", "relabelled"])
def test_nothing_reachable_from_a_view_tells_another_clips_label(whole, made):
    view = whole.select(INSIDE)
    if made == "twice":
        view = whole.select([*INSIDE, 0]).select([0, 1, 2])
    elif made == "hidden":
        view = view.without_labels()
    elif made == "relabelled":
        view = view.with_labels([0, 0, 0])
    del whole
    assert not any(tells(one, OTHER) for one in reachable(view))


def test_a_view_for_prediction_tells_no_label_at_all(whole):
    hidden = whole.without_labels()
    assert not any(tells(one, OTHER) for one in reachable(hidden))
    with pytest.raises(LabelsHidden):
        _ = hidden.labels
    assert hidden.names[1] == "own/s1/#2"
    assert len(set(hidden.names)) == N


def test_nothing_public_leads_from_a_view_to_pixels_of_other_clips(whole):
    view = whole.select(INSIDE)
    outside = {whole[i].tobytes() for i in range(N) if i not in INSIDE}
    for name in dir(view):
        if not name.startswith("_"):
            for one in reachable(getattr(view, name)):
                if (
                    isinstance(one, np.ndarray)
                    and one.dtype == np.uint8
                    and not callable(getattr(view, name))
                ):
                    assert not any(pixels in one.tobytes() for pixels in outside), name
    for i in range(len(view)):
        assert view[i].base is None


def test_a_view_gives_its_own_clips_in_order(whole):
    view = whole.select(INSIDE)
    assert len(view) == 3
    assert view.labels.tolist() == [2, 0, 1]
    assert view.names == tuple(whole.names[i] for i in INSIDE)
    assert view.subjects == ("own/s0", "own/s1", "own/s0")
    assert view.fps == (6.0, 1.0, 3.0)
    np.testing.assert_array_equal(view.landmarks, whole.landmarks[INSIDE])
    for i, row in enumerate(INSIDE):
        np.testing.assert_array_equal(view[i], whole[row])


def test_what_a_method_does_to_its_copies_changes_nothing(whole):
    view = whole.select(INSIDE)
    before = whole[INSIDE[0]]
    view[0][:] = 0
    view.labels[:] = 0
    view.landmarks[:] = 0
    np.testing.assert_array_equal(whole[INSIDE[0]], before)
    assert view.labels.tolist() == [2, 0, 1]
    assert whole.landmarks.all()


def test_keys_name_clips_and_order(whole):
    view = whole.select(INSIDE)
    assert view.key == view.without_labels().key == whole.select(INSIDE).key
    others = [whole.select(INSIDE[::-1]), whole.select(INSIDE[:2]), whole]
    assert len({view.key, *(each.key for each in others)}) == 4


def test_labels_of_another_number_are_refused(whole):
    with pytest.raises(ValueError, match="3 clips"):
        whole.select(INSIDE).with_labels([1, 2])
