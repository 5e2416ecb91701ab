"""What a method is: fit on training clips, predict scores for all its candidates."""

from __future__ import annotations

import json
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from basis.errors import Mendable
from data_prep.clips import Clips, Float32, Stills


class MethodError(Mendable, RuntimeError):
    """What a method needs and does not have; the message says what to pass."""


@dataclass(frozen=True)
class Context:
    """Where a method runs; nothing here changes what it computes except through its settings.

    Attributes
    ----------
    device
        "cpu" or "cuda" or "cuda:1".
    deterministic
        A GPU computes the same bytes again, and slower.
    threads
        How many it may use.
    cache
        Folder for shared stages and features, or None.
    scratch
        Folder for this unit's checkpoints, or None.
    stills
        Loads the prepared expression photographs of a (height, width), or None when the user gave none.
    grouped
        Inner splits keep subjects together, as the protocol does.
    log
        One line for the user.
    stage
        What is computed now, in few words; the progress display shows the last ones.
    """

    device: str = "cpu"
    deterministic: bool = False
    threads: int = 1
    cache: Path | None = None
    scratch: Path | None = None
    stills: Callable[[tuple[int, int]], Stills] | None = None
    grouped: bool = False
    log: Callable[[str], None] = lambda line: None
    stage: Callable[[str], None] = lambda words: None

    def within(self, name: str) -> Context:
        """The same place, but what is said of the stage begins with `name`."""
        return replace(self, stage=lambda words: self.stage(f"{name}: {words}"))


@dataclass(frozen=True)
class Prediction:
    """Scores of all candidates of a fitted method.

    Attributes
    ----------
    candidates
        What each candidate is, JSON values (numpy's numbers become Python's).
    scores
        (candidates, clips, classes), kept as float32, the class with the highest score is the decision, the
        lowest index wins ties.
    chosen
        The candidate picked on the training clips alone, any whole number.
    step_decisions
        (candidates, clips, steps) int16 where a method decides per time step, for per-step accuracy.

    Raises
    ------
    ValueError
        For shapes that do not fit, scores that are not finite, and scores of a wider type whose decisions
        float32 cannot hold, such as products of many likelihoods.
    """

    candidates: tuple[Mapping[str, Any], ...]
    scores: Float32
    chosen: int
    step_decisions: npt.NDArray[np.int16] | None = None

    def of(self, positions: npt.ArrayLike) -> Prediction:
        """The same of the clips at these positions."""
        chosen = np.asarray(positions, np.int64)
        steps = None if self.step_decisions is None else self.step_decisions[:, chosen]
        return Prediction(self.candidates, self.scores[:, chosen], self.chosen, steps)

    def __post_init__(self) -> None:
        given = np.asarray(self.scores)
        if given.ndim != 3 or len(given) != len(self.candidates):
            raise ValueError(
                f"scores must have shape ({len(self.candidates)} candidates, clips, classes), "
                f"got {given.shape}"
            )
        object.__setattr__(self, "chosen", _whole(self.chosen))
        if not 0 <= self.chosen < len(self.candidates):
            raise ValueError(f"chosen must be one of 0..{len(self.candidates) - 1}, got {self.chosen}")
        object.__setattr__(self, "candidates", tuple(_as_json(each) for each in self.candidates))
        object.__setattr__(self, "scores", _as_float32(given))


def _whole(chosen: Any) -> int:
    try:
        return operator.index(chosen)
    except TypeError as error:
        raise ValueError(f"chosen must be a whole number, got {chosen!r}") from error


def _as_json(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """The candidate with Python's numbers for numpy's; ValueError for what JSON does not know."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(candidate), default=_item, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"a candidate must hold JSON values, got {candidate!r}: {error}") from error
    return plain


def _item(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _as_float32(scores: npt.NDArray[Any]) -> Float32:
    """The scores as they are kept; ValueError where a clip would then be decided otherwise."""
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    with np.errstate(over="ignore", under="ignore"):
        kept = np.asarray(scores, np.float32)
    decided = scores.argmax(axis=2) if scores.size else np.zeros(scores.shape[:2], np.int64)
    moved = np.zeros_like(decided, bool)
    if scores.size:
        moved = (kept.argmax(axis=2) != decided) | ~np.isfinite(kept).all(axis=2)
    if moved.any():
        candidate, clip = np.argwhere(moved)[0]
        raise ValueError(
            f"scores are kept as float32, which decides {int(moved.sum())} of {moved.size} clips otherwise "
            f"than this {scores.dtype}, first {scores[candidate, clip].tolist()} (candidate {candidate}, "
            f"clip {clip}): give logarithms, or scale each clip's scores to a largest value of 1"
        )
    return kept


Role = Literal["paper", "extra", "baseline"]

SAVED_AS = frozenset({".json", ".npz", ".npy", ".safetensors"})
"""Suffixes of the files that a saved method consists of: nothing that could be a pickle."""


@dataclass(frozen=True)
class Curve:
    """A training curve: `values` at `steps`, for the figures."""

    steps: tuple[float, ...]
    values: tuple[float, ...]


class Method(ABC):
    """One way to recognise micro-expressions.

    A subclass names itself, holds a frozen dataclass `Settings` with defaults (the paper's), raises
    `revision` whenever its numbers change, and implements fit, predict, save and load. Saved models are
    safetensors, npz (no pickles) and json in a folder.

    Attributes
    ----------
    learns_from_stills
        It wants expression photographs.
    needs_frames
        False for methods that also run on clips that are onset-apex pictures of flow
        (`Clips.holds == "flow"`).
    draws
        Its numbers depend on what the seed draws, initial weights or the order of batches, so that one fit on
        a fold says little: a run fits such a method as often as its setting `draws` says, and rows are means
        over that.
    role
        Where its rows stand: "paper" (Table 3), "extra" (anything else) or "baseline".
    blind
        It never looks at a frame.
    reference
        The publication to cite.
    curve_titles
        The beginning of the names of training curves -> the heading of their figure.
    trial
        Settings under which a fit on a few clips takes about a second: the contract is checked with them.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    revision: ClassVar[int] = 1
    learns_from_stills: ClassVar[bool] = False
    needs_frames: ClassVar[bool] = True
    draws: ClassVar[bool] = False
    role: ClassVar[Role] = "extra"
    blind: ClassVar[bool] = False
    reference: ClassVar[str] = ""
    curve_titles: ClassVar[Mapping[str, str]] = {}
    Settings: ClassVar[type[Any]]
    trial: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, settings: Any = None, context: Context | None = None) -> None:
        self.settings = self.Settings() if settings is None else settings
        self.context = context or Context()
        self.curves: dict[str, Curve] = {}
        self.seconds: dict[str, float] = {}
        self.n_parameters: int | None = None
        self.notes: list[str] = []

    @property
    def frame_size(self) -> tuple[int, int]:
        """(height, width) of the frames this method asks the preparation for."""
        size: tuple[int, int] = tuple(self.settings.frame_size)
        return size

    def unusable(self, clips: Clips) -> dict[int, str]:
        """Positions of clips this method cannot handle, with the reason; such clips are in no fold of it."""
        return {}

    def require_clips(self, clips: Clips) -> None:
        """MethodError where there is nothing to learn from; for the beginning of `fit`."""
        if not len(clips):
            raise MethodError(f"{self.name}: there are no training clips")

    def require_fitted(self, attribute: str) -> None:
        """MethodError unless `fit` or `load` has set this attribute; for the beginning of the others."""
        if not hasattr(self, attribute):
            raise MethodError(f"{self.name} is not fitted: call fit or load first")

    @abstractmethod
    def fit(self, clips: Clips, *, seed: int) -> None:
        """Learn from these clips alone; every choice that is made is made on them.

        Raises
        ------
        MethodError
            Where there is nothing to learn from.
        """

    @abstractmethod
    def predict(self, clips: Clips) -> Prediction:
        """Scores of every candidate for clips whose labels are hidden.

        Raises
        ------
        MethodError
            For clips of another shape than those fitted on, and before `fit` or `load`.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted method into an existing folder.

        Raises
        ------
        MethodError
            Before `fit` or `load`.
        """

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Read what `save` wrote; settings are those this object was made with.

        Raises
        ------
        MethodError
            For what was written under other settings, or is damaged.
        """


@dataclass(frozen=True)
class FrameSettings:
    """What every method's settings hold; the default is the descriptors' size (height, width)."""

    frame_size: tuple[int, int] = field(default=(163, 134))


def in_any_order(method: Method, clips: Clips, *, seed: int) -> Prediction:
    """What a fitted method predicts of these clips, labels hidden, shown to it in an order drawn at random.

    Databases name their clips, and so order them, by class: neighbours would tell what names no longer do.
    """
    order = np.random.default_rng([seed, 0x0DDE]).permutation(len(clips))
    found = method.predict(clips.select(order).without_labels())
    fits = found.scores.shape[1] == len(clips)  # what does not is refused by whoever asked
    return found.of(np.argsort(order)) if fits else found
