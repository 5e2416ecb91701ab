"""What the numbers say, in sentences that are computed and never typed."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from results.numbers.baselines import CLEAR
from results.numbers.statistics import can_reach
from results.records.run_file import RunFile

NUMBER = {"mean": "mean accuracy", "pooled": "accuracy over all clips", "uar": "UAR over all clips"}

MOST_NAMED = 12
"""Methods that a sentence names whatever their intervals are; of more, only those that differ clearly."""


def findings(baselines: pd.DataFrame, info: RunFile) -> list[str]:
    """The sentences of `findings_of`, without where they belong."""
    return [line for _, _, line in findings_of(baselines, info)]


def findings_of(baselines: pd.DataFrame, info: RunFile) -> list[tuple[str, int, str]]:
    """A few lines per protocol and TIM, from the frame of `baselines_frame`; each with its protocol and TIM.

    What the best baseline reaches that sees no picture, and which methods are clearly above all of these;
    which lie above the best one that does see pictures; then what each method adds to the best of those that
    know the person or the database and see no picture. Where only baselines were run, those that see pictures
    are compared with the others.
    """
    lines = []
    for (protocol, tim), part in baselines.groupby(["protocol", "tim"], sort=False):
        methods, sighted = part[part["role"] != "baseline"], _sighted(part, info)
        own = sighted if methods.empty else methods
        if not own.empty:
            where = f"{info.protocol(str(protocol)).title}, TIM {tim}"
            for line in (_verdict(own), *_beside_sighted(sighted, methods), *_beside_blind(part, own)):
                lines.append((str(protocol), int(str(tim)), f"{where}: {line}"))
    return lines


def _sighted(part: pd.DataFrame, info: RunFile) -> pd.DataFrame:
    """Rows of baselines that are simple methods on the pictures themselves."""
    blind = {*part["baseline"], *(method.title for method in info.methods if method.blind)}
    return part[(part["role"] == "baseline") & ~part["title"].isin(blind)]


def _verdict(own: pd.DataFrame) -> str:
    best = own.iloc[int(own["baseline_value"].to_numpy(float).argmax())]
    reached = (
        f"the best baseline that sees no picture is {best['baseline']} with {best['baseline_value']:.1f} %"
    )
    reached += f" ({NUMBER[str(best['statistic'])]})"
    people = int(own["people"].max())
    if not can_reach(people):
        return f"{reached}; {people} people are too few to say what is above it."
    above = (own["verdict"] == CLEAR).groupby(own["title"], sort=False).all()
    titles = [str(title) for title in above.index[above]]
    if not titles:
        return f"{reached}; no method is clearly above every such baseline."
    more = f"{', '.join(titles)} {'is' if len(titles) == 1 else 'are'} clearly above every such baseline"
    rest = f", {int((~above).sum())} of {len(above)} methods are not" if len(titles) < len(above) else ""
    return f"{reached}; {more}{rest}."


def _beside_sighted(rows: pd.DataFrame, own: pd.DataFrame) -> Iterator[str]:
    """What has more than the best baseline that sees pictures, as it is."""
    if rows.empty or own.empty:
        return
    best = rows.iloc[int(rows["value"].to_numpy(float).argmax())]
    higher = own.loc[own["value"] > best["value"], "title"].drop_duplicates()
    yield (
        f"the best baseline that sees pictures, {best['title']}, has {best['value']:.1f} %; "
        f"higher, whatever the intervals: {', '.join(higher) or 'no method'}."
    )


def _beside_blind(part: pd.DataFrame, own: pd.DataFrame) -> Iterator[str]:
    """What each method adds to the best row that sees no picture."""
    rows = own[own["baseline"].isin(set(part.loc[part["role"] == "baseline", "title"]))]
    if rows.empty:
        return
    best = rows.iloc[int(rows["baseline_value"].to_numpy(float).argmax())]
    beside = rows[rows["baseline"] == best["baseline"]]
    told = beside if len(beside) <= MOST_NAMED else beside[(beside["low"] > 0) | (beside["high"] < 0)]
    gains = [
        f"{row['title']} {signed(row['gain'])} ({signed(row['low'])} to {signed(row['high'])})"
        for _, row in told.iterrows()
    ]
    if len(told) < len(beside):
        gains.append(f"{len(beside) - len(told)} others, whose intervals hold 0")
    known = f"{best['baseline']} ({best['baseline_value']:.1f} %)"
    yield f"beyond {known}, points and 95 % interval: {', '.join(gains)}."


def signed(points: float) -> str:
    """Points with their sign, which what rounds to nothing does not have."""
    text = f"{points:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text
