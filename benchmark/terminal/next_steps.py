"""What can be done next with databases that were checked or written, as commands to copy."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

from benchmark.settings import FLOW_IMAGES, Settings
from data_prep.databases.registry import STILLS, source_of


def next_steps(databases: Mapping[str, str], *, task: Sequence[str] = (), more: str = "") -> list[str]:
    """Lines with the commands that take these databases.

    Parameters
    ----------
    databases
        Name to place: clips, photographs and flow images, as they are named on the command line.
    task
        The words that ask for a task, such as `--task three`.
    more
        Words after those of `run`, such as `--landmarks file`.
    """
    stills = {name: place for name, place in databases.items() if name in STILLS}
    pictures = {name: place for name, place in databases.items() if name == FLOW_IMAGES}
    clips = {name: place for name, place in databases.items() if name not in stills and name not in pictures}
    told = [name for name in clips if source_of(name).emotions or "--mapping" in task]
    silent = [name for name in clips if name not in told]
    lines = []
    beside = ["--expressions", *_words(stills)] if stills and told else []
    if told:
        data = _words({name: clips[name] for name in told})
        lines.append(_line("look", "look", *data, *task, more))
        lines.append(_line("run", "run", "--data", *data, *beside, *task, more))
    if stills and not told:
        shown = _line("photographs go beside clips", "run", "--data NAME=DIR", "--expressions")
        lines.append(f"{shown} {' '.join(_words(stills))}")
    if pictures:
        lines.append(_line("run", "run", "--data", *_words(pictures), *task, "--protocol loso"))
    if silent:
        lines.append(
            f"{', '.join(silent)}: no emotions are annotated, so no task has its clips; one of your own "
            "names them: --mapping CSV with the columns clip,class, for check, look and run"
        )
    return lines


def run_of(settings: Settings) -> str:
    """The command that runs methods on the data of these settings, read in the same way."""
    flags = ("simulator", "landmarks", "registration", "task", "mapping", "cache")
    given = {name: getattr(settings, name) for name in flags}
    words = ["--data", *_words(settings.data)] if settings.data else []
    for name, value in given.items():
        if value != getattr(Settings, name):
            words += [f"--{name}", shlex.quote(str(value))]
    knobs = [f"{name}={json.dumps(value)}" for name, value in settings.simulator_settings.items()]
    words += ["--set", *map(shlex.quote, knobs)] if knobs else []
    return " ".join(["python -m benchmark run", *words])


def _words(databases: Mapping[str, str]) -> list[str]:
    return [shlex.quote(f"{name}={place}") for name, place in databases.items()]


def _line(title: str, verb: str, *words: str) -> str:
    return f"{title}: python -m benchmark {verb} {' '.join(word for word in words if word)}"
