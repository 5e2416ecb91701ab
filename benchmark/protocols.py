"""Protocols: how clips are split into training and test folds, and what that means for the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from basis.errors import Mendable
from basis.names import one_of
from basis.registry import Registry

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
N_FOLDS = 5


class ProtocolError(Mendable, ValueError):
    """Clips that a protocol cannot split; the message says what it needs."""


@dataclass(frozen=True)
class Fold:
    """One split: positions of the training and of the test clips, ascending int64."""

    name: str
    train: Int64
    test: Int64


Splitter = Callable[..., tuple[Fold, ...]]
"""(labels, subjects, databases, *, seed) -> folds; one entry per clip in each of the three."""


@dataclass(frozen=True)
class Protocol:
    """A way to split clips, and what it means for the numbers that come of it.

    Attributes
    ----------
    name, title
        What is typed, and what stands in headings.
    splitter
        The function that deals out clips; `split` calls it and checks what it returns.
    grouped
        Nobody is in the training and the test clips of one fold; methods keep people together in
        their inner splits too.
    unit
        What counts as one observation in tests, "fold" or "subject"; intervals are over people either way.
    headline
        The number that stands for a row, "mean" of the folds or "pooled" over all clips.
    leaks
        What is on both sides of a fold, in words for the reader of a table.
    published
        Whether the numbers of the paper's Table 3 are of this protocol.
    seeds_as
        The name from which the seeds of its units derive; empty for `name`. It outlives a rename, so
        that no number moves.
    """

    name: str
    title: str
    splitter: Splitter
    grouped: bool
    unit: Literal["fold", "subject"]
    headline: Literal["mean", "pooled"]
    leaks: str
    published: bool = False
    seeds_as: str = ""

    def split(
        self, labels: Sequence[int], subjects: Sequence[str], databases: Sequence[str], *, seed: int
    ) -> tuple[Fold, ...]:
        """The folds of these clips.

        Raises
        ------
        ProtocolError
            For clips or a splitter that cannot be.
        """
        folds = self.splitter(labels, subjects, databases, seed=seed)
        people = np.asarray(_people(subjects, databases)[1])
        names = [fold.name for fold in folds]
        if len(set(names)) < len(names):
            raise ProtocolError(f"{self.name!r} gives two folds one name: {names}")
        for fold in folds:
            if np.intersect1d(fold.train, fold.test).size:
                raise ProtocolError(f"{self.name!r}: a clip of {fold.name} is trained on and tested")
            if self.grouped and np.intersect1d(people[fold.train], people[fold.test]).size:
                raise ProtocolError(f"{self.name!r} is grouped, but a person is on both sides of {fold.name}")
        return folds


def clips(
    labels: Sequence[int], subjects: Sequence[str], databases: Sequence[str], *, seed: int
) -> tuple[Fold, ...]:
    """Five folds over clips, stratified by class, as in the paper; the same person is on both sides.

    Fold sizes differ by at most one clip in all and in every class, so 560 clips give 112 a fold.

    Parameters
    ----------
    labels, subjects, databases
        One entry per clip.
    seed
        Of the random order inside each class.

    Raises
    ------
    ProtocolError
        Below five clips.
    """
    classes = np.asarray(labels)
    if len(classes) < N_FOLDS:
        raise ProtocolError(f"'clips' needs at least {N_FOLDS} clips, there are {len(classes)}")
    random = np.random.default_rng(seed)
    dealt = np.concatenate([random.permutation(np.flatnonzero(classes == c)) for c in np.unique(classes)])
    fold_of = np.empty(len(classes), np.int64)
    fold_of[dealt] = np.arange(len(classes)) % N_FOLDS
    return _folds(fold_of, [f"fold{i + 1}" for i in range(N_FOLDS)])


def subject(
    labels: Sequence[int], subjects: Sequence[str], databases: Sequence[str], *, seed: int
) -> tuple[Fold, ...]:
    """Five folds over subjects: nobody is on both sides; classes are spread as evenly as that allows.

    Subjects are dealt out one by one, those with most clips first (ties at random), each to the fold whose
    class counts it evens out most. Fewer than five subjects give as many folds as subjects.

    Raises
    ------
    ProtocolError
        Below two.
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
    """Leave one subject out: one fold per subject, named by database and subject; the seed has no part.

    Raises
    ------
    ProtocolError
        Below two subjects.
    """
    people, person_of = _people(subjects, databases)
    if len(people) < 2:
        raise ProtocolError(f"'loso' needs at least 2 subjects, there are {len(people)}")
    return _folds(person_of, people)


def cross_database(
    labels: Sequence[int], subjects: Sequence[str], databases: Sequence[str], *, seed: int
) -> tuple[Fold, ...]:
    """Train on all databases but one, test on that one.

    People of the test database are not trained on, should another one show them too (SMIC's cameras).

    Raises
    ------
    ProtocolError
        For a single database.
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


CLIPS = Protocol(
    name="clips",
    title="Folds over clips",
    splitter=clips,
    grouped=False,
    unit="fold",
    headline="mean",
    leaks=(
        "Folds over clips, as in the paper. The same people are in training and test, so a method can profit "
        "from recognising who somebody is and how that person tends to be labelled. Numbers under this "
        "protocol say little about people never seen before."
    ),
    published=True,
    seeds_as="paper",
)
SUBJECT = Protocol(
    name="subject",
    title="Folds over subjects",
    splitter=subject,
    grouped=True,
    unit="fold",
    headline="mean",
    leaks=(
        "Folds over subjects: nobody is on both sides. What still leaks: recording room, camera and "
        "annotators are shared, because all databases are on both sides."
    ),
)
LOSO = Protocol(
    name="loso",
    title="Leave one subject out",
    splitter=loso,
    grouped=True,
    unit="subject",
    headline="pooled",
    leaks=(
        "One subject is left out at a time: nobody is on both sides. The headline is pooled over all clips, "
        "as the field publishes it; in the mean of the folds each person counts once, however many clips "
        "there are. Recording room, camera and annotators are shared."
    ),
)
CROSS_DATABASE = Protocol(
    name="cross-database",
    title="Leave one database out",
    splitter=cross_database,
    grouped=True,
    unit="fold",
    headline="mean",
    leaks=(
        "Trained on all databases but one and tested on that one: people, room, camera and annotators are "
        "all new. Differences between annotators count as errors of the method."
    ),
)


class Protocols(Mapping[str, Protocol]):
    """Name to protocol: this project's, then those that installed packages register.

    `PROTOCOLS["paper"]` finds "clips": aliases are accepted wherever a name is, and listed nowhere.
    """

    def __init__(self, registry: Registry, aliases: Mapping[str, str]) -> None:
        self.registry, self.aliases = registry, dict(aliases)

    def canonical(self, name: str) -> str:
        """The name that an alias stands for; UnknownName for what is neither."""
        return one_of(self.aliases.get(name, name), self.registry, "protocol")

    def __getitem__(self, name: str) -> Protocol:
        loaded = self.registry.load(self.canonical(name))
        if not isinstance(loaded, Protocol):
            raise ProtocolError(
                f"protocol {name!r} of {self.registry.origin(name)} is not a benchmark.protocols.Protocol"
            )
        return loaded

    def __contains__(self, name: object) -> bool:
        return self.aliases.get(str(name), name) in self.registry

    def __iter__(self) -> Iterator[str]:
        return iter(self.registry)

    def __len__(self) -> int:
        return len(self.registry)


PROTOCOLS = Protocols(
    Registry(
        "protocol",
        {
            "clips": "benchmark.protocols:CLIPS",
            "subject": "benchmark.protocols:SUBJECT",
            "loso": "benchmark.protocols:LOSO",
            "cross-database": "benchmark.protocols:CROSS_DATABASE",
        },
        group="tlcnn_bench.protocols",
    ),
    aliases={"paper": "clips"},
)
"""All protocols by name; another package adds one with an entry point of the group tlcnn_bench.protocols."""


def _folds(fold_of: Int64, names: Sequence[str]) -> tuple[Fold, ...]:
    return tuple(
        Fold(name, np.flatnonzero(fold_of != i), np.flatnonzero(fold_of == i)) for i, name in enumerate(names)
    )


def _people(subjects: Sequence[str], databases: Sequence[str]) -> tuple[list[str], Int64]:
    """Equal bare numbers in two databases are different people; "smic/s01" is one person everywhere."""
    keys = [
        person if "/" in person else f"{database}/{person}"
        for person, database in zip(subjects, databases, strict=True)
    ]
    people, person_of = np.unique(np.asarray(keys, dtype=object), return_inverse=True)
    return [str(person) for person in people], person_of.astype(np.int64)


def _deal_out(counts: Float64, n_folds: int, random: np.random.Generator) -> Int64:
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


def _spread(filled: Float64, added: Float64, fold: int) -> float:
    after = filled.copy()
    after[fold] += added
    return float(after.std(axis=0).mean() + 1e-6 * after[fold].sum())
