"""Write the README's numbers from finished runs: `python docs/write_readme.py RUN [--movement RUN]`.

The tables and findings stand between marks; nothing in them is typed. The tables are kept under docs/results,
where a test holds the README against them.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from results.numbers.findings import findings_of
from results.records.runs import load_results
from results.report import all_frames

ROOT = Path(__file__).parent.parent
STORED = ROOT / "docs" / "results"
HEADINGS = {"paper": "", "extra": "not in the paper", "baseline": "baselines"}


def main() -> None:
    """Copy the tables, rewrite the marked parts of the README, redraw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--movement", type=Path, help="a run of --control movement --protocol subject")
    given = parser.parse_args()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    stored = keep(given.run, "quick-small")
    text = put(text, "table", "\n".join(table(stored)))
    text = put(text, "findings", findings(given.run))
    if given.movement:
        text = put(text, "movement", "\n".join(movement(keep(given.movement, "movement"))))
    (ROOT / "README.md").write_text(text, encoding="utf-8")
    for protocol in ("clips", "subject"):
        source = given.run / "figures" / f"fig13-bars-{protocol}.png"
        shutil.copyfile(source, ROOT / "docs" / "img" / f"fig13-{protocol}.png")


def keep(run: Path, name: str) -> pd.DataFrame:
    """Copy a run's Table 3 to docs/results and read it."""
    target = STORED / f"{name}-table3.csv"
    shutil.copyfile(run / "table3.csv", target)
    return pd.read_csv(target)


def put(text: str, mark: str, content: str) -> str:
    """The text with `content` between `<!-- mark -->` and `<!-- /mark -->`."""
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(\n?<!-- /{mark} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"the page has no part between <!-- {mark} --> and <!-- /{mark} -->")
    return pattern.sub(lambda found: f"{found[1]}{content}\n<!-- /{mark} -->", text)


def table(stored: pd.DataFrame) -> Iterator[str]:
    """Table 3 in Markdown: both protocols side by side, the paper's rows first."""
    over = "mean (95 % interval) | paper-style"
    yield f"| method | folds over clips: {over} | folds over people: {over} | note on people |"
    yield "|:--|--:|--:|--:|--:|:--|"
    for role, heading in HEADINGS.items():
        part = stored[stored["role"] == role]
        if heading and len(part):
            yield f"| *{heading}* | | | | | |"
        for _, clips in part[part["protocol"] == "clips"].iterrows():
            same = (part["method"] == clips["method"]) & (part["protocol"] == "subject")
            people = part[same].iloc[0]
            note = "" if pd.isna(people["note"]) or role == "baseline" else people["note"]
            cells = [cell(clips), style(clips), cell(people), style(people), note]
            yield f"| {clips['title']} | {' | '.join(cells)} |"


def cell(row: pd.Series) -> str:
    """Mean of a row, its spread over trainings where there are several, and its interval."""
    mean = f"{row['mean']:.1f}"
    mean += "" if pd.isna(row["seed_sd"]) else f" ± {row['seed_sd']:.1f}"
    return mean if pd.isna(row["low"]) else f"{mean} ({row['low']:.1f}-{row['high']:.1f})"


def style(row: pd.Series) -> str:
    """The paper-style number of a row."""
    return f"{row['paper_style']:.1f}"


def movement(stored: pd.DataFrame) -> Iterator[str]:
    """The positive control in one table of two lines."""
    people = in_two_lines(stored)
    yield "| " + " | ".join(str(title) for title in people["title"]) + " |"
    yield "|" + "--:|" * len(people)
    yield "| " + " | ".join(f"{mean:.1f}" for mean in people["mean"]) + " |"


def in_two_lines(stored: pd.DataFrame) -> pd.DataFrame:
    """The paper's rows over people, TLCNN on differences, and the best baseline that sees no picture."""
    people = stored[stored["protocol"] == "subject"]
    return people[(people["role"] == "paper") | people["method"].isin(["tlcnn-d", "majority"])]


def findings(run: Path) -> str:
    """The README's list of what the numbers say."""
    return "\n".join(f"- {line}" for line in sentences(run))


def sentences(run: Path) -> list[str]:
    """What the numbers say beside the baselines, and what each method adds to them, computed."""
    results = load_results(run)
    return [line for _, _, line in findings_of(all_frames(results)["baselines"], results.info)]


if __name__ == "__main__":
    main()
