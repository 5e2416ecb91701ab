"""What the last lines of `check` and `simulate` advise: commands that the command line itself takes."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from benchmark.flags import asked, parser
from benchmark.settings import resolve
from benchmark.terminal.next_steps import next_steps, run_of

PLACES = {"casme2": "/a (1)", "casme3-c": "/b", "kdef": "/c", "flow-images": "/d"}


def commands(lines: list[str]) -> list[dict[str, Any]]:
    """What each advised command asks for; the parser ends the test where it does not take one."""
    typed = [line.partition("python -m benchmark ")[2] for line in lines]
    return [asked(parser().parse_args(shlex.split(words))) for words in typed if words]


def test_every_kind_of_data_is_named_where_it_belongs():
    look, run, pictures = commands(next_steps(PLACES, task=("--task", "three"), more="--landmarks file"))
    assert dict(look["settings"].data) == dict(run["settings"].data) == {"casme2": "/a (1)"}
    assert dict(run["settings"].expressions) == {"kdef": "/c"}
    assert run["settings"].landmarks == "file" and run["settings"].task == "three"
    assert dict(pictures["settings"].data) == {"flow-images": "/d"}


def test_a_database_without_emotions_is_named_and_not_run():
    lines = next_steps({"casme3-c": "/b"})
    assert commands(lines) == []
    assert "casme3-c: no emotions" in lines[0] and "--mapping" in lines[0]
    (look, run) = commands(next_steps({"casme3-c": "/b"}, task=("--mapping", "mine.csv")))
    assert run["settings"].mapping == look["settings"].mapping == "mine.csv"


@pytest.mark.parametrize("name", ["kdef", "rafd"])
def test_photographs_alone_go_beside_clips(name):
    (run,) = commands(next_steps({name: "/c"}))
    assert dict(run["settings"].expressions) == {name: "/c"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"data": {"casme2": "/a (1)", "smic": "/b"}, "landmarks": "facemesh", "task": "three"},
        {"data": {"manifest": "/m"}, "mapping": "my classes.csv", "cache": "/c", "registration": "rigid"},
        {"simulator": "tiny", "simulator_settings": {"amplitude": 2.5, "seed": 3}},
    ],
)
def test_the_command_of_a_run_on_the_same_data_asks_for_the_same_data(given):
    settings = resolve(given, profile="quick")
    (run,) = commands([run_of(settings)])
    asked_for = {name: getattr(run["settings"], name) for name in given}
    assert asked_for == {name: getattr(settings, name) for name in given}
