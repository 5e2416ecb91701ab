"""The task of a run: chosen by name or from a CSV, and what it found beside what is published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.settings import Settings
from data_prep.clips import Clip
from data_prep.task_table import TASKS, task_from_csv, task_named
from data_prep.tasks import Task

__all__ = ["TASKS", "counts_in_words", "task_of"]


def task_of(settings: Settings) -> Task:
    """The task that the settings name.

    Raises
    ------
    TaskError
        For an unknown name, and a table that cannot be read.
    """
    return task_from_csv(Path(settings.mapping)) if settings.mapping else task_named(settings.task)


def counts_in_words(task: Task, clips: tuple[Clip, ...]) -> Iterator[str]:
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
