"""The run folder before its units run: whose it is, what it holds, what stays planned."""

import numpy as np
import pytest

from benchmark.folder.ledger import Survey, survey
from benchmark.folder.sharing import (
    Here,
    made_otherwise,
    refuse_mixture,
    refuse_what_is_not_a_run,
    still_planned,
)
from benchmark.settings import SettingsError
from benchmark.stamp import unit_stamp
from benchmark.units.unit import Unit
from results.records.run_file import DataInfo, PlannedUnit, RunFile, TaskInfo
from results.records.store import Record, write_record


def unit(fold="fold1", seed=0, method="majority"):
    return Unit(method, 1, 8, "clips", fold, seed, "none", "d" * 64, None, {})


def planned(unit):
    return PlannedUnit(unit.key, unit.method, unit.tim, unit.protocol, unit.fold, unit.seed, "")


def plan_of(*units):
    task, data = TaskInfo("t", "T", ("a", "b")), DataInfo("d", "d" * 64, 2, {}, 1, "file")
    return RunFile("run", "quick", {}, {}, (), (), task, data, tuple(map(planned, units)))


@pytest.mark.parametrize("theirs", ["paper.tex", "figures/photo.png", "units/notes.txt"])
def test_a_folder_with_somebody_elses_files_is_not_written_to(tmp_path, theirs):
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).write_text("mine")
    with pytest.raises(SettingsError, match=theirs.partition("/")[0]):
        refuse_what_is_not_a_run(tmp_path)


@pytest.mark.parametrize("ours", [None, ".run.lock", "run.json", f"units/{'a' * 64}.json"])
def test_a_new_folder_and_a_run_folder_are_taken(tmp_path, ours):
    if ours:
        (tmp_path / ours).parent.mkdir(exist_ok=True)
        (tmp_path / ours).touch()
    refuse_what_is_not_a_run(tmp_path)
    refuse_what_is_not_a_run(tmp_path / "not there yet")


def test_a_smaller_plan_drops_what_an_earlier_one_never_ran_and_keeps_what_is_done():
    asked = [unit("fold1"), unit("fold2")]
    whole = [unit("fold1", seed=1), unit("fold2", seed=1)]
    begun = [unit("fold1", seed=2), unit("fold2", seed=2)]
    failed = [unit("fold1", method="linear")]
    before = plan_of(*asked, *whole, *begun, *failed)
    statuses = {each.key: "done" for each in (*asked, *whole, begun[0])} | {failed[0].key: "failed"}
    lines = []
    kept = still_planned(before, asked, Survey(statuses, ()), lines.append)
    assert {each.key for each in kept} == {each.key for each in (*whole, *failed)}
    (line,) = lines
    assert "2 units of majority" in line and "1 are done" in line


def test_a_plan_that_asks_for_all_again_drops_nothing():
    units = [unit("fold1"), unit("fold2", seed=1)]
    lines = []
    assert still_planned(plan_of(*units), units, Survey({}, ()), lines.append) == ()
    assert still_planned(None, units, Survey({}, ()), lines.append) == ()
    assert lines == []


HERE = Here("exact", {})


def stamped():
    return {**unit_stamp({}), "arithmetic": "exact"}


def written(folder, unit, stamp):
    write_record(
        folder / "units",
        Record(
            key=unit.key,
            unit=unit.as_json(),
            profile="quick",
            status="done",
            classes=("a", "b"),
            names=("x",),
            subjects=("d/1",),
            databases=("d",),
            truth=(0,),
            candidates=({},),
            scores=np.zeros((1, 1, 2), np.float32),
            stamp=stamp,
        ),
    )


def test_records_of_another_version_are_named_before_anything_is_run(tmp_path):
    same, odd = unit("fold1"), unit("fold2")
    written(tmp_path, same, stamped())
    versions = {**unit_stamp({})["versions"], "numpy": "0.0.1"}
    written(tmp_path, odd, {**stamped(), "versions": versions})
    found = made_otherwise([same, odd, unit("fold3")], survey(tmp_path), HERE)
    assert found == [odd]
    with pytest.raises(SettingsError) as caught:
        refuse_mixture(tmp_path, found, HERE)
    for words in ("numpy 0.0.1", np.__version__, odd.key, "--redo"):
        assert words in str(caught.value)
    refuse_mixture(tmp_path, [], HERE)


@pytest.mark.parametrize("what", ["method majority", "protocol clips", "database casme2"])
def test_another_version_of_a_package_that_a_unit_uses_is_a_mixture(tmp_path, what):
    stamp = {**unit_stamp({what: "theirs 1.0"}), "arithmetic": "exact"}
    written(tmp_path, unit(), stamp)
    (found,) = made_otherwise([unit()], survey(tmp_path), HERE)
    with pytest.raises(SettingsError, match=rf"{what} theirs 1\.0.*not there"):
        refuse_mixture(tmp_path, [found], HERE)


def test_the_packages_of_the_data_are_those_of_the_run(tmp_path):
    written(tmp_path, unit(), {**unit_stamp({"database lab": "theirs 1.0"}), "arithmetic": "exact"})
    units, found = [unit()], survey(tmp_path)
    assert made_otherwise(units, found, Here("exact", {"database lab": "theirs 1.0"})) == []
    assert made_otherwise(units, found, Here("exact", {"database lab": "theirs 1.1"})) == units


def test_another_arithmetic_is_a_mixture(tmp_path):
    written(tmp_path, unit(), stamped())
    assert made_otherwise([unit()], survey(tmp_path), HERE) == []
    (found,) = made_otherwise([unit()], survey(tmp_path), Here("of cuda", {}))
    with pytest.raises(SettingsError, match=r"exact.*here.*cuda"):
        refuse_mixture(tmp_path, [found], Here("of cuda", {}))


def test_what_made_a_record_is_remembered_in_the_index(tmp_path):
    written(tmp_path, unit(), stamped())
    first = survey(tmp_path)
    assert (tmp_path / "index.json").exists()
    assert survey(tmp_path) == first
    assert list(first.made_with) == [unit().key]
