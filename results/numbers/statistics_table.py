"""All pairs of methods of a run, tested by the test that suits the protocol."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from results.numbers.cells import Cell
from results.numbers.entries import Tested
from results.numbers.metrics import accuracy_of
from results.numbers.statistics import (
    FEW,
    LEAST_DATA_SETS,
    LEAST_UNITS,
    LEVEL,
    Ranks,
    can_reach,
    corrected_t,
    effect_size,
    friedman_nemenyi,
    holm,
    identical,
    paired_t,
    paper_t,
    sign_flip,
    wins_ties_losses,
)
from results.records.run_file import Repetition

Float64 = npt.NDArray[np.float64]

COLUMNS = [
    *(
        "protocol",
        "tim",
        "a",
        "b",
        "unit",
        "n",
        "mean_a",
        "mean_b",
        "difference",
        "low",
        "high",
        "effect_size",
    ),
    *("wins", "ties", "losses", "p_paired_t", "p_corrected_t", "p_sign_flip", "p_paper_t"),
    *("test", "p", "p_holm", "verdict"),
]
PAIRED, CORRECTED, EXACT = "paired t", "corrected resampled t", "exact sign flip"


def statistics_frame(cells_tested: Tested) -> pd.DataFrame:
    """One row per pair of methods a, b of a protocol and TIM; accuracies and differences in percent.

    Units are subjects or folds, as the protocol says. n counts distinct ones: what was tested on the same
    clips, by several trainings or under several seeds, is averaged first. Below ten units `p` is of the exact
    sign-flip test, above of the paired t-test where no clip is tested in two units, and of the corrected
    resampled t-test where seeds deal the folds anew or the unit is the fold; p_holm adjusts it over all pairs
    of the group. low and high:
    95 % interval of the difference by the t-test, none below three units. p_paper_t pools all TIM settings,
    as the paper does. A method with missing units is refused: its pairs have no numbers and their verdict
    lists the holes. A unit of which one of the two can use no clip is left out of their pair.
    """
    rows: list[dict[str, Any]] = []
    for protocol, tim in dict.fromkeys((cell.protocol, cell.tim) for cell, _ in cells_tested):
        group = [cell for cell, _ in cells_tested if (cell.protocol, cell.tim) == (protocol, tim)]
        pooled = _over_tims([cell for cell, _ in cells_tested if cell.protocol == protocol])
        rows += _group_rows(group, pooled)
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(("n", "wins", "ties", "losses"), "Int64"))


def _over_tims(cells: Sequence[Cell]) -> Mapping[str, Float64]:
    """Fold accuracies in percent of all TIM settings together, of methods that have them all."""
    methods = dict.fromkeys(cell.method for cell in cells)
    parts = {name: [cell for cell in cells if cell.method == name] for name in methods}
    found = {
        name: np.concatenate([100 * cell.accuracies("honest").mean(axis=1) for cell in own])
        for name, own in parts.items()
        if all(cell.complete for cell in own)
    }
    return {name: values[~np.isnan(values)] for name, values in found.items()}


def _group_rows(group: Sequence[Cell], pooled: Mapping[str, Float64]) -> list[dict[str, Any]]:
    rows = [_pair_row(a, b, pooled) for a, b in itertools.combinations(group, 2)]
    tested = [row for row in rows if "p" in row]
    for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = float(adjusted)
        row["verdict"] = row["verdict"] or _verdict(row)
    return rows


def _verdict(row: Mapping[str, Any]) -> str:
    if not can_reach(row["n"]):
        return f"no verdict: {row['n']} {row['unit']}s are too few"
    if row["p_holm"] >= LEVEL:
        return "no difference shown"
    return f"{row['a'] if row['difference'] > 0 else row['b']} is better"


@dataclass(frozen=True)
class Pairs:
    """Accuracies of two methods in percent on the same units.

    Attributes
    ----------
    a, b
        (n,) one per distinct set of test clips.
    by_fold
        (folds,) differences with all seeds averaged, the independent ones.
    repeated
        Seeds deal the folds anew, so that a clip is tested in several units.
    """

    a: Float64
    b: Float64
    by_fold: Float64
    repeated: bool


def _pairs(a: Cell, b: Cell) -> Pairs:
    """What both methods were tested on, averaged where the clips are the same."""
    x, y = 100 * a.over_draws("honest"), 100 * b.over_draws("honest")
    units: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[float, float]]] = {}
    for i, fold in enumerate(a.folds):
        for j, seed in enumerate(map(Repetition, a.splits)):
            if not np.isnan(x[i, j] + y[i, j]):
                names = a.records[fold, seed].names, b.records[fold, seed].names
                units.setdefault(names, []).append((x[i, j], y[i, j]))
    means = np.array([np.mean(values, axis=0) for values in units.values()]).reshape(-1, 2)
    there = ~np.isnan(x + y).all(axis=1)
    by_fold = np.nanmean((x - y)[there], axis=1) if there.any() else np.zeros(0)
    return Pairs(means[:, 0], means[:, 1], by_fold, repeated=len(means) > len(by_fold))


def _pair_row(a: Cell, b: Cell, pooled: Mapping[str, Float64]) -> dict[str, Any]:
    row: dict[str, Any] = {"protocol": a.protocol, "tim": a.tim, "a": a.title, "b": b.title}
    row["unit"] = a.split.unit
    holes = [f"{cell.title} lacks {cell.holes}" for cell in (a, b) if not cell.complete]
    if a.folds != b.folds or a.splits != b.splits:
        holes.append("their folds or seeds are not the same")
    if holes:
        return row | {"verdict": "refused: " + ", ".join(holes)}
    pairs = _pairs(a, b)
    row["n"] = len(pairs.a)
    if len(pairs.a) < 2:
        return row | {"verdict": f"refused: fewer than two {row['unit']}s in which both have clips"}
    row |= _tests(pairs, row["unit"], _test_share(a))
    if a.method in pooled and b.method in pooled:
        row["p_paper_t"] = paper_t(pooled[a.method], pooled[b.method])
    return row


def _tests(pairs: Pairs, unit: str, test_share: float) -> dict[str, Any]:
    differences = pairs.a - pairs.b
    n = len(differences)
    paired, corrected = paired_t(pairs.by_fold), corrected_t(differences, test_share)
    by_t, t_test = (PAIRED, paired) if unit == "subject" and not pairs.repeated else (CORRECTED, corrected)
    flip = sign_flip(pairs.by_fold if pairs.repeated else differences)
    wins, ties, losses = wins_ties_losses(differences)
    interval = (t_test.low, t_test.high) if n >= LEAST_UNITS else (np.nan, np.nan)
    return {
        "mean_a": pairs.a.mean(),
        "mean_b": pairs.b.mean(),
        "difference": differences.mean(),
        "low": interval[0],
        "high": interval[1],
        "effect_size": effect_size(differences),
        "wins": wins,
        "ties": ties,
        "losses": losses,
        "p_paired_t": paired.p,
        "p_corrected_t": corrected.p,
        "p_sign_flip": flip,
        "test": EXACT if n < FEW else by_t,
        "p": flip if n < FEW else t_test.p,
        "verdict": "identical" if identical(differences) else "",
    }


def _test_share(cell: Cell) -> float:
    """Test clips per training clip, the mean over the units of a cell."""
    records = [record for record in cell.records.values() if len(record.truth)]
    return float(np.mean([len(record.truth) / max(record.n_train, 1) for record in records]))


def ranks(cells_tested: Tested, protocol: str, tim: int) -> tuple[list[str], Ranks] | str:
    """Ranks of the methods over the databases of a run, or the reason why there are none."""
    group = [(c, f) for c, f in cells_tested if (c.protocol, c.tim) == (protocol, tim) and c.complete]
    databases = group[0][1].databases if group else ()
    if len(databases) < LEAST_DATA_SETS or len(group) < 3:
        need = f"ranks need at least {LEAST_DATA_SETS} data sets and 3 methods"
        return f"{need}, there are {len(databases)} and {len(group)}"
    scores = [[accuracy_of(f.matrices("honest", "all", d)).mean() for _, f in group] for d in databases]
    return [cell.title for cell, _ in group], friedman_nemenyi(np.array(scores))
