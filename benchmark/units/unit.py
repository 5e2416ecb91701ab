"""A unit, one fit and its predictions, by name; and the job of running it, by everything a process needs."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from basis.canonical import digest_of
from benchmark.protocols import PROTOCOLS


@dataclass(frozen=True)
class Unit:
    """One fit and its predictions: names and numbers only, so that its key outlives any process.

    Attributes
    ----------
    data
        Digest of the source clips with their landmarks and labels.
    stills
        Digest of the expression photographs, for methods that learn from them, else None.
    settings
        All of the method's settings.
    seed
        Deals the folds and begins what is drawn.
    draw
        Which of several trainings on the same fold, from 0.
    """

    method: str
    revision: int
    tim: int
    protocol: str
    fold: str
    seed: int
    control: str
    data: str
    stills: str | None
    settings: Mapping[str, Any]
    draw: int = 0

    @cached_property
    def key(self) -> str:
        """sha256 of the unit's canonical JSON."""
        return digest_of(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The unit as plain JSON; tuples as lists."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}


def seed_of(unit: Unit) -> int:
    """The seed of a unit's randomness, from names: the same for every method on one fold, in any order.

    Another draw is another seed on the same fold.
    """
    protocol = PROTOCOLS[unit.protocol].seeds_as or unit.protocol
    names = f"{unit.data}|{unit.tim}|{protocol}|{unit.fold}|{unit.seed}|{unit.control}"
    names += f"|draw {unit.draw}" if unit.draw else ""
    return int.from_bytes(hashlib.sha256(names.encode()).digest()[:4], "big")


@dataclass(frozen=True)
class Prepared:
    """A prepared set in the cache: its folder, absolute, the digest that it must have, what is known of it.

    Attributes
    ----------
    verified
        What the process that planned the run knows of the set's frames; see `data_prep.cache.verified`.
    """

    folder: str
    digest: str
    verified: Mapping[str, str]


@dataclass(frozen=True)
class Job:
    """Everything that a process needs to run one unit; it travels as JSON, between machines too.

    All folders are absolute.

    Attributes
    ----------
    run
        The run folder.
    clips
        The prepared clips.
    stills
        Photographs by "HEIGHTxWIDTH", empty for methods without.
    cache
        Its folder.
    trust
        Skip the checksums of the cache.
    deterministic
        Bit-equal on a GPU.
    """

    unit: Unit
    run: str
    clips: Prepared
    stills: Mapping[str, Prepared]
    cache: str
    profile: str
    stamp: Mapping[str, Any]
    trust: bool
    deterministic: bool

    def as_json(self) -> dict[str, Any]:
        """The job as plain JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Job:
        """The job that `as_json` wrote; entries that an engine added are left aside."""
        own = {item.name: payload[item.name] for item in dataclasses.fields(cls)}
        own["unit"] = Unit(**own["unit"])
        own["clips"] = Prepared(**own["clips"])
        own["stills"] = {size: Prepared(**each) for size, each in own["stills"].items()}
        return cls(**own)
