"""Settings of a run: frozen, from the profile's TOML, then the user's TOML, then flags."""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from basis.errors import Mendable
from basis.names import one_of
from benchmark.devices import choose_devices
from benchmark.engines import ENGINES
from benchmark.protocols import PROTOCOLS
from data_prep.registration import NONE, REGISTRATIONS
from methods import load_method, select
from methods.values import hints_of, typed

PROFILES = ("quick", "paper")
CONTROLS = ("none", "shuffled-labels", "movement")
FLOW_IMAGES = "flow-images"
"""The database of onset-apex pictures, which have no frames."""

TLCNN4 = "tlcnn4"
"""The task that is meant where none is named: the paper's."""

BOUNDS: Mapping[str, tuple[int, int]] = {
    "tim": (2, 4096),
    "seeds": (0, 2**31 - 1),
    "draws": (1, 1000),
    "workers": (0, 4096),
    "threads": (1, 4096),
    "memory_limit": (0, 2**31 - 1),
}
"""Least and largest value of what is counted, alone or in a list; the paper's TIMs are 32 and 64."""


class SettingsError(Mendable, ValueError):
    """A setting that cannot be right; the message names it, its value and what would be right."""


@dataclass(frozen=True)
class Settings:
    """All settings of a run.

    Attributes
    ----------
    task
        Which classes and which clips.
    mapping
        A CSV of one's own for that, with emotion or clip and class.
    seeds
        Each deals the folds anew and begins everything that is drawn.
    draws
        How often a method whose numbers depend on draws (initial weights, order of batches) is trained on
        each fold.
    left_out
        Methods that "all" or a wildcard named and that the data cannot serve.
    data, expressions
        Name -> folder (or CSV) of databases, several places with commas between them; empty: the simulator.
    allow_duplicates
        Go on in silence of the exit status although clips or people seem to be there twice.
    simulator
        Its preset.
    simulator_settings
        Its knobs by name.
    registration
        "rigid" lays every frame's head on the first frame's before it is cut to the face; "none", as the
        paper, cuts frames as they are.
    out
        The run folder, None for runs/<profile>, and for a control runs/<control>.
    device
        "auto", "cpu", "cuda" or "cuda:1".
    workers
        Units side by side, 0 for one per core or GPU.
    threads
        Of each unit, one by default, because the last bits of a network's weights depend on it and the number
        of workers must not.
    slurm
        group_seconds (units expected to take no longer together share a job) and parameters of submitit, such
        as slurm_partition, mem_gb or timeout_min.
    timeout
        Seconds a unit may take.
    memory_limit
        MB a unit may take, 0 for none.
    redo
        Units whose records were made with other versions are run again, instead of a refusal.
    control
        "shuffled-labels" permutes the labels of all clips, so that nothing can be learned; "movement"
        simulates large movements without personal style or ambiguity, which everything that can learn should.
    method_settings
        Methods ("mdmo", "tlcnn* c5-svm", "*") -> settings that differ from the methods' defaults, which are
        the paper's; where two tables set the same, the later one wins.
    """

    profile: str = "quick"
    methods: tuple[str, ...] = ("all",)
    tim: tuple[int, ...] = (32,)
    protocols: tuple[str, ...] = ("clips", "subject")
    seeds: tuple[int, ...] = (0,)
    draws: int = 1
    data: Mapping[str, str] = field(default_factory=dict)
    expressions: Mapping[str, str] = field(default_factory=dict)
    simulator: str = "small"
    simulator_settings: Mapping[str, Any] = field(default_factory=dict)
    landmarks: str = "auto"
    registration: str = NONE
    control: str = "none"
    task: str = TLCNN4
    mapping: str | None = None
    left_out: tuple[str, ...] = ()
    allow_duplicates: bool = False
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
    faces: bool | None = None
    redo: bool = False
    method_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.out or Path("runs") / (self.profile if self.control == "none" else self.control))


def resolve(
    flags: Mapping[str, Any], *, settings_file: Path | None = None, profile: str | None = None
) -> Settings:
    """Settings from flags (None: not given) over an optional TOML file over a profile.

    Parameters
    ----------
    flags
        Setting -> value.
    settings_file
        Of the user's, or one that comes along under `benchmark/profiles`, such as lrcn.toml.
    profile
        Where neither flags nor file name one; None: quick on the CPU, paper on a GPU.

    Raises
    ------
    SettingsError, UnknownName
        As `checked`.
    """
    given = {} if settings_file is None else _read(_found(settings_file), str(settings_file))
    given = _over(given, {key: value for key, value in flags.items() if value is not None})
    _refuse_unused(given)
    named = given.get("profile", profile)
    if named is None:
        named = _usual_profile(given.get("device", "auto"))
    one_of(named, PROFILES, "profile")
    below = _shipped(named)
    if given.get("control") == "movement":
        control = _shipped("movement")
        below = _over(below, control)
        knobs = given.get("simulator_settings", {})
        given["simulator_settings"] = {**control["simulator_settings"], **knobs}
    values = {**_over(below, given), "profile": named}
    if "draws" not in given and _each_person_a_fold(values.get("protocols", Settings.protocols)):
        values["draws"] = 1
    return checked(Settings(**values))


def _each_person_a_fold(protocols: Sequence[str]) -> bool:
    """Whether every person has a training of their own, so that people differ by their draws already."""
    units = {PROTOCOLS[PROTOCOLS.canonical(name)].unit for name in protocols}
    return units == {"subject"}


def checked(settings: Settings) -> Settings:
    """The same settings if they can be run; names expanded.

    Raises
    ------
    SettingsError
        For values that cannot be, or do not go together.
    UnknownName
        For a method, protocol, engine or control that there is not.
    """
    for name in ("methods", "tim", "protocols", "seeds"):
        if not getattr(settings, name):
            raise SettingsError(f"{name} is empty: name at least one, or leave it out for the profile's")
    for patterns in settings.method_settings:
        select(patterns.split())
    one_of(settings.engine, ENGINES, "engine")
    one_of(settings.control, CONTROLS, "control")
    one_of(settings.registration, REGISTRATIONS, "registration")
    settings = on_flow_images(settings) if FLOW_IMAGES in settings.data else settings
    for name, (least, most) in BOUNDS.items():
        given = getattr(settings, name)
        if name == "tim" and FLOW_IMAGES in settings.data:
            continue
        for value in given if isinstance(given, tuple) else (given,):
            if not least <= value <= most:
                raise SettingsError(f"{name} = {value} must lie in {least}..{most}")
    if not 0 < settings.timeout < math.inf:
        raise SettingsError(f"timeout = {settings.timeout} must be a number of seconds above 0")
    if settings.mapping and settings.task != TLCNN4:
        raise SettingsError(
            f"--mapping {settings.mapping} defines a task of its own, beside --task {settings.task}: "
            "drop one of the two"
        )
    if settings.scheduler and settings.engine != "dask":
        raise SettingsError(
            f"--scheduler {settings.scheduler} is of the engine dask, the engine here is {settings.engine}: "
            "add --engine dask, or leave it out"
        )
    return dataclasses.replace(
        settings,
        methods=select(settings.methods),
        tim=_once("tim", settings.tim),
        protocols=_once("protocols", tuple(PROTOCOLS.canonical(name) for name in settings.protocols)),
        seeds=_once("seeds", settings.seeds),
        out=settings.out and at_home(settings.out),
        cache=at_home(settings.cache),
        mapping=settings.mapping and at_home(settings.mapping),
        data={name: at_home(place) for name, place in settings.data.items()},
        expressions={name: at_home(place) for name, place in settings.expressions.items()},
    )


def on_flow_images(settings: Settings) -> Settings:
    """Settings for pictures instead of frames: one frame a clip, and only the methods that can do without.

    What "all" or a wildcard names beside them is left out.

    Raises
    ------
    SettingsError
        For a method that needs frames and is named itself, and where none is left.
    """
    if len(settings.data) > 1:
        others = ", ".join(name for name in settings.data if name != FLOW_IMAGES)
        raise SettingsError(f"{FLOW_IMAGES} are pictures and {others} frames: run them one after the other")
    if settings.registration != NONE:
        raise SettingsError(
            f"registration = {settings.registration} lays frames on one another, and {FLOW_IMAGES} have "
            "none: leave it out"
        )
    chosen = select(settings.methods)
    blind = [name for name in chosen if load_method(name).needs_frames]
    usable = tuple(name for name in chosen if name not in blind)
    named = [name for name in blind if name in settings.methods]
    if named or not usable:
        where = f"{FLOW_IMAGES}={settings.data[FLOW_IMAGES]}"
        raise SettingsError(
            f"{', '.join(named or blind)} need frames, and {where} holds none, only flow images"
        )
    left_out = tuple(dict.fromkeys([*settings.left_out, *blind]))
    return dataclasses.replace(settings, methods=usable, tim=(1,), left_out=left_out)


def as_json(settings: Settings) -> dict[str, Any]:
    """The settings as plain JSON, for run.json and the page."""
    return dataclasses.asdict(settings)


def _once(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values; SettingsError if one stands there twice: a repetition that repeats nothing is a slip."""
    twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if twice is not None:
        raise SettingsError(f"{name} names {twice!r} twice; each of them is run once")
    return values


def at_home(places: str) -> str:
    """A path, or several as in TREE,TABLE, with ~ for the home: in a settings file no shell expands it."""
    return ",".join(os.path.expanduser(place) for place in places.split(","))  # noqa: PTH111 - texts


def _refuse_unused(given: Mapping[str, Any]) -> None:
    if given.get("data") and given.get("control") == "movement":
        raise SettingsError(
            "--control movement is simulated, which --data leaves unused: drop one of the two; what your own "
            "databases can show is --control shuffled-labels"
        )
    for key, flag in (("simulator", "--simulator"), ("simulator_settings", "--set")):
        if given.get("data") and given.get(key):
            raise SettingsError(
                f"{flag} is for simulated data, which --data leaves unused: drop one of the two, on the "
                "command line or in the settings file"
            )


def _shipped(name: str) -> dict[str, Any]:
    """A table of settings that comes along: a profile, or what a control changes."""
    return _read(files("benchmark") / "profiles" / f"{name}.toml", f"profile {name}")


def _found(file: Path) -> Any:
    """The user's file; where there is none of that name, the one of ours, if there is one."""
    ours = files("benchmark") / "profiles" / file.name
    return ours if not file.exists() and file.name == str(file) and ours.is_file() else file


def _usual_profile(device: str) -> str:
    return "quick" if choose_devices(device) == ("cpu",) else "paper"


def _read(path: Any, what: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{what} cannot be read: {error}") from error
    hints = hints_of(Settings)
    read = {}
    for key, value in values.items():
        one_of(key, hints, f"setting of {what}")
        field_name = "method_settings" if key == "methods" and isinstance(value, dict) else key
        read[field_name] = typed(value, hints[field_name], f"{what}: {key}")
    return read


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Values of `above` win; the tables of single methods are merged key by key."""
    merged = {**below, **above}
    tables = {name: dict(table) for name, table in below.get("method_settings", {}).items()}
    for name, table in above.get("method_settings", {}).items():
        tables[name] = {**tables.get(name, {}), **table}
    if tables:
        merged["method_settings"] = tables
    return merged


def knobs_of(given: Sequence[str]) -> dict[str, Any]:
    """KNOB=VALUE words; values read as TOML, so 1.5, true and "text" keep their kinds.

    Raises
    ------
    SettingsError
        For a word of another form.
    """
    knobs: dict[str, Any] = {}
    for item in given:
        try:
            knobs |= tomllib.loads(item)
        except ValueError as error:
            raise SettingsError(f"--set {item!r} must be KNOB=VALUE, for example amplitude=1.5") from error
    return knobs
