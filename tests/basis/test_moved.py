"""What other packages import by names that were once those of our modules."""

import importlib

import pytest

import data_prep.frames.files
import data_prep.frames.sources
import methods.cached
import methods.svm
from basis.moved import Moved

OLD = {
    "methods.one_vs_one": (methods.svm, ["Kernel"]),
    "data_prep.frame_files": (data_prep.frames.files, ["FrameError"]),
    "data_prep.frame_sources": (data_prep.frames.sources, ["ImageFrames", "VideoFrames"]),
    "methods.per_clip": (methods.cached, ["UnusableClip", "per_clip"]),
}


@pytest.mark.parametrize("old", OLD)
def test_old_names_are_the_new_ones_and_say_where_they_moved(old):
    new, names = OLD[old]
    for name in names:
        with pytest.warns(DeprecationWarning, match=f"import {name} from {new.__name__}"):
            assert getattr(importlib.import_module(old), name) is getattr(new, name)


def test_what_never_was_is_not_found():
    with pytest.raises(AttributeError, match=r"never.*moved to methods\.svm"):
        importlib.import_module("methods.one_vs_one").never  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match=r"methods\.nothing"):
        importlib.import_module("methods.nothing")


def test_a_module_that_is_there_is_not_replaced():
    """A user's own file of an old name wins: what moved is looked for after everything else."""
    assert Moved({"methods.svm": "methods.cached"}).find_spec("json") is None
    assert importlib.import_module("methods.svm").SVMMethod is methods.svm.SVMMethod
