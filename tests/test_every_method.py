"""The contract, over the whole registry: a new method is tested by being registered."""

import re
from functools import lru_cache

import numpy as np
import pytest

from data_prep.clips import LabelsHidden, prepared_set
from methods import METHODS, load_method
from methods.contract import CHECKS, BrokenContract, Trial, made, toy_clips


@pytest.fixture(scope="module")
def clips():
    made_clips = {}

    def of(name):
        size = made(load_method(name)).frame_size
        if size not in made_clips:
            made_clips[size] = toy_clips(*size, n=16)
        return made_clips[size]

    return of


@pytest.fixture(scope="module")
def trial(clips, tmp_path_factory):
    """The trial of a method, which all its checks share: they come one after the other."""

    @lru_cache(maxsize=1)
    def of(name):
        return Trial(load_method(name), clips(name), tmp_path_factory.mktemp(name))

    return of


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", METHODS)
def test_contract(name, check, trial):
    CHECKS[check](trial(name))


@pytest.mark.parametrize("name", METHODS)
def test_the_registered_name_is_the_methods_own(name):
    assert load_method(name).name == name


def test_a_method_of_the_literature_says_what_to_cite():
    ours = {"linear", "majority", "person-prior", "database-prior", "flow-logreg"}
    lacking = {name for name in METHODS if not re.search(r"(19|20)\d\d", load_method(name).reference)}
    assert lacking == ours


def test_a_method_that_asks_for_labels_when_it_predicts_is_found_out(clips, tmp_path):
    """The contract of every method above predicts from views without labels, so none of them asks."""
    method = load_method("majority")

    def predict(self, asked):
        return method.predict(self, asked.select(np.flatnonzero(asked.labels >= 0)))

    asking = type(method.__name__, (method,), {"predict": predict})
    with pytest.raises(LabelsHidden, match="hidden"):
        CHECKS["predicts all candidates"](Trial(asking, clips("majority"), tmp_path))


def _peeking(method):
    """The method, leaving out a training clip that pixels of other people's clips choose."""

    def fit(self, clips, *, seed):
        odd = int(prepared_set(clips).frames.sum(dtype="int64")) % len(clips)
        method.fit(self, clips.select([i for i in range(len(clips)) if i != odd]), seed=seed)

    return type(method.__name__, (method,), {"fit": fit})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flow-logreg", "bi-woof", "ststnet", "off-apexnet", "rcn-a", "htnet"])
def test_a_flow_method_that_peeks_at_the_test_clips_is_found_out(name, clips, tmp_path):
    with pytest.raises(BrokenContract):
        CHECKS["learns from its own clips alone"](Trial(_peeking(load_method(name)), clips(name), tmp_path))
