"""Intervals over people: what each person contributes to a number's error, and Wilson's interval made of it.

A number (the mean of folds, a pooled accuracy, UF1) is a weighted sum over clips or a mean of ratios. Its
first-order influence of each person gives the variance between people, corrected for the weight that the
person has (the delete-one jackknife, CR3). A few people can agree by chance, so two pseudo people's worth of
what people of intraclass correlation one half would vary is added, and it is never below the variance of
independent clips (Agresti and Coull's estimate). The interval is Wilson's for the effective number of clips
that this variance amounts to, which keeps it right near 0 and 1, with the quantile of Student's t for as
many degrees of freedom as people of equal weight would leave (Kish), fewer where nearly everybody is right or
wrong in everything: then a few people hold what is known of the variance, as their kurtosis says. Repetitions
add the variance of their
mean, with Welch and Satterthwaite's degrees of freedom: seeds that deal the folds anew by how they differ,
several trainings on the same folds by how they differ within each fold. The coverage is held by a simulation
in the tests.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

LEAST_PEOPLE = 3
"""Fewer give no interval: nothing is known of how people differ."""
PSEUDO = 4.0
"""Clips that are added to a share, half of them right, before its variance is taken (Agresti and Coull)."""
PRIOR_PEOPLE, PRIOR_CORRELATION = 2.0, 0.5
"""What is assumed of how people differ, and how many people's worth of evidence that is."""


def generator(*names: str) -> np.random.Generator:
    """A generator seeded by names alone, the same on every machine."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


@dataclass(frozen=True)
class Estimate:
    """A number and where its error comes from.

    Attributes
    ----------
    per_seed
        (seeds,) the number under each seed; `value` is their mean.
    people
        Names of the n people.
    influence
        (n,) what each adds to the number beyond what people like the average would; sums to 0.
    share
        (n,) weight of each in the number; sums to 1.
    clips
        How many independent clips of equal weight the number is worth.
    repeated
        The variance of `value` that comes from repetitions and its degrees of freedom, where more is
        known of it than `per_seed` says.
    """

    per_seed: Float64
    people: tuple[str, ...]
    influence: Float64
    share: Float64
    clips: float
    repeated: Error | None = None

    @property
    def value(self) -> float:
        """The number itself, the mean over seeds."""
        return float(self.per_seed.mean())

    @property
    def spread(self) -> float:
        """Standard deviation over seeds (n - 1), nan for a single one."""
        return float(self.per_seed.std(ddof=1)) if len(self.per_seed) > 1 else math.nan

    @property
    def of_repetitions(self) -> Error | None:
        """The variance that comes from repetitions; None for a single one."""
        n = len(self.per_seed)
        if self.repeated is not None or n == 1:
            return self.repeated
        return Error(float(self.per_seed.var(ddof=1)) / n, n - 1)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval within 0 and 1, which holds the number; (nan, nan) below three people."""
        share = (self.value * self.clips + PSEUDO / 2) / (self.clips + PSEUDO)
        of_a_clip = share * (1 - share)
        error = _error(self, of_a_clip, all_or_nothing=1 / of_a_clip - 3)
        if error is None:
            return (math.nan, math.nan)
        quantile = error.quantile(level)
        clips, value = share * (1 - share) / error.variance, self.value
        shrink = 1 + quantile**2 / clips
        centre = (value + quantile**2 / (2 * clips)) / shrink
        inner = max(value * (1 - value), 0.0) / clips + quantile**2 / (4 * clips**2)
        reach = quantile / shrink * math.sqrt(inner)
        return (max(min(centre - reach, value), 0.0), min(max(centre + reach, value), 1.0))

    def gain_over(self, other: Estimate) -> Gain:
        """How much this number is above another of the same clips, person by person."""
        people = tuple(dict.fromkeys([*self.people, *other.people]))
        place = {name: i for i, name in enumerate(people)}
        influence, share = np.zeros(len(people)), np.zeros(len(people))
        for sign, each in ((1.0, self), (-1.0, other)):
            rows = [place[name] for name in each.people]
            influence[rows] += sign * each.influence
            share[rows] = np.maximum(share[rows], each.share)
        paired = len(self.per_seed) == len(other.per_seed)
        per_seed = self.per_seed - (other.per_seed if paired else other.value)
        clips = min(self.clips, other.clips)
        share /= max(share.sum(), 1e-300)
        # what two methods drew counts as independent, which never makes the interval too short
        repeated = (
            _sum(self.of_repetitions, other.of_repetitions) if self.repeated or other.repeated else None
        )
        return Gain(Estimate(per_seed, people, influence, share, clips, repeated))


@dataclass(frozen=True)
class Gain:
    """A difference of two numbers on the same clips, with its error by person."""

    estimate: Estimate

    @property
    def value(self) -> float:
        """The difference itself."""
        return self.estimate.value

    @property
    def contributions(self) -> Float64:
        """(people,) parts of the difference, one per person; they sum to it."""
        return self.estimate.influence + self.value * self.estimate.share

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval of the difference; (nan, nan) below three people.

        At least a share |difference| of the clips was decided otherwise, so much varies if nothing else.
        """
        clips, size = self.estimate.clips, abs(self.value)
        otherwise = (size * clips + PSEUDO / 2) / (clips + PSEUDO)
        if size == 0 and not self.estimate.influence.any():
            return (0.0, 0.0)
        error = _error(self.estimate, max(otherwise - size**2, 1e-12))
        if error is None:
            return (math.nan, math.nan)
        reach = error.quantile(level) * math.sqrt(error.variance)
        return (self.value - reach, self.value + reach)


def constant(value: float, like: Estimate) -> Estimate:
    """A number that is known and has no error, for the people of another estimate."""
    return Estimate(np.full(1, value), like.people, np.zeros(len(like.people)), like.share, like.clips)


@dataclass(frozen=True)
class Error:
    """The variance of a number and the degrees of freedom that it is known with."""

    variance: float
    freedom: float

    def quantile(self, level: float) -> float:
        """Student's t, two-sided."""
        return float(special.stdtrit(self.freedom, (1 + level) / 2))


def _error(estimate: Estimate, of_a_clip: float, all_or_nothing: float = 3.0) -> Error | None:
    """The error over people and seeds; None below three people.

    of_a_clip: the variance of a single independent clip.
    all_or_nothing: the kurtosis of people of whom each is right or wrong in everything (3: as of the normal).
    """
    share = estimate.share[estimate.share > 0]
    n = len(share)
    if n < LEAST_PEOPLE:
        return None
    influence = estimate.influence[estimate.share > 0]
    # a person with all the weight has no influence of their own: 0 / 0
    apart = np.divide(influence, 1 - share, out=np.zeros(n), where=share < 1 - 1e-9)
    alike = 1 / float(np.sum(share**2))
    freedom = _freedom(alike, PRIOR_CORRELATION, all_or_nothing)
    seen = (n - 1) / n * float(np.sum(apart**2))
    prior = of_a_clip * (PRIOR_CORRELATION / alike + (1 - PRIOR_CORRELATION) / estimate.clips)
    people = (freedom * seen + PRIOR_PEOPLE * prior) / (freedom + PRIOR_PEOPLE)
    freedom = _freedom(alike, min(people * alike / of_a_clip, 1.0), all_or_nothing)
    people = max(people, of_a_clip / (estimate.clips + PSEUDO))
    return _sum(Error(people, freedom), estimate.of_repetitions)


def _freedom(alike: float, correlation: float, all_or_nothing: float) -> float:
    """Degrees of freedom of a variance over people: at most `alike` - 1, at least 1.

    A variance of n values of kurtosis k is known as well as one of 2 n / (k - 1) normal ones. People's
    kurtosis lies between the normal's and `all_or_nothing`, as their clips' correlation does between 0 and 1.
    """
    kurtosis = 3 + correlation * max(all_or_nothing - 3, 0.0)
    return max(min(alike - 1, 2 * alike / (kurtosis - 1)), 1.0)


def _sum(*parts: Error | None) -> Error | None:
    """The error of a sum of independent parts, its freedom by Welch and Satterthwaite; None without any."""
    there = [part for part in parts if part is not None and part.variance > 0]
    if not there:
        return next((part for part in parts if part is not None), None)
    variance = sum(part.variance for part in there)
    return Error(variance, variance**2 / sum(part.variance**2 / part.freedom for part in there))
