"""`status` says what is missing, what went wrong and what would help."""

import pytest

from benchmark.verbs.status import status
from results.records.run_file import DataInfo, PlannedUnit, RunFile, TaskInfo, write_run_file
from results.records.store import Record, write_record

KEYS = {name: name[0] * 64 for name in ("done", "timeout", "memory", "failed")}


def place(folder, *statuses):
    """A run folder with one unit of each status, and one that was never run for "missing"."""
    keys = {name: KEYS.get(name, "0" * 64) for name in statuses}
    units = tuple(PlannedUnit(keys[name], "linear", 8, "clips", name, 0, "") for name in statuses)
    task, data = TaskInfo("t", "T", ("a", "b")), DataInfo("d", "d" * 64, 2, {}, 1, "file")
    plan = RunFile(
        "run", "quick", {"timeout": 7.0}, {}, (), (), task, data, units, (), "python run --seeds 0"
    )
    write_run_file(folder, plan)
    for name in set(statuses) - {"missing"}:
        error = None if name == "done" else {"type": "E", "message": f"it was {name}\nmore", "traceback": ""}
        unit = {"method": "linear", "tim": 8, "protocol": "clips", "fold": name, "seed": 0}
        write_record(folder / "units", Record(keys[name], unit, "quick", name, error=error))


@pytest.mark.parametrize(
    ("name", "words"), [("timeout", "--timeout"), ("memory", "--memory-limit"), ("failed", "running again")]
)
def test_status_names_a_unit_of_each_trouble_and_what_helps(name, words, tmp_path):
    place(tmp_path, "done", name)
    lines = []
    assert status(tmp_path, lines.append) == 1
    text = "\n".join(lines)
    assert f"it was {name}" in text and "more" not in text
    assert words in text and str(tmp_path / "units" / f"{KEYS[name]}.json") in text
    assert lines[-1].startswith("go on with: python run --seeds 0")


def test_status_of_a_whole_run_names_the_report(tmp_path):
    place(tmp_path, "done")
    lines = []
    assert status(tmp_path, lines.append) == 0
    assert "report" in lines[-1]
    place(tmp_path, "done", "missing")
    assert status(tmp_path, lines.append) == 1
