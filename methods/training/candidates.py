"""Weights that are kept along a training, and which of them is the best on the inner validation."""

from __future__ import annotations

from dataclasses import dataclass, field

from methods.training.checkpoints import Weights
from methods.training.scoring import Scored


@dataclass(frozen=True, eq=False)
class Candidate:
    """Weights after `iteration`, counted over all rounds, and how they did on the inner validation.

    Attributes
    ----------
    spaced
        Kept in any case; otherwise kept only while it is the best.
    """

    iteration: int
    scored: Scored | None
    spaced: bool
    weights: Weights = field(repr=False)


@dataclass
class Kept:
    """The candidates of a training so far, by iteration.

    Attributes
    ----------
    per_clip
        The best is judged by decisions on whole clips, otherwise on single steps.
    """

    per_clip: bool
    candidates: list[Candidate] = field(default_factory=list)
    best: Candidate | None = None

    def add(self, candidate: Candidate) -> None:
        """Keep the candidate if it is spaced or the best; an earlier best that is not spaced goes."""
        if self.best is None or self._quality(candidate) > self._quality(self.best):
            self.best = candidate
        self.candidates = [one for one in (*self.candidates, candidate) if one.spaced or one is self.best]

    def accuracy(self, scored: Scored) -> float:
        """The accuracy that counts."""
        return scored.clips if self.per_clip else scored.steps

    def _quality(self, candidate: Candidate) -> tuple[float, float]:
        """Accuracy, then likelihood, on the inner validation; without one, the later the better."""
        if candidate.scored is None:
            return float(candidate.iteration), 0.0
        return self.accuracy(candidate.scored), -candidate.scored.loss
