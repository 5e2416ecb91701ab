"""Metrics by database and selection, and what choosing on the test fold adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from results.audit.published_table import published_means
from results.numbers.cells import SELECTIONS, Cell, Selection, mean_over_folds
from results.numbers.entries import (
    Float64,
    Int64,
    Predictions,
    Statistic,
    Tested,
    estimate,
    metric_estimate,
)
from results.numbers.metrics import METRICS, recalls_of
from results.numbers.over_candidates import best_single
from results.numbers.tables import in_paper
from results.numbers.unit_tables import whole
from results.records.run_file import Repetition
from results.records.runs import Results

Row = dict[str, Any]


def metrics_frame(results: Results, cells_tested: Tested) -> pd.DataFrame:
    """Accuracy, UF1, UAR, macro precision and per-class recall, 0 to 1.

    One row per protocol, TIM, method, database ("all" first), selection and scope: "pooled" is computed
    over all clips together with a 95 % interval over people, "fold mean" is the mean of the folds that have
    clips. Seeds are averaged; accuracy_seed_sd is their spread. A cell with missing units, or without any
    clip, keeps its row and has no numbers.
    """
    rows = []
    for cell, found in cells_tested:
        for database in (None, *(found.databases if len(found.databases) > 1 else ())):
            for selection in SELECTIONS:
                rows += _rows(cell, found, database, selection, results.classes)
    return whole(pd.DataFrame(rows), "clips", "subjects")


def _rows(
    cell: Cell, found: Predictions, database: str | None, selection: Selection, classes: Sequence[str]
) -> list[Row]:
    base: Row = {"method": cell.method, "tim": cell.tim, "protocol": cell.protocol}
    base |= {"database": database or "all", "selection": selection}
    shape: Row = {"folds": cell.completeness, "seeds": len(cell.seeds)}
    if not cell.complete or not len(found.truth):
        empty = dict.fromkeys(_columns(classes), np.nan)
        return [base | {"scope": scope} | shape | empty for scope in ("pooled", "fold mean")]
    by_subject = found.matrices(selection, "subject", database)
    there = by_subject.sum(axis=(0, 2, 3)) > 0
    people = tuple(name for name, is_there in zip(found.subjects, there, strict=True) if is_there)
    by_subject = by_subject[:, there]
    shape |= {"clips": int(by_subject[0].sum()), "subjects": len(people)}
    by_fold = found.matrices(selection, "fold", database)
    pooled = {"scope": "pooled", **shape, **_pooled(by_subject, people, classes, found.seeds)}
    return [base | pooled, base | {"scope": "fold mean", **shape, **_fold_mean(by_fold, classes)}]


def _pooled(
    by_subject: Int64, people: tuple[str, ...], classes: Sequence[str], seeds: Sequence[Repetition]
) -> Row:
    row: Row = {}
    for name, metric in METRICS.items():
        number = metric_estimate(by_subject, people, metric, seeds)
        low, high = number.interval()
        row |= {name: number.value, f"{name}_low": low, f"{name}_high": high}
        row[f"{name}_seed_sd"] = number.spread
    return row | _recalls(recalls_of(by_subject.sum(axis=1)).mean(axis=0), classes)


def _fold_mean(by_fold: Int64, classes: Sequence[str]) -> Row:
    row: Row = {}
    for name, metric in METRICS.items():
        per_seed = mean_over_folds(metric(by_fold))
        spread = float(per_seed.std(ddof=1)) if len(per_seed) > 1 else np.nan
        row |= {name: per_seed.mean(), f"{name}_low": np.nan, f"{name}_high": np.nan}
        row[f"{name}_seed_sd"] = spread
    recall = recalls_of(by_fold)
    means = np.array([mean_over_folds(recall[..., i]).mean() for i in range(len(classes))])
    return row | _recalls(means, classes)


def _recalls(values: Float64, classes: Sequence[str]) -> Row:
    return {f"recall_{name}": values[i] for i, name in enumerate(classes)}


def _columns(classes: Sequence[str]) -> list[str]:
    columns = ["clips", "subjects"]
    for name in METRICS:
        columns += [name, f"{name}_low", f"{name}_high", f"{name}_seed_sd"]
    return columns + [f"recall_{name}" for name in classes]


NUMBERS = ("", "uf1_", "uar_")
"""How the columns of the optimism table begin: of the accuracy that the protocol is judged by, UF1, UAR."""


def optimism_frame(cells_tested: Tested) -> pd.DataFrame:
    """What picking a candidate on the test data adds, in points: of the accuracy, of UF1 and of UAR.

    Each of the three has `honest` (chosen on the training clips), `paper_style` (the candidate with the most
    right clips in each test fold), `optimism` (its gain) with `optimism_low` and `optimism_high` (95 % over
    people), `best_single` (the best of the candidates, the same one in all folds) and `best_candidate`,
    which one that is. UF1 and UAR are of all clips together.
    """
    published = published_means()
    rows = []
    for cell, found in cells_tested:
        counts = [len(record.candidates) for record in cell.records.values()]
        row: Row = {"method": cell.method, "title": cell.title, "tim": cell.tim, "protocol": cell.protocol}
        row |= {"headline": cell.split.headline, "folds": cell.completeness}
        row |= {"candidates": max(counts, default=0)}
        for prefix in NUMBERS:
            statistic: Statistic = cell.split.headline if not prefix else _STATISTICS[prefix]
            row |= {prefix + name: value for name, value in _optimism(cell, found, statistic).items()}
        rows.append(row | {"published": in_paper(cell, published)})
    return pd.DataFrame(rows)


_STATISTICS: dict[str, Statistic] = {"uf1_": "uf1", "uar_": "uar"}
_OPTIMISM = ("honest", "paper_style", "optimism", "optimism_low", "optimism_high", "best_single")


def _optimism(cell: Cell, found: Predictions, statistic: Statistic) -> Row:
    if not cell.complete or not len(found.truth):
        return dict.fromkeys(_OPTIMISM, np.nan) | {"best_candidate": ""}
    honest, best = (estimate(found, found.decided[selection], statistic) for selection in SELECTIONS)
    gain = best.gain_over(honest)
    numbers = (honest.value, best.value, best.value - honest.value, *gain.interval())
    single = best_single(cell, found, statistic)
    row: Row = dict(
        zip(_OPTIMISM, (100 * np.array([*numbers, single.value if single else np.nan])), strict=True)
    )
    return row | {"best_candidate": single.words if single else ""}
