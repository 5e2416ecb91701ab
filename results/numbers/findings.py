"""What the numbers say, in sentences that are computed and never typed."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from results.numbers.baselines import CLEAR
from results.numbers.statistics import can_reach
from results.records.run_file import RunFile

NUMBER = {"mean": "mean accuracy", "pooled": "accuracy over all clips", "uar": "UAR over all clips"}


def findings(baselines: pd.DataFrame, info: RunFile) -> list[str]:
    """A line per protocol and TIM, from the frame of `baselines_frame`.

    What the best baseline reaches, which methods are clearly above all baselines and by how much, and which
    of the methods that are not baselines are not.
    """
    lines = []
    for (protocol, tim), part in baselines.groupby(["protocol", "tim"], sort=False):
        lines += list(_of_group(part, f"{info.protocol(str(protocol)).title}, TIM {tim}"))
    return lines


def _of_group(part: pd.DataFrame, where: str) -> Iterator[str]:
    own = part[part["role"] != "baseline"]
    if own.empty:
        return
    statistic, people = str(own["statistic"].iloc[0]), int(own["people"].max())
    first = own.groupby("title", sort=False).first()
    best = own.iloc[int(own["baseline_value"].to_numpy(float).argmax())]
    yield (
        f"{where}: the best baseline is {best['baseline']} with {best['baseline_value']:.1f} % "
        f"({NUMBER[statistic]})."
    )
    if not can_reach(people):
        yield f"{where}: {people} people are too few to say which method is above it."
        return
    clear = first[(own["verdict"] == CLEAR).groupby(own["title"], sort=False).all()]
    if clear.empty:
        yield f"{where}: no method is clearly above every baseline."
    for title, row in clear.sort_values("gain", ascending=False, kind="stable").iterrows():
        yield (
            f"{where}: {title} adds {row['gain']:.1f} points to {row['baseline']} "
            f"(95 % interval {row['low']:.1f} to {row['high']:.1f})."
        )
