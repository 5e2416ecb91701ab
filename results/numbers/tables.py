"""Table 3: one function computes each number, everything else prints these frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from results.audit.published_table import published_means
from results.numbers.baselines import BASELINE, groups_of, standing
from results.numbers.cells import SELECTIONS, Cell, Selection, cells
from results.numbers.entries import Predictions, Tested, accuracy_estimate, metric_estimate, predictions
from results.numbers.intervals import Estimate
from results.numbers.metrics import uar_of, uf1_of
from results.records.run_file import TaskInfo
from results.records.runs import Results

Row = dict[str, Any]


def tested(results: Results) -> list[tuple[Cell, Predictions]]:
    """All cells of the plan with the predictions that are there."""
    n_classes = len(results.classes)
    return [(cell, predictions(cell, n_classes)) for cell in cells(results)]


def table3_frame(cells_tested: Tested, task: TaskInfo) -> pd.DataFrame:
    """Accuracies in percent: fold1 ... and their mean, and what stands beside them.

    Columns: method, title, role ("paper", "extra", "baseline"), tim, protocol, headline (the number that the
    protocol and task are judged by: "mean", "pooled" or "uar"), seeds, folds ("5 folds" or "4 of 5 folds"),
    fold1 ... (mean over seeds, nan unless all seeds are there); then, nan unless all folds are there: mean
    (of the folds that have clips), low, high (95 % interval of the mean), seed_sd (spread of the headline
    over seeds), pooled (accuracy over all clips), uf1, uar (over all clips), each with _low and _high,
    paper_style (the accuracy with the best candidate on each test fold), optimism (its gain), floor (the best
    baseline's headline), baseline (which one), published (the paper's mean), note.
    """
    width = max((len(cell.folds) for cell, _ in cells_tested), default=0)
    published = published_means()
    groups = groups_of(cells_tested)
    rows = [
        _unfinished_row(cell, width, published)
        if not cell.complete or not len(found.truth)
        else _row(cell, found, groups[cell.protocol, cell.tim], task, width, published)
        for cell, found in cells_tested
    ]
    return pd.DataFrame(rows, columns=_columns(width))


def fold_columns(frame: pd.DataFrame) -> list[str]:
    """The names fold1, fold2, ... that a table has."""
    return [name for name in frame.columns if name.startswith("fold") and name[4:].isdigit()]


def _columns(width: int) -> list[str]:
    before = ["method", "title", "role", "tim", "protocol", "headline", "seeds", "folds"]
    after = ["mean", "low", "high", "seed_sd", "pooled", "pooled_low", "pooled_high"]
    after += ["uf1", "uf1_low", "uf1_high", "uar", "uar_low", "uar_high", "paper_style", "optimism"]
    after += ["floor", "baseline", "published", "note"]
    return [*before, *(f"fold{i + 1}" for i in range(width)), *after]


def _unfinished_row(cell: Cell, width: int, published: Mapping[tuple[str, int], float]) -> Row:
    """What is known of a cell without numbers: its folds."""
    return {
        "method": cell.method,
        "title": cell.title,
        "role": cell.info.role,
        "tim": cell.tim,
        "protocol": cell.protocol,
        "headline": cell.split.headline,
        "seeds": len(cell.seeds),
        "folds": cell.completeness,
        **{f"fold{i + 1}": np.nan for i in range(width)},
        **{f"fold{i + 1}": 100 * v for i, v in enumerate(cell.accuracies("honest").mean(axis=1))},
        "published": in_paper(cell, published),
        "note": cell.emptiness,
    }


def _row(
    cell: Cell,
    found: Predictions,
    group: Tested,
    task: TaskInfo,
    width: int,
    published: Mapping[tuple[str, int], float],
) -> Row:
    honest = found.decided["honest"]
    by_person = found.matrices("honest", "subject")
    numbers = {
        "mean": accuracy_estimate(found, honest, "mean"),
        "pooled": accuracy_estimate(found, honest, "pooled"),
        "uf1": metric_estimate(by_person, found.subjects, uf1_of, found.seeds),
        "uar": metric_estimate(by_person, found.subjects, uar_of, found.seeds),
    }
    beside = standing(cell, found, group, task)
    own, best = (accuracy_of_headline(cell, found, selection) for selection in SELECTIONS)
    row = _unfinished_row(cell, width, published)
    for name, number in numbers.items():
        low, high = number.interval()
        prefix = "" if name == "mean" else f"{name}_"
        row |= {name: 100 * number.value, f"{prefix}low": 100 * low, f"{prefix}high": 100 * high}
    notes = (BASELINE,) if cell.info.blind else (beside.note, _constancy(found))
    return row | {
        "headline": "uar" if task.headline == "uf1-uar" else cell.split.headline,
        "seed_sd": 100 * beside.own.spread,
        "paper_style": 100 * best.value,
        "optimism": 100 * (best.value - own.value),
        "floor": 100 * beside.best.value,
        "baseline": beside.best.title,
        "note": ", ".join(filter(None, (*notes, cell.emptiness))),
    }


def _constancy(found: Predictions) -> str:
    """Said of a method that names a single class in every fold that tests several, in every training."""
    matrices = found.matrices("honest", "fold")
    tested, named = ((matrices.sum(axis=axis) > 0).sum(axis=-1) for axis in (-1, -2))
    several = tested > 1
    return "one class for all clips of a fold" if several.any() and (named[several] == 1).all() else ""


def accuracy_of_headline(cell: Cell, found: Predictions, selection: Selection) -> Estimate:
    """The accuracy that the protocol is judged by, under one selection of candidates."""
    return accuracy_estimate(found, found.decided[selection], cell.split.headline)


def in_paper(cell: Cell, published: Mapping[tuple[str, int], float]) -> float:
    """The paper's mean for this cell, nan where it has none.

    It is given to this project's own method of that title under the protocol of the paper, and to nothing
    that another package brings.
    """
    own = cell.info.role == "paper" and not cell.info.origin and cell.split.published and not cell.variant
    return published.get((cell.info.title, cell.tim), np.nan) if own else np.nan
