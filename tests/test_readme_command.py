"""The README's own command, end to end, in one process on tiny databases, with nets of a few iterations."""

import csv
import json
import re
import shlex
from pathlib import Path

from methods import METHODS, load_method

README = (Path(__file__).parent.parent / "README.md").read_text()


def trial_settings():
    """A settings file under which every method is fitted in about a second."""
    lines = []
    for name in METHODS:
        trial = {"frame_size": (64, 52), **load_method(name).trial}
        lines += [f'[methods."{name}"]', *(f"{key} = {json.dumps(value)}" for key, value in trial.items())]
    return "\n".join(lines)


def test_the_command_of_the_readme_fills_every_row_and_goes_on_where_it_was(
    command, simulated_cache, tmp_path
):
    typed = re.search(r"<!-- install-and-run -->\n```\n(.*)\n```", README)[1].split(" && ")[-1]
    program, verb, *words = shlex.split(typed.removeprefix("python -m "))
    assert (program, verb) == ("benchmark", "run")
    (tmp_path / "trial.toml").write_text(trial_settings())
    small = ["--simulator", "tiny", "--protocol", "cross-database", "--settings", tmp_path / "trial.toml"]
    small += ["--draws", "1", "--engine", "serial"]
    place = ["--cache", simulated_cache, "--out", tmp_path / "run"]

    command("run", *words, *small, *place)
    rows = {row["method"]: row for row in csv.DictReader((tmp_path / "run" / "table3.csv").open())}
    assert set(rows) == set(METHODS)
    for name, row in rows.items():
        assert 0 <= float(row["mean"]) <= 100, name
    page = (tmp_path / "run" / "report.html").read_text()
    assert all(load_method(name).title in page for name in METHODS)

    again = command("run", *words, *small, *place, "--tables-only").stdout
    planned, done = map(int, re.search(r"units: (\d+) planned, (\d+) already done", again).groups())
    folds = len(json.loads((tmp_path / "run" / "run.json").read_text())["data"]["class_counts"])
    assert planned == done == folds * len(METHODS)
