"""How a net is trained: learning rates, iterations, batches, evaluations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from methods.base import MethodError
from methods.training.windows import View


@dataclass(frozen=True)
class Round:
    """`iterations` at a learning rate that falls to a tenth every `drop_every` (0: never).

    Attributes
    ----------
    only
        Beginnings of the names of the parameters that learn; empty: all.
    """

    rate: float
    iterations: int
    drop_every: int = 0
    only: tuple[str, ...] = ()

    def rate_at(self, iteration: int) -> float:
        """The learning rate of an iteration of this round."""
        return self.rate * 0.1 ** (iteration // self.drop_every if self.drop_every else 0)

    def learns(self, name: str) -> bool:
        """Whether the parameter of this name learns."""
        return not self.only or name.startswith(self.only)


@dataclass(frozen=True)
class Schedule:
    """How one net is trained.

    Attributes
    ----------
    rounds
        Each after the first starts from the best weights so far, with fresh momentum.
    batch
        Windows an update.
    view
        The windows it is given, the stride for evaluation only.
    mirror
        See `Sampler`.
    clip_norm
        Largest gradient norm, 0 for no limit.
    micro_batch
        Windows that go through the net at once, their gradients are added up.
    evaluations
        Per round.
    candidates
        How many of a round's evaluations, equally spaced, keep their weights (the best is always kept).
    per_clip
        The best is judged by decisions on whole clips, otherwise on single steps.
    settled
        A round ends when the accuracy changed by no more than this over three evaluations, all of them better
        than always saying the most frequent class; None for never.
    """

    rounds: tuple[Round, ...]
    batch: int
    view: View
    mirror: bool = True
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip_norm: float = 0.0
    micro_batch: int = 256
    evaluations: int = 20
    candidates: int = 0
    per_clip: bool = False
    settled: float | None = None

    def __post_init__(self) -> None:
        if self.candidates and self.evaluations % self.candidates:
            raise MethodError(
                f"{self.candidates} candidates cannot be spaced equally over {self.evaluations} "
                "evaluations; make the second a multiple of the first"
            )

    def stretched(self, clips: int, scheduled_for: int) -> Schedule:
        """The schedule for this many training clips, when it was made for `scheduled_for`; 0: for any number.

        With k times as many clips, k rounded and at least 1, every round has k times the iterations and
        k times as many between the drops of its rate.
        """
        k = max(1, round(clips / scheduled_for)) if scheduled_for else 1
        longer = (replace(r, iterations=k * r.iterations, drop_every=k * r.drop_every) for r in self.rounds)
        return replace(self, rounds=tuple(longer))

    def evaluated_at(self, iterations: int) -> tuple[int, ...]:
        """After which iterations of a round the net is evaluated, the last one included."""
        n = min(self.evaluations, iterations)
        return tuple(round(iterations * (k + 1) / n) for k in range(n))

    def spaced(self, number: int, total: int) -> bool:
        """Whether evaluation `number` (from 1) of a round's `total` keeps its weights in any case."""
        if not self.candidates:
            return False
        every = max(1, total // self.candidates)
        return number % every == 0
