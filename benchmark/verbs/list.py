"""The verb `list`: all that can be named."""

from __future__ import annotations

from benchmark.engines import ENGINES
from benchmark.log import Log
from benchmark.protocols import PROTOCOLS
from benchmark.settings import PROFILES
from benchmark.terminal.answers import in_json
from methods import METHODS


def names(log: Log, as_json: bool = False) -> int:
    """All that can be named on the command line."""
    from data_prep.databases import DATABASES, STILLS
    from data_prep.task_table import TASKS

    tables = {
        "methods": METHODS,
        "protocols": PROTOCOLS,
        "tasks": TASKS,
        "databases": DATABASES,
        "expression photographs": STILLS,
        "profiles": PROFILES,
        "engines": ENGINES,
    }
    if as_json:
        log(in_json("list", {title: list(table) for title, table in tables.items()}))
        return 0
    for title, table in tables.items():
        log(f"{title}: {' '.join(table)}")
    log("use them: python -m benchmark run --methods NAME --protocol NAME --task NAME --data DATABASE=DIR")
    return 0
