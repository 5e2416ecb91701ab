"""From what a database says of a clip to a class: the loaders annotate, a task decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from data_prep.clips import BY_DESIGN, Clip, Database, SetAside
from data_prep.databases.errors import Refused

UNLABELLED = -1
"""The label of a clip as a loader gives it."""


class NotInTask(Exception):
    """A clip that is in order and does not belong to the task; the message says why."""


class Labelling(Protocol):
    """A set of classes and the rule that gives a clip one of them; `benchmark.tasks.Task` is one."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; a label is an index into them."""

    def class_of(self, clip: Clip) -> str:
        """The class of an annotated clip.

        Raises `NotInTask` for a clip that has none by design, `Refused` for an annotation that is not known.
        """


def labelled(database: Database, labelling: Labelling) -> Database:
    """The database with a class for each clip; clips without one are set aside with the reason."""
    clips: list[Clip] = []
    aside: list[SetAside] = []
    for clip in database.clips:
        try:
            index = labelling.classes.index(labelling.class_of(clip))
        except NotInTask as reason:
            aside.append(SetAside(clip.database, clip.name, BY_DESIGN, str(reason)))
        except Refused as reason:
            aside.append(SetAside(clip.database, clip.name, "load", str(reason)))
        else:
            clips.append(replace(clip, label=index))
    return replace(database, clips=tuple(clips), set_aside=(*database.set_aside, *aside))
