"""All pairs of methods of a run, tested by the test that suits the protocol."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from results.numbers.cells import Cell, Predictions
from results.numbers.metrics import accuracy_of
from results.numbers.statistics import (
    LEAST_DATA_SETS,
    Ranks,
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

Floats = npt.NDArray[np.float64]
Tested = Sequence[tuple[Cell, Predictions]]

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
PAIRED, CORRECTED = "paired t", "corrected resampled t"
LEVEL = 0.05


def statistics_frame(cells_tested: Tested) -> pd.DataFrame:
    """One row per pair of methods a, b of a protocol and TIM; accuracies and differences in percent.

    Units are subjects under leave-one-subject-out and folds elsewhere, seeds averaged. `p` is of the
    paired t-test where no clip is trained on twice in two units' places (subjects), and of the corrected
    resampled t-test over all folds of all seeds elsewhere; p_holm adjusts it over all pairs of the group.
    low and high: 95 % interval by the same test. p_paper_t pools all TIM settings, as the paper does.
    A method with missing units is refused: its pairs have no numbers and their verdict lists the holes.
    A unit of which one of the two methods can use no clip is left out of their pair, and n is smaller.
    """
    rows: list[dict[str, Any]] = []
    for protocol, tim in dict.fromkeys((cell.protocol, cell.tim) for cell, _ in cells_tested):
        group = [cell for cell, _ in cells_tested if (cell.protocol, cell.tim) == (protocol, tim)]
        pooled = _over_tims([cell for cell, _ in cells_tested if cell.protocol == protocol])
        rows += _group_rows(group, pooled)
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(("n", "wins", "ties", "losses"), "Int64"))


def _over_tims(cells: Sequence[Cell]) -> Mapping[str, Floats]:
    """Fold accuracies in percent of all TIM settings together, of methods that have them all."""
    methods = dict.fromkeys(cell.method for cell in cells)
    parts = {name: [cell for cell in cells if cell.method == name] for name in methods}
    found = {
        name: np.concatenate([100 * cell.accuracies("honest").mean(axis=1) for cell in own])
        for name, own in parts.items()
        if all(cell.complete for cell in own)
    }
    return {name: values[~np.isnan(values)] for name, values in found.items()}


def _group_rows(group: Sequence[Cell], pooled: Mapping[str, Floats]) -> list[dict[str, Any]]:
    rows = [_pair_row(a, b, pooled) for a, b in itertools.combinations(group, 2)]
    tested = [row for row in rows if "p" in row]
    for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = float(adjusted)
        row["verdict"] = row["verdict"] or _verdict(row)
    return rows


def _verdict(row: Mapping[str, Any]) -> str:
    if row["p_holm"] >= LEVEL:
        return "no difference shown"
    return f"{row['a'] if row['difference'] > 0 else row['b']} is better"


def _pair_row(a: Cell, b: Cell, pooled: Mapping[str, Floats]) -> dict[str, Any]:
    row: dict[str, Any] = {"protocol": a.protocol, "tim": a.tim, "a": a.title, "b": b.title}
    row["unit"] = "subject" if a.protocol == "loso" else "fold"
    holes = [f"{cell.title} lacks {cell.holes}" for cell in (a, b) if not cell.complete]
    if a.folds != b.folds or a.seeds != b.seeds:
        holes.append("their folds or seeds are not the same")
    if holes:
        return row | {"verdict": "refused: " + ", ".join(holes)}
    x, y = _both_there(100 * a.accuracies("honest"), 100 * b.accuracies("honest"))
    differences = (x - y).mean(axis=1)
    row["n"] = len(differences)
    if len(differences) < 2:
        return row | {"verdict": "refused: fewer than two units in which both have clips"}
    row |= {"mean_a": x.mean(), "mean_b": y.mean(), "difference": differences.mean()}
    paired, corrected = paired_t(differences), corrected_t((x - y).ravel(), _test_share(a))
    test = PAIRED if row["unit"] == "subject" else CORRECTED
    chosen = paired if test == PAIRED else corrected
    wins, ties, losses = wins_ties_losses(differences)
    row |= {"low": chosen.low, "high": chosen.high, "effect_size": effect_size(differences)}
    row |= {"wins": wins, "ties": ties, "losses": losses}
    row |= {"p_paired_t": paired.p, "p_corrected_t": corrected.p, "p_sign_flip": sign_flip(differences)}
    if a.method in pooled and b.method in pooled:
        row["p_paper_t"] = paper_t(pooled[a.method], pooled[b.method])
    same = "identical" if identical((x - y).ravel()) else ""
    return row | {"test": test, "p": chosen.p, "verdict": same}


def _both_there(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The rows in which neither of two tables of one shape has a nan."""
    there = ~np.isnan(x + y).any(axis=1)
    return x[there], y[there]


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
