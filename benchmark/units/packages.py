"""Which installed packages brought what a unit uses, so that another version of one is noticed."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.protocols import PROTOCOLS
from benchmark.sources import Sources
from data_prep.databases.registry import DATABASES, STILLS
from data_prep.landmarks import BACKENDS
from data_prep.task_table import TASKS
from methods import METHODS

TABLES = {table.kind: table for table in (METHODS, PROTOCOLS.registry, DATABASES, STILLS, TASKS, BACKENDS)}

Packages = dict[str, str]
"""What was brought, such as "protocol halves" -> package and version; what is our own is absent."""


def brought(kind: str, names: Iterable[str]) -> Packages:
    """The packages of these names in the table of a kind."""
    table = TABLES[kind]
    return {f"{kind} {name}": table.origin(name) for name in names if name in table and table.origin(name)}


def packages_of_data(sources: Sources) -> Packages:
    """The packages that read the data of a run, label them and find faces in them."""
    return (
        brought(DATABASES.kind, (each.name for each in sources.clips))
        | brought(STILLS.kind, (each.name for each in sources.stills))
        | brought(TASKS.kind, (sources.task.name,))
        | brought(BACKENDS.kind, (sources.landmarks,))
    )


def packages_of(method: str, protocol: str, data: Packages) -> Packages:
    """The packages of a unit, those of the data of its run among them."""
    return brought(METHODS.kind, (method,)) | brought(PROTOCOLS.registry.kind, (protocol,)) | data
