"""The numbers on the pages of simulator and registration are those of stored runs and of the code."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

from data_prep.clips import CLASSES
from data_prep.simulator import SimulatorSettings
from data_prep.simulator.likeness import cast_of, classes_of
from data_prep.simulator.stills import plan_kdef, plan_rafd

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")


@pytest.fixture
def writer(of_docs):
    return of_docs("write_simulator")


def rows_of(heading):
    """The cells of the table whose head begins with these words."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


@pytest.mark.parametrize("mark", ["variants", "casts", "full", "held", "still"])
def test_what_is_printed_is_what_is_stored(writer, mark):
    page = writer.HELD if mark in ("held", "still") else writer.SIMULATOR
    text = page.read_text(encoding="utf-8")
    printed = re.search(rf"<!-- {mark} -->\n(.*?)\n<!-- /{mark} -->", text, re.DOTALL).group(1)
    assert printed == "\n".join(writer.WRITTEN[mark]())


def test_the_stored_rows_are_of_all_runs_that_the_command_makes(writer):
    rows = pd.read_csv(writer.ROWS)
    stored = set(
        rows[["size", "knobs", "registration", "method", "protocol"]].itertuples(index=False, name=None)
    )
    assert stored == {
        (run.size, writer.words(run.knobs), run.registration, method, protocol)
        for run in writer.RUNS
        for method in run.methods
        for protocol in writer.PROTOCOLS
    }


def test_the_defaults_of_the_knobs_are_those_of_the_code():
    shown = {}
    for names, values, _ in rows_of("| knob | default | meaning |"):
        shown |= dict(zip(re.findall(r"`(\w+)`", names), values.split(", "), strict=True))
    defaults = {each.name: getattr(SimulatorSettings(), each.name) for each in fields(SimulatorSettings)}
    del defaults["layouts"]
    assert shown.keys() == defaults.keys()
    assert {name: type(defaults[name])(value) for name, value in shown.items()} == defaults


def test_the_sizes_are_those_of_the_code():
    rows = rows_of("| size | clips | people |")
    for name, clips, people, frames, classes, photographs in rows:
        settings = SimulatorSettings(size=name.split("`")[1])
        cast, preset = cast_of(settings), settings.preset
        assert int(clips.split()[0]) == len(cast)
        assert int(people) == len({(plan.database, plan.subject) for plan in cast})
        assert frames.startswith("{} x {}".format(*preset.frame))
        counts = Counter(classes_of(cast).tolist())
        assert [int(count) for count in classes.split(" / ")] == [counts[each] for each in CLASSES]
        stills = plan_kdef(*preset.kdef), plan_rafd(*preset.rafd)
        assert photographs == " + ".join(str(len(each)) for each in stills)
    assert len(rows) == 4
