"""How fast the hot paths are on this machine: each beside the straightforward version, in one run.

A part is a module of its own with one function `measure(quick: bool) -> list[Row]`; `PARTS` names them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from basis.names import one_of
from benchmark.speed.rows import Row, print_rows, write_csv

PARTS: dict[str, str] = {
    "prepare": "benchmark.speed.prepare:measure",
    "texture": "benchmark.speed.texture:measure",
    "flow": "benchmark.speed.flow:measure",
    "networks": "benchmark.speed.networks:measure",
    "scale": "benchmark.speed.scale:measure",
    "clips": "benchmark.speed.clips:measure",
}
"""Name to "module:function"; a function takes `quick` (fewer repetitions, smaller sizes) and returns rows."""


def run_parts(names: Sequence[str], quick: bool, csv_path: Path | None) -> list[Row]:
    """Measure the named parts (all of them if none is named), print a table, write a CSV.

    Raises
    ------
    UnknownName
        For a name that is not in `PARTS`, with the near ones.
    """
    console = Console() if sys.stdout.isatty() else Console(width=170)
    rows: list[Row] = []
    for name in _checked(names):
        module, function = PARTS[name].split(":")
        console.print(f"measuring {name} ...", style="dim")
        rows += getattr(importlib.import_module(module), function)(quick)
    print_rows(rows, console)
    if csv_path is not None:
        write_csv(rows, csv_path)
        console.print(f"written to {csv_path}")
    return rows


def _checked(names: Sequence[str]) -> list[str]:
    """The names to run, each once, in the order given; all of `PARTS` when none is given."""
    for name in names:
        one_of(name, PARTS, "part of the speed table")
    return list(dict.fromkeys(names)) or list(PARTS)
