"""The quick profile is quick for every network: none is left at the schedule of its paper or authors."""

from __future__ import annotations

import pytest

from benchmark.plan import describe
from benchmark.settings import resolve


@pytest.mark.parametrize("name", ["ststnet", "off-apexnet", "rcn-a", "htnet"])
def test_flow_networks_take_their_quick_preset(name):
    assert describe(name, resolve({"profile": "quick"})).settings["preset"] == "quick"
    assert describe(name, resolve({"profile": "paper"})).settings["preset"] == "authors"


@pytest.mark.parametrize("name", ["tlcnn", "tlcnn-e", "tlcnn-em", "tlcnn-d", "c5-svm", "3d-cnn"])
def test_the_papers_networks_are_narrow(name):
    quick, paper = (describe(name, resolve({"profile": p})).settings for p in ("quick", "paper"))
    assert quick["width"] < paper["width"] and quick["scheduled_for"]
