"""The README is true: its table is that of the stored run, its files exist, its verbs parse."""

import re
import shlex
from pathlib import Path

import pandas as pd

from benchmark.flags import parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_table_is_that_of_the_stored_run():
    stored = pd.read_csv(ROOT / "docs" / "results" / "quick-small-table3.csv").set_index(
        ["protocol", "title"]
    )
    rows = re.findall(
        r"^\| ([^|:]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|[^|]*\|$", README, flags=re.M
    )
    rows = [row for row in rows if row[0] != "method"]
    assert len(rows) == 12
    for title, clips, clips_style, people, people_style in rows:
        for protocol, mean, style in (("clips", clips, clips_style), ("subject", people, people_style)):
            row = stored.loc[(protocol, title)]
            assert mean == f"{row['mean']:.2f} ({row['low']:.2f}-{row['high']:.2f})"
            assert style == f"{row['paper_style']:.2f}"


def test_the_finding_is_that_of_the_stored_run():
    stored = pd.read_csv(ROOT / "docs" / "results" / "quick-small-table3.csv").set_index(
        ["protocol", "method"]
    )
    clips, people = (stored.loc[(protocol, "lbp-top"), "mean"] for protocol in ("clips", "subject"))
    assert f"LBP-TOP scores {clips:.0f} %; where they are not, {people:.0f} %" in README
    assert f"adds up to {stored['optimism'].max():.0f} points" in README


def test_the_full_size_is_that_of_the_stored_runs():
    """The table of docs/simulator.md, and the README's sentence about it."""
    page = (ROOT / "docs" / "simulator.md").read_text().split("<!-- full -->")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()[3:]]
    stored = {
        profile: pd.read_csv(ROOT / "docs" / "results" / f"{profile}-full-table3.csv").set_index(
            ["protocol", "title"]
        )
        for profile in ("quick", "paper")
    }
    assert len(rows) == 12
    for title, *cells in rows:
        for cell, paper_cell, protocol in zip(cells[:2], cells[2:], ("clips", "subject"), strict=True):
            row = stored["quick"].loc[(protocol, title)]
            assert cell == f"{row['mean']:.1f} ({row['low']:.0f}-{row['high']:.0f})"
            there = (protocol, title) in stored["paper"].index
            assert paper_cell == (f"{stored['paper'].loc[(protocol, title), 'mean']:.1f}" if there else "")
    clips, people = (
        [f"{stored['quick'].loc[(protocol, title), 'mean']:.0f} %" for title in ("TLCNN", "LBP-TOP", "FDM")]
        for protocol in ("clips", "subject")
    )
    assert f"over clips TLCNN {clips[0]}, LBP-TOP {clips[1]}, FDM {clips[2]}" in README
    assert f"over people {people[0]}, {people[1]} and {people[2]}" in README


def test_linked_files_are_there():
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target.partition("#")[0]).exists(), target


def test_commands_parse():
    commands = re.findall(r"python -m benchmark ((?:[^`\n]|\\\n)+)", README.replace("\\\n", " "))
    assert len(commands) >= 6
    for command in commands:
        words = [word for word in shlex.split(command, comments=True) if word != "&&"]
        if words[0] in ("list", "audit", "check", "run", "fit", "predict", "compare"):
            parser().parse_args(words)
