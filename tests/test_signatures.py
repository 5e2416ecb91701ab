"""What others call: the functions that stay where they are, with these parameters and defaults."""

import importlib
import inspect

import numpy as np
import pytest

FIXED = {
    "features.lbp_top:lbp_top": "(volume, *, radii=(3, 3, 3), points=(8, 8, 8), blocks=(1, 1), uniform=True)",
    "features.lbp_top:lbp_top_codes": "(volume, *, radii=(3, 3, 3), points=(8, 8, 8))",
    "features.stlbp_ip:stlbp_ip": "(volume, *, blocks=(8, 9), points=8, radius=3, mask=9)",
    "features.stlbp_ip:lbp_1d": "(signal, mask=9)",
    "features.stclqp:sign_codes": "(volume, *, radius=2, points=16)",
    "features.stclqp:magnitude_codes": "(volume, *, radius=2, points=16)",
    "features.stclqp:orientation_codes": "(volume, *, radius=2, points=16)",
    "features.stclqp:learn_codebook": "(codes, counts, *, n_centers=20, init=None, seed=0)",
    "features.mdmo:mdmo": "(flow, landmarks)",
    "features.fdm:fdm": "(flow, *, grid=(8, 8), depth=6)",
    "features.optical_flow:flow_from_first": "(frames, algorithm='farneback')",
    "features.optical_flow:flow_between_neighbours": "(frames, algorithm='farneback')",
    "features.slpp:SupervisedLPP": (
        "(n_components=None, *, pca_ratio=0.98, weights='heat', heat_width=None, ridge=None)"
    ),
    "data_prep.interpolation:tim": "(frames, length)",
    "data_prep.interpolation:resample": "(clip, length)",
    "results.numbers.metrics:accuracy": "(y_true, y_pred, n_classes)",
    "results.numbers.metrics:uf1": "(y_true, y_pred, n_classes)",
    "results.numbers.metrics:uar": "(y_true, y_pred, n_classes)",
    "results.audit:audit": "(table3_path=None)",
}


def named(where):
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def bare(parameter):
    """Name, kind and default: what a call depends on."""
    return parameter.name, parameter.kind, parameter.default


@pytest.mark.parametrize("where", FIXED)
def test_parameters_and_defaults_stay(where):
    wanted = eval(f"lambda {FIXED[where][1:-1]}: None")
    has = [bare(each) for each in inspect.signature(named(where)).parameters.values()]
    asked = [bare(each) for each in inspect.signature(wanted).parameters.values()]
    further = [each for each in has if each not in asked]
    assert [each for each in has if each in asked] == asked, (has, asked)
    assert all(default is not inspect.Parameter.empty for _, _, default in further), further


def test_a_codebook_and_a_report_have_their_parts():
    book = named("features.stclqp:learn_codebook")(np.arange(16), np.ones(16), n_centers=2, points=4)
    assert (book.centers.shape, book.lookup.shape, book.lookup.dtype) == ((2, 4), (16,), np.uint8)
    report = named("results.audit:audit")()
    assert len(report.t_tests) and len(report.granularity)


def test_every_protocol_splits_under_its_names():
    protocols = named("benchmark.protocols:PROTOCOLS")
    labels, subjects, databases = [0, 1] * 6, [str(i // 2) for i in range(12)], ["a", "b"] * 6
    for name in ("clips", "subject", "loso", "cross-database"):
        folds = protocols[name].split(labels, subjects, databases, seed=0)
        assert sorted(i for fold in folds for i in fold.test) == list(range(12))
    assert protocols["paper"] is protocols["clips"]


def test_all_names_of_the_papers_methods_are_there():
    methods = named("methods:METHODS")
    table3 = [
        "tlcnn",
        "tlcnn-e",
        "tlcnn-em",
        "c5-svm",
        "3d-cnn",
        "mdmo",
        "fdm",
        "lbp-top",
        "stlbp-ip",
        "stclqp",
    ]
    assert list(methods)[:10] == table3
    assert list(methods)[-5:] == ["majority", "person-prior", "database-prior", "linear", "flow-logreg"]
