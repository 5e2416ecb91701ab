"""Both inner splits: folds that choose among grid points, clips kept apart to choose weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from data_prep.clips import Clips, Int64


def inner_folds(
    labels: Int64, groups: Sequence[str] | None, n_folds: int, seed: int
) -> list[tuple[Int64, Int64]]:
    """Stratified inner folds as (train, test) positions; groups stay together where given.

    There are fewer folds where the largest class has fewer members, or there are fewer groups, than
    `n_folds`; none at all where not even two are possible.
    """
    largest = int(np.bincount(labels).max()) if len(labels) else 0
    folds = min(n_folds, largest, len(labels) if groups is None else len(set(groups)))
    if folds < 2:
        return []
    # a second, which a command that finds its run done need not wait; a run imports it before its units
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = list(splitter.split(labels, labels, None if groups is None else np.asarray(groups)))
    return [(train, test) for train, test in splits if len(train) and len(test)]


def kept_apart(clips: Clips, *, share: float, grouped: bool, seed: int) -> tuple[list[int], list[int]]:
    """Positions of training clips that train and that choose among weights, see `held_out`."""
    return held_out(clips.labels, clips.subjects, share=share, grouped=grouped, seed=seed)


def held_out(
    labels: Sequence[int] | Int64, subjects: Sequence[str], *, share: float, grouped: bool, seed: int
) -> tuple[list[int], list[int]]:
    """Positions (training, validation); about `share` of them validate, by whole subjects if grouped.

    Not grouped: stratified over the classes. Nothing validates with a share of 0, or where the clips are
    of one subject (grouped) or fewer than two.
    """
    n = len(labels)
    if share <= 0 or n < 2:
        return list(range(n)), []
    random = np.random.default_rng([seed, 0x1A7E])
    wanted = max(1, round(share * n))
    if grouped:
        validating = _whole_subjects(subjects, wanted, random)
    else:
        shuffled = random.permutation(n)
        by_class = shuffled[np.argsort(np.asarray(labels)[shuffled], kind="stable")]
        places = (np.arange(wanted) + random.random()) * n / wanted
        validating = set(by_class[places.astype(int)].tolist())
    return [i for i in range(n) if i not in validating], sorted(validating)


def _whole_subjects(subjects: Sequence[str], wanted: int, random: np.random.Generator) -> set[int]:
    """Positions of the clips of as many subjects as hold at least `wanted`, one subject left over."""
    people = sorted(set(subjects))
    chosen: set[str] = set()
    for i in random.permutation(len(people))[:-1]:
        if sum(subject in chosen for subject in subjects) >= wanted:
            break
        chosen.add(people[i])
    return {i for i, subject in enumerate(subjects) if subject in chosen}
