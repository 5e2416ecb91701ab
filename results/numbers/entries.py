"""Every tested clip of a cell as arrays of codes, and the estimates that are made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from results.numbers.cells import SELECTIONS, Cell, Selection, decided
from results.numbers.intervals import PSEUDO, Error, Estimate
from results.numbers.metrics import Metric, uar_of, uf1_of
from results.records.run_file import Repetition

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Headline = Literal["mean", "pooled"]
Statistic = Literal["mean", "pooled", "uf1", "uar"]
"""What a method is judged by: mean accuracy of the folds, or accuracy, UF1 or UAR over all clips."""
Group = Literal["all", "fold", "subject"]
NO_CLIPS: Int64 = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Predictions:
    """Every tested clip of a cell, once per seed; the arrays are (entries,) int64 codes.

    Attributes
    ----------
    folds, seeds, subjects, databases
        What the codes mean.
    decided
        Selection to predicted class.
    """

    n_classes: int
    folds: tuple[str, ...]
    seeds: tuple[Repetition, ...]
    subjects: tuple[str, ...]
    databases: tuple[str, ...]
    clip: Int64
    fold: Int64
    seed: Int64
    subject: Int64
    database: Int64
    truth: Int64
    decided: Mapping[Selection, Int64]

    def matrices(self, selection: Selection, by: Group, database: str | None = None) -> Int64:
        """Confusion matrices (seeds, groups, classes, classes) int64, of one database or of all."""
        return self.counted(self.decided[selection], by, database)

    def counted(self, predicted: Int64, by: Group, database: str | None = None) -> Int64:
        """The same for any decisions (entries,)."""
        k, sizes = self.n_classes, {"all": 1, "fold": len(self.folds), "subject": len(self.subjects)}
        group = {"all": np.zeros_like(self.fold), "fold": self.fold, "subject": self.subject}[by]
        rows = ((self.seed * sizes[by] + group) * k + self.truth) * k + predicted
        if database is not None:
            rows = rows[self.database == self.databases.index(database)]
        shape = (len(self.seeds), sizes[by], k, k)
        return np.bincount(rows, minlength=int(np.prod(shape))).reshape(shape)


Tested = Sequence[tuple[Cell, Predictions]]


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
        clip=_codes([name for record in records for name in record.names])[1],
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


def _codes(names: list[str]) -> tuple[tuple[str, ...], Int64]:
    """Sorted distinct names, and each entry's position among them."""
    distinct = tuple(sorted(set(names)))
    position = {name: i for i, name in enumerate(distinct)}
    return distinct, np.array([position[name] for name in names], dtype=np.int64)


def weights(found: Predictions, headline: Headline) -> Float64:
    """(entries,) weight of each tested clip in the mean over seeds; they sum to 1.

    Parameters
    ----------
    found
        Predictions over folds and seeds.
    headline
        "mean" counts every fold that has clips alike, "pooled" every clip.
    """
    seeds = len(found.seeds)
    cell = found.seed * len(found.folds) + found.fold if headline == "mean" else found.seed
    _, place, sizes = np.unique(cell, return_inverse=True, return_counts=True)
    if headline == "pooled":
        return np.asarray(1.0 / (seeds * sizes[place]))
    pairs = np.unique(np.column_stack([found.seed, found.fold]), axis=0)
    folds = np.bincount(pairs[:, 0], minlength=seeds)
    return np.asarray(1.0 / (seeds * folds[found.seed] * sizes[place]))


def estimate(found: Predictions, predicted: Int64, statistic: Statistic) -> Estimate:
    """The number by which decisions (entries,) are judged."""
    by_person = found.counted(predicted, "subject")
    if statistic == "uf1":
        return metric_estimate(by_person, found.subjects, uf1_of, found.seeds)
    if statistic == "uar":
        return metric_estimate(by_person, found.subjects, uar_of, found.seeds)
    return accuracy_estimate(found, predicted, statistic)


def accuracy_estimate(found: Predictions, predicted: Int64, headline: Headline) -> Estimate:
    """Accuracy of decisions (entries,), the mean of folds or pooled, with what each person adds."""
    weight, right = weights(found, headline), (predicted == found.truth).astype(np.float64)
    seeds, n = len(found.seeds), len(found.subjects)
    per_seed = np.asarray(seeds * np.bincount(found.seed, weight * right, minlength=seeds), np.float64)
    beyond = weight * (right - float(per_seed.mean()))
    per_clip = np.bincount(found.clip, weight)
    return Estimate(
        per_seed=per_seed,
        people=found.subjects,
        influence=np.asarray(np.bincount(found.subject, beyond, minlength=n), np.float64),
        share=np.asarray(np.bincount(found.subject, weight, minlength=n), np.float64),
        clips=1 / float(np.sum(per_clip**2)),
        repeated=_of_draws(found, weight * right) or _of_splits(per_seed, found.seeds),
    )


def _of_splits(per_seed: Float64, seeds: Sequence[Repetition]) -> Error | None:
    """The variance of the mean of several trainings on each of several splits; None for anything simpler.

    How the means of the splits differ holds what was drawn on them already.
    """
    splits = sorted({seed.seed for seed in seeds})
    if len(splits) in (1, len(seeds)):
        return None
    means = np.array([per_seed[[seed.seed == split for seed in seeds]].mean() for split in splits])
    return Error(float(means.var(ddof=1)) / len(splits), len(splits) - 1)


def _of_draws(found: Predictions, parts: Float64) -> Error | None:
    """The variance of a sum of parts (entries,) over trainings on one split; None for anything else.

    Trainings on different folds draw independently, so each fold tells what a draw is worth there, and
    together they tell it better than the few means over all folds do.
    """
    draws, folds = len(found.seeds), len(found.folds)
    if draws == 1 or len({seed.seed for seed in found.seeds}) > 1:
        return None
    by_fold = np.bincount(found.seed * folds + found.fold, parts, minlength=draws * folds)
    variance = draws * by_fold.reshape(draws, folds).var(axis=0, ddof=1).sum()
    return Error(float(variance), float((draws - 1) * len(np.unique(found.fold))))


def metric_estimate(
    matrices: Int64, people: tuple[str, ...], metric: Metric, seeds: Sequence[Repetition] = ()
) -> Estimate:
    """A metric of pooled confusion matrices (seeds, people, k, k), with what each person adds."""
    part, whole, counts = metric.parts(matrices.sum(axis=1))
    by_person = metric.parts(matrices)
    ratio = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    share = 1 / np.maximum(counts.sum(axis=-1), 1)[:, None, None]
    beyond = by_person[0] - ratio[:, None] * by_person[1]
    scaled = np.divide(beyond, whole[:, None], out=np.zeros_like(beyond), where=whole[:, None] > 0)
    clips = matrices[0].sum(axis=(1, 2)).astype(np.float64)
    per_seed = metric(matrices.sum(axis=1))
    return Estimate(
        per_seed=per_seed,
        people=people,
        influence=(share * scaled).sum(axis=2).mean(axis=0),
        share=clips / max(clips.sum(), 1.0),
        clips=_worth(whole[0], counts[0]),
        repeated=_of_splits(per_seed, seeds),
    )


def _worth(whole: Float64, counts: npt.NDArray[np.bool_]) -> float:
    """Clips of one class that a mean over classes of these sizes is worth: a rare class counts for most."""
    sizes = whole[counts]
    return float(len(sizes) ** 2 / np.sum(1 / (sizes + PSEUDO))) if len(sizes) else 0.0
