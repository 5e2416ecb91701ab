"""What a method would score if one of its candidates were taken in every fold, beside how it chose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from results.numbers.cells import Cell
from results.numbers.entries import Predictions, Statistic, estimate
from results.records.store import Record

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sweep:
    """The one setting in which the candidates of a cell differ.

    Attributes
    ----------
    values
        (candidates,) of the setting.
    decided
        (candidates, entries) classes in the order of the cell's `Predictions`.
    chosen
        (records,) values that were chosen on the training clips, of the records that have clips.
    right
        (records, candidates) share of right clips.
    """

    setting: str
    values: Float64
    decided: Int64
    chosen: Float64
    right: Float64


@dataclass(frozen=True)
class Single:
    """The candidate that is best when every fold takes it: what it scores, and its settings in words."""

    value: float
    words: str


def decisions_of_all(cell: Cell) -> Int64 | None:
    """(candidates, entries) classes of every candidate; None where the units tried different ones."""
    records = _with_clips(cell)
    if len({json.dumps(record.candidates, sort_keys=True) for record in records}) != 1:
        return None
    return np.concatenate([record.decisions() for record in records], axis=1)


def sweep_of(cell: Cell) -> Sweep | None:
    """The setting that the candidates differ by; None where that is not one setting, and a number."""
    decided, records = decisions_of_all(cell), _with_clips(cell)
    if decided is None:
        return None
    candidates = records[0].candidates
    names = _differing(candidates)
    values = [candidate.get(names[0]) for candidate in candidates] if len(names) == 1 else []
    if not values or not all(isinstance(value, int | float) for value in values):
        return None
    chosen = np.array([values[record.chosen] for record in records], float)
    right = [(record.decisions() == np.asarray(record.truth)).mean(axis=1) for record in records]
    return Sweep(names[0], np.array(values, float), decided, chosen, np.array(right))


def best_single(cell: Cell, found: Predictions, statistic: Statistic) -> Single | None:
    """The best single candidate, the first of equals; None where the units tried different ones."""
    decided = decisions_of_all(cell)
    if decided is None:
        return None
    values = [estimate(found, each, statistic).value for each in decided]
    best = int(np.argmax(values))
    candidates = _with_clips(cell)[0].candidates
    words = [f"{name} {candidates[best].get(name)}" for name in _differing(candidates)]
    return Single(values[best], ", ".join(words))


def _differing(candidates: tuple[Mapping[str, Any], ...]) -> list[str]:
    return [name for name in candidates[0] if len({json.dumps(c.get(name)) for c in candidates}) > 1]


def _with_clips(cell: Cell) -> list[Record]:
    return [record for record in cell.records.values() if len(record.truth)]
