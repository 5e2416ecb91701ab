"""Who shows what: people, their personal style, and the list of clips of a database.

Everything is drawn from names, so one clip's plan never depends on another's, except the sharing out of a
database's fixed number of clips of each emotion among its people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_prep.databases.emotions import CLASS_OF
from data_prep.simulator.movement import Float64
from data_prep.simulator.presets import Cast
from data_prep.simulator.recipes import units_of, variants_of
from data_prep.simulator.seeds import generator
from data_prep.simulator.settings import SimulatorSettings

SMIC_PEOPLE = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)
"""The numbers of SMIC's people."""

PEOPLE = {
    "smic": SMIC_PEOPLE,
    "samm": (6, 7, *range(9, 27), 28, *range(30, 38)),
    "casme-sq": (15, 16, *range(19, 28), *range(29, 39), 40),
    "dfme-test-a": tuple(range(401, 443)),
    "dfme-test-b": tuple(range(501, 542)),
}
"""The numbers of people where they do not count from 1; those of DFME's test parts are made up."""

VARIANT_CONCENTRATION = 0.12
"""Dirichlet concentration per alternative of a full personal taste for variants: small is picky."""

MIX_CONCENTRATION = 0.12
"""Dirichlet concentration per class of a fully uneven mix of emotions."""

LENGTHS = (2.6, 4.2)
"""Beta distribution of a clip's length between a preset's shortest and longest movement."""

DEALS = 15
"""So many times a database's clips are dealt; the deal of middling unevenness is kept. One deal among a few
dozen people says little about the concentration, and so seeds would differ more than databases do."""


@dataclass(frozen=True)
class ClipPlan:
    """One clip before it is drawn.

    Attributes
    ----------
    person, index
        Number of the person, and of the clip within the person, from 1.
    units
        One-sided actions with their share of the strength.
    peak
        Pixels on a 230 px face.
    frames, apex
        How many, and which, from 0.
    combination
        The action units as a coder would write them.
    """

    database: str
    person: int
    index: int
    emotion: str
    combination: str
    units: Mapping[str, float]
    peak: float
    frames: int
    apex: int
    fps: float

    @property
    def subject(self) -> str:
        """The person's key, which seeds its looks."""
        return f"{self.database}/{self.person:02d}"

    @property
    def key(self) -> str:
        """Names the clip."""
        return f"{self.subject}/{self.index}"


def people_of(database: str, cast: Cast) -> tuple[int, ...]:
    """Numbers of the people of a database."""
    numbers = PEOPLE.get(database) or tuple(range(1, cast.subjects + 1))
    return numbers[: cast.subjects]


def plan_clips(database: str, cast: Cast, settings: SimulatorSettings) -> tuple[ClipPlan, ...]:
    """All clips of a database, ordered by person."""
    emotions = _share_out(database, cast, settings)
    plans = []
    for person in people_of(database, cast):
        style = _style_of(f"{database}/{person:02d}", settings)
        for index, emotion in enumerate(emotions[person], start=1):
            plans.append(_plan_clip(database, cast, settings, style, person, index, emotion))
    return tuple(plans)


def _share_out(database: str, cast: Cast, settings: SimulatorSettings) -> dict[int, list[str]]:
    """Emotions of each person's clips; totals are the cast's, the mix is a Dirichlet draw per person."""
    people = people_of(database, cast)
    dealt = [
        _deal(generator(settings.seed, database, "mix", number), people, cast, settings.mix_unevenness)
        for number in range(DEALS)
    ]
    return sorted(dealt, key=_favoured)[DEALS // 2]


def _favoured(emotions: Mapping[int, list[str]]) -> int:
    """How many clips show the class that their person shows most."""
    return sum(max(Counter(CLASS_OF[word] for word in words).values()) for words in emotions.values())


def _deal(
    rng: np.random.Generator, people: tuple[int, ...], cast: Cast, unevenness: float
) -> dict[int, list[str]]:
    totals = _clips_per_person(rng, cast.clips, len(people))
    slots = rng.permutation(np.repeat(np.arange(len(people)), totals))
    left = _by_class(cast.emotions)
    classes = list(left)
    prior = np.array([len(left[name]) for name in classes], float) / cast.clips
    taste = _tastes(rng, prior, len(people), unevenness)
    for name in classes:
        left[name] = [left[name][i] for i in rng.permutation(len(left[name]))]
    shared: dict[int, list[str]] = {person: [] for person in people}
    for slot in slots:
        odds = taste[slot] * [
            len(left[name]) / max(1.0, p * cast.clips) for name, p in zip(classes, prior, strict=True)
        ]
        if odds.sum() <= 0.0:
            odds = np.array([float(len(left[name])) for name in classes])
        chosen = classes[int(rng.choice(len(classes), p=odds / odds.sum()))]
        shared[people[int(slot)]].append(left[chosen].pop())
    return shared


def _by_class(emotions: Mapping[str, int]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for emotion, count in emotions.items():
        groups.setdefault(CLASS_OF[emotion], []).extend([emotion] * count)
    return groups


def _tastes(rng: np.random.Generator, prior: Float64, people: int, unevenness: float) -> Float64:
    """(people, classes) class weights; unevenness 0 gives everybody the prior."""
    if unevenness == 0.0:
        return np.tile(prior, (people, 1))
    return rng.dirichlet(prior * len(prior) * MIX_CONCENTRATION / unevenness, size=people) + 1e-6


def _clips_per_person(rng: np.random.Generator, clips: int, people: int) -> npt.NDArray[np.int64]:
    """At least two each where there are enough, the rest as uneven as in the real tables."""
    least = min(2, clips // people)
    shares = rng.dirichlet(np.full(people, 2.0))
    extra = rng.multinomial(clips - least * people, shares)
    return extra + least


@dataclass(frozen=True)
class _Style:
    """Personal style: taste for variants is drawn per emotion from `key`; side -1..1; strength a factor."""

    key: str
    side: float
    strength: float


def _style_of(subject: str, settings: SimulatorSettings) -> _Style:
    rng = generator(settings.seed, subject, "style")
    side, strength = rng.uniform(-1.0, 1.0), rng.standard_normal()
    return _Style(
        key=subject,
        side=float(side * settings.style),
        strength=float(np.exp(settings.strength_spread * settings.style * np.clip(strength, -2, 2))),
    )


def _combination(style: _Style, emotion: str, settings: SimulatorSettings, rng: np.random.Generator) -> str:
    """One of the emotion's variants, by the person's own taste."""
    names, odds = variants_of(emotion, settings.ambiguity)
    weights = np.asarray(odds)
    if settings.style > 0.0 and len(names) > 1:
        taste = generator(settings.seed, style.key, "taste", emotion)
        weights = taste.dirichlet(weights * len(names) * VARIANT_CONCENTRATION / settings.style) + 1e-9
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def _plan_clip(
    database: str,
    cast: Cast,
    settings: SimulatorSettings,
    style: _Style,
    person: int,
    index: int,
    emotion: str,
) -> ClipPlan:
    rng = generator(settings.seed, f"{database}/{person:02d}/{index}", "clip")
    combination = _combination(style, emotion, settings, rng)
    side = np.clip(style.side + 0.25 * rng.standard_normal(), -1.0, 1.0)
    units: dict[str, float] = {}
    for unit in units_of(combination):
        sided = 1.0 + (0.6 * side if unit[0] == "L" else -0.6 * side)
        units[unit] = float(min(sided, 1.0) * np.exp(0.15 * rng.standard_normal()))
    if rng.random() < 0.25 * settings.ambiguity:
        extra = str(rng.choice(("1", "2", "4", "7", "12", "14", "17", "24")))
        for unit in units_of(extra):
            units.setdefault(unit, 0.5)
    strength = style.strength * np.exp(settings.strength_spread * np.clip(rng.standard_normal(), -2, 2))
    low, high = settings.preset.seconds
    timing = generator(settings.seed, f"{database}/{person:02d}/{index}", "timing")
    fps = cast.rates[(index - 1) % len(cast.rates)] if cast.rates else cast.fps
    frames = round((low + (high - low) * float(timing.beta(*LENGTHS))) * fps) + 1
    apex = int(np.clip(round(float(timing.beta(6, 6)) * (frames - 1)), 2, frames - 3))
    return ClipPlan(
        database=database,
        person=person,
        index=index,
        emotion=emotion,
        combination=combination,
        units=units,
        peak=float(settings.amplitude * strength),
        frames=frames,
        apex=apex,
        fps=fps,
    )
