"""Settings of a run: frozen, from the profile's TOML, then the user's TOML, then flags."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmark.protocols import PROTOCOLS
from methods import one_of, select

ENGINES = ("local", "dask", "slurm")
PROFILES = ("quick", "paper")
CONTROLS = ("none", "shuffled-labels")


class SettingsError(ValueError):
    """A setting that cannot be right; the message names it, its value and what would be right."""


@dataclass(frozen=True)
class Settings:
    """All settings of a run.

    data, expressions: name -> folder (or CSV) of databases; empty: the simulator. simulator: its preset;
    simulator_settings: its knobs by name. out: the run folder, None for runs/<profile>. device: "auto",
    "cpu", "cuda" or "cuda:1". workers: units side by side, 0 for one per core or GPU; threads: of each
    unit, one by default, because the last bits of a network's weights depend on it and the number of
    workers must not. slurm: group_seconds (units expected to take no longer together share a job)
    and parameters of submitit, such as slurm_partition, mem_gb or timeout_min. timeout: seconds a unit may
    take. memory_limit: MB a unit may take, 0 for none. control: "shuffled-labels" permutes the labels of
    all clips, so that nothing can be learned. method_settings: methods ("mdmo", "tlcnn* c5-svm", "*") ->
    settings that differ from the methods' defaults, which are the paper's; where two tables set the same,
    the later one wins.
    """

    profile: str = "quick"
    methods: tuple[str, ...] = ("all",)
    tim: tuple[int, ...] = (32,)
    protocols: tuple[str, ...] = ("paper", "subject")
    seeds: tuple[int, ...] = (0,)
    data: Mapping[str, str] = field(default_factory=dict)
    expressions: Mapping[str, str] = field(default_factory=dict)
    simulator: str = "small"
    simulator_settings: Mapping[str, Any] = field(default_factory=dict)
    landmarks: str = "auto"
    control: str = "none"
    out: str | None = None
    cache: str = "cache"
    engine: str = "local"
    scheduler: str | None = None
    slurm: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 0
    threads: int = 1
    timeout: float = 1800.0
    memory_limit: int = 0
    device: str = "auto"
    deterministic: bool = False
    trust_cache: bool = False
    tables_only: bool = False
    method_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.out) if self.out else Path("runs") / self.profile


def resolve(flags: Mapping[str, Any], *, settings_file: Path | None = None, profile: str) -> Settings:
    """Settings from a profile, an optional TOML file over it and flags over both (None: not given)."""
    one_of(profile, PROFILES, "profile")
    values = _read(files("benchmark") / "profiles" / f"{profile}.toml", f"profile {profile}")
    if settings_file is not None:
        values = _over(values, _read(settings_file, str(settings_file)))
    values = _over(values, {key: value for key, value in flags.items() if value is not None})
    return checked(Settings(**{**values, "profile": profile}))


def checked(settings: Settings) -> Settings:
    """The same settings if they can be run; names expanded. Raises SettingsError or UnknownName."""
    for protocol in settings.protocols:
        one_of(protocol, PROTOCOLS, "protocol")
    for patterns in settings.method_settings:
        select(patterns.split())
    one_of(settings.engine, ENGINES, "engine")
    one_of(settings.control, CONTROLS, "control")
    for tim in settings.tim:
        if tim < 2:
            raise SettingsError(f"tim = {tim}: clips need at least 2 frames; the paper has 32 and 64")
    for name, least in (("workers", 0), ("threads", 1), ("memory_limit", 0)):
        if getattr(settings, name) < least:
            raise SettingsError(f"{name} = {getattr(settings, name)} must be at least {least}")
    if settings.timeout <= 0:
        raise SettingsError(f"timeout = {settings.timeout} must be a number of seconds above 0")
    return dataclasses.replace(
        settings,
        methods=select(settings.methods),
        tim=_distinct(settings.tim),
        protocols=_distinct(settings.protocols),
        seeds=_distinct(settings.seeds),
    )


def as_json(settings: Settings) -> dict[str, Any]:
    """The settings as plain JSON, for run.json and the page."""
    return dataclasses.asdict(settings)


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _read(path: Any, what: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{what} cannot be read: {error}") from error
    if "methods" in values and isinstance(values["methods"], dict):
        values["method_settings"] = values.pop("methods")
    fields = {item.name: item for item in dataclasses.fields(Settings)}
    for key, value in values.items():
        one_of(key, fields, f"setting of {what}")
        values[key] = _typed(key, value, str(fields[key].type), what)
    return values


def _typed(key: str, value: Any, kind: str, what: str) -> Any:
    """TOML's value as the field's type: lists become tuples, whole numbers may stand for floats."""
    accepted: dict[str, tuple[type, ...]] = {
        "tuple[str, ...]": (list,),
        "tuple[int, ...]": (list,),
        "float": (int, float),
        "int": (int,),
        "bool": (bool,),
    }
    wanted = accepted.get(kind, (dict,) if kind.startswith("Mapping") else (str,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise SettingsError(f"{what}: {key} = {value!r} must be {kind.removesuffix(' | None')}")
    if isinstance(value, list):
        item = int if "int" in kind else str
        if not all(isinstance(x, item) for x in value):
            raise SettingsError(f"{what}: {key} = {value!r} must hold only {item.__name__}")
        return tuple(value)
    return value


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Values of `above` win; the tables of single methods are merged key by key."""
    merged = {**below, **above}
    tables = {name: dict(table) for name, table in below.get("method_settings", {}).items()}
    for name, table in above.get("method_settings", {}).items():
        tables[name] = {**tables.get(name, {}), **table}
    if tables:
        merged["method_settings"] = tables
    return merged
