"""Every table as a data frame: one function computes each number, everything else prints these frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from results.audit.published_table import published_means
from results.numbers.cells import (
    SELECTIONS,
    Cell,
    Predictions,
    Selection,
    cells,
    decided,
    mean_over_folds,
    predictions,
)
from results.numbers.intervals import interval, resampled, subject_weights
from results.numbers.metrics import METRICS, accuracy_of, recalls_of, uar_of, uf1_of
from results.records.run_file import Place, RunFile
from results.records.runs import Results, assemble
from results.records.store import Record

FLOORS = ("majority", "linear")
"""Methods that a table shows for comparison: they are no competitors."""

PARTS = ("prepare", "features", "fit", "predict")
"""Where the time of a unit goes; records may hold finer parts of these."""

NOT_ABOVE = "not above floor"
NOT_CLEARLY = "not clearly above floor"

Row = dict[str, Any]
Tested = Sequence[tuple[Cell, Predictions]]


def tested(results: Results) -> list[tuple[Cell, Predictions]]:
    """All cells of the plan with the predictions that are there."""
    n_classes = len(results.classes)
    return [(cell, predictions(cell, n_classes)) for cell in cells(results)]


def table3(records: Iterable[Record], run: RunFile, *, force: bool = False) -> pd.DataFrame:
    """Table 3 of a run: one row per protocol, TIM and method in the paper's order; see `table3_frame`."""
    return table3_frame(tested(assemble(records, run, force=force)))


def table3_frame(cells_tested: Tested) -> pd.DataFrame:
    """Accuracies in percent: fold1 ... and their mean, and what stands beside them.

    Columns: method, title, tim, protocol, seeds, folds ("5 folds" or "4 of 5 folds"), fold1 ... (mean
    over seeds, nan unless all seeds are there), mean (of the folds, nan unless all are there; a fold of
    which the method can use no clip is there and has no number), seed_sd
    (spread of the mean over seeds), pooled, low, high (accuracy over all clips and its 95 % interval),
    uf1, uar (pooled), paper_style (mean with the best candidate on each test fold), optimism
    (paper_style minus mean), floor (mean of the majority class), published (the paper's mean), note.
    """
    width = max((len(cell.folds) for cell, _ in cells_tested), default=0)
    published = published_means()
    return pd.DataFrame(
        [_table3_row(cell, found, width, published) for cell, found in cells_tested],
        columns=_table3_columns(width),
    )


def fold_columns(frame: pd.DataFrame) -> list[str]:
    """The names fold1, fold2, ... that a table has."""
    return [name for name in frame.columns if name.startswith("fold") and name[4:].isdigit()]


def _table3_columns(width: int) -> list[str]:
    before = ["method", "title", "tim", "protocol", "seeds", "folds"]
    after = ["mean", "seed_sd", "pooled", "low", "high", "uf1", "uar", "paper_style", "optimism", "floor"]
    return [*before, *(f"fold{i + 1}" for i in range(width)), *after, "published", "note"]


def _table3_row(cell: Cell, found: Predictions, width: int, published: dict[tuple[str, int], float]) -> Row:
    honest = cell.accuracies("honest")
    row: Row = {
        "method": cell.method,
        "title": cell.title,
        "tim": cell.tim,
        "protocol": cell.protocol,
        "seeds": len(cell.seeds),
        "folds": cell.completeness,
        **{f"fold{i + 1}": np.nan for i in range(width)},
        **{f"fold{i + 1}": 100 * value for i, value in enumerate(honest.mean(axis=1))},
        "published": in_paper(cell, published),
        "note": cell.emptiness,
    }
    if not cell.complete or not len(found.truth):
        return row
    matrices = found.matrices("honest", "subject")
    pooled = matrices.sum(axis=1)
    weights = subject_weights(found.subjects)
    low, high = interval(resampled(matrices, weights), accuracy_of)
    per_seed = cell.means("honest")
    mean, paper_style = per_seed.mean(), cell.means("paper-style").mean()
    floor, clear = _against_floor(found, weights)
    return row | {
        "mean": 100 * mean,
        "seed_sd": 100 * spread(per_seed),
        "pooled": 100 * accuracy_of(pooled).mean(),
        "low": 100 * low,
        "high": 100 * high,
        "uf1": 100 * uf1_of(pooled).mean(),
        "uar": 100 * uar_of(pooled).mean(),
        "paper_style": 100 * paper_style,
        "optimism": 100 * (paper_style - mean),
        "floor": 100 * floor,
        "note": ", ".join(filter(None, (_note(cell, mean, floor, clear), cell.emptiness))),
    }


def in_paper(cell: Cell, published: Mapping[tuple[str, int], float]) -> float:
    """The paper's mean for this cell, nan where it has none; it used one protocol only."""
    return published.get((cell.title, cell.tim), np.nan) if cell.protocol == "clips" else np.nan


def spread(values: npt.NDArray[np.float64]) -> float:
    """Standard deviation over seeds (n - 1), nan for a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _note(cell: Cell, mean: float, floor: float, clear: bool) -> str:
    if cell.method in FLOORS:
        return "floor"
    if mean <= floor + 1e-12:
        return NOT_ABOVE
    return "" if clear else NOT_CLEARLY


def _against_floor(found: Predictions, weights: npt.NDArray[np.float64]) -> tuple[float, bool]:
    """Mean fold accuracy of each fold's majority class, and whether the gain over it is beyond chance.

    The class is the most frequent one among the clips of the other folds (the lowest index on ties);
    beyond chance: the 95 % bootstrap interval over subjects of the pooled difference lies above zero.
    """
    truths = found.matrices("honest", "fold").sum(axis=3)
    majority = (truths.sum(axis=1, keepdims=True) - truths).argmax(axis=2)
    right = majority[found.seed, found.fold] == found.truth
    clips_in = truths.sum(axis=2)
    right_in = np.take_along_axis(truths, majority[..., None], axis=2)[..., 0]
    floor = np.mean(right_in[clips_in > 0] / clips_in[clips_in > 0])
    gain = (found.decided["honest"] == found.truth).astype(np.float64) - right
    per_subject = np.bincount(found.subject, gain, minlength=len(found.subjects))
    clips = np.bincount(found.subject, minlength=len(found.subjects))
    differences = (weights @ per_subject) / (weights @ clips)
    return float(floor), bool(np.quantile(differences, 0.025) > 0)


def per_fold_frame(results: Results, cells_tested: Tested) -> pd.DataFrame:
    """One row per planned unit: status, clips, right ones, metrics under both selections, candidates."""
    rows = [
        _unit_row(cell, i, fold, seed, len(results.classes))
        for cell, _ in cells_tested
        for i, fold in enumerate(cell.folds, start=1)
        for seed in cell.seeds
    ]
    return _whole(
        pd.DataFrame(rows, columns=PER_FOLD_COLUMNS), "n_train", "n_test", "correct", "paper_style_correct"
    )


PER_FOLD_COLUMNS = [
    *("method", "tim", "protocol", "fold", "fold_name", "seed", "status", "n_train", "n_test"),
    *("correct", "accuracy", "uf1", "uar", "step_accuracy", "candidate"),
    *("paper_style_correct", "paper_style_accuracy", "paper_style_candidate", "optimism"),
]


def _unit_row(cell: Cell, index: int, fold: str, seed: int, n_classes: int) -> Row:
    row: Row = {"method": cell.method, "tim": cell.tim, "protocol": cell.protocol}
    row |= {"fold": index, "fold_name": fold, "seed": seed}
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
        "uf1": float(uf1_of(matrix)),
        "uar": float(uar_of(matrix)),
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


def metrics_frame(results: Results, cells_tested: Tested) -> pd.DataFrame:
    """Accuracy, UF1, UAR, macro precision and per-class recall, 0 to 1.

    One row per protocol, TIM, method, database ("all" first), selection and scope: "pooled" is computed
    over all clips together with a 95 % bootstrap interval over subjects, "fold mean" is the mean of the
    folds that have clips. Seeds are averaged; accuracy_seed_sd is their spread. A cell with missing units, or
    without any clip, keeps its row and has no numbers.
    """
    rows = []
    for cell, found in cells_tested:
        databases: list[str | None] = [None, *(found.databases if len(found.databases) > 1 else ())]
        weights = subject_weights(found.subjects) if cell.complete and len(found.truth) else None
        for database in databases:
            for selection in SELECTIONS:
                rows += _metric_rows(cell, found, database, selection, results.classes, weights)
    return _whole(pd.DataFrame(rows), "clips", "subjects")


def _metric_rows(
    cell: Cell,
    found: Predictions,
    database: str | None,
    selection: Selection,
    classes: Sequence[str],
    weights: npt.NDArray[np.float64] | None,
) -> list[Row]:
    base: Row = {"method": cell.method, "tim": cell.tim, "protocol": cell.protocol}
    base |= {"database": database or "all", "selection": selection}
    shape: Row = {"folds": cell.completeness, "seeds": len(cell.seeds)}
    if weights is None:
        empty = dict.fromkeys(_metric_columns(classes), np.nan)
        return [base | {"scope": scope} | shape | empty for scope in ("pooled", "fold mean")]
    by_subject = found.matrices(selection, "subject", database)
    present = by_subject.sum(axis=(0, 2, 3)) > 0
    pooled, by_fold = by_subject.sum(axis=1), found.matrices(selection, "fold", database)
    shape |= {"clips": int(pooled[0].sum()), "subjects": int(present.sum())}
    rows: list[Row] = []
    drawn = resampled(by_subject[:, present], weights[:, present])
    for scope, values in (("pooled", pooled), ("fold mean", by_fold)):
        row = base | {"scope": scope} | shape
        for name, metric in METRICS.items():
            per_seed = _over_folds(metric(values))
            low, high = interval(drawn, metric) if scope == "pooled" else (np.nan, np.nan)
            row |= {name: per_seed.mean(), f"{name}_low": low, f"{name}_high": high}
            row[f"{name}_seed_sd"] = spread(per_seed)
        recall = recalls_of(values)
        recall = np.stack([_over_folds(recall[..., i]) for i in range(len(classes))])
        rows.append(row | {f"recall_{name}": recall[i].mean() for i, name in enumerate(classes)})
    return rows


def _metric_columns(classes: Sequence[str]) -> list[str]:
    columns = ["clips", "subjects"]
    for name in METRICS:
        columns += [name, f"{name}_low", f"{name}_high", f"{name}_seed_sd"]
    return columns + [f"recall_{name}" for name in classes]


def _over_folds(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(seeds,) from (seeds,) or the mean over the folds that have a value, (seeds, folds)."""
    return values if values.ndim == 1 else mean_over_folds(values)


def optimism_frame(cells_tested: Tested) -> pd.DataFrame:
    """What picking the best candidate on the test fold adds to the mean accuracy, in percentage points."""
    published = published_means()
    rows = []
    for cell, _ in cells_tested:
        counts = [len(record.candidates) for record in cell.records.values()]
        row: Row = {"method": cell.method, "title": cell.title, "tim": cell.tim, "protocol": cell.protocol}
        row |= {"folds": cell.completeness, "candidates": max(counts, default=0)}
        honest, best = (cell.means(selection).mean() for selection in SELECTIONS)
        row |= {"honest": 100 * honest, "paper_style": 100 * best, "optimism": 100 * (best - honest)}
        rows.append(row | {"published": in_paper(cell, published)})
    return pd.DataFrame(rows)


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
    return _whole(pd.DataFrame(rows), "parameters")


def _whole(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
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


def predictions_frame(results: Results) -> pd.DataFrame:
    """Every tested clip of every unit: names, truth, both decisions and the chosen candidate's scores."""
    classes = _objects(results.classes)
    order = {name: i for i, name in enumerate(method.name for method in results.info.methods)}
    places = sorted(results.records, key=lambda place: (place[2], place[1], order.get(place[0], 99), place))
    columns: dict[str, list[npt.NDArray[Any]]] = {}
    for place in places:
        for name, values in _prediction_columns(results.records[place], place, classes).items():
            columns.setdefault(name, []).append(values)
    return pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})


def _prediction_columns(
    record: Record, place: Place, classes: npt.NDArray[Any]
) -> dict[str, npt.NDArray[Any]]:
    n = len(record.truth)
    names = ("method", "tim", "protocol", "fold", "seed")
    columns = {name: np.repeat(_objects([value]), n) for name, value in zip(names, place, strict=True)}
    columns["tim"], columns["seed"] = np.full(n, place[1]), np.full(n, place[4])
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
