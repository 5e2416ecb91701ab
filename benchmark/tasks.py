"""The task of a run: chosen by name or from a CSV, and what it found beside what is published."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmark.settings import Settings, at_home
from data_prep.clips import Clip, Database
from data_prep.task_table import TASKS, task_from_csv, task_named
from data_prep.tasks import Task, TaskError

__all__ = ["TASKS", "asked_task", "counts_in_words", "membership", "require_told_apart", "task_of"]

_NAMED = 8
"""How many clips are named that are left out for one reason."""


def task_of(settings: Settings) -> Task:
    """The task that the settings name.

    Raises
    ------
    TaskError
        For an unknown name, and a table that cannot be read.
    """
    return task_from_csv(Path(settings.mapping)) if settings.mapping else task_named(settings.task)


def asked_task(name: str | None, mapping: str | None) -> Task | None:
    """The task of a name or of a CSV of one's own, None where neither is given.

    Raises
    ------
    TaskError
        For an unknown name, and a table that cannot be read.
    """
    if mapping:
        return task_from_csv(Path(at_home(mapping)))
    return task_named(name) if name else None


def require_told_apart(task: Task, databases: Iterable[Database]) -> None:
    """Raise TaskError where the clips of all databases together are of one class: nothing to recognise."""
    there = Counter(clip.label for database in databases for clip in database.clips)
    if len(there) == 1:
        (label,) = there
        raise TaskError(
            f"task {task.name}: all {there[label]} clips are {task.classes[label]!r}, so there is nothing to "
            f"tell apart; its classes are {', '.join(task.classes)}"
        )


def membership(task: Task, database: Database) -> Iterator[str]:
    """What of a database is in the task, beside the published counts, and what is not, with the reasons.

    Raises
    ------
    TaskError
        Where the task is not defined on the database, or none of its clips is in it.
    """
    named = task.of(dataclasses.replace(database, set_aside=()))
    yield from counts_in_words(task, named.clips)
    reasons: dict[str, list[str]] = {}
    for item in named.set_aside:
        reasons.setdefault(item.reason, []).append(item.clip)
    if reasons:
        yield f"not in the task {task.name}: {len(named.set_aside)} of {len(database.clips)} usable clips"
    for reason, clips in sorted(reasons.items()):
        more = f" and {len(clips) - _NAMED} more" if len(clips) > _NAMED else ""
        words = reason.removeprefix(f"not in the task {task.name}: ")
        yield f"  {len(clips)}: {words}: {', '.join(clips[:_NAMED])}{more}"


def counts_in_words(task: Task, clips: Sequence[Clip]) -> Iterator[str]:
    """One line per database: n of each class, with the published counts where those are others."""
    for database, counts in task.counts(clips).items():
        people = len({clip.subject for clip in clips if clip.database == database})
        published = task.published.get(database)
        found = ", ".join(f"{name} {n}" for name, n in counts.items())
        line = f"task {task.name}: {database}: {sum(counts.values())} clips of {people} people ({found})"
        if published == counts:
            yield f"{line}, as published"
        elif published:
            others = ", ".join(f"{name} {n}" for name, n in published.items())
            yield f"{line}; published: {sum(published.values())} ({others})"
        else:
            yield line
