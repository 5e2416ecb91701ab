"""What can be set on the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from basis.canonical import digest_of
from data_prep.simulator.presets import PRESETS, Preset, casts_of

REVISION = 7
"""Raised whenever the pictures or tables written from equal settings change."""

BOUNDS: Mapping[str, tuple[int, int]] = {
    "amplitude": (0, 230),
    "strength_spread": (0, 10),
    "style": (0, 1),
    "uneven": (0, 1),
    "ambiguity": (0, 1),
    "drift": (0, 230),
    "turn": (0, 45),
    "light": (0, 1),
    "habit": (0, 1),
    "flicker": (0, 10),
    "noise": (0, 255),
    "blinks": (0, 1),
    "jpeg": (1, 100),
}
"""Least and largest value of each knob; lengths go up to the width of the face."""


@dataclass(frozen=True)
class SimulatorSettings:
    """Named knobs of the simulator.

    Attributes
    ----------
    size
        Preset: "tiny", "small", "medium" or "full".
    seed
        Everything random derives from it and from names.
    amplitude
        Median peak displacement of a movement, in pixels on a face 230 px wide; 0 is no movement.
    strength_spread
        Standard deviation of the logarithm of the strength, within and between people.
    style
        Personal style, 0 (nobody has one) to 1: a person prefers its own variants of an emotion, its own
        side, its own strength and its own mix of emotions, and has muscles (`anatomy`) and habits of its own.
    uneven
        How uneven the mix of emotions is over people, 0 (mixed at random) to 1, times style; with amplitude 0
        it counts as 0, so that nothing but movement could tell the class (see `mix_unevenness`).
    ambiguity
        0 (one combination of action units for each emotion) to 1 (those of the annotations, and a random
        extra unit in a quarter of the clips).
    drift, turn
        Standard deviations of the head's shift at a clip's end, pixels on a 230 px face, and of its turn,
        degrees. Both grow like a random walk.
    light
        Standard deviation of the change of the lamp's gradient at a clip's end, relative brightness over the
        face's width.
    habit
        Share of the variance of drift, turn and light that all clips of a person have in common, times style:
        a person sits in one way under one lamp, so its head moves and its light changes much alike.
    flicker
        Relative standard deviation of the frames' brightness.
    noise
        Standard deviation of the sensor, grey levels, where a face is 230 px wide; a narrower face is as
        noisy as one of 230 px reduced to its size.
    blinks
        Share of clips with an unrelated blink.
    jpeg
        Quality of JPEG files.
    layouts
        Databases to write instead of the preset's.
    """

    size: str = "small"
    seed: int = 0
    amplitude: float = 2.3
    strength_spread: float = 0.25
    style: float = 1.0
    uneven: float = 0.075
    ambiguity: float = 1.0
    drift: float = 0.7
    turn: float = 0.08
    light: float = 0.01
    habit: float = 0.8
    flicker: float = 0.001
    noise: float = 2.6
    blinks: float = 0.12
    jpeg: int = 95
    layouts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.size not in PRESETS:
            raise ValueError(f"size {self.size!r} is not one of {sorted(PRESETS)}")
        for name, (least, most) in BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie in {least}..{most}, got {getattr(self, name)}")
        casts_of(PRESETS[self.size], self.layouts)

    @property
    def preset(self) -> Preset:
        """The databases to write, by size."""
        preset = PRESETS[self.size]
        return replace(preset, casts=casts_of(preset, self.layouts)) if self.layouts else preset

    @property
    def mix_unevenness(self) -> float:
        """How uneven the mix of emotions is over people: uneven * style, and 0 where nothing moves."""
        return self.uneven * self.style if self.amplitude > 0 else 0.0

    @property
    def habits(self) -> float:
        """What a person's clips share of the head's motion and of the light's change: habit * style."""
        return self.habit * self.style

    def knobs(self) -> dict[str, Any]:
        """Names and values, for the manifest; without layouts it is that of before there were any."""
        names = [name for name in self.__dataclass_fields__ if name != "layouts" or self.layouts]
        values = {name: getattr(self, name) for name in names}
        return {**values, "revision": REVISION}

    @property
    def digest(self) -> str:
        """sha256 of the knobs, the preset and the simulator's revision: equal digests, equal files."""
        return digest_of({"knobs": self.knobs(), "preset": self.preset.plain()})
