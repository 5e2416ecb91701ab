"""Published numbers of MEGC2019: which can hold, against predictions drawn at random and found by search."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.audit import megc2019
from results.audit.megc2019 import (
    CLIPS,
    IMPOSSIBLE,
    PRECISION,
    audit_text,
    compare_text,
    published,
    uf1_range,
)
from results.numbers.metrics import uar, uf1
from results.records.store import ResultsError


@given(st.integers(0, 2**32 - 1))
def test_every_set_of_predictions_lies_within_the_bounds(seed):
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(3), CLIPS["samm"])
    decided = np.where(random.random(len(truth)) < random.random(), truth, random.integers(0, 3, len(truth)))
    found = round(float(uar(truth, decided, 3)), 4)
    low, high = uf1_range("samm", found, 0.00005 + 1e-12)
    assert low - 1e-9 <= uf1(truth, decided, 3) <= high + 1e-9


def test_the_bounds_are_reached(monkeypatch):
    """All predictions on 3, 2 and 2 clips, written down."""
    counts = (3, 2, 2)
    monkeypatch.setitem(megc2019.CLIPS, "toy", counts)
    truth = np.repeat(np.arange(3), counts)
    values = {}
    for decided in product(range(3), repeat=7):
        values.setdefault(round(float(uar(truth, np.array(decided), 3)), 6), []).append(
            float(uf1(truth, np.array(decided), 3))
        )
    for recall, found in values.items():
        low, high = uf1_range("toy", recall, 1e-5)
        assert low == pytest.approx(min(found)) and high == pytest.approx(max(found)), recall


def test_a_uar_that_no_predictions_have_is_named():
    with pytest.raises(ResultsError, match=r"UAR of 1\.2"):
        uf1_range("samm", 1.2, 0.00005)


def test_what_cannot_hold_is_told_with_the_reason():
    by = {(entry.title, entry.part): entry for entry in published()}
    assert by["LBP-TOP", "smic"].verdict == IMPOSSIBLE
    assert by["LBP-TOP", "casme2"].reason == ""
    assert by["STSTNet", "all"].verdict == PRECISION and "macro precision" in by["STSTNet", "all"].reason
    assert megc2019.doubtful()
    text = audit_text()
    assert "70/51/43" in text and "best epoch on the test subject" in text


def test_printed_digits_decide_how_exact_a_number_is():
    entry = next(each for each in published() if "PyTorch" in each.title)
    assert entry.digits == 4 and entry.rounding == pytest.approx(0.00005)
    assert {each.part for each in published()} <= set(CLIPS)


def test_a_run_stands_beside_what_is_published_of_its_methods(fake_run):
    text = compare_text(fake_run(methods=("lbp-top", "majority")).write())
    lines = [line for line in text.splitlines() if line.startswith("  this run, ")]
    assert lines and all("best on test" in line or "chosen on training clips" in line for line in lines)
    assert "HTNet" in text and "other classes" in text
