"""The default cast has the statistics of the real label tables, for seeds 0 to 4."""

import runpy
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from data_prep.simulator.casting import ClipPlan
from data_prep.simulator.likeness import database_prior, likeness, majority, person_prior, recurrence
from data_prep.simulator.settings import SimulatorSettings

BANDS = {
    "majority": (0.33, 0.345),
    "database prior": (0.45, 0.48),
    "frames, CASME II": (62.0, 73.0),
    "frames, SMIC": (31.0, 36.5),
    "peak, median": (2.0, 2.8),
    "ceiling, all": (0.74, 0.88),
    "ceiling, CASME II": (0.66, 0.86),
}
"""Of every seed. One cast's ceiling is uncertain by .04, that of its CASME II alone by .05."""


@pytest.fixture(scope="module")
def seeds():
    return [likeness(SimulatorSettings(size="full", seed=seed)) for seed in range(5)]


@pytest.mark.parametrize("name", BANDS)
def test_every_seed_lies_in_its_band(seeds, name):
    low, high = BANDS[name]
    assert all(low <= found[name] <= high for found in seeds)


def test_knowing_the_person_is_worth_ten_to_twenty_points(seeds):
    gains = [found["person prior"] - found["majority"] for found in seeds]
    assert all(0.10 <= gain <= 0.20 for gain in gains)
    assert np.mean(gains) == pytest.approx(0.17, abs=0.02)  # real: .505 - .335


def test_units_recur_within_a_person_at_least_as_in_casme2(seeds):
    own, other = (np.mean([found[f"same units, {who}"] for found in seeds]) for who in ("person", "others"))
    assert own > 2.1 * other
    assert own == pytest.approx(0.45, abs=0.1)


def test_a_perfect_reader_of_units_reaches_what_it_reaches_in_casme2(seeds):
    assert 0.78 <= np.mean([found["ceiling, all"] for found in seeds]) <= 0.82
    assert np.mean([found["ceiling, CASME II"] for found in seeds]) == pytest.approx(0.79, abs=0.03)


def plan(person, emotion, combination="4", database="casme2"):
    return ClipPlan(database, person, 1, emotion, combination, {}, 1.0, 9, 4, 200.0)


def test_priors_of_casts_that_can_be_counted_by_hand():
    plans = [plan(1, "disgust")] * 6 + [plan(1, "happiness")] * 2 + [plan(2, "surprise", database="smic")] * 4
    labels = np.array(["negative"] * 6 + ["positive"] * 2 + ["surprise"] * 4)
    people = np.array([p.subject for p in plans])
    assert majority(labels) == 0.5
    assert database_prior(plans) == pytest.approx(10 / 12)
    assert person_prior(labels, people) == pytest.approx(10 / 12)
    alone = np.array([f"person {i}" for i in range(12)])
    assert person_prior(labels, alone) == pytest.approx(0.5)
    assert Counter(labels.tolist())["negative"] == 6


def test_recurrence_counts_pairs_of_one_class():
    plans = [
        plan(1, "disgust", "4"),
        plan(1, "disgust", "4"),
        plan(1, "disgust", "9"),
        plan(2, "disgust", "4"),
    ]
    assert recurrence([*plans, plan(1, "happiness", "4")]) == pytest.approx((1 / 3, 2 / 3))


def test_a_mix_dealt_evenly_makes_the_person_worth_less():
    uneven = [likeness(replace(SimulatorSettings(size="full"), uneven=u))["person prior"] for u in (0.0, 1.0)]
    assert uneven[0] < 0.45
    assert uneven[1] > 0.65


def test_the_calibration_page_is_that_of_its_tables_and_the_default_that_of_the_code(seeds):
    docs = Path(__file__).parents[2] / "docs"
    made = runpy.run_path(str(docs / "calibrate.py"))
    labels, pixels = made["stored"](made["LABELS"]), made["stored"](made["PIXELS"])
    assert made["page"](labels, pixels) == (docs / "calibration.md").read_text(encoding="utf-8")
    (default,) = (row for row in labels if row["labels"] == "default")
    for name in seeds[0]:
        assert float(default[name]) == pytest.approx(np.mean([found[name] for found in seeds]), rel=6e-3)


@pytest.mark.parametrize("variant", ["default", "size=full", "size=full profile=paper"])
def test_texture_is_within_eight_points_of_what_is_published(variant):
    """Means over casts: one of 253 clips is uncertain by more than that."""
    made = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "calibrate.py"))
    rows = made["stored"](made["PIXELS"])
    for method, bands in made["BANDS"].items():
        for protocol, (low, high) in zip(made["PROTOCOLS"], bands, strict=True):
            casts = made["of_seeds"](rows, variant, method, protocol)
            assert len(casts) >= 2 and low <= np.mean(casts) <= high, (method, protocol)


@pytest.mark.slow
def test_the_pages_command_measures_its_footage(tmp_path):
    """The path of `--pixels`: runs of their own, whose rows make tables beside the published figures."""
    made = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "calibrate.py"))
    footage = made["Footage"]({"size": "tiny", "noise": 1.0}, ("lbp-top", "stlbp-ip", "majority"), (7,))
    alone = made["Footage"]({"size": "tiny"}, ("majority",), (7,), alone=True)
    rows = [row for each in (footage, alone) for row in made["measured"](each, tmp_path)]
    assert {(row["method"], row["protocol"]) for row in rows} == {
        *product(footage.methods, ("clips", "subject")),
        *product(alone.methods, ("loso",)),
    }
    assert all(0 <= float(row["low"]) <= float(row["mean"]) <= float(row["high"]) <= 100 for row in rows)
    again = [{**row, "seed": "8", "mean": f"{float(row['mean']) + 2:.2f}"} for row in rows]
    made["store"](tmp_path / "pixels.csv", rows + again)
    page = made["page"](made["stored"](made["LABELS"]), made["stored"](tmp_path / "pixels.csv"))
    assert "size=tiny noise=1.0, 2 seeds" in page
    assert "CASME II alone size=tiny, 2 seeds" in page
    assert "| LBP-TOP, over clips | 66.6 |" in page
    least = float(rows[-1]["mean"])  # the majority class of CASME II alone; two seeds, two points apart
    assert f"| Majority class | 40 | {least + 1:.1f} ± 1.0 ({least:.1f} to {least + 2:.1f}) |" in page
