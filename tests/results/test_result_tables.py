"""Tables from records: complete and incomplete cells, seeds, baselines, mixing, bytes."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from results.numbers.variants import variant_of_unit
from results.records.run_file import NotARun, run_file_of
from results.records.runs import MixedRecords, go_on, load_results, read_run
from results.records.store import read_records, write_record
from results.report import all_frames, report, write_tables
from results.table_text import LEGEND, render_table3

Make = Callable[..., Any]
TEXTS = ("table3.csv", "table3.md", "table3.tex", "per_fold.csv", "metrics.csv", "statistics.csv")
SOME = ("mdmo", "lbp-top", "majority", "linear")


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


def test_numbers_equal_those_computed_from_the_records_by_hand(fake_run: Make) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()
    write_tables(folder)
    records = {(r.unit["method"], r.unit["fold"]): r for r in read_records(folder)[0]}
    table, metrics = read(folder, "table3"), read(folder, "metrics")
    for method in SOME:
        own = [records[method, f"fold{i}"] for i in range(1, 6)]
        folds = [100 * accuracy_score(r.truth, r.scores[r.chosen].argmax(1)) for r in own]
        best = [max(100 * accuracy_score(r.truth, s.argmax(1)) for s in r.scores) for r in own]
        row = table[table["method"] == method].iloc[0]
        np.testing.assert_allclose([row[f"fold{i}"] for i in range(1, 6)], folds, atol=0.005)
        assert row["mean"] == pytest.approx(np.mean(folds), abs=0.005)
        assert row["paper_style"] == pytest.approx(np.mean(best), abs=0.005)
        assert row["optimism"] == pytest.approx(np.mean(best) - np.mean(folds), abs=0.005)
        truth = np.concatenate([r.truth for r in own])
        predicted = np.concatenate([r.honest for r in own])
        pooled = metrics.query("method == @method and database == 'all' and selection == 'honest'").iloc[0]
        assert pooled["scope"] == "pooled"
        assert pooled["uf1"] == pytest.approx(f1_score(truth, predicted, average="macro"), abs=5e-5)
        assert pooled["uar"] == pytest.approx(recall_score(truth, predicted, average="macro"), abs=5e-5)
        assert pooled["accuracy_low"] <= pooled["accuracy"] <= pooled["accuracy_high"]
        database = metrics.query("method == @method and database == 'smic' and scope == 'pooled'").iloc[0]
        inside = np.concatenate([r.databases for r in own]) == "smic"
        assert database["accuracy"] == pytest.approx(np.mean((truth == predicted)[inside]), abs=5e-5)
        assert database["clips"] == inside.sum()


def test_rows_stand_in_the_order_of_table_3(fake_run: Make) -> None:
    folder = fake_run(tims=(64, 32), protocols=("clips", "subject")).write()
    write_tables(folder)
    table = read(folder, "table3")
    order = [method.name for method in read_run(folder).methods]
    assert list(table["method"]) == order * 4
    assert list(table["tim"]) == [32] * 12 + [64] * 12 + [32] * 12 + [64] * 12
    assert list(table["protocol"]) == ["clips"] * 24 + ["subject"] * 24
    assert table.loc[table["protocol"] == "subject", "published"].isna().all()
    assert table.loc[0, "published"] == 71.19


def test_a_missing_record_is_said_and_never_averaged_over(fake_run: Make) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()
    write_tables(folder)
    whole = read(folder, "table3")
    (folder / "units" / f"{run.units[7]['key']}.json").unlink()
    text = write_tables(folder).text
    table = read(folder, "table3")
    row = table[table["method"] == "lbp-top"].iloc[0]
    assert row["mean"] == row["folds"] == "4 of 5 folds"
    assert row[["fold3", "pooled", "uf1", "low", "paper_style", "optimism"]].isna().all()
    assert row["fold2"] == whole.loc[whole["method"] == "lbp-top", "fold2"].iloc[0]
    assert "4 of 5 folds" in text
    for name in ("table3.md", "table3.tex"):
        assert "4 of 5 folds" in (folder / name).read_text()
    statistics = read(folder, "statistics")
    touched = (statistics["a"] == "LBP-TOP") | (statistics["b"] == "LBP-TOP")
    assert touched.sum() == 3
    assert statistics.loc[touched, "p"].isna().all()
    assert (statistics.loc[touched, "verdict"] == "refused: LBP-TOP lacks fold3 (missing)").all()
    assert statistics.loc[~touched, "p"].notna().all()
    metrics = read(folder, "metrics")
    assert metrics.loc[metrics["method"] == "lbp-top", "accuracy"].isna().all()


def test_the_star_marks_the_highest_mean_baselines_included_and_the_columns_are_explained(
    fake_run: Make,
) -> None:
    folder = fake_run().write()
    text = write_tables(folder).text
    table = read(folder, "table3")
    best = {f"{value:.2f} *" for value in table.groupby(["protocol", "tim"])["mean"].max()}
    assert set(re.findall(r"[\d.]+ \*", text)) == best
    assert all(line in text for line in LEGEND)
    frame = all_frames(load_results(folder))["table3"]
    frame.loc[frame["method"] == "majority", "mean"] = 99.0
    (line,) = (line for line in render_table3(frame, load_results(folder).info).splitlines() if "*" in line)
    assert line.startswith("Majority class") and "99.00 *" in line


@pytest.mark.parametrize("headline", ["mean", "uar"])
def test_a_narrow_terminal_gets_fewer_columns_of_the_table_and_every_row_and_note(fake_run, headline) -> None:
    folder = fake_run().write()
    info, frame = load_results(folder).info, all_frames(load_results(folder))["table3"]
    frame["headline"] = headline
    wide = render_table3(frame, info)
    assert render_table3(frame, info, width=1000) == wide
    tables = {width: render_table3(frame, info, width=width).split(LEGEND[0])[0] for width in (140, 100, 85)}
    for width, table in tables.items():
        assert max(map(len, table.splitlines())) <= width
        assert all(word in table for word in (*frame["title"], *frame["note"]))
        assert ("UAR" if headline == "uar" else "mean of folds") in table and "95 % interval" in table
    assert len(tables[85]) <= len(tables[100]) < len(wide.split(LEGEND[0])[0])


def test_a_failed_unit_names_its_status(fake_run: Make) -> None:
    run = fake_run(methods=SOME)
    folder = run.write(but=lambda unit: unit["key"] == run.units[0]["key"])
    run.fail(run.units[0], status="timeout")
    write_tables(folder)
    per_fold = read(folder, "per_fold")
    assert per_fold.loc[0, "status"] == "timeout"
    assert per_fold["status"].value_counts()["done"] == 19


def test_the_same_records_give_the_same_bytes_however_they_came(fake_run: Make) -> None:
    one, other = fake_run("a", methods=SOME), fake_run("b", methods=SOME)
    first = one.write()
    second = other.write(but=lambda unit: unit["fold"] != "fold2")
    write_tables(second)
    for unit in reversed(other.units):
        write_record(second / "units", dataclasses.replace(other.record(unit), seconds={"fit": 99.0}))
    write_tables(first)
    write_tables(second)
    for name in TEXTS:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert (first / "predictions.parquet").read_bytes() == (second / "predictions.parquet").read_bytes()


def test_predictions_hold_every_tested_clip_once(fake_run: Make) -> None:
    run = fake_run(methods=SOME, protocols=("clips", "loso"))
    folder = run.write()
    write_tables(folder)
    frame = pd.read_parquet(folder / "predictions.parquet")
    assert len(frame) == 4 * 2 * 90
    assert not frame.duplicated(["method", "protocol", "clip"]).any()
    right = frame.query("method == 'lbp-top' and protocol == 'clips'")
    accuracy = (right["truth"] == right["honest"]).mean()
    table = read(folder, "table3").query("method == 'lbp-top' and protocol == 'clips'").iloc[0]
    assert 100 * accuracy == pytest.approx(table["pooled"], abs=0.005)


def test_seeds_are_averaged_and_their_spread_is_shown(fake_run: Make) -> None:
    run = fake_run(methods=("lbp-top", "majority"), seeds=(0, 1, 2))
    folder = run.write()
    write_tables(folder)
    row = read(folder, "table3").iloc[0]
    per_fold = read(folder, "per_fold").query("method == 'lbp-top'")
    means = 100 * per_fold.groupby("seed")["accuracy"].mean()
    assert row["seeds"] == 3
    assert row["mean"] == pytest.approx(means.mean(), abs=0.02)
    assert row["seed_sd"] == pytest.approx(means.std(ddof=1), abs=0.02)
    (folder / "units" / f"{run.units[1]['key']}.json").unlink()
    write_tables(folder)
    assert read(folder, "table3").loc[0, "mean"] == "4 of 5 folds"


def test_a_blind_method_is_the_baseline_of_the_others(fake_run: Make) -> None:
    folder = fake_run(methods=("fdm", "tlcnn", "majority"), protocols=("clips",), clips=300).write()
    write_tables(folder)
    table = read(folder, "table3").set_index("method")
    assert table.loc["majority", "mean"] == table.loc["majority", "floor"] == table.loc["tlcnn", "floor"]
    assert table.loc["majority", "note"] == "baseline"
    assert re.match("not (clearly )?above", table.loc["fdm", "note"])
    assert pd.isna(table.loc["tlcnn", "note"])


def test_the_profile_stands_in_every_title(fake_run: Make) -> None:
    folder = fake_run(methods=SOME).write()
    made = write_tables(folder)
    for text in (made.text, (folder / "table3.md").read_text(), (folder / "table3.tex").read_text()):
        assert "quick profile" in text.splitlines()[0]


def test_simulated_data_are_called_simulated(fake_run: Make) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()
    plan = run.plan()
    plan["data"]["simulated"] = True
    (folder / "run.json").write_text(json.dumps(plan))
    assert "simulated simulator, 90 clips" in write_tables(folder).text.splitlines()[0]
    plan["data"]["simulated"] = False
    (folder / "run.json").write_text(json.dumps(plan))
    assert "simulated" not in write_tables(folder).text.splitlines()[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stamp": {"versions": {"python": "3.11.9", "numpy": "1.0.0"}}}, "version of numpy: 1.0.0"),
        ({"stamp": {"versions": {"python": "3.11.9"}}}, "version of numpy: 2.4.6"),
        ({"profile": "paper"}, "profile: paper"),
        ({"unit": {"data": "e" * 64}}, "data: dddd"),
    ],
)
def test_records_of_other_conditions_are_mixed_only_by_force(
    fake_run: Make, change: dict[str, Any], words: str
) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()
    record = run.record(run.units[0])
    if "unit" in change:
        change = {"unit": {**record.unit, **change["unit"]}}
    write_record(folder / "units", dataclasses.replace(record, **change))
    with pytest.raises(MixedRecords, match=words) as refused:
        write_tables(folder)
    assert "units/" in str(refused.value)
    text = write_tables(folder, force=True).text
    assert "MIXED CONDITIONS" in text.splitlines()[0]
    assert words in text
    assert "MIXED CONDITIONS" in (folder / "table3.md").read_text()


def test_two_versions_of_one_package_are_mixed_and_a_package_of_some_records_is_not(fake_run: Make) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()

    def say(i: int, package: str) -> None:
        record = run.record(run.units[i])
        stamp = {**record.stamp, "packages": {"protocol halves": package}}
        write_record(folder / "units", dataclasses.replace(record, stamp=stamp))

    say(0, "theirs 1.0")
    assert "MIXED" not in write_tables(folder).text
    say(1, "theirs 1.1")
    with pytest.raises(MixedRecords, match=r"halves: theirs 1\.0 .* theirs 1\.1"):
        write_tables(folder)


def test_hardware_and_command_line_may_differ(fake_run: Make) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()
    stamp = {**run.record(run.units[0]).stamp, "hardware": {"cores": 64}, "argv": ["other"], "git": "f00"}
    write_record(folder / "units", dataclasses.replace(run.record(run.units[0]), stamp=stamp))
    assert "MIXED" not in write_tables(folder).text


def test_records_outside_the_plan_are_left_out_and_said(fake_run: Make) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()
    before = (write_tables(folder), (folder / "table3.csv").read_bytes())[1]
    stranger = fake_run("other", methods=SOME, seed=3, profile="paper")
    write_record(folder / "units", stranger.record(stranger.units[0]))
    made = write_tables(folder)
    assert (folder / "table3.csv").read_bytes() == before
    assert "1 records of units outside this run's plan: left out" in made.text


def test_a_damaged_record_counts_as_missing_and_is_named(fake_run: Make) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()
    path = folder / "units" / f"{run.units[0]['key']}.json"
    path.write_bytes(path.read_bytes().replace(b'"chosen":', b'"chosen": '))
    path.write_bytes(path.read_bytes()[:-30])
    made = write_tables(folder)
    assert path.name in made.text
    assert read(folder, "table3").loc[0, "mean"] == "4 of 5 folds"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no run.json"), ("{", "not a JSON"), ("{}", "schema"), ('{"schema": 2}', "name")],
)
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(NotARun, match=words):
        load_results(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"units": 3}, "units is not a list"),
        ({"units": [3]}, r"units\[0\]: not a table"),
        ({"data": {}}, "data: it has no entry 'name'"),
        ({"methods": None}, "methods is not a list; delete run.json and run again"),
    ],
)
def test_a_damaged_run_file_names_the_entry(fake_run: Make, change: dict[str, Any], words: str) -> None:
    run = fake_run(methods=SOME)
    folder = run.write()
    (folder / "run.json").write_text(json.dumps({**run.plan(), **change}))
    for read_it in (load_results, write_tables, report):
        with pytest.raises(NotARun, match=words):
            read_it(folder)


def test_a_unit_of_the_plan_names_its_tim_as_a_number(fake_run: Make) -> None:
    plan = fake_run(methods=SOME).plan()
    plan["units"][2]["tim"] = "x"
    with pytest.raises(NotARun, match=r"units\[2\].*tim.*whole"):
        run_file_of(plan)


def test_a_run_without_any_record_has_a_table_that_says_so(fake_run: Make) -> None:
    folder = fake_run(methods=SOME).write(but=lambda unit: True)
    made = write_tables(folder)
    assert made.text.count("0 of 5 folds") == 4
    assert json.loads((folder / "run.json").read_text())["schema"] == 2


@pytest.mark.parametrize(
    "typed",
    [
        "python -m benchmark run --tim 32",
        "python -m benchmark run --out /old/place --tim 32",
        "python -m benchmark run --out='/old place' --tim 32",
    ],
)
def test_a_moved_run_folder_names_the_command_for_where_it_lies(typed):
    assert go_on(typed, Path("new place")) == "python -m benchmark run --tim 32 --out 'new place'"


def test_a_variant_keeps_the_name_that_run_folders_hold():
    """run.json keeps it with every planned unit: named otherwise, plan and records would be two rows."""
    assert variant_of_unit({"settings": {"C": 1.0}, "revision": 2}) == "028e45556306"
