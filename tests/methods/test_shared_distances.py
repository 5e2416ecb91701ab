"""Chi-square distances between the clips of a prepared set: one matrix that every fold cuts, same numbers."""

from __future__ import annotations

import dataclasses
import errno

import numpy as np
import pytest

from data_prep.clips import Clips, prepared_set
from features.kernels import chi_square_distances
from methods import cached
from methods.base import Context, MethodError
from methods.cached import Descriptor, per_pair
from methods.svm import Kernel, SVMMethod, SVMSettings, solver


@dataclasses.dataclass(frozen=True)
class ToySettings(SVMSettings):
    C: tuple[float, ...] = (0.125, 8.0)
    inner_folds: int = 2


class Toy(SVMMethod):
    """Mean colours of a clip's pixels, as a histogram."""

    name, title, Settings = "toy", "Toy", ToySettings

    def kernels(self):
        return (Kernel("linear"), Kernel("chi2"), Kernel("additive-chi2"))

    def descriptor(self, variant):
        return Descriptor(lambda clip, landmarks: clip.mean(axis=0).ravel().astype(np.float32), "toy", {})


class Doubled(Toy):
    """A method derived from another, with features of its own beside the descriptor that it inherits."""

    def features(self, clips, variant):
        return 2 * super().features(clips, variant)


class Signed(Toy):
    """Vectors of which those of clips that begin black are no histograms."""

    def descriptor(self, variant):
        def signed(clip, landmarks):
            vector = clip.mean(axis=0).ravel().astype(np.float32)
            return -vector if clip[0, 0, 0, 0] == 0 else vector

        return Descriptor(signed, "signed", {})


@pytest.fixture
def clips(tmp_path):
    rng = np.random.default_rng(3)
    labels = np.arange(18) % 3
    frames = rng.integers(1, 200, (18, 2, 5, 4, 3)) + 15 * labels[:, None, None, None, None]
    frames[17, 0, 0, 0, 0] = 0
    return Clips.from_arrays(frames.astype(np.uint8), np.zeros((18, 66, 2)), labels, folder=tmp_path)


def in_memory(clips):
    return dataclasses.replace(clips, _set=dataclasses.replace(prepared_set(clips), folder=None))


def refusing(path):
    raise OSError(errno.EROFS, "Read-only file system", path)


def folds(n=18, k=3):
    return [(np.flatnonzero(np.arange(n) % k != f), np.flatnonzero(np.arange(n) % k == f)) for f in range(k)]


def fitted(kind, clips, train, threads=1):
    method = kind(kind.Settings(), Context(threads=threads))
    method.fit(clips.select(train), seed=0)
    return method


@pytest.fixture
def computed(monkeypatch):
    """Shapes between which distances were computed, of the set or of a fold."""
    shapes = []

    def counting(a, b=None, *, threads=1):
        shapes.append((len(a), len(a if b is None else b)))
        return chi_square_distances(a, b, threads=threads)

    monkeypatch.setattr(solver, "chi_square_distances", counting)
    monkeypatch.setattr("methods.svm.kernels.chi_square_distances", counting)
    return shapes


@pytest.mark.parametrize("threads", [1, 2])
def test_folds_share_one_matrix_and_score_as_without_it(clips, computed, threads):
    shared = [fitted(Toy, clips, train, threads).predict(clips.select(test)) for train, test in folds()]
    assert computed == [(18, 18)]
    alone = [
        fitted(Toy, in_memory(clips), train).predict(in_memory(clips).select(test)) for train, test in folds()
    ]
    assert len(computed) > 6
    for one, other in zip(shared, alone, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)
        assert one.chosen == other.chosen


def test_features_of_ones_own_are_not_given_the_descriptors_distances(clips, computed):
    (train, test), *_ = folds()
    found = fitted(Doubled, clips, train).predict(clips.select(test))
    assert (18, 18) not in computed
    expected = fitted(Doubled, in_memory(clips), train).predict(in_memory(clips).select(test))
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_a_clip_elsewhere_that_is_no_histogram_spoils_no_fold_without_it(clips, computed):
    without, test = np.arange(12), np.arange(12, 17)
    found = fitted(Signed, clips, without).predict(clips.select(test))
    expected = fitted(Signed, in_memory(clips), without).predict(in_memory(clips).select(test))
    np.testing.assert_array_equal(found.scores, expected.scores)
    with pytest.raises(ValueError, match="histograms"):
        fitted(Signed, clips, np.arange(6, 18))


def test_a_saved_model_computes_its_distances_to_clips_of_any_set(clips, tmp_path):
    (train, test), *_ = folds()
    method = fitted(Toy, clips, train)
    method.save(tmp_path)
    loaded = Toy(ToySettings(), Context())
    loaded.load(tmp_path)
    expected = method.predict(clips.select(test))
    np.testing.assert_array_equal(loaded.predict(clips.select(test)).scores, expected.scores)
    elsewhere = Clips.from_arrays(np.stack([clips[i] for i in test]), np.zeros((6, 66, 2)), np.zeros(6))
    np.testing.assert_array_equal(method.predict(elsewhere).scores, expected.scores)


@pytest.mark.parametrize("damage", ["flip", "cut", "other vectors"])
def test_a_matrix_that_is_damaged_or_of_other_vectors_is_computed_again(clips, damage):
    calls = []

    def compare(rows):
        calls.append(len(rows))
        return chi_square_distances(rows)

    toy = Toy(ToySettings(), Context()).descriptor({})
    first = per_pair(clips, clips, toy, compare, name="chi-square")
    path = next((prepared_set(clips).folder / "features").glob("*.chi-square.npy"))
    if damage == "flip":
        path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-8])
    else:
        clips = clips.at_revision(7)
    np.testing.assert_array_equal(per_pair(clips, clips, toy, compare, name="chi-square"), first)
    assert calls == [18, 18]


def test_a_set_much_larger_than_the_view_is_not_computed_whole(clips, computed):
    fitted(Toy, clips, np.arange(8))
    assert (18, 18) not in computed and (8, 8) in computed


def test_views_of_two_revisions_share_nothing(clips):
    toy = Toy(ToySettings(), Context()).descriptor({})
    assert per_pair(clips, clips.at_revision(3), toy, chi_square_distances, name="chi-square") is None


def test_features_replaced_on_the_object_are_not_given_the_descriptors_distances(clips, computed):
    method = Toy(ToySettings(), Context())
    method.features = lambda clips, variant: 2 * Toy.features(method, clips, variant)
    method.fit(clips.select(np.arange(12)), seed=0)
    assert (18, 18) not in computed


def test_where_distances_cannot_be_kept_every_fold_computes_its_own(clips, monkeypatch):
    """A full disk or a folder that may only be read, with the vectors there already."""
    (train, test), *_ = folds()
    expected = fitted(Toy, in_memory(clips), train).predict(in_memory(clips).select(test))
    Toy(ToySettings(), Context()).features(clips, {})
    monkeypatch.setattr(cached, "lock_of", refusing)
    said = []
    method = Toy(ToySettings(), Context(log=said.append))
    method.fit(clips.select(train), seed=0)
    np.testing.assert_array_equal(method.predict(clips.select(test)).scores, expected.scores)
    assert "computed in every fold" in said[0] and "Read-only" in said[0]


def test_a_method_with_neither_descriptor_nor_features_says_so(clips):
    class Empty(SVMMethod):
        name, title, Settings = "empty", "Empty", ToySettings

    with pytest.raises(MethodError, match="neither `descriptor` nor `features`"):
        fitted(Empty, clips, np.arange(12))
