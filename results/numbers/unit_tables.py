"""Tables that count: units, costs, confusions, single predictions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from results.numbers.cells import SELECTIONS, Cell, decided
from results.numbers.entries import Tested
from results.numbers.metrics import METRICS
from results.records.run_file import Place, Repetition
from results.records.runs import Results
from results.records.store import Record

PARTS = ("prepare", "features", "fit", "predict")
"""Where the time of a unit goes; records may hold finer parts of these."""

Row = dict[str, Any]


def per_fold_frame(results: Results, cells_tested: Tested) -> pd.DataFrame:
    """One row per planned unit: status, clips, right ones, metrics under both selections, candidates."""
    rows = [
        _unit_row(cell, i, fold, seed, len(results.classes))
        for cell, _ in cells_tested
        for i, fold in enumerate(cell.folds, start=1)
        for seed in cell.seeds
    ]
    return whole(
        pd.DataFrame(rows, columns=PER_FOLD_COLUMNS), "n_train", "n_test", "correct", "paper_style_correct"
    )


PER_FOLD_COLUMNS = [
    *("method", "tim", "protocol", "fold", "fold_name", "seed", "draw", "status", "n_train", "n_test"),
    *("correct", "accuracy", "uf1", "uar", "step_accuracy", "candidate"),
    *("paper_style_correct", "paper_style_accuracy", "paper_style_candidate", "optimism"),
]


def _unit_row(cell: Cell, index: int, fold: str, seed: Repetition, n_classes: int) -> Row:
    row: Row = {"method": cell.method, "tim": cell.tim, "protocol": cell.protocol}
    row |= {"fold": index, "fold_name": fold, **seed._asdict()}
    record = cell.records.get((fold, seed))
    if record is None:
        return row | {"status": cell.reasons[fold, seed]}
    truth = np.asarray(record.truth, dtype=np.int64)
    matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(matrix, (truth, record.honest), 1)
    right, best = int(matrix.trace()), int((record.paper_style == truth).sum())
    n, share = len(truth), 1 / len(truth) if len(truth) else np.nan
    return row | {
        "status": record.status,
        "n_train": record.n_train,
        "n_test": n,
        "correct": right,
        "accuracy": right * share,
        "uf1": float(METRICS["uf1"](matrix)),
        "uar": float(METRICS["uar"](matrix)),
        "step_accuracy": step_accuracy(record),
        "candidate": json.dumps(record.candidates[record.chosen], sort_keys=True),
        "paper_style_correct": best,
        "paper_style_accuracy": best * share,
        "paper_style_candidate": json.dumps(record.candidates[record.paper_style_candidate], sort_keys=True),
        "optimism": (best - right) * share,
    }


def step_accuracy(record: Record) -> float:
    """Share of right time steps of the chosen candidate, nan where a method does not decide per step."""
    if record.step_decisions is None:
        return float("nan")
    steps = record.step_decisions[record.chosen]
    return float((steps == np.asarray(record.truth)[:, None]).mean())


def costs_frame(cells_tested: Tested) -> pd.DataFrame:
    """Seconds (mean per finished unit, and total), peak memory (MB) and parameters of every cell."""
    rows = []
    for cell, _ in cells_tested:
        records = list(cell.records.values())
        row: Row = {"method": cell.method, "title": cell.title, "tim": cell.tim, "protocol": cell.protocol}
        row |= {"units": len(records), "planned": len(cell.folds) * len(cell.seeds)}
        for part in PARTS:
            seconds = [float(record.seconds.get(part, 0.0)) for record in records]
            row[f"{part}_seconds"] = np.mean(seconds) if seconds else np.nan
        row["total_seconds"] = sum(float(r.seconds.get(part, 0.0)) for r in records for part in PARTS)
        row["peak_memory_mb"] = max((record.peak_memory_mb for record in records), default=np.nan)
        sizes = [record.n_parameters for record in records if record.n_parameters is not None]
        rows.append(row | {"parameters": max(sizes) if sizes else np.nan})
    return whole(pd.DataFrame(rows), "parameters")


def whole(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """These columns as whole numbers that may be missing."""
    return frame.astype(dict.fromkeys(names, "Int64")) if len(frame) else frame


def confusion_frame(results: Results, cells_tested: Tested) -> pd.DataFrame:
    """Counts of (truth, predicted) pooled over folds and seeds, per protocol, TIM, method and database."""
    rows = []
    for cell, found in cells_tested:
        for database in (None, *(found.databases if len(found.databases) > 1 else ())):
            for selection in SELECTIONS:
                matrix = found.matrices(selection, "all", database).sum(axis=(0, 1))
                base: Row = {"method": cell.method, "tim": cell.tim, "protocol": cell.protocol}
                base |= {"database": database or "all", "selection": selection, "folds": cell.completeness}
                rows += [
                    base | {"truth": truth, "predicted": predicted, "count": int(matrix[i, j])}
                    for i, truth in enumerate(results.classes)
                    for j, predicted in enumerate(results.classes)
                ]
    return pd.DataFrame(rows)


def predictions_frame(results: Results, cells_tested: Tested) -> pd.DataFrame:
    """Every tested clip of every unit: names, truth, both decisions and the chosen candidate's scores."""
    classes = _objects(results.classes)
    columns: dict[str, list[npt.NDArray[Any]]] = {}
    for cell, _ in cells_tested:
        for (fold, seed), record in cell.records.items():
            place = (cell.method, cell.tim, cell.protocol, fold, seed)
            for name, values in _prediction_columns(record, place, classes).items():
                columns.setdefault(name, []).append(values)
    return pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})


def _prediction_columns(
    record: Record, place: Place, classes: npt.NDArray[Any]
) -> dict[str, npt.NDArray[Any]]:
    n = len(record.truth)
    names = ("method", "tim", "protocol", "fold")
    columns = {name: np.repeat(_objects([value]), n) for name, value in zip(names, place[:4], strict=True)}
    columns["tim"] = np.full(n, place[1])
    columns |= {name: np.full(n, value) for name, value in place[4]._asdict().items()}
    columns["database"], columns["subject"] = _objects(record.databases), _objects(record.subjects)
    columns["clip"] = _objects(record.names)
    columns["truth"] = classes[np.asarray(record.truth, dtype=np.int64)]
    columns["honest"] = classes[decided(record, "honest")]
    columns["paper_style"] = classes[decided(record, "paper-style")]
    if record.scores is not None:
        for i, name in enumerate(classes):
            columns[f"score_{name}"] = record.scores[record.chosen][:, i]
    return columns


def _objects(values: Sequence[object]) -> npt.NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
