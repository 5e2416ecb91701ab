"""clips.html: every test clip with its truth and what every method made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from basis.files import write_atomically
from results.inline import inline_json
from results.numbers.cells import Cell, cells
from results.records.run_file import ProtocolInfo
from results.records.runs import Results

CLIP_PAGE = "clips.html"
PICTURES = "clips"
"""Folder beside the page with `<picture_name>.webp` of each clip, where they were made."""


@dataclass(frozen=True)
class Group:
    """The clips of one protocol and TIM, hardest first.

    Attributes
    ----------
    classes
        The names of the classes in order.
    rows
        The rows of the table that tested a clip of it, in its order; a method under two settings is two.
    frame
        Index clip; columns database, subject, truth, `failing` (share of the methods' decisions that are
        wrong, baselines apart; nan where baselines alone tested it), and one column per row, by its name,
        with its most frequent decision over seeds.
    right
        The same index, one column per row, share of the seeds that are right.
    """

    protocol: ProtocolInfo
    tim: int
    classes: tuple[str, ...]
    rows: tuple[Cell, ...]
    frame: pd.DataFrame
    right: pd.DataFrame

    @property
    def judged(self) -> list[str]:
        """The names of the rows that are no baselines."""
        return [row.method for row in self.rows if row.info.role != "baseline"]


def picture_name(clip: str) -> str:
    """The name of a clip's picture file, without suffix: letters and digits whatever the clip is called."""
    return hashlib.sha256(clip.encode()).hexdigest()[:16]


def groups(results: Results, predictions: pd.DataFrame) -> list[Group]:
    """One group per protocol and TIM, from the honest decisions of every seed."""
    if predictions.empty:
        return []
    found, planned = [], cells(results)
    for (protocol, tim), part in predictions.groupby(["protocol", "tim"], sort=False):
        there = set(part["method"])
        rows = [c for c in planned if (c.protocol, c.tim) == (protocol, tim) and c.method in there]
        here = [row.method for row in rows]
        correct = part.assign(right=part["honest"] == part["truth"])
        right = correct.pivot_table("right", "clip", "method", aggfunc="mean")[here]
        said = _most_frequent(part)[here]
        facts = part.drop_duplicates("clip").set_index("clip")[["database", "subject", "truth"]]
        counted = [row.method for row in rows if row.info.role != "baseline"] or here
        frame = facts.assign(failing=1 - right[counted].mean(axis=1)).join(said)
        frame = frame.sort_values("failing", ascending=False, kind="stable")
        found.append(
            Group(rows[0].split, rows[0].tim, results.classes, tuple(rows), frame, right.loc[frame.index])
        )
    return found


def _most_frequent(part: pd.DataFrame) -> pd.DataFrame:
    """Index clip, columns method: the decision of most seeds, the first of those that are tied."""
    counted = part.groupby(["clip", "method", "honest"], sort=False, observed=True).size()
    ordered = counted.reset_index(name="seeds").sort_values("seeds", ascending=False, kind="stable")
    first: pd.DataFrame = ordered.drop_duplicates(["clip", "method"]).pivot(
        index="clip", columns="method", values="honest"
    )
    return first


HARDEST: Mapping[str, str] = {
    "clip": "clip",
    "truth": "truth",
    "failing": "decisions that fail",
    "said": "what was said instead",
}
"""Columns of `hardest` that a reader sees, and their headings; protocol and TIM stand above them."""


def hardest(found: Sequence[Group], n: int = 10) -> pd.DataFrame:
    """The n clips of each protocol and TIM that most methods miss, with what they said instead.

    Columns: protocol, tim, clip, truth, failing (percent of the decisions), said.
    """
    rows = []
    for group in found:
        for clip, row in group.frame.dropna(subset="failing").head(n).iterrows():
            here = row[group.judged]
            wrong = here[(here != row["truth"]) & here.notna()]
            said = ", ".join(f"{name} {count}x" for name, count in wrong.value_counts().items())
            rows.append(
                {"protocol": group.protocol.name, "tim": group.tim, "clip": clip, "truth": row["truth"]}
                | {"failing": 100 * row["failing"], "said": said}
            )
    return pd.DataFrame(rows, columns=["protocol", "tim", *HARDEST])


def findings(group: Group) -> list[str]:
    """In words: clips that no method gets, clips that all get, what of the former each baseline gets."""
    right = group.right
    judged = right[group.judged]
    if not len(judged.columns):
        return []
    none, everybody = (judged == 0).all(axis=1), (judged == 1).all(axis=1)
    missed = f"Missed by every method under every seed: {int(none.sum())} of {len(right)} clips"
    baselines = (row for row in group.rows if row.info.role == "baseline")
    got = [(row.title, int((none & (right[row.method] == 1)).sum())) for row in baselines]
    named = ", ".join(f"{title} {count}" for title, count in got if count)
    lines = [f"{missed}; by none: {int(everybody.sum())}."]
    return [*lines, f"Of those that all miss, baselines have right: {named}."] if named else lines


def write_clip_page(folder: Path, name: str, found: Sequence[Group], *, faces: bool) -> Path:
    """Write `folder/clips.html` of the run `name`; pictures are linked where `folder/clips` holds them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("results", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    content = {
        "title": name,
        "data": inline_json([_plain(group, folder, faces) for group in found]),
        "choices": [(i, group.protocol.title, group.tim) for i, group in enumerate(found)],
    }
    path = folder / CLIP_PAGE
    text = environment.get_template("clip_page.html").render(**content)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text.encode())
    return path


def _plain(group: Group, folder: Path, faces: bool) -> dict[str, Any]:
    """A group as the page's script reads it; classes by number, shares of seeds in percent."""
    numbers = {name: i for i, name in enumerate(group.classes)}
    methods = [row.method for row in group.rows]
    kinds = ("face", "difference") if faces else ("difference",)
    rows = []
    shares_of = group.right.to_dict("index")
    for clip, row in group.frame.iterrows():
        files = [f"{PICTURES}/{picture_name(str(clip))}-{kind}.webp" for kind in kinds]
        shares = shares_of[clip]
        rows.append(
            {
                "clip": clip,
                "person": row["subject"],
                "truth": numbers[row["truth"]],
                "said": [numbers.get(row[name], -1) for name in methods],
                "right": [-1 if pd.isna(shares[name]) else round(100 * shares[name]) for name in methods],
                "failing": -1 if pd.isna(row["failing"]) else round(100 * row["failing"]),
                "pictures": [name for name in files if (folder / name).exists()],
            }
        )
    return {
        "classes": list(group.classes),
        "methods": [{"title": row.title, "role": row.info.role} for row in group.rows],
        "findings": findings(group),
        "rows": rows,
    }
