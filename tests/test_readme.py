"""The README is true: its tables are those of the stored runs, its files exist, its verbs parse."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from benchmark.flags import asked, parser
from data_prep.simulator import SimulatorSettings
from data_prep.simulator.likeness import cast_of
from methods import METHODS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def part(mark):
    return re.search(rf"<!-- {mark} -->\n(.*?)\n?<!-- /{mark} -->", README, re.S).group(1)


def stored(name):
    return pd.read_csv(ROOT / "docs" / "results" / f"{name}-table3.csv")


def number(row):
    spread = "" if pd.isna(row["seed_sd"]) else f" ± {row['seed_sd']:.1f}"
    mean = f"{row['mean']:.1f}{spread}"
    return mean if pd.isna(row["low"]) else f"{mean} ({row['low']:.1f}-{row['high']:.1f})"


@pytest.fixture(scope="module")
def writer(of_docs):
    return of_docs("write_readme")


def test_the_table_is_that_of_the_stored_run():
    table = stored("quick-small")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part("table").splitlines()[2:]]
    rows = [row for row in rows if not row[0].startswith("*")]
    assert [row[0] for row in rows] == list(table[table["protocol"] == "clips"]["title"])
    for title, clips, clips_style, people, people_style, _ in rows:
        for protocol, mean, style in (("clips", clips, clips_style), ("subject", people, people_style)):
            row = table[(table["protocol"] == protocol) & (table["title"] == title)].iloc[0]
            assert mean == number(row)
            assert style == f"{row['paper_style']:.1f}"


def test_the_papers_ten_rows_come_first():
    table = stored("quick-small")
    roles = list(table[table["protocol"] == "clips"]["role"])
    assert roles[:10] == ["paper"] * 10 and "paper" not in roles[10:]


def test_tables_are_written_from_the_stored_runs_to_the_letter(writer):
    assert part("table") == "\n".join(writer.table(stored("quick-small")))
    assert part("movement") == "\n".join(writer.movement(stored("movement")))


def test_the_clips_people_and_widths_that_the_text_counts_are_those_of_the_run():
    cast = cast_of(SimulatorSettings(size="small"))
    people = {(plan.database, plan.subject) for plan in cast}
    assert f"simulated data, {len(cast)} clips of {len(people)} people" in README
    widths = stored("quick-small").eval("high - low")
    said = re.search(r"With (\d+) clips an interval is about (\d+) points wide", README).groups()
    assert int(said[0]) == len(cast) and int(said[1]) == pytest.approx(widths.median(), abs=3)


def test_the_control_is_that_of_the_stored_run():
    people = stored("movement").query("protocol == 'subject'")
    people = people[(people["role"] == "paper") | people["method"].isin(["tlcnn-d", "majority"])]
    titles, _, means = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part("movement").splitlines()
    ]
    assert titles == list(people["title"])
    assert means == [f"{mean:.1f}" for mean in people["mean"]]


def test_every_method_is_clearly_above_every_baseline_without_pictures_on_the_control():
    people = stored("movement").query("protocol == 'subject'").set_index("method")
    baselines = {"majority", "person-prior", "database-prior"}
    assert set(people.index) == set(METHODS)
    for name in set(METHODS) - baselines:
        assert people.loc[name, "low"] > people.loc[list(baselines), "mean"].max(), name


def test_the_findings_speak_of_the_stored_numbers():
    """Every method's number over people that the findings name is in the table."""
    lines = part("findings").splitlines()
    assert len(lines) >= 2 and all(line.startswith("- ") for line in lines)
    best = stored("quick-small").groupby("protocol")["floor"].max()
    assert all(any(f"{value:.1f} %" in line for line in lines) for value in best)


def test_a_row_of_several_trainings_shows_their_spread(writer):
    row = pd.Series({"mean": 40.04, "low": 30.0, "high": 51.26, "seed_sd": 1.25, "paper_style": 50.0})
    assert writer.cell(row) == "40.0 ± 1.2 (30.0-51.3)" == number(row)
    assert writer.cell(pd.Series(dict(row) | {"seed_sd": float("nan")})) == "40.0 (30.0-51.3)"


def test_what_is_written_twice_is_the_same(writer):
    text = "a\n<!-- x -->\nold\n<!-- /x -->\nb"
    once = writer.put(text, "x", "new\nlines")
    assert once == "a\n<!-- x -->\nnew\nlines\n<!-- /x -->\nb" == writer.put(once, "x", "new\nlines")
    with pytest.raises(SystemExit, match="<!-- y -->"):
        writer.put(text, "y", "")


def test_linked_files_are_there():
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target.partition("#")[0]).exists(), target


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PLACEHOLDERS = {" ...": "", "KNOB=VALUE": "amplitude=2.0", "--methods mine ": "--methods "}
PLACEHOLDERS |= {"--device cuda": "--device cpu", "--settings cluster.toml": ""}
"""What stands in a page for words of the reader's own, and what this machine may lack."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_command_line_takes_every_command_of_a_page(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for placeholder, word in PLACEHOLDERS.items():
        text = text.replace(placeholder, word)
    for command in re.findall(r"(?:python -m benchmark|tlcnn-bench) ([a-z][^`\n]*)", text):
        words = shlex.split(command, comments=True)
        asked(parser().parse_args([word for word in words if word != "&&"]))
