"""Two runs side by side."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from results.compare import compare, compare_with_paper
from results.records.store import write_record

Make = Callable[..., Any]
METHODS = ("mdmo", "lbp-top")


def test_equal_runs_agree(fake_run: Make) -> None:
    a, b = fake_run("a", methods=METHODS), fake_run("b", methods=METHODS)
    found = compare(a.write(), b.write())
    assert found.exit_status == 0
    assert found.text.splitlines() == [
        "same settings, data and versions",
        "10 of 10 common units agree within 0",
        "0 of 180 decisions differ",
    ]
    assert (found.units["clips_decided_otherwise"] == 0).all()


def test_one_clip_decided_otherwise_is_found_and_tolerated(fake_run: Make) -> None:
    a, b = fake_run("a", methods=METHODS), fake_run("b", methods=METHODS)
    first, second = a.write(), b.write()
    record = b.record(b.units[6])
    scores = record.scores.copy()
    right = int(np.flatnonzero(record.honest == np.array(record.truth))[0])
    scores[record.chosen, right, (record.truth[right] + 1) % 4] = 99.0
    write_record(second / "units", dataclasses.replace(record, scores=scores))
    found = compare(first, second)
    assert found.exit_status == 1
    assert list(found.beyond["fold"]) == ["fold2"]
    assert found.beyond["difference"].iloc[0] == pytest.approx(-1 / 18)
    assert found.beyond["clips_decided_otherwise"].iloc[0] == 1
    assert "lbp-top TIM 32 clips fold2 seed 0" in found.text
    assert "9 of 10 common units agree" in found.text
    assert compare(first, second, atol=0.06).exit_status == 0


def test_units_of_one_run_only(fake_run: Make) -> None:
    a, b = fake_run("a", methods=METHODS), fake_run("b", methods=("lbp-top", "stclqp"))
    found = compare(a.write(), b.write())
    assert len(found.only_a) == len(found.only_b) == len(found.units) == 5
    assert found.exit_status == 1
    assert "only in the first run: mdmo TIM 32 clips fold1 seed 0" in found.text


def test_settings_versions_and_data_that_differ_are_named(fake_run: Make) -> None:
    a, b = fake_run("a", methods=METHODS), fake_run("b", methods=METHODS, profile="paper")
    for unit in b.units:
        unit |= {"settings": {"C": 2.0}, "data": "e" * 64}
    second = b.write(stamp={"versions": {"python": "3.12.1"}, "hardware": {"cores": 8}})
    found = compare(a.write(), second)
    text = "\n".join(found.conditions)
    for line in (
        "profile: quick and paper",
        "mdmo C: 1.0 and 2.0",
        f"data: {'d' * 64} and {'e' * 64}",
        "version of python: 3.11.9 and 3.12.1",
        "version of numpy: 2.4.6 and nothing",
    ):
        assert line in text
    assert "hardware" not in text


def test_other_data_alone_are_no_agreement(fake_run: Make) -> None:
    a, b = fake_run("a", methods=METHODS), fake_run("b", methods=METHODS)
    first, second = a.write(), b.write()
    plan = b.plan()
    plan["data"]["digest"] = "e" * 64
    (second / "run.json").write_text(json.dumps(plan))
    found = compare(first, second)
    assert len(found.beyond) == 0
    assert (found.exit_status, found.faults) == (1, ["the runs are of other data"])


def test_a_unit_that_failed_in_either_run_is_a_fault(fake_run: Make) -> None:
    a, b = fake_run("a", methods=METHODS), fake_run("b", methods=METHODS)
    first, second = a.write(), b.write(but=lambda unit: unit is b.units[3])
    b.fail(b.units[3])
    for found in (compare(first, second), compare(second, first)):
        assert found.exit_status == 1
        assert "did not finish: mdmo TIM 32 clips fold4 seed 0" in found.text


def test_runs_without_a_common_unit_do_not_agree(fake_run: Make) -> None:
    a, b = fake_run("a", methods=("mdmo",)), fake_run("b", methods=("lbp-top",))
    found = compare(a.write(), b.write())
    assert len(found.units) == 0
    assert found.exit_status == 1


def test_a_run_beside_the_paper(fake_run: Make) -> None:
    run = fake_run(methods=(*METHODS, "majority"), tims=(16, 32), protocols=("clips", "subject"))
    made = compare_with_paper(run.write(but=lambda unit: unit["key"] == run.units[18]["key"]))
    assert list(made.table["title"]) == ["MDMO", "LBP-TOP"]
    assert list(made.table["paper"]) == [61.05, 66.61]
    assert made.table["folds"][0] == "4 of 5 folds"
    assert np.isnan(made.table["difference"][0])
    assert made.table["difference"][1] == pytest.approx(made.table["mean"][1] - 66.61)
    assert "no verdict on a method" in made.text
    assert "61.05" in made.text
