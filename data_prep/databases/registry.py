"""The names under which databases are read: one literal line each, and what installed packages add."""

from __future__ import annotations

from basis.registry import Registry
from data_prep.databases.errors import DatabaseError
from data_prep.databases.source import FunctionSource, Source, StillSource

DATABASES = Registry(
    "database",
    {
        "casme": "data_prep.databases.casme:SOURCE",
        "casme2": "data_prep.databases.casme2:SOURCE",
        "smic": "data_prep.databases.smic:HS",
        "smic-vis": "data_prep.databases.smic:VIS",
        "smic-nir": "data_prep.databases.smic:NIR",
        "smic-e": "data_prep.databases.smic_long:HS",
        "smic-e-vis": "data_prep.databases.smic_long:VIS",
        "smic-e-nir": "data_prep.databases.smic_long:NIR",
        "samm": "data_prep.databases.samm:SOURCE",
        "casme-sq": "data_prep.databases.casme_sq:SOURCE",
        "casme3": "data_prep.databases.casme3:SOURCE",
        "casme3-c": "data_prep.databases.casme3:PART_C",
        "mmew": "data_prep.databases.mmew:SOURCE",
        "4dme": "data_prep.databases.fourdme:SOURCE",
        "dfme": "data_prep.databases.dfme:SOURCE",
        "dfme-test-a": "data_prep.databases.dfme:TEST_A",
        "dfme-test-b": "data_prep.databases.dfme:TEST_B",
        "manifest": "data_prep.databases.manifest:SOURCE",
        "flow-images": "data_prep.flow_images.loader:SOURCE",
    },
    group="tlcnn_bench.databases",
    error=DatabaseError,
)
"""Databases of micro-expression clips: name -> the `Source` in its file."""

STILLS = Registry(
    "database of photographs",
    {
        "kdef": "data_prep.databases.kdef:SOURCE",
        "rafd": "data_prep.databases.rafd:SOURCE",
        "tfeid": "data_prep.databases.tfeid:SOURCE",
        "mmi": "data_prep.databases.mmi:SOURCE",
    },
    group="tlcnn_bench.expressions",
    error=DatabaseError,
)
"""Databases of expression photographs: name -> the `StillSource` in its file."""

_KINDS = ((DATABASES, "clips (--data)"), (STILLS, "photographs (--expressions)"))


def source_of(name: str) -> Source:
    """The database of clips of this name.

    A package may also register a plain function of the folder that returns a `Database`.

    Raises
    ------
    DatabaseError
        For an unknown name or a broken plug-in.
    """
    found = _loaded(DATABASES, name)
    if not isinstance(found, Source):
        if not callable(found):
            raise DatabaseError(f"{DATABASES[name]} is neither a Source nor a function of a folder")
        return FunctionSource(name, found)
    if found.name != name:
        raise DatabaseError(f"{DATABASES[name]} is registered as {name!r} and calls itself {found.name!r}")
    return found


def stills_of(name: str) -> StillSource:
    """The database of photographs of this name.

    Raises
    ------
    DatabaseError
        As `source_of` does.
    """
    found = _loaded(STILLS, name)
    if not isinstance(found, StillSource):
        raise DatabaseError(f"{STILLS[name]} is not a StillSource")
    return found


def _loaded(table: Registry, name: str) -> object:
    for other, kind in _KINDS:
        if other is not table and name in other and name not in table:
            raise DatabaseError(f"{name} is a database of {kind}, and not one of {', '.join(table)}")
    try:
        found: object = table.load(name)
    except (ImportError, AttributeError) as error:
        package = table.origin(name) or "this installation"
        raise DatabaseError(f"{name} of {package} cannot be loaded: {error}") from error
    return found
