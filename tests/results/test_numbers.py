"""Intervals hold what they promise, coins get no claim, and cells of two conditions stay apart."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from results.numbers import baselines
from results.numbers.cells import cells
from results.numbers.entries import Predictions, estimate
from results.numbers.findings import findings
from results.numbers.intervals import Estimate
from results.numbers.metrics import METRICS, accuracy_of, uar_of, uf1_of
from results.records.run_file import Repetition, TaskInfo
from results.records.runs import load_results
from results.records.store import write_record
from results.report import all_frames, report, write_tables

Make = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("page_alone")
FOUR = TaskInfo("four", "four classes", ("a", "b", "c", "d"))


def people_of(sizes: np.ndarray, random: np.random.Generator, right: np.ndarray) -> Predictions:
    """One fold per person, four classes; `right` says which clips are decided rightly."""
    n = int(sizes.sum())
    person = np.repeat(np.arange(len(sizes)), sizes)
    truth = random.integers(4, size=n)
    decided = np.where(right, truth, (truth + random.integers(1, 4, size=n)) % 4)
    names = tuple(f"p{i:02d}" for i in range(len(sizes)))
    zeros = np.zeros(n, np.int64)
    return Predictions(
        n_classes=4,
        folds=names,
        seeds=(Repetition(0),),
        subjects=names,
        databases=("one",),
        clip=np.arange(n),
        fold=person,
        seed=zeros,
        subject=person,
        database=zeros,
        truth=truth,
        decided={"honest": decided, "paper-style": decided},
    )


@pytest.mark.parametrize("statistic", ["mean", "pooled"])
@pytest.mark.parametrize("people", [3, 4, 5, 8, 14, 60])
def test_printed_intervals_hold_the_truth_in_93_of_100_simulated_runs(people: int, statistic: Any) -> None:
    """People of unequal size and skill: Beta(mean .4, intraclass correlation .15), 1 to 30 clips each."""
    random, held, repeats = np.random.default_rng([people, 7]), 0, 400
    for _ in range(repeats):
        sizes = np.clip(random.lognormal(1.8, 0.8, people).round(), 1, 30).astype(int)
        skill = random.beta(0.4 * 5.67, 0.6 * 5.67, people)
        found = people_of(sizes, random, random.random(sizes.sum()) < np.repeat(skill, sizes))
        low, high = estimate(found, found.decided["honest"], statistic).interval()
        held += low <= 0.4 <= high
    assert held / repeats >= 0.93


@pytest.mark.parametrize("people", [5, 14, 30])
@pytest.mark.parametrize("mean", [0.25, 0.9])
def test_intervals_hold_the_truth_where_people_are_right_in_all_or_nothing(people: int, mean: float) -> None:
    """Intraclass correlation one half: a few people hold all that is known of the variance."""
    random, held, repeats = np.random.default_rng([people, 5]), 0, 600
    for _ in range(repeats):
        skill = random.beta(mean, 1 - mean, people)
        right = random.random((people, 4)) < skill[:, None]
        accuracy = right.mean(axis=1)
        each = np.full(people, 1 / people)
        names = tuple(f"p{i}" for i in range(people))
        number = Estimate(
            accuracy.mean(keepdims=True), names, each * (accuracy - accuracy.mean()), each, 4 * people
        )
        low, high = number.interval()
        held += low <= mean <= high
    assert held / repeats >= 0.93


def test_uar_intervals_hold_the_truth() -> None:
    random, held, repeats = np.random.default_rng(3), 0, 300
    for _ in range(repeats):
        sizes = random.integers(2, 12, size=12)
        found = people_of(sizes, random, random.random(sizes.sum()) < 0.5)
        low, high = estimate(found, found.decided["honest"], "uar").interval()
        held += low <= 0.5 <= high
    assert held / repeats >= 0.93


def test_two_people_give_no_interval_and_the_number_lies_in_its_own() -> None:
    random = np.random.default_rng(0)
    for people in (1, 2, 3, 9):
        sizes = np.full(people, 4)
        found = people_of(sizes, random, random.random(sizes.sum()) < 0.6)
        for statistic in ("mean", "pooled", "uar"):
            number = estimate(found, found.decided["honest"], statistic)  # type: ignore[arg-type]
            low, high = number.interval()
            if people < 3:
                assert np.isnan([low, high]).all()
            else:
                assert 0 <= low <= number.value <= high <= 1


def test_influence_is_the_derivative_by_a_persons_weight() -> None:
    """Against finite differences: each person's clips counted a little more."""
    random, step = np.random.default_rng(5), 1e-6
    matrices = random.integers(0, 6, size=(1, 7, 4, 4))
    people = tuple("abcdefg")
    from results.numbers.entries import metric_estimate

    for metric in METRICS.values():
        made = metric_estimate(matrices, people, metric)
        whole = matrices[0].sum(axis=0).astype(float)
        for i in range(7):
            moved = float(metric(whole + step * matrices[0, i])) - float(metric(whole))
            assert made.influence[i] == pytest.approx(moved / step, abs=1e-4)
        assert made.value == pytest.approx(float(metric(whole)))


def test_several_seeds_widen_the_interval_by_their_spread() -> None:
    one = Estimate(np.array([0.5]), tuple("abcdefghij"), np.zeros(10), np.full(10, 0.1), 100.0)
    calm, wild = replace(one, per_seed=np.full(4, 0.5)), replace(one, per_seed=np.array([0.3, 0.7, 0.3, 0.7]))
    width = {name: np.subtract(*each.interval()[::-1]) for name, each in (("calm", calm), ("wild", wild))}
    assert width["calm"] == pytest.approx(np.subtract(*one.interval()[::-1]))
    assert width["wild"] > 1.5 * width["calm"]
    assert wild.spread == pytest.approx(np.std([0.3, 0.7, 0.3, 0.7], ddof=1))


@pytest.mark.parametrize("statistic", ["mean", "pooled"])
def test_a_coin_is_without_claim_in_95_of_100_runs(statistic: Any) -> None:
    """Every person shows one class only, so the majority of the others is far below chance."""
    random, claims, repeats = np.random.default_rng(11), 0, 200
    for _ in range(repeats):
        found = people_of(np.full(16, 4), random, np.ones(64, bool))
        truth = found.subject % 4
        found = replace(found, truth=truth, decided=dict.fromkeys(found.decided, random.integers(4, size=64)))
        own = estimate(found, found.decided["honest"], statistic)
        rivals = list(baselines._computed(found, statistic, FOUR))
        assert max(rival.value for _, rival in rivals) >= 0.25
        gains = [baselines.Against(title, rival.value, own.gain_over(rival)) for title, rival in rivals]
        standing = baselines.Standing(own, tuple(sorted(gains, key=lambda one: -one.value)))
        claims += standing.note == ""
    assert claims / repeats <= 0.05


def test_a_method_that_names_one_class_for_all_clips_of_a_fold_is_told(fake_run: Make) -> None:
    run = fake_run(methods=("lbp-top", "fdm", "majority"), protocols=("clips",), clips=60)
    folder = run.write(but=lambda unit: unit["method"] == "lbp-top")
    for unit in run.units:
        if unit["method"] == "lbp-top":
            record = run.record(unit)
            scores = np.tile(np.eye(4, dtype=np.float32)[1], (1, len(record.truth), 1))
            write_record(folder / "units", replace(record, scores=scores, candidates=({},), chosen=0))
    notes = all_frames(load_results(folder))["table3"].set_index("method")["note"]
    assert "one class for all clips of a fold" in notes["lbp-top"]
    assert "one class" not in notes["fdm"] and notes["majority"] == "baseline"


def test_what_is_far_above_every_baseline_is_said_to_be(fake_run: Make) -> None:
    run = fake_run(methods=("lbp-top", "majority"), protocols=("loso",), clips=300)
    folder = run.write(but=lambda unit: unit["method"] == "lbp-top")
    for unit in run.units:
        if unit["method"] == "lbp-top":
            record = run.record(unit)
            scores = np.eye(4, dtype=np.float32)[list(record.truth)][None]
            write_record(folder / "units", replace(record, scores=scores, candidates=({},), chosen=0))
    frames = all_frames(load_results(folder))
    table = frames["table3"].set_index("method")
    assert table.loc["lbp-top", "note"] == ""
    gains = frames["baselines"].query("method == 'lbp-top'")
    assert (gains["low"] > 0).all() and "Majority class" in set(gains["baseline"])
    said = " ".join(findings(frames["baselines"], load_results(folder).info))
    assert "LBP-TOP is clearly above every such baseline." in said
    assert "beyond Majority class" in said


def test_a_baseline_that_sees_pictures_is_named_beside_those_that_see_none(fake_run: Make) -> None:
    """In words and numbers of its own: what is above chance may be below a linear model."""
    info = load_results(fake_run().write()).info
    columns = ("title", "role", "value", "baseline", "baseline_value", "verdict")
    rows = [
        ("FDM", "paper", 70.0, "Majority", 40.0, "clearly above"),
        ("MDMO", "paper", 60.0, "Majority", 40.0, "clearly above"),
        ("Linear", "baseline", 65.0, "Majority", 40.0, "clearly above"),
        ("Majority", "baseline", 40.0, "always a", 38.0, "not clearly above"),
    ]
    frame = pd.DataFrame(rows, columns=list(columns)).assign(
        protocol="subject", tim=32, statistic="mean", gain=20.0, low=1.0, high=39.0, people=20
    )
    first, second, third = findings(frame, info)
    assert "sees no picture is Majority with 40.0" in first and "FDM, MDMO are clearly above" in first
    assert "sees pictures, Linear, has 65.0 %" in second and second.endswith(": FDM.")
    assert "beyond Majority (40.0 %)" in third
    (_, alone, _) = findings(frame[frame["title"] != "FDM"], info)
    assert alone.endswith(": no method.")
    assert len(findings(frame[frame["title"] != "Linear"], info)) == 2
    first, second = findings(frame[frame["role"] == "baseline"], info)
    assert first.endswith("Linear is clearly above every such baseline.")
    assert second.endswith("Linear +20.0 (+1.0 to +39.0).")
    assert findings(frame[frame["title"] == "Majority"].assign(title="Majority class"), info) == []
    nothing = frame[frame["role"] == "baseline"].assign(gain=-0.04, low=-0.05, high=0.049)
    assert findings(nothing, info)[1].endswith("Linear 0.0 (-0.1 to 0.0).")


@pytest.mark.parametrize("protocol", ["clips", "subject", "loso"])
def test_every_printed_interval_holds_the_number_beside_it(fake_run: Make, protocol: str) -> None:
    frame = all_frames(load_results(fake_run(protocols=(protocol,), seeds=(0, 1)).write()))["table3"]
    for name, prefix in (("mean", ""), ("pooled", "pooled_"), ("uf1", "uf1_"), ("uar", "uar_")):
        assert (frame[f"{prefix}low"] <= frame[name]).all()
        assert (frame[name] <= frame[f"{prefix}high"]).all()
    assert set(frame["headline"]) == {"pooled" if protocol == "loso" else "mean"}


def test_settings_revisions_and_packages_do_not_share_a_row(fake_run: Make) -> None:
    run = fake_run(methods=("lbp-top",), seeds=(0, 1))
    for unit in run.units:
        if unit["seed"] == 1:
            unit["settings"] = {"C": 8.0}
    results = load_results(run.write())
    rows = cells(results)
    assert [cell.title for cell in rows] == ["LBP-TOP [C 1.0]", "LBP-TOP [C 8.0]"]
    assert [cell.seeds for cell in rows] == [(Repetition(0),), (Repetition(1),)]
    frame = all_frames(results)["table3"]
    assert frame["mean"].notna().all()
    assert frame["published"].isna().all()


def test_several_trainings_on_the_same_folds_hold_the_truth_in_93_of_100_simulated_runs() -> None:
    """Each training of a fold has its own skill (sd 10 points), the same for all clips of the fold."""
    random, held, shorter, repeats = np.random.default_rng(11), 0, 0, 400
    sizes = np.full(15, 6)
    for _ in range(repeats):
        skill = random.beta(0.4 * 15, 0.6 * 15, 15)
        by_fold = [np.repeat(random.normal(0, 0.1, 5), 3) for _ in range(2)]
        right = [random.random(90) < np.repeat(np.clip(skill + luck, 0, 1), sizes) for luck in by_fold]
        first, second = (people_of(sizes, random, each) for each in right)
        found = twice(first, second, folds=5)
        low, high = estimate(found, found.decided["honest"], "mean").interval()
        held += low <= 0.4 <= high
        alone = replace(
            estimate(found, found.decided["honest"], "mean"), per_seed=np.zeros(1) + 0.4, repeated=None
        )
        shorter += np.ptp(alone.interval()) < high - low
    assert held / repeats >= 0.93
    assert shorter > 0.9 * repeats


def twice(first: Predictions, second: Predictions, *, folds: int) -> Predictions:
    """Two trainings on the same clips, the people dealt to `folds` folds."""
    joined = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("clip", "fold", "subject", "database", "truth")
    }
    joined["fold"] = joined["fold"] * folds // len(first.folds)
    decided = {name: np.concatenate([first.decided[name], second.decided[name]]) for name in first.decided}
    return replace(
        first,
        **joined,
        folds=tuple(f"fold{i + 1}" for i in range(folds)),
        seeds=(Repetition(0, 0), Repetition(0, 1)),
        seed=np.repeat([0, 1], len(first.clip)),
        decided=decided,
    )


def test_seeds_that_repeat_nothing_count_once(fake_run: Make) -> None:
    run = fake_run(methods=("lbp-top", "stclqp"), protocols=("loso",), seeds=(0, 1, 2))
    first = {(u["method"], u["fold"]): run.record(u).scores for u in run.units if u["seed"] == 0}
    run.write(but=lambda unit: True)
    for unit in run.units:
        scores = first[unit["method"], unit["fold"]]
        write_record(run.folder / "units", run.record(unit, scores=scores, chosen=0))
    (row,) = all_frames(load_results(run.folder))["statistics"].to_dict("records")
    assert row["n"] == 24


def test_a_fork_does_not_get_the_papers_number(fake_run: Make) -> None:
    results = load_results(fake_run(methods=("tlcnn", "majority")).write())
    assert all_frames(results)["table3"].loc[0, "published"] == 71.19
    forked = replace(results.info.methods[0], origin="their-methods 1.0")
    info = replace(results.info, methods=(forked, *results.info.methods[1:]))
    assert np.isnan(all_frames(replace(results, info=info))["table3"].loc[0, "published"])


TITLE = "Ba$$in [v2] *new* _x_ | $\\chi^2$ a & b\n#1 0.12345 <i>微表情</i>"


def test_a_title_is_a_title_everywhere(fake_run: Make) -> None:
    run = fake_run(methods=("mdmo", "lbp-top", "majority"))
    plan = run.plan()
    plan["methods"][0]["title"] = TITLE
    folder = run.write()
    import json

    (folder / "run.json").write_text(json.dumps(plan))
    text = report(folder).text
    assert "Ba$$in [v2] *new* _x_ | $\\chi^2$ a & b #1 0.12345 <i>微表情</i>" in text
    tex, markdown = ((folder / f"table3.{kind}").read_text() for kind in ("tex", "md"))
    assert "Ba\\$\\$in [v2] *new* \\_x\\_ \\textbar{} \\$\\textbackslash{}chi\\textasciicircum{}2\\$" in tex
    assert "Ba\\$\\$in \\[v2\\] \\*new\\* \\_x\\_ \\| " in markdown
    page = (folder / "report.html").read_text()
    assert "&lt;i&gt;微表情&lt;/i&gt;" in page
    figure = page.partition('id="figure-fig13-bars-clips"')[2].partition("</figure>")[0]
    assert "0.12345" in figure


def test_report_deletes_and_renews_only_what_it_wrote(reported: Any) -> None:
    folder = reported.folder
    (folder / "figures" / "mine.pdf").write_text("mine")
    (folder / "table3.csv").write_text("edited")
    assert report(folder).rebuilt
    assert (folder / "table3.csv").read_text() != "edited"
    (folder / "units" / f"{reported.units[0]['key']}.json").unlink()
    assert "report.html is older" in write_tables(folder).text
    assert "older" in (folder / "report.html").read_text().partition("<header>")[0]
    report(folder)
    assert "older" not in (folder / "report.html").read_text().partition("<header>")[0]
    assert (folder / "figures" / "mine.pdf").read_text() == "mine"


def test_faces_of_private_databases_are_left_out_unless_asked_for(fake_run: Make) -> None:
    run = fake_run(methods=("majority", "linear"))
    folder = run.write()
    plan = run.plan()
    plan["data"]["private"] = ["smic"]
    import json

    (folder / "run.json").write_text(json.dumps(plan))
    (folder / "figures").mkdir()
    from PIL import Image

    Image.new("RGB", (8, 8)).save(folder / "figures" / "clips-smic.png")
    (folder / "figures" / "clips-smic.svg").write_text("<svg><title>Clips</title></svg>")
    report(folder)
    page = (folder / "report.html").read_text()
    assert "data:image/jpeg" not in page and "licences of smic" in page
    report(folder, faces=True)
    assert "data:image/jpeg" in (folder / "report.html").read_text()


def test_metrics_are_the_means_of_their_parts() -> None:
    matrix = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 4]])
    assert accuracy_of(matrix) == pytest.approx(7 / 10)
    assert uar_of(matrix) == pytest.approx((3 / 4 + 4 / 6) / 2)
    assert uf1_of(matrix) == pytest.approx((6 / 9 + 0 / 1 + 8 / 10) / 3)
