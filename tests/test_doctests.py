"""Docstring examples of what is public say what the code does, and each has its reference."""

import doctest
import importlib
import inspect
import runpy
from pathlib import Path

import pytest

API = runpy.run_path(str(Path(__file__).parent.parent / "docs" / "site_hooks.py"))["API"]
METRICS = "results.numbers.metrics"
PUBLIC = {**API["Descriptors"], **API["Interpolation"], METRICS: API["Numbers"][METRICS]}
"""What computes arrays and numbers, as the API page lists it."""


@pytest.mark.parametrize("name", PUBLIC)
def test_examples_run_and_print_what_they_say(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed


@pytest.mark.parametrize(("module", "name"), [(module, name) for module in PUBLIC for name in PUBLIC[module]])
def test_what_is_public_has_an_example_and_a_reference(module, name):
    text = inspect.getdoc(getattr(importlib.import_module(module), name))
    assert any(example.want for example in doctest.DocTestParser().get_examples(text))
    assert "References\n----------\n" in text
