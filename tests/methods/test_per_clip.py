"""Arrays per clip: computed once, shared, checked, rebuilt when damaged."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from data_prep.clips import Clips, prepared_set
from methods.base import MethodError
from methods.cached import UnusableClip, per_clip, per_clip_arrays


class Counting:
    """Per-clip mean colour that counts its calls and refuses clips whose first pixel is 0."""

    def __init__(self):
        self.calls = 0

    def __call__(self, clip, landmarks):
        self.calls += 1
        if clip[0, 0, 0, 0] == 0:
            raise UnusableClip("the first pixel is black")
        return np.append(clip.mean(axis=(0, 1, 2)), landmarks[0, 0]).astype(np.float32)


@pytest.fixture
def clips(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.integers(1, 256, (7, 3, 5, 4, 3)).astype(np.uint8)
    landmarks = rng.random((7, 66, 2))
    return Clips.from_arrays(frames, landmarks, np.zeros(7), folder=tmp_path)


def of_set(clips, **changes):
    return dataclasses.replace(clips, _set=dataclasses.replace(prepared_set(clips), **changes))


def expected(clips):
    return np.array([[*clips[i].mean(axis=(0, 1, 2)), clips.landmarks[i, 0, 0]] for i in range(len(clips))])


@pytest.mark.parametrize("threads", [1, 3])
def test_the_whole_set_is_computed_once_and_views_share_it(clips, threads):
    work, view = Counting(), clips.select([5, 1])
    first = per_clip(view, work, name="mean", parameters={"a": 1}, threads=threads)
    assert work.calls == 7
    np.testing.assert_allclose(first, expected(view), rtol=1e-6)
    again = per_clip(clips, work, name="mean", parameters={"a": 1}, threads=threads)
    assert work.calls == 7
    np.testing.assert_allclose(again, expected(clips), rtol=1e-6)
    assert first.dtype == again.dtype == np.float32


def test_the_cached_rows_equal_those_computed_in_memory(clips):
    loose = of_set(clips, folder=None)
    work = Counting()
    in_memory = per_clip(loose.select([2, 3]), work, name="mean", parameters={})
    assert work.calls == 2
    cached = per_clip(clips.select([2, 3]), Counting(), name="mean", parameters={})
    np.testing.assert_array_equal(in_memory, cached)


def test_a_changed_parameter_name_data_set_or_revision_changes_the_key(clips):
    work = Counting()
    per_clip(clips, work, name="mean", parameters={"a": 1})
    per_clip(clips, work, name="mean", parameters={"a": 2})
    per_clip(clips, work, name="other", parameters={"a": 1})
    per_clip(of_set(clips, digest="another"), work, name="mean", parameters={"a": 1})
    per_clip(clips.at_revision(2), work, name="mean", parameters={"a": 1})
    assert work.calls == 5 * 7


@pytest.mark.parametrize("damage", ["flip", "cut", "no meta", "bad meta", "foreign meta"])
def test_damaged_files_are_computed_again(clips, damage):
    per_clip(clips, Counting(), name="mean", parameters={})
    path = next((prepared_set(clips).folder / "features").glob("*.npy"))
    meta = path.with_suffix(".json")
    if damage == "flip":
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    elif damage == "no meta":
        meta.unlink()
    elif damage == "bad meta":
        meta.write_text("{")
    else:
        meta.write_text(json.dumps({**json.loads(meta.read_text()), "key": "0"}))
    work = Counting()
    rows = per_clip(clips, work, name="mean", parameters={})
    assert work.calls == 7
    np.testing.assert_allclose(rows, expected(clips), rtol=1e-6)


@pytest.mark.parametrize("black", [[0], [6], [0, 1, 6], list(range(7))])
@pytest.mark.parametrize("cached", [True, False])
def test_clips_that_cannot_be_handled_are_named(clips, black, cached):
    prepared_set(clips).frames[black, 0, 0, 0, 0] = 0
    clips = clips if cached else of_set(clips, folder=None)
    arrays = per_clip_arrays(clips, Counting(), name="mean", parameters={})
    assert arrays.unusable == dict.fromkeys(black, "the first pixel is black")
    good = [i for i in range(7) if i not in black]
    for i in good:
        np.testing.assert_allclose(arrays[i], expected(clips)[i], rtol=1e-6)
    assert len(arrays.rows) == 7
    view = clips.select([*good, black[0]])
    with pytest.raises(MethodError, match=f"clip{black[0]}.*black"):
        per_clip(view, Counting(), name="mean", parameters={})
    if good:
        per_clip(clips.select(good), Counting(), name="mean", parameters={})


def test_a_failed_computation_leaves_no_file(clips):
    def breaks(clip, landmarks):
        raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError):
        per_clip(clips, breaks, name="mean", parameters={})
    assert [p.suffix for p in (prepared_set(clips).folder / "features").iterdir()] in ([], [".lock"])


def test_rows_of_different_shapes_are_refused(clips):
    sizes = iter(range(1, 9))
    with pytest.raises(MethodError, match="must keep shape and dtype"):
        per_clip(clips, lambda clip, landmarks: np.zeros(next(sizes)), name="odd", parameters={})


def test_an_empty_view(clips):
    assert per_clip(clips.select([]), Counting(), name="mean", parameters={}).shape == (0, 4)


@pytest.mark.parametrize("black", [[], [0], [2, 6], list(range(7))])
@pytest.mark.parametrize("cached", [True, False])
def test_vectors_of_different_lengths(clips, black, cached):
    prepared_set(clips).frames[black, 0, 0, 0, 0] = 0
    clips = clips if cached else of_set(clips, folder=None)

    def pixels(clip, landmarks):
        if clip[0, 0, 0, 0] == 0:
            raise UnusableClip("the first pixel is black")
        return clip.ravel()[: clip[0, 0, 0, 0] // 4].astype(np.uint32)

    view = clips.select([6, 0, 3, 2])
    for _ in range(2):
        arrays = per_clip_arrays(view, pixels, name="pixels", parameters={}, ragged=True)
        assert set(arrays.unusable) == {i for i, row in enumerate((6, 0, 3, 2)) if row in black}
        for i in range(len(view)):
            if i not in arrays.unusable:
                np.testing.assert_array_equal(arrays[i], pixels(view[i], None))
    with pytest.raises(TypeError, match="one by one"):
        _ = arrays.rows


def test_what_is_no_vector_of_the_same_kind_is_refused(clips):
    kinds = iter((np.uint8, np.uint8, np.float32) + (np.uint8,) * 6)
    with pytest.raises(ValueError, match="row 2 is float32"):
        per_clip_arrays(
            clips, lambda clip, points: np.zeros(3, next(kinds)), name="odd", parameters={}, ragged=True
        )
