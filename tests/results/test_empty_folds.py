"""Folds of which a method can use no test clip: there, without a number, and said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from results.compare import compare
from results.numbers import tables
from results.numbers.metrics_table import metrics_frame, optimism_frame
from results.numbers.statistics_table import statistics_frame
from results.records.runs import load_results
from results.report import all_frames, report, write_tables

Make = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("page_alone")
METHODS = ("mdmo", "lbp-top", "majority")


@pytest.fixture
def loso(fake_run: Make) -> Any:
    """A run over subjects in which MDMO can use no clip of the third."""
    run = fake_run(methods=METHODS, protocols=("loso",))
    run.write()
    run.empty(next(unit for unit in run.units[2:] if unit["method"] == "mdmo"))
    return run


def accuracies(run: Any) -> dict[str, pd.Series]:
    """Accuracy by subject of every method, by hand from the records."""
    found: dict[str, dict[str, float]] = {name: {} for name in METHODS}
    for record in load_results(run.folder).records.values():
        if record.truth:
            right = np.mean(record.honest == np.array(record.truth))
            found[record.unit["method"]][record.unit["fold"]] = float(right)
    return {name: pd.Series(values) for name, values in found.items()}


def test_the_mean_is_of_the_folds_with_clips_and_the_table_says_so(loso: Any) -> None:
    frame = all_frames(load_results(loso.folder))["table3"].set_index("method")
    mine = accuracies(loso)
    assert len(mine["mdmo"]) == len(mine["lbp-top"]) - 1
    for name in METHODS:
        assert frame.loc[name, "mean"] == pytest.approx(100 * mine[name].mean())
    assert frame.loc["mdmo", "folds"] == frame.loc["lbp-top", "folds"]
    assert frame.loc["mdmo", "note"].endswith("no usable clip in 1 fold")
    assert "usable" not in frame.loc["lbp-top", "note"]
    assert frame.loc["mdmo", "fold3"] != frame.loc["mdmo", "fold3"]
    assert "no usable clip in 1 fold" in write_tables(loso.folder).text


def test_other_tables_leave_the_same_fold_out(loso: Any) -> None:
    results = load_results(loso.folder)
    cells, mine = tables.tested(results), 100 * accuracies(loso)["mdmo"]
    metrics = metrics_frame(results, cells)
    row = metrics[
        (metrics["method"] == "mdmo")
        & (metrics["database"] == "all")
        & (metrics["selection"] == "honest")
        & (metrics["scope"] == "fold mean")
    ].iloc[0]
    assert 100 * row["accuracy"] == pytest.approx(mine.mean())
    optimism = optimism_frame(cells).set_index("method")
    pooled = [r for r in results.records.values() if r.unit["method"] == "mdmo" and r.truth]
    right = np.concatenate([r.honest == np.array(r.truth) for r in pooled])
    assert optimism.loc["mdmo", "honest"] == pytest.approx(100 * right.mean())


def test_pairs_are_tested_on_the_subjects_that_both_have(loso: Any) -> None:
    frame = statistics_frame(tables.tested(load_results(loso.folder)))
    mine = accuracies(loso)
    row = frame[(frame["a"] == "MDMO") & (frame["b"] == "LBP-TOP")].iloc[0]
    b = mine["lbp-top"].loc[mine["mdmo"].index]
    assert row["n"] == len(b) == len(mine["lbp-top"]) - 1
    assert row["p"] == pytest.approx(stats.ttest_rel(mine["mdmo"], b).pvalue)
    assert row["mean_b"] == pytest.approx(100 * b.mean())
    other = frame[(frame["a"] == "LBP-TOP")].iloc[0]
    assert other["n"] == len(mine["lbp-top"])


def test_a_corrected_t_test_leaves_the_fold_out_too(fake_run: Make) -> None:
    run = fake_run(methods=METHODS)
    run.write()
    run.empty(run.units[1])
    frame = statistics_frame(tables.tested(load_results(run.folder)))
    mine = accuracies(run)
    row = frame[(frame["a"] == "MDMO") & (frame["b"] == "LBP-TOP")].iloc[0]
    assert row["n"] == 4
    assert row["difference"] == pytest.approx(100 * (mine["mdmo"] - mine["lbp-top"]).mean())
    everyone = stats.ttest_ind(mine["mdmo"], mine["lbp-top"]).pvalue
    assert row["p_paper_t"] == pytest.approx(everyone)


def test_two_runs_with_the_same_empty_fold_agree_and_one_that_has_it_differs(
    loso: Any, fake_run: Make
) -> None:
    assert compare(loso.folder, loso.folder).exit_status == 0
    whole = fake_run("whole", methods=METHODS, protocols=("loso",))
    found = compare(loso.folder, whole.write())
    assert found.exit_status == 1
    assert len(found.beyond) == 1


@pytest.mark.slow
def test_page_and_figures_are_made(fake_run: Make) -> None:
    run = fake_run(methods=(*METHODS, "fdm"), protocols=("loso",))
    run.write()
    run.empty(run.units[1])
    report(run.folder)
    assert "no usable clip in 1 fold" in (run.folder / "report.html").read_text()
    assert list((run.folder / "figures").glob("sweep-mdmo-*.svg"))


def test_a_method_without_any_clip_has_a_row_and_no_number(fake_run: Make) -> None:
    """Under the protocol over clips, where the test above is over subjects."""
    run = fake_run(methods=METHODS)
    run.write()
    for unit in run.units[:5]:
        run.empty(unit)
    frame = all_frames(load_results(run.folder))["table3"].set_index("method")
    assert np.isnan(frame.loc["mdmo", "mean"])
    assert frame.loc["mdmo", "note"] == "no usable clip in 5 folds"
    report(run.folder)
    assert "no usable clip in 5 folds" in (run.folder / "report.html").read_text()
    assert not list((run.folder / "figures").glob("sweep-mdmo-*"))
