"""Cells of the table: all folds and seeds of one method, TIM and protocol, and which of them are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from results.records.run_file import Place
from results.records.runs import Results, place_of
from results.records.store import Record

Selection = Literal["honest", "paper-style"]
SELECTIONS: tuple[Selection, ...] = ("honest", "paper-style")
"""Chosen on the training clips alone; best of all candidates on the test fold, as the paper selects."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NO_CLIPS: Ints = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Cell:
    """One method under one TIM and protocol.

    folds and seeds are those of the plan, in its order; records holds the finished ones by (fold, seed),
    of which some may hold no clip (folds of which the method can use none);
    reasons says why the others are missing ("missing", "failed", "crashed", "timeout", "memory").
    """

    method: str
    title: str
    tim: int
    protocol: str
    folds: tuple[str, ...]
    seeds: tuple[int, ...]
    records: Mapping[tuple[str, int], Record]
    reasons: Mapping[tuple[str, int], str]

    @property
    def complete(self) -> bool:
        """Whether every fold of every seed is there."""
        return len(self.records) == len(self.folds) * len(self.seeds)

    @property
    def folds_there(self) -> int:
        """How many folds have all their seeds."""
        return sum(all((fold, seed) in self.records for seed in self.seeds) for fold in self.folds)

    @property
    def completeness(self) -> str:
        """The words "5 folds", or "4 of 5 folds"."""
        there, planned = self.folds_there, len(self.folds)
        return f"{planned} folds" if there == planned else f"{there} of {planned} folds"

    @property
    def emptiness(self) -> str:
        """The words "no usable clip in 2 folds"; none where every finished fold has clips."""
        full = {fold for (fold, _), record in self.records.items() if len(record.truth)}
        empty = len({fold for fold, _ in self.records} - full)
        return f"no usable clip in {empty} fold{'s' if empty > 1 else ''}" if empty else ""

    @property
    def holes(self) -> str:
        """The missing units with their reasons, the first three and how many more there are."""
        several = len(self.seeds) > 1
        named = [
            f"{fold} seed {seed} ({reason})" if several else f"{fold} ({reason})"
            for (fold, seed), reason in self.reasons.items()
        ]
        return ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")

    def means(self, selection: Selection) -> Floats:
        """(seeds,) float64 means of the folds that have clips; nan unless every unit is there."""
        if not self.complete:
            return np.full(len(self.seeds), np.nan)
        return mean_over_folds(self.accuracies(selection).T)

    def accuracies(self, selection: Selection) -> Floats:
        """(folds, seeds) float64 accuracies, nan where the unit is missing or has no clip."""
        values = np.full((len(self.folds), len(self.seeds)), np.nan)
        for i, fold in enumerate(self.folds):
            for j, seed in enumerate(self.seeds):
                record = self.records.get((fold, seed))
                if record is not None:
                    values[i, j] = accuracy(record, selection)
        return values


def mean_over_folds(values: Floats) -> Floats:
    """(seeds,) means of (seeds, folds) over the folds that have a value, nan where none has."""
    there = ~np.isnan(values)
    n = there.sum(axis=1)
    return np.where(n > 0, np.where(there, values, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)


def accuracy(record: Record, selection: Selection) -> float:
    """Share of a finished record's clips that are decided rightly, nan where it has no clip."""
    if not record.truth:
        return float("nan")
    return float(np.mean(decided(record, selection) == np.asarray(record.truth)))


def decided(record: Record, selection: Selection) -> npt.NDArray[np.int64]:
    """(clips,) decisions of a record under a selection."""
    return record.honest if selection == "honest" else record.paper_style


def cells(results: Results) -> list[Cell]:
    """All cells of the plan and of forced-in records: by protocol, TIM, then method in Table 3's order."""
    places = dict.fromkeys([*(unit.place for unit in results.info.units), *results.records])
    reasons = {place_of(record.unit): str(record.status) for record in results.failed}
    groups: dict[tuple[str, int, str], list[Place]] = {}
    for place in places:
        groups.setdefault((place[0], place[1], place[2]), []).append(place)
    order = {name: i for i, name in enumerate(method.name for method in results.info.methods)}
    protocols = {place[2]: None for place in places}
    rank = {name: i for i, name in enumerate(protocols)}
    keys = sorted(groups, key=lambda key: (rank[key[2]], key[1], order.get(key[0], len(order)), key[0]))
    return [_cell(results, key, groups[key], reasons) for key in keys]


def _cell(
    results: Results, key: tuple[str, int, str], places: list[Place], reasons: Mapping[Place, str]
) -> Cell:
    method, tim, protocol = key
    folds = tuple(dict.fromkeys(place[3] for place in places))
    seeds = tuple(sorted({place[4] for place in places}))
    planned = [(fold, seed) for fold in folds for seed in seeds]
    found = {(fold, seed): results.records.get((method, tim, protocol, fold, seed)) for fold, seed in planned}
    return Cell(
        method=method,
        title=results.info.title(method),
        tim=tim,
        protocol=protocol,
        folds=folds,
        seeds=seeds,
        records={place: record for place, record in found.items() if record is not None},
        reasons={
            place: reasons.get((method, tim, protocol, *place), "missing")
            for place, record in found.items()
            if record is None
        },
    )


@dataclass(frozen=True)
class Predictions:
    """Every tested clip of a cell, once per seed; the arrays are (entries,) int64 codes.

    folds, seeds, subjects, databases: what the codes mean; decided: selection to predicted class.
    """

    n_classes: int
    folds: tuple[str, ...]
    seeds: tuple[int, ...]
    subjects: tuple[str, ...]
    databases: tuple[str, ...]
    fold: Ints
    seed: Ints
    subject: Ints
    database: Ints
    truth: Ints
    decided: Mapping[Selection, Ints]

    def matrices(
        self, selection: Selection, by: Literal["all", "fold", "subject"], database: str | None = None
    ) -> Ints:
        """Confusion matrices (seeds, groups, classes, classes) int64, of one database or of all."""
        k, sizes = self.n_classes, {"all": 1, "fold": len(self.folds), "subject": len(self.subjects)}
        group = {"all": np.zeros_like(self.fold), "fold": self.fold, "subject": self.subject}[by]
        rows = ((self.seed * sizes[by] + group) * k + self.truth) * k + self.decided[selection]
        if database is not None:
            rows = rows[self.database == self.databases.index(database)]
        shape = (len(self.seeds), sizes[by], k, k)
        return np.bincount(rows, minlength=int(np.prod(shape))).reshape(shape)


def predictions(cell: Cell, n_classes: int) -> Predictions:
    """The tested clips of the units of a cell that are there."""
    places = list(cell.records)
    records = [cell.records[place] for place in places]
    sizes = [len(record.truth) for record in records]
    subjects, subject = _codes([name for record in records for name in record.subjects])
    databases, database = _codes([name for record in records for name in record.databases])
    return Predictions(
        n_classes=n_classes,
        folds=cell.folds,
        seeds=cell.seeds,
        subjects=subjects,
        databases=databases,
        fold=np.repeat([cell.folds.index(fold) for fold, _ in places], sizes).astype(np.int64),
        seed=np.repeat([cell.seeds.index(seed) for _, seed in places], sizes).astype(np.int64),
        subject=subject,
        database=database,
        truth=np.array([label for record in records for label in record.truth], dtype=np.int64),
        decided={
            selection: np.concatenate([decided(record, selection) for record in records] or [NO_CLIPS])
            for selection in SELECTIONS
        },
    )


def _codes(names: list[str]) -> tuple[tuple[str, ...], Ints]:
    """Sorted distinct names, and each entry's position among them."""
    distinct = tuple(sorted(set(names)))
    position = {name: i for i, name in enumerate(distinct)}
    return distinct, np.array([position[name] for name in names], dtype=np.int64)
