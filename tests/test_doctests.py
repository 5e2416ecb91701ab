"""Docstring examples of what is public say what the code does, and each has its reference."""

import doctest
import importlib

import pytest

PUBLIC = {
    "features.lbp_top": ("lbp_top", "lbp_top_codes"),
    "features.stlbp_ip": ("stlbp_ip", "lbp_1d"),
    "features.stclqp": ("sign_codes", "magnitude_codes", "orientation_codes", "learn_codebook"),
    "features.mdmo": ("mdmo",),
    "features.fdm": ("fdm",),
    "features.optical_flow": ("flow_from_first", "flow_between_neighbours"),
    "features.slpp": ("SupervisedLPP",),
    "data_prep.interpolation": ("tim", "resample"),
    "results.numbers.metrics": ("accuracy", "uf1", "uar"),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_examples_run_and_print_what_they_say(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed


@pytest.mark.parametrize(("module", "name"), [(module, name) for module in PUBLIC for name in PUBLIC[module]])
def test_what_is_public_has_an_example_and_a_reference(module, name):
    text = getattr(importlib.import_module(module), name).__doc__
    assert any(example.want for example in doctest.DocTestParser().get_examples(text))
    assert "References\n    ----------\n" in text
