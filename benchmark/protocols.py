"""Protocols: how clips are split into training and test folds. Every protocol has the same signature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
N_FOLDS = 5


class ProtocolError(ValueError):
    """Clips that a protocol cannot split; the message says what it needs."""


@dataclass(frozen=True)
class Fold:
    """One split: positions of the training and of the test clips, ascending int64."""

    name: str
    train: Ints
    test: Ints


Protocol = Callable[..., tuple[Fold, ...]]


def paper(
    labels: Sequence[int], subjects: Sequence[str], databases: Sequence[str], *, seed: int
) -> tuple[Fold, ...]:
    """Five folds over clips, stratified by class, as in the paper; the same person is on both sides.

    labels, subjects, databases: one entry per clip. Fold sizes differ by at most one clip in all and in
    every class, so 560 clips give 112 a fold. Raises ProtocolError below five clips.
    """
    classes = np.asarray(labels)
    if len(classes) < N_FOLDS:
        raise ProtocolError(f"'paper' needs at least {N_FOLDS} clips, there are {len(classes)}")
    random = np.random.default_rng(seed)
    dealt = np.concatenate([random.permutation(np.flatnonzero(classes == c)) for c in np.unique(classes)])
    fold_of = np.empty(len(classes), np.int64)
    fold_of[dealt] = np.arange(len(classes)) % N_FOLDS
    return _folds(fold_of, [f"fold{i + 1}" for i in range(N_FOLDS)])


def subject(
    labels: Sequence[int], subjects: Sequence[str], databases: Sequence[str], *, seed: int
) -> tuple[Fold, ...]:
    """Five folds over subjects: nobody is on both sides; classes are spread as evenly as that allows.

    Subjects are dealt out one by one, those with most clips first (ties at random), each to the fold
    whose class counts it evens out most. Fewer than five subjects give as many folds as subjects;
    raises ProtocolError below two.
    """
    people, person_of = _people(subjects, databases)
    if len(people) < 2:
        raise ProtocolError(f"'subject' needs at least 2 subjects, there are {len(people)}")
    classes, class_of = np.unique(np.asarray(labels), return_inverse=True)
    counts = np.zeros((len(people), len(classes)))
    np.add.at(counts, (person_of, class_of), 1)
    fold_of_person = _deal_out(counts, min(N_FOLDS, len(people)), np.random.default_rng(seed))
    n_folds = int(fold_of_person.max()) + 1
    return _folds(fold_of_person[person_of], [f"fold{i + 1}" for i in range(n_folds)])


def loso(
    labels: Sequence[int], subjects: Sequence[str], databases: Sequence[str], *, seed: int
) -> tuple[Fold, ...]:
    """Leave one subject out: one fold per subject, named by database and subject; the seed has no part."""
    people, person_of = _people(subjects, databases)
    if len(people) < 2:
        raise ProtocolError(f"'loso' needs at least 2 subjects, there are {len(people)}")
    return _folds(person_of, people)


def cross_database(
    labels: Sequence[int], subjects: Sequence[str], databases: Sequence[str], *, seed: int
) -> tuple[Fold, ...]:
    """Train on all databases but one, test on that one; raises ProtocolError for a single database.

    People of the test database are not trained on, should another one show them too (SMIC's cameras).
    """
    names, database_of = np.unique(np.asarray(databases, dtype=object), return_inverse=True)
    if len(names) < 2:
        raise ProtocolError(
            f"'cross-database' needs at least 2 databases, there is only {names[0] if len(names) else 'none'}"
        )
    _, person_of = _people(subjects, databases)
    folds = _folds(database_of, [str(name) for name in names])
    return tuple(
        Fold(fold.name, fold.train[~np.isin(person_of[fold.train], person_of[fold.test])], fold.test)
        for fold in folds
    )


PROTOCOLS: dict[str, Protocol] = {
    "paper": paper,
    "subject": subject,
    "loso": loso,
    "cross-database": cross_database,
}


def _folds(fold_of: Ints, names: Sequence[str]) -> tuple[Fold, ...]:
    return tuple(
        Fold(name, np.flatnonzero(fold_of != i), np.flatnonzero(fold_of == i)) for i, name in enumerate(names)
    )


def _people(subjects: Sequence[str], databases: Sequence[str]) -> tuple[list[str], Ints]:
    """Equal bare numbers in two databases are different people; "smic/s01" is one person everywhere."""
    keys = [
        person if "/" in person else f"{database}/{person}"
        for person, database in zip(subjects, databases, strict=True)
    ]
    people, person_of = np.unique(np.asarray(keys, dtype=object), return_inverse=True)
    return [str(person) for person in people], person_of.astype(np.int64)


def _deal_out(counts: npt.NDArray[np.float64], n_folds: int, random: np.random.Generator) -> Ints:
    """Fold of each person, from (people, classes) clip counts; every fold gets at least one person."""
    people = len(counts)
    order = random.permutation(people)
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    share = counts / counts.sum(axis=0)
    filled = np.zeros((n_folds, counts.shape[1]))
    fold_of = np.full(people, -1, np.int64)
    for dealt, person in enumerate(order):
        empty = np.flatnonzero([not (fold_of == fold).any() for fold in range(n_folds)])
        must_open = len(empty) >= people - dealt
        options = empty if must_open else np.arange(n_folds)
        unevenness = [_spread(filled, share[person], int(fold)) for fold in options]
        fold_of[person] = options[int(np.argmin(unevenness))]
        filled[fold_of[person]] += share[person]
    return fold_of


def _spread(filled: npt.NDArray[np.float64], added: npt.NDArray[np.float64], fold: int) -> float:
    after = filled.copy()
    after[fold] += added
    return float(after.std(axis=0).mean() + 1e-6 * after[fold].sum())
