"""clips.html: every test clip with its truth and what every method made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from basis.files import write_atomically
from results.records.runs import Results

CLIP_PAGE = "clips.html"
PICTURES = "clips"
"""Folder beside the page with `<picture_name>.webp` of each clip, where they were made."""


@dataclass(frozen=True)
class Group:
    """The clips of one protocol and TIM, hardest first.

    frame: index clip; columns database, subject, truth, `failing` (share of the methods' decisions that are
    wrong, baselines apart), and one column per method with its most frequent decision over seeds.
    right: the same index and methods, share of the seeds that are right.
    """

    protocol: str
    tim: int
    frame: pd.DataFrame
    right: pd.DataFrame


def picture_name(clip: str) -> str:
    """The name of a clip's picture file, without suffix: letters and digits whatever the clip is called."""
    return hashlib.sha256(clip.encode()).hexdigest()[:16]


def groups(results: Results, predictions: pd.DataFrame) -> list[Group]:
    """One group per protocol and TIM, from the honest decisions of every seed."""
    names = [method.name for method in results.info.methods]
    judged = [method.name for method in results.info.methods if method.role != "baseline"]
    found = []
    for (protocol, _), part in predictions.groupby(["protocol", "tim"], sort=False):
        here = [name for name in names if name in set(part["method"])]
        correct = part.assign(right=part["honest"] == part["truth"])
        if not here or part["clip"].empty:
            continue
        right = correct.pivot_table("right", "clip", "method", aggfunc="mean")[here]
        said = part.pivot_table("honest", "clip", "method", aggfunc=_most_frequent)[here]
        facts = part.drop_duplicates("clip").set_index("clip")[["database", "subject", "truth"]]
        counted = [name for name in here if name in judged] or here
        frame = facts.assign(failing=1 - right[counted].mean(axis=1)).join(said)
        frame = frame.sort_values("failing", ascending=False, kind="stable")
        found.append(Group(str(protocol), int(part["tim"].iloc[0]), frame, right.loc[frame.index]))
    return found


def _most_frequent(values: pd.Series) -> Any:
    return values.value_counts().index[0]


def hardest(results: Results, predictions: pd.DataFrame, n: int = 10) -> pd.DataFrame:
    """The n clips of each protocol and TIM that most methods miss, with what they said instead."""
    judged = [method.name for method in results.info.methods if method.role != "baseline"]
    rows = []
    for group in groups(results, predictions):
        here = [name for name in judged if name in group.right.columns]
        for clip, row in group.frame.head(n).iterrows():
            wrong = row[here][(row[here] != row["truth"]) & row[here].notna()]
            said = ", ".join(f"{name} {count}x" for name, count in wrong.value_counts().items())
            rows.append(
                {"protocol": group.protocol, "tim": group.tim, "clip": clip, "truth": row["truth"]}
                | {"failing": row["failing"], "said": said}
            )
    return pd.DataFrame(rows, columns=["protocol", "tim", "clip", "truth", "failing", "said"])


def findings(results: Results, group: Group) -> list[str]:
    """In words: clips that no method gets, clips that all get, clips that one baseline alone gets."""
    baselines = [method.name for method in results.info.methods if method.role == "baseline"]
    right = group.right
    judged = right[[name for name in right.columns if name not in baselines]]
    if judged.empty or not len(judged.columns):
        return []
    none, everybody = (judged == 0).all(axis=1), (judged == 1).all(axis=1)
    missed = f"{int(none.sum())} of {len(right)} clips are missed by every method under every seed"
    lines = [f"{missed}, {int(everybody.sum())} are missed by none."]
    for name in (each for each in baselines if each in right.columns):
        alone = int((none & (right[name] == 1)).sum())
        if alone:
            lines.append(f"{alone} of the missed clips are right by {results.info.title(name)} alone.")
    return lines


def write_clip_page(folder: Path, results: Results, predictions: pd.DataFrame, *, faces: bool) -> Path:
    """Write `folder/clips.html`; pictures are linked where `folder/clips` holds them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("results", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    found = groups(results, predictions)
    content = {
        "title": results.info.name,
        "data": _inline([_plain(results, group, folder, faces) for group in found]),
        "choices": [(i, results.info.protocol(g.protocol).title, g.tim) for i, g in enumerate(found)],
    }
    path = folder / CLIP_PAGE
    text = environment.get_template("clip_page.html").render(**content)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text.encode())
    return path


def _plain(results: Results, group: Group, folder: Path, faces: bool) -> dict[str, Any]:
    """A group as the page's script reads it; classes by number, shares of seeds in percent."""
    numbers = {name: i for i, name in enumerate(results.classes)}
    methods = list(group.right.columns)
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
                "failing": round(100 * row["failing"]),
                "pictures": [name for name in files if (folder / name).exists()],
            }
        )
    info = results.info
    return {
        "classes": list(results.classes),
        "methods": [{"title": info.title(name), "role": info.method(name).role} for name in methods],
        "findings": findings(results, group),
        "rows": rows,
    }


def _inline(value: Sequence[Mapping[str, Any]]) -> Markup:
    """JSON that cannot end the script element it stands in."""
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))
