"""The plan: which units a run has, in which order, and which of them are still missing."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.plugins import loaded
from benchmark.settings import Settings, SettingsError
from benchmark.units.unit import Unit
from methods import load_method, make_settings, select
from methods.base import Method
from methods.values import hints_of

LONGEST_SIDE = 4096
"""Of a frame, in pixels."""


@dataclass(frozen=True)
class MethodSpec:
    """What planning needs to know of a method.

    Attributes
    ----------
    stills
        Does it learn from photographs?
    draws
        How often it is fitted on a fold.
    threads
        Names of those that its import started.
    """

    name: str
    title: str
    revision: int
    settings: Mapping[str, Any]
    frame_size: tuple[int, int]
    stills: bool
    draws: int = 1
    threads: tuple[str, ...] = ()


def describe(name: str, settings: Settings) -> MethodSpec:
    """Import a method and resolve its settings under this run's profile.

    Raises
    ------
    SettingsError
        For settings that it does not have or of another kind.
    """
    cls, threads = loaded(name)
    method: Method = cls(make_settings(cls, settings_for(name, settings.method_settings)))
    if not all(1 <= side <= LONGEST_SIDE for side in method.frame_size):
        raise SettingsError(
            f"{name}.frame_size = {list(method.frame_size)}: height and width must lie in 1..{LONGEST_SIDE}"
        )
    return MethodSpec(
        name=name,
        title=cls.title.strip() or name,
        revision=cls.revision,
        settings=dataclasses.asdict(method.settings),
        frame_size=method.frame_size,
        stills=cls.learns_from_stills,
        draws=settings.draws if cls.draws else 1,
        threads=threads,
    )


def told_apart(specs: Sequence[MethodSpec]) -> tuple[MethodSpec, ...]:
    """The methods; of those with one title, blanks and capitals aside, each has its name behind it."""
    shown = [" ".join(spec.title.casefold().split()) for spec in specs]
    titles = Counter(shown)
    return tuple(
        dataclasses.replace(spec, title=f"{spec.title} ({spec.name})") if titles[title] > 1 else spec
        for spec, title in zip(specs, shown, strict=True)
    )


def settings_for(name: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the tables set for one method: keys are names and wildcards, the later table wins.

    A table for several methods may hold what only some of them have; what none of them has stays, to be
    refused by name.
    """
    merged: dict[str, Any] = {}
    for patterns, table in tables.items():
        named = select(patterns.split())
        if name in named:
            merged |= {key: value for key, value in table.items() if _concerns(name, key, named)}
    return merged


def _concerns(name: str, key: str, named: Sequence[str]) -> bool:
    """Whether a setting of a table for these methods is for this one: it has it, or nobody does."""
    if key in hints_of(load_method(name).Settings):
        return True
    return not any(key in hints_of(load_method(other).Settings) for other in named if other != name)


def units(
    specs: Sequence[MethodSpec],
    settings: Settings,
    fold_names: Mapping[tuple[str, int], Sequence[str]],
    *,
    data: str,
    stills: str | None,
) -> Iterator[Unit]:
    """All units of a run, fold by fold, so that methods sharing a stage or feature file come side by side.

    What depends on draws stands `settings.draws` times on each fold.

    Parameters
    ----------
    specs
        The methods with their settings.
    settings
        Of the run.
    fold_names
        (protocol, seed) -> names of its folds.
    data, stills
        Digests of the clips and of the photographs.
    """
    places = itertools.product(settings.tim, settings.protocols, settings.seeds)
    for tim, protocol, seed in places:
        for fold, draw in itertools.product(fold_names[protocol, seed], range(settings.draws)):
            for spec in specs:
                if draw < spec.draws:
                    yield Unit(
                        method=spec.name,
                        revision=spec.revision,
                        tim=tim,
                        protocol=protocol,
                        fold=fold,
                        seed=seed,
                        control=settings.control,
                        data=data,
                        stills=stills if spec.stills else None,
                        settings=spec.settings,
                        draw=draw,
                    )
