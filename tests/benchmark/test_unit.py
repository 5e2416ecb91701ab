"""One unit: what a method is shown, what is recorded, what is refused."""

import dataclasses
import hashlib
import time
from dataclasses import dataclass

import numpy as np
import pytest

from benchmark.units import execute as unit_module
from benchmark.units.execute import UnitError, execute, under_control
from benchmark.units.unit import Unit, seed_of
from data_prep.clips import Clips, LabelsHidden
from methods.base import Context, Method, Prediction

N = 20


def some_clips():
    random = np.random.default_rng(0)
    return Clips.from_arrays(
        random.integers(0, 256, (N, 4, 8, 8, 3)).astype(np.uint8),
        np.zeros((N, 66, 2), np.float32),
        np.arange(N) % 4,
        subjects=[f"toy/{i // 4}" for i in range(N)],
        databases=["toy"] * N,
    )


def names_of(clips):
    """The names of clips, by their pixels: a view for prediction does not tell them."""
    whole = some_clips()
    known = {whole[i].tobytes(): name for i, name in enumerate(whole.names)}
    return tuple(known[clips[i].tobytes()] for i in range(len(clips)))


def some_unit(**changes):
    values = {
        "method": "spy",
        "revision": 1,
        "tim": 4,
        "protocol": "clips",
        "fold": "fold2",
        "seed": 0,
        "control": "none",
        "data": "d",
        "stills": None,
        "settings": {"frame_size": [8, 8]},
    }
    return Unit(**{**values, **changes})


class Spy(Method):
    """Remembers what it was shown; perfect on what it has seen, class 0 elsewhere."""

    name = "spy"
    title = "Spy"
    seen: dict

    @dataclass(frozen=True)
    class Settings:
        frame_size: tuple[int, int] = (8, 8)

    def unusable(self, clips):
        return {3: "has no nose"}

    def fit(self, clips, *, seed):
        Spy.seen = {"train": names_of(clips), "seed": seed}

    def predict(self, clips):
        Spy.seen["test"] = names_of(clips)
        with pytest.raises(LabelsHidden):
            _ = clips.labels
        scores = np.zeros((2, len(clips), 4), np.float32)
        scores[1, :, 1] = 1
        return Prediction(({"c": 1}, {"c": 2}), scores, chosen=1)

    def save(self, folder):
        raise NotImplementedError

    def load(self, folder):
        raise NotImplementedError


@pytest.fixture
def spied(monkeypatch):
    monkeypatch.setattr(unit_module, "load_method", lambda name: Spy)

    def run(unit=None, clips=None):
        return execute(
            unit or some_unit(),
            lambda: clips or some_clips(),
            Context(),
            profile="quick",
            stamp={},
            began=time.perf_counter(),
        )

    return run


def test_a_method_trains_on_the_training_clips_and_predicts_the_test_clips(spied):
    record = spied()
    assert not set(Spy.seen["train"]) & set(Spy.seen["test"])
    assert len(Spy.seen["train"]) + len(Spy.seen["test"]) == N - 1
    assert set(record.names) == set(Spy.seen["test"])
    assert list(record.names) == sorted(record.names, key=lambda name: int(name.removeprefix("clip")))
    truth = dict(zip(some_clips().names, some_clips().labels.tolist(), strict=True))
    assert list(record.truth) == [truth[name] for name in record.names]
    assert record.honest.tolist() == [1] * len(record.names)


def test_clips_a_method_cannot_handle_are_in_no_fold_and_in_the_record(spied):
    records = [spied(some_unit(fold=f"fold{i}")) for i in range(1, 6)]
    assert "clip3" not in {name for record in records for name in record.names}
    assert records[0].set_aside == ({"clip": "clip3", "reason": "has no nose"},)


def test_a_fold_without_a_usable_test_clip_is_finished_without_fitting(spied, monkeypatch):
    monkeypatch.setattr(Spy, "unusable", lambda self, clips: dict.fromkeys(range(4), "too short"))
    Spy.seen = {}
    record = spied(some_unit(protocol="loso", fold="toy/0"))
    assert (record.status, record.names, record.scores.shape) == ("done", (), (1, 0, 4))
    assert [item["clip"] for item in record.set_aside] == [f"clip{i}" for i in range(4)]
    assert Spy.seen == {}


def test_a_fold_without_a_usable_training_clip_is_an_error_with_a_reason(spied, monkeypatch):
    monkeypatch.setattr(Spy, "unusable", lambda self, clips: dict.fromkeys(range(4, N), "too short"))
    with pytest.raises(UnitError, match=r"16 training clips.*toy/0.*too short"):
        spied(some_unit(protocol="loso", fold="toy/0"))


def test_five_folds_predict_every_usable_clip_once(spied):
    names = [name for i in range(1, 6) for name in spied(some_unit(fold=f"fold{i}")).names]
    assert sorted(names) == sorted(set(some_clips().names) - {"clip3"})


def test_the_seed_comes_from_names_and_is_shared_by_the_methods_of_a_fold():
    one = some_unit()
    assert seed_of(one) == seed_of(some_unit(method="other", settings={}))
    different = [some_unit(fold="fold1"), some_unit(seed=1), some_unit(tim=5), some_unit(data="e")]
    assert len({seed_of(one), *map(seed_of, different)}) == 5


def test_shuffled_labels_are_a_permutation_of_all_labels_and_the_record_keeps_them(spied):
    clips = some_clips()
    shuffled = under_control(clips, "shuffled-labels", 0)
    assert sorted(shuffled.labels) == sorted(clips.labels)
    assert not np.array_equal(shuffled.labels, clips.labels)
    record = spied(some_unit(control="shuffled-labels"))
    truth = dict(zip(shuffled.names, shuffled.labels.tolist(), strict=True))
    assert list(record.truth) == [truth[name] for name in record.names]


def test_other_code_than_planned_is_refused(spied):
    with pytest.raises(UnitError, match=r"revision 1 here.* 2"):
        spied(some_unit(revision=2))


def test_a_fold_that_is_not_there_is_named(spied):
    with pytest.raises(UnitError, match="no fold 'fold9'"):
        spied(some_unit(fold="fold9"))


def test_scores_of_the_wrong_shape_are_the_methods_fault(spied, monkeypatch):
    prediction = Prediction(({},), np.zeros((1, 2, 4), np.float32), 0)
    monkeypatch.setattr(Spy, "predict", lambda self, clips: prediction)
    with pytest.raises(UnitError, match=r"spy.*shape \(1, 2, 4\)"):
        spied()


@pytest.mark.parametrize(
    ("candidates", "shape", "chosen", "message"),
    [(2, (1, 3, 4), 0, "2 candidates"), (1, (3, 4), 0, "must have shape"), (1, (1, 3, 4), 1, "one of 0..0")],
)
def test_a_prediction_refuses_what_does_not_fit(candidates, shape, chosen, message):
    with pytest.raises(ValueError, match=message):
        Prediction(({},) * candidates, np.zeros(shape, np.float32), chosen)


def test_a_prediction_refuses_what_is_not_finite():
    with pytest.raises(ValueError, match="finite"):
        Prediction(({},), np.full((1, 1, 4), np.nan, np.float32), 0)


def test_the_key_of_a_unit_follows_every_name_in_it():
    one = some_unit()
    for item in dataclasses.fields(Unit):
        assert dataclasses.replace(one, **{item.name: "changed"}).key != one.key
    assert some_unit().key == one.key


def test_the_seed_of_a_unit_outlives_the_rename_of_its_protocol():
    unit = Unit("majority", 1, 32, "clips", "fold2", 3, "none", "d" * 64, None, {})
    names = f"{'d' * 64}|32|paper|fold2|3|none"
    assert seed_of(unit) == int(hashlib.sha256(names.encode()).hexdigest()[:8], 16)
