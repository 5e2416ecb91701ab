"""Cells of the table: all folds and seeds of one method, TIM and protocol, and which of them are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from results.numbers.variants import variant_of, words_of_variants
from results.records.run_file import MethodInfo, Place, ProtocolInfo, Repetition
from results.records.runs import Results, place_of
from results.records.store import Record

Selection = Literal["honest", "paper-style"]
SELECTIONS: tuple[Selection, ...] = ("honest", "paper-style")
"""Chosen on the training clips alone; best of all candidates on the test fold, as the paper selects."""

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

ROLES = ("paper", "extra", "baseline")
"""The order of rows: Table 3's, then what is not in it, then what all are compared with."""


@dataclass(frozen=True)
class Cell:
    """One method under one TIM, protocol and set of conditions: a row of the table.

    `method` and `title` are unique in the table: where a method was run under two settings, revisions or
    versions of its package, each is a row of its own whose name says what sets it apart.

    Attributes
    ----------
    folds, seeds
        Those of the plan, in its order; a seed is a repetition: which seed dealt the folds, and which
        training on them.
    records
        The finished ones by (fold, seed), of which some may hold no clip (folds of which the method can use
        none).
    reasons
        Why the others are missing: "missing", "failed", "crashed", "timeout", "memory".
    """

    info: MethodInfo
    split: ProtocolInfo
    tim: int
    variant: str
    folds: tuple[str, ...]
    seeds: tuple[Repetition, ...]
    records: Mapping[tuple[str, Repetition], Record]
    reasons: Mapping[tuple[str, Repetition], str]

    @property
    def method(self) -> str:
        """The name of the row."""
        return f"{self.info.name} [{self.variant}]" if self.variant else self.info.name

    @property
    def title(self) -> str:
        """The title of the row."""
        return f"{self.info.title} [{self.variant}]" if self.variant else self.info.title

    @property
    def protocol(self) -> str:
        """The name of its protocol."""
        return self.split.name

    @property
    def complete(self) -> bool:
        """Whether every fold of every seed is there."""
        return len(self.records) == len(self.folds) * len(self.seeds)

    @cached_property
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
            f"{fold} {seed} ({reason})" if several else f"{fold} ({reason})"
            for (fold, seed), reason in self.reasons.items()
        ]
        return ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")

    def means(self, selection: Selection) -> Float64:
        """(seeds,) float64 means of the folds that have clips; nan unless every unit is there."""
        if not self.complete:
            return np.full(len(self.seeds), np.nan)
        return mean_over_folds(self.accuracies(selection).T)

    def accuracies(self, selection: Selection) -> Float64:
        """(folds, seeds) float64 accuracies, read only; nan where the unit is missing or has no clip."""
        return self._accuracies[selection]

    @cached_property
    def _accuracies(self) -> Mapping[Selection, Float64]:
        values = {each: np.full((len(self.folds), len(self.seeds)), np.nan) for each in SELECTIONS}
        for selection, matrix in values.items():
            for i, fold in enumerate(self.folds):
                for j, seed in enumerate(self.seeds):
                    record = self.records.get((fold, seed))
                    if record is not None:
                        matrix[i, j] = accuracy(record, selection)
            matrix.flags.writeable = False
        return values

    @property
    def splits(self) -> tuple[int, ...]:
        """The seeds that dealt the folds, each once."""
        return tuple(dict.fromkeys(seed.seed for seed in self.seeds))

    def over_draws(self, selection: Selection) -> Float64:
        """(folds, splits) float64 accuracies, the mean of all trainings on the same fold."""
        values = self.accuracies(selection)
        of_split = [[i for i, seed in enumerate(self.seeds) if seed.seed == split] for split in self.splits]
        return np.stack([values[:, columns].mean(axis=1) for columns in of_split], axis=1)


def mean_over_folds(values: Float64) -> Float64:
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
    """All cells of the plan and of forced-in records: by protocol, TIM, role, then the methods' order."""
    info = results.info
    groups: dict[tuple[str, int, str, str], dict[Place, None]] = {}
    for unit in info.units:
        groups.setdefault((unit.method, unit.tim, unit.protocol, unit.variant), {})[unit.place] = None
    for place, record in results.records.items():
        groups.setdefault((*place[:3], variant_of(record)), {})[place] = None
    methods = [method.name for method in info.methods]
    protocols = list(dict.fromkeys(key[2] for key in groups))

    def rank(key: tuple[str, int, str, str]) -> tuple[int, int, int, int, str]:
        order = methods.index(key[0]) if key[0] in methods else len(methods)
        return protocols.index(key[2]), key[1], ROLES.index(info.method(key[0]).role), order, key[0]

    words = words_of_variants(results)
    # sorted is stable: the variants of a method stay in the order of the plan
    ordered = sorted(groups, key=rank)
    return [_cell(results, key, list(groups[key]), words.get((key[0], key[3]), "")) for key in ordered]


def _cell(results: Results, key: tuple[str, int, str, str], places: list[Place], words: str) -> Cell:
    method, tim, protocol, variant = key
    failed = {place_of(record.unit): str(record.status) for record in results.failed}
    folds = tuple(dict.fromkeys(place[3] for place in places))
    seeds = tuple(sorted({place[4] for place in places}))
    records: dict[tuple[str, Repetition], Record] = {}
    reasons: dict[tuple[str, Repetition], str] = {}
    for fold in folds:
        for seed in seeds:
            place = (method, tim, protocol, fold, seed)
            record = results.records.get(place)
            if record is not None and variant_of(record) == variant:
                records[fold, seed] = record
            else:
                reasons[fold, seed] = failed.get(place, "missing")
    return Cell(
        info=results.info.method(method),
        split=results.info.protocol(protocol),
        tim=tim,
        variant=words,
        folds=folds,
        seeds=seeds,
        records=records,
        reasons=reasons,
    )
