"""What a cast has in common with the real label tables: statistics that need no pixel.

The same numbers can be computed from an annotation table, which is where `REAL` has its from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from data_prep.databases.emotions import CLASS_OF
from data_prep.simulator.casting import ClipPlan, plan_clips
from data_prep.simulator.settings import SimulatorSettings

Words = npt.NDArray[np.str_]

FOLDS = 5
DIVISIONS = 5
"""The person prior is the mean over so many random divisions into folds."""

REAL: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "CASME II (2014 table)": {"majority": 0.494, "person prior": 0.485, "same units, person": 0.45}
        | {"same units, others": 0.22, "ceiling, CASME II": 0.805, "frames, CASME II": 67.2},
        "SMIC HS": {"majority": 0.420, "person prior": 0.504, "frames, SMIC": 33.7},
        "CASME II + SMIC": {"majority": 0.335, "database prior": 0.466, "person prior": 0.505},
        "MEGC2019 (three classes)": {"majority": 0.565, "person prior": 0.621},
    }
)
"""Computed from the published annotation tables: CASME2-coding-20140508.xlsx (the paper's four classes),
the folders of SMIC HS, and MEGC2019's combined_3class_gt.csv. The ceiling's range is .79 to .82."""


def cast_of(settings: SimulatorSettings, databases: Sequence[str] = ()) -> tuple[ClipPlan, ...]:
    """The clips of these databases (all of the preset's where none is named)."""
    casts = settings.preset.casts
    return tuple(plan for name in databases or casts for plan in plan_clips(name, casts[name], settings))


def classes_of(plans: Sequence[ClipPlan]) -> Words:
    """(n,) the class of each clip."""
    return np.array([CLASS_OF[plan.emotion] for plan in plans])


def majority(labels: Words) -> float:
    """Share of the most frequent class."""
    return float(max(Counter(labels.tolist()).values()) / len(labels))


def database_prior(plans: Sequence[ClipPlan]) -> float:
    """How often each database's most frequent class is right."""
    by_database: dict[str, Counter[str]] = {}
    for plan in plans:
        by_database.setdefault(plan.database, Counter())[CLASS_OF[plan.emotion]] += 1
    return sum(max(counts.values()) for counts in by_database.values()) / len(plans)


def person_prior(labels: Words, people: Words) -> float:
    """How often the class that a person's training clips show most is right, five folds over clips.

    A person without training clips, and ties, go to the class most frequent in all training clips.
    """
    right = []
    for division in range(DIVISIONS):
        fold = np.random.default_rng(division).permutation(len(labels)) % FOLDS
        for held in range(FOLDS):
            train = fold != held
            everyone = Counter(labels[train].tolist())
            for i in np.flatnonzero(~train):
                own = Counter(labels[train & (people == people[i])].tolist())
                guess = max(everyone, key=lambda word: (own[word], everyone[word]))
                right.append(guess == labels[i])
    return float(np.mean(right))


def recurrence(plans: Sequence[ClipPlan]) -> tuple[float, float]:
    """Share of pairs of clips of one class with the same action units: of one person, of two people."""
    same: dict[bool, list[bool]] = {True: [], False: []}
    for a, b in combinations(plans, 2):
        if CLASS_OF[a.emotion] == CLASS_OF[b.emotion]:
            same[a.subject == b.subject].append(a.combination == b.combination)
    return float(np.mean(same[True])), float(np.mean(same[False]))


def ceiling(plans: Sequence[ClipPlan]) -> float:
    """What a perfect reader of movement reaches over people: logistic regression on the units that move."""
    shown = [{unit[1:] for unit in plan.units} for plan in plans]
    names = sorted(set().union(*shown))
    features = np.array([[name in units for name in names] for units in shown], float)
    labels, people = classes_of(plans), [plan.subject for plan in plans]
    guessed = cross_val_predict(
        LogisticRegression(max_iter=1000), features, labels, groups=people, cv=GroupKFold(FOLDS)
    )
    return float(np.mean(guessed == labels))


def _frames(plans: Sequence[ClipPlan], database: str) -> float:
    return float(np.mean([plan.frames for plan in plans if plan.database == database]))


def likeness(settings: SimulatorSettings) -> dict[str, float]:
    """All statistics of one cast by name; priors are those of CASME II and SMIC, as `REAL` has them."""
    everyone = cast_of(settings)
    two = [plan for plan in everyone if plan.database in ("casme2", "smic")]
    labels, people = classes_of(two), np.array([plan.subject for plan in two])
    own, other = recurrence([plan for plan in two if plan.database == "casme2"])
    low, middle, high = np.quantile([plan.peak for plan in everyone], (0.1, 0.5, 0.9))
    return {
        "majority": majority(labels),
        "database prior": database_prior(two),
        "person prior": person_prior(labels, people),
        "same units, person": own,
        "same units, others": other,
        "ceiling, CASME II": ceiling([plan for plan in two if plan.database == "casme2"]),
        "ceiling, all": ceiling(everyone),
        "frames, CASME II": _frames(two, "casme2"),
        "frames, SMIC": _frames(two, "smic"),
        "peak, 10 %": float(low),
        "peak, median": float(middle),
        "peak, 90 %": float(high),
    }
