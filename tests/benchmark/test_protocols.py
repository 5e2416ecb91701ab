"""Folds: properties over random clips, and the paper's own counts."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basis.names import UnknownName
from benchmark.protocols import PROTOCOLS, Fold, ProtocolError

PAPER_COUNTS = (91, 180, 75, 214)


@st.composite
def clip_tables(draw):
    n = draw(st.integers(8, 120))
    labels = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    people = draw(st.lists(st.integers(1, 9), min_size=n, max_size=n))
    databases = draw(st.lists(st.sampled_from(["casme", "casme2", "smic"]), min_size=n, max_size=n))
    subjects = [f"{database}/{person:02d}" for database, person in zip(databases, people, strict=True)]
    return labels, subjects, databases


def split(name, table, seed=0):
    return PROTOCOLS[name].split(*table, seed=seed)


def applicable(name, table):
    _, subjects, databases = table
    return name == "clips" or len(set(databases if name == "cross-database" else subjects)) >= 2


@settings(max_examples=60, deadline=None)
@given(table=clip_tables(), name=st.sampled_from(sorted(PROTOCOLS)), seed=st.integers(0, 9))
def test_every_clip_is_tested_once_and_never_trained_on_in_that_fold(table, name, seed):
    if not applicable(name, table):
        with pytest.raises(ProtocolError):
            split(name, table, seed)
        return
    folds = split(name, table, seed)
    everything = np.arange(len(table[0]))
    assert np.array_equal(np.sort(np.concatenate([fold.test for fold in folds])), everything)
    for fold in folds:
        assert len(fold.test) and len(fold.train)
        assert np.array_equal(np.sort(np.concatenate([fold.train, fold.test])), everything)


@settings(max_examples=60, deadline=None)
@given(table=clip_tables(), name=st.sampled_from(["subject", "loso"]), seed=st.integers(0, 9))
def test_nobody_is_on_both_sides(table, name, seed):
    if applicable(name, table):
        people = np.array(table[1])
        for fold in split(name, table, seed):
            assert not set(people[fold.train]) & set(people[fold.test])


@settings(max_examples=40, deadline=None)
@given(table=clip_tables(), seed=st.integers(0, 9))
def test_paper_folds_are_stratified_to_one_clip(table, seed):
    labels = np.array(table[0])
    folds = split("clips", table, seed)
    sizes = [len(fold.test) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for c in set(table[0]):
        counts = [(labels[fold.test] == c).sum() for fold in folds]
        assert max(counts) - min(counts) <= 1


def test_560_clips_give_five_folds_of_112():
    labels = np.repeat(range(4), PAPER_COUNTS)
    folds = PROTOCOLS["clips"].split(labels, ["casme2/01"] * 560, ["casme2"] * 560, seed=0)
    assert [len(fold.test) for fold in folds] == [112] * 5
    assert [len(fold.train) for fold in folds] == [448] * 5


def test_equal_subject_numbers_of_two_databases_are_different_people():
    folds = PROTOCOLS["loso"].split([0, 1, 2, 3], ["01", "01", "02", "02"], ["casme", "casme2"] * 2, seed=0)
    assert [fold.name for fold in folds] == ["casme/01", "casme/02", "casme2/01", "casme2/02"]


def test_cross_database_tests_on_each_database_once():
    folds = PROTOCOLS["cross-database"].split([0, 1, 0], ["a", "b", "c"], ["casme", "smic", "casme"], seed=0)
    assert {fold.name: fold.test.tolist() for fold in folds} == {"casme": [0, 2], "smic": [1]}


def test_people_that_two_databases_share_are_never_on_both_sides():
    subjects = ["smic/s01", "smic/s02", "smic/s01", "casme/01", "smic/s03"]
    databases = ["smic", "smic", "smic-vis", "casme", "smic-vis"]
    folds = {f.name: f for f in PROTOCOLS["cross-database"].split([0] * 5, subjects, databases, seed=0)}
    assert folds["smic"].train.tolist() == [3, 4]
    assert folds["smic-vis"].train.tolist() == [1, 3]
    loso = {f.name: f.test.tolist() for f in PROTOCOLS["loso"].split([0] * 5, subjects, databases, seed=0)}
    assert loso["smic/s01"] == [0, 2]


def test_subject_folds_spread_classes_better_than_chance():
    """Against random deals of the same subjects, not against a number chosen by hand."""
    random = np.random.default_rng(1)
    people = random.integers(0, 24, 240)
    labels = (people % 4 + (random.random(240) < 0.4) * random.integers(0, 4, 240)) % 4
    subjects = [f"casme2/{p:02d}" for p in people]

    def unevenness(test_sets):
        counts = np.array([np.bincount(labels[test], minlength=4) for test in test_sets])
        return counts.std(axis=0).mean()

    ours = unevenness(
        [f.test for f in PROTOCOLS["subject"].split(labels, subjects, ["casme2"] * 240, seed=0)]
    )
    deals = []
    for _ in range(50):
        fold_of = random.permutation(np.arange(24) % 5)[people]
        deals.append(unevenness([np.flatnonzero(fold_of == i) for i in range(5)]))
    assert ours < np.median(deals)


def test_the_seed_decides():
    labels, subjects = [0, 1] * 20, [f"smic/s{i:02d}" for i in range(40)]
    same = [PROTOCOLS["clips"].split(labels, subjects, ["smic"] * 40, seed=5)[0].test for _ in range(2)]
    other = PROTOCOLS["clips"].split(labels, subjects, ["smic"] * 40, seed=6)[0].test
    assert np.array_equal(*same) and not np.array_equal(same[0], other)


def test_too_few_clips_or_subjects_say_what_is_needed():
    with pytest.raises(ProtocolError, match="at least 5 clips, there are 3"):
        PROTOCOLS["clips"].split([0, 1, 2], ["a"] * 3, ["d"] * 3, seed=0)
    with pytest.raises(ProtocolError, match=r"2 databases.*only smic"):
        PROTOCOLS["cross-database"].split([0, 1], ["a", "b"], ["smic"] * 2, seed=0)


def test_paper_is_an_alias_of_clips_and_listed_nowhere():
    assert PROTOCOLS["paper"] is PROTOCOLS["clips"]
    assert "paper" in PROTOCOLS
    assert "paper" not in list(PROTOCOLS)
    with pytest.raises(UnknownName, match="subject"):
        PROTOCOLS["subjects"]


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_protocol_says_what_its_numbers_mean(name):
    protocol = PROTOCOLS[name]
    assert protocol.name == name
    assert protocol.title and protocol.leaks
    assert protocol.headline == ("pooled" if name == "loso" else "mean")
    assert protocol.grouped == (name != "clips")


def with_folds(*folds, grouped=False):
    """A protocol of somebody else's that gives these (name, train, test)."""
    made = tuple(Fold(name, np.array(train), np.array(test)) for name, train, test in folds)
    return dataclasses.replace(
        PROTOCOLS["subject"], name="theirs", splitter=lambda *given, seed: made, grouped=grouped
    )


def test_a_protocol_that_tests_what_it_trains_on_is_refused():
    given = ([0, 1, 0], ["a", "b", "a"], ["d"] * 3)
    with pytest.raises(ProtocolError, match="trained on and tested"):
        with_folds(("one", [0, 1], [1, 2])).split(*given, seed=0)
    with pytest.raises(ProtocolError, match="one name"):
        with_folds(("one", [0], [1]), ("one", [1], [0])).split(*given, seed=0)
    with pytest.raises(ProtocolError, match="both sides of one"):
        with_folds(("one", [0, 1], [2]), grouped=True).split(*given, seed=0)
    assert len(with_folds(("one", [0, 1], [2])).split(*given, seed=0)) == 1
