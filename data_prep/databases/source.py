"""What one database's file tells: how it is read, what its table is called, what was published about it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.clips import Database, StillDatabase

if TYPE_CHECKING:
    from data_prep.databases.trees import Tree


@dataclass(frozen=True)
class Published:
    """Counts of a database, for comparison in reports only: no loader depends on them.

    Attributes
    ----------
    source
        Where the counts come from.
    people
        Numbers of the subjects, where they are known, and n_subjects how many.
    emotions
        Clips by the annotation's word.
    subjects
        Clips by subject number (not all are published).
    paper
        What the TLCNN paper used of it.
    """

    source: str
    total: int
    people: tuple[int, ...] = ()
    n_subjects: int | None = None
    emotions: Mapping[str, int] = field(default_factory=dict)
    subjects: Mapping[int, int] = field(default_factory=dict)
    paper: str = ""

    @property
    def subject_count(self) -> int | None:
        """How many people, or None where that is not known."""
        return len(self.people or self.subjects) or None if self.n_subjects is None else self.n_subjects


@dataclass(frozen=True)
class Source(ABC):
    """One database of clips.

    Attributes
    ----------
    table
        Names of its annotation tables, in lower case, by which the table of another database is told.
    emotions
        Whether they are annotated, so that a task can place the clips.
    """

    name: str
    published: Published | None = field(default=None, kw_only=True)
    table: re.Pattern[str] | None = field(default=None, kw_only=True)
    emotions: bool = field(default=True, kw_only=True)

    def read(self, root: Path | str | Sequence[Path]) -> Database:
        """All clips at a folder, or at the annotation table in one, or at several places; see `load`."""
        from data_prep.databases.named import open_places

        return self.load(*open_places(root))

    @abstractmethod
    def load(self, tree: Tree, table: Path | None) -> Database:
        """All clips below the tree; `table` where the user named the annotation table itself.

        The clips carry the annotation and no class yet.

        Raises
        ------
        DatabaseError
            Where nothing can be read.
        """


@dataclass(frozen=True)
class FunctionSource(Source):
    """A database that another package reads with a plain function of the folder (or table)."""

    function: Callable[[Path], Database]

    def load(self, tree: Tree, table: Path | None) -> Database:
        """What the function gives."""
        return self.function(table or Path(tree.root))


@dataclass(frozen=True)
class StillSource(ABC):
    """One database of expression photographs; `mapped` where a CSV must say what is on them."""

    name: str
    published: Published | None = field(default=None, kw_only=True)
    mapped: bool = field(default=False, kw_only=True)

    @abstractmethod
    def load(self, root: Path, mapping: Path | None) -> StillDatabase:
        """All photographs below `root`.

        Raises
        ------
        DatabaseError
            Where there are none.
        """


def per_subject(first: int, *counts: int) -> dict[int, int]:
    """Counts of the subjects numbered from `first` on."""
    return dict(enumerate(counts, first))
