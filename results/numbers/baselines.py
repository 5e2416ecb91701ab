"""What a method must beat: the best that can be had without looking at a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from results.numbers.cells import Cell
from results.numbers.entries import Int64, Predictions, Statistic, Tested, estimate
from results.numbers.intervals import Estimate, Gain, constant
from results.numbers.statistics import FEW, LEVEL, can_reach, sign_flip
from results.records.run_file import TaskInfo

BASELINE = "baseline"
CLEAR, UNCLEAR, NOT_ABOVE, TOO_FEW = "clearly above", "not clearly above", "not above", "too few people"
EQUAL = 1e-12

Row = dict[str, Any]


@dataclass(frozen=True)
class Against:
    """One baseline beside a method: its value, and how much the method is above it."""

    title: str
    value: float
    gain: Gain

    @property
    def verdict(self) -> str:
        """Clearly above: the interval says so and, with few people, the exact sign-flip test agrees."""
        if self.gain.value <= EQUAL:
            return NOT_ABOVE
        parts = self.gain.contributions[self.gain.estimate.share > 0]
        if not can_reach(len(parts)):
            return TOO_FEW
        agreed = len(parts) >= FEW or sign_flip(parts) < LEVEL
        return CLEAR if agreed and self.gain.interval()[0] > 0 else UNCLEAR


@dataclass(frozen=True)
class Standing:
    """A method beside everything that it must beat, the best first."""

    own: Estimate
    against: tuple[Against, ...]

    @property
    def best(self) -> Against:
        """The best baseline."""
        return self.against[0]

    @property
    def note(self) -> str:
        """What can be said: nothing where the method is clearly above every baseline.

        No verdict is given where so few people cannot reach 5 %.
        """
        named = f"{self.best.title} ({100 * self.best.value:.2f})"
        verdicts = {one.verdict for one in self.against}
        if NOT_ABOVE in verdicts:
            return f"{NOT_ABOVE} {named}"
        if TOO_FEW in verdicts:
            return f"above {named}, {TOO_FEW} for a verdict"
        return "" if verdicts == {CLEAR} else f"{UNCLEAR} {named}"


def statistic_of(cell: Cell, task: TaskInfo) -> Statistic:
    """What the methods of a cell's protocol are judged by under a task."""
    return "uar" if task.headline == "uf1-uar" else cell.split.headline


def standing(cell: Cell, found: Predictions, group: Tested, task: TaskInfo) -> Standing:
    """A complete cell beside the baselines that its clips allow and the blind methods of its group.

    Parameters
    ----------
    cell
        A complete one.
    found
        Its predictions.
    group
        All cells of the same TIM and protocol.
    task
        Of the run.
    """
    statistic = statistic_of(cell, task)
    own = estimate(found, found.decided["honest"], statistic)
    rivals = [*_computed(found, statistic, task), *_blind(cell, group, statistic)]
    against = [Against(title, rival.value, own.gain_over(rival)) for title, rival in rivals]
    return Standing(own, tuple(sorted(against, key=lambda one: -one.value)))


def _computed(found: Predictions, statistic: Statistic, task: TaskInfo) -> Iterator[tuple[str, Estimate]]:
    """What follows from the labels alone."""
    majority = estimate(found, majority_of_other_folds(found), statistic)
    yield "majority of the other folds", majority
    always = [np.full_like(found.truth, c) for c in range(len(task.classes))]
    constants = [estimate(found, decided, statistic) for decided in always]
    best = max(range(len(constants)), key=lambda c: constants[c].value)
    yield f"always {task.classes[best]}", constants[best]
    yield f"chance, 1 of {len(task.classes)}", constant(1 / len(task.classes), majority)


def _blind(cell: Cell, group: Tested, statistic: Statistic) -> Iterator[tuple[str, Estimate]]:
    """Complete rows of methods that never look at a frame, on the same people."""
    for other, found in group:
        if other.info.blind and other.complete and len(found.truth) and other.method != cell.method:
            yield other.title, estimate(found, found.decided["honest"], statistic)


def majority_of_other_folds(found: Predictions) -> Int64:
    """(entries,) the class that the other folds of a clip's seed show most, the lowest index on ties."""
    truths = found.matrices("honest", "fold").sum(axis=3)
    majority = (truths.sum(axis=1, keepdims=True) - truths).argmax(axis=2)
    return np.asarray(majority[found.seed, found.fold], np.int64)


def groups_of(cells_tested: Tested) -> dict[tuple[str, int], list[tuple[Cell, Predictions]]]:
    """The cells by protocol and TIM."""
    groups: dict[tuple[str, int], list[tuple[Cell, Predictions]]] = {}
    for cell, found in cells_tested:
        groups.setdefault((cell.protocol, cell.tim), []).append((cell, found))
    return groups


def baselines_frame(cells_tested: Tested, task: TaskInfo) -> pd.DataFrame:
    """What every complete method adds to each baseline, in percentage points, with its 95 % interval.

    Columns: method, title, role, protocol, tim, statistic ("mean", "pooled", "uar"), value, baseline,
    baseline_value, gain, low, high, people, verdict.
    """
    rows = []
    for (protocol, tim), group in groups_of(cells_tested).items():
        for cell, found in group:
            if not cell.complete or not len(found.truth):
                continue
            beside = standing(cell, found, group, task)
            base: Row = {"method": cell.method, "title": cell.title, "role": cell.info.role}
            base |= {"protocol": protocol, "tim": tim, "statistic": statistic_of(cell, task)}
            rows += [{**base, **_row(beside.own, one)} for one in beside.against]
    return pd.DataFrame(rows, columns=list(COLUMNS))


COLUMNS: Sequence[str] = (
    *("method", "title", "role", "protocol", "tim", "statistic", "value"),
    *("baseline", "baseline_value", "gain", "low", "high", "people", "verdict"),
)


def _row(own: Estimate, one: Against) -> Row:
    low, high = one.gain.interval()
    return {
        "value": 100 * own.value,
        "baseline": one.title,
        "baseline_value": 100 * one.value,
        "gain": 100 * one.gain.value,
        "low": 100 * low,
        "high": 100 * high,
        "people": int(np.count_nonzero(own.share)),
        "verdict": one.verdict,
    }
