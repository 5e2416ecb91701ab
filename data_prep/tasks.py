"""Tasks: from a clip's annotation to a class, or to "not in this task" with the reason."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from basis.errors import Mendable
from basis.packed import Packed
from data_prep.clips import BY_DESIGN, Clip, Database, SetAside

Headline = Literal["accuracy", "uf1-uar"]
"""The number a task is reported by: mean accuracy of the folds, or UF1 and UAR of all clips together."""

UNION = ("negative", "positive", "surprise")
"""The three classes of MEGC2019, in the order of its labels 0, 1 and 2."""

OBJECTIVE = ("I", "II", "III", "IV", "V", "VI", "VII")
"""Classes by facial action units alone (Davison et al. 2018); `Clip.objective` counts them from 1."""


class NotInTask(ValueError):
    """A clip that a task leaves out; the message is the reason."""


class TaskError(Mendable, ValueError):
    """A task that the given data cannot serve, or that cannot be defined; the message says what can."""


@dataclass(frozen=True)
class Task:
    """Which classes, which clips, which headline.

    Attributes
    ----------
    label
        A clip to the name of its class; raises NotInTask, with the reason.
    databases
        The only ones it is defined on, empty for any.
    whole
        Whether all of them together are meant, so that fewer of them are a part of the task.
    words
        Emotion words that it places, for loaders that would refuse what they do not know.
    published
        Database -> class -> how many clips publications count.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    headline: Headline
    label: Callable[[Clip], str]
    databases: tuple[str, ...] = ()
    whole: bool = False
    words: tuple[str, ...] = ()
    published: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise TaskError(f"task {self.name}: classes must be two or more different names: {self.classes}")

    def of(self, database: Database) -> Database:
        """The database with the labels of this task; clips that are not in it are set aside by design.

        Raises
        ------
        TaskError
            When the task is defined on other databases, or none of the clips is in it.
        """
        self.require([clip.database for clip in database.clips] or [database.name])
        clips: Packed[Clip] = Packed()
        aside: list[SetAside] = []
        for clip in database.clips:
            try:
                clips.append(dataclasses.replace(clip, label=self.classes.index(self.label(clip))))
            except NotInTask as reason:
                aside.append(
                    SetAside(clip.database, clip.name, BY_DESIGN, f"not in the task {self.name}: {reason}")
                )
        if database.clips and not clips:
            raise TaskError(
                f"task {self.name} can use no clip of {database.name}; {aside[0].reason}. A task of your own "
                "is a CSV with the columns clip,class or emotion,class (--mapping)"
            )
        return dataclasses.replace(database, clips=clips, set_aside=(*database.set_aside, *aside))

    def admits(self, database: str) -> bool:
        """Whether the task is defined on a database of this name."""
        return not self.databases or database in self.databases

    def require(self, databases: Iterable[str]) -> None:
        """Raise TaskError for the first database on which the task is not defined."""
        for name in databases:
            if not self.admits(name):
                raise TaskError(
                    f"task {self.name} is defined on {', '.join(self.databases)} and cannot be served by "
                    f"{name}: leave {name} out, or take --task three, tlcnn4 or one of your own (--mapping)"
                )

    def titled(self, databases: Iterable[str]) -> str:
        """The title, with the databases where they are only a part of what the task means."""
        there = set(databases)
        if not self.whole or there.issuperset(self.databases):
            return self.title
        return f"{self.title}, in part ({', '.join(name for name in self.databases if name in there)})"

    def counts(self, clips: Iterable[Clip]) -> dict[str, dict[str, int]]:
        """Database -> class -> number of clips, for clips that have this task's labels."""
        found: dict[str, dict[str, int]] = {}
        for (database, label), n in Counter((clip.database, clip.label) for clip in clips).items():
            found.setdefault(database, dict.fromkeys(self.classes, 0))[self.classes[label]] = n
        return {name: found[name] for name in sorted(found)}


def by_word(words: Mapping[str, str]) -> Callable[[Clip], str]:
    """Labels by the word of the annotation, case ignored.

    Raises
    ------
    NotInTask
        By the labels, for a word that is not among them.
    """

    def label(clip: Clip) -> str:
        word = clip.emotion.strip().lower()
        if not word:
            raise NotInTask("no emotion is annotated")
        if word not in words:
            raise NotInTask(f"{clip.emotion!r} has no class in it")
        return words[word]

    return label


def by_objective(classes: tuple[str, ...]) -> Callable[[Clip], str]:
    """Labels by the annotation's objective class, those beyond `classes` left out.

    Raises
    ------
    NotInTask
        By the labels, for a clip without an objective class or with one beyond `classes`.
    """

    def label(clip: Clip) -> str:
        if clip.objective is None:
            raise NotInTask("the annotation gives no objective class")
        if clip.objective > len(classes):
            raise NotInTask(f"objective class {OBJECTIVE[clip.objective - 1]}")
        return classes[clip.objective - 1]

    return label


def except_for(names: Mapping[str, str], label: Callable[[Clip], str]) -> Callable[[Clip], str]:
    """Labels of `label`, without the clips of these names, each with the reason.

    Raises
    ------
    NotInTask
        By the labels, for a clip of these names.
    """

    def limited(clip: Clip) -> str:
        if clip.name in names:
            raise NotInTask(names[clip.name])
        return label(clip)

    return limited


def by_table(name: str, words: Mapping[str, str], clips: Mapping[str, str]) -> Task:
    """A task of one's own: emotion word -> class, or clip name -> class, which is asked first.

    Classes are in the order in which they first appear.

    Raises
    ------
    TaskError
        Below two of them.
    """
    of_word = by_word({word.strip().lower(): value for word, value in words.items()})

    def label(clip: Clip) -> str:
        return clips[clip.name] if clip.name in clips else of_word(clip)

    classes = tuple(dict.fromkeys([*words.values(), *clips.values()]))
    return Task(name, name, classes, "uf1-uar", label, words=tuple(words))
