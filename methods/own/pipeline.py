"""A scikit-learn estimator as a method: write `features` and `estimator`, the rest is here."""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from basis.files import atomically, write_json
from data_prep.clips import Clips, Float32, Int64, UInt8
from methods.base import FrameSettings, Method, MethodError, Prediction
from methods.cached import per_clip
from methods.folds import inner_folds

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PipelineSettings(FrameSettings):
    """Settings of every pipeline.

    Attributes
    ----------
    inner_folds
        Of the cross-validation on the training clips that chooses among the candidates.
    """

    inner_folds: int = 5


class PipelineMethod(Method):
    """One feature vector per clip and one scikit-learn estimator; every combination of `grid` is a candidate.

    A subclass names itself (`name`, `title`), writes `features` and `estimator`, and may set `grid`:
    parameter of the estimator -> values ("logisticregression__C": (0.1, 1.0)). The feature vectors are
    computed once per clip and cached under `revision`: `benchmark.evaluate` draws it from the class's code
    where it states none, a package's method raises it when `features` changes. The candidate is chosen
    by cross-validation on the training clips, with people kept together where the protocol keeps them so;
    the others are scored too, which gives the best-on-test number beside the honest one.

    Notes
    -----
    Nothing is pickled: what is saved is the training vectors, and loading fits again. Every `random_state`
    of the estimator is set to the unit's seed.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> class Brightness(PipelineMethod):
    ...     name, title = "brightness", "Brightness over time"
    ...     grid = {"logisticregression__C": (0.1, 1.0)}
    ...     def features(self, clip, landmarks):
    ...         return clip.mean(axis=(1, 2, 3))
    ...     def estimator(self):
    ...         return make_pipeline(StandardScaler(), LogisticRegression())
    """

    Settings = PipelineSettings
    grid: ClassVar[Mapping[str, Sequence[Any]]] = {}
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (64, 52), "inner_folds": 2}

    @abstractmethod
    def features(self, clip: UInt8, landmarks: Float32) -> npt.ArrayLike:
        """One vector of numbers for a clip (T, H, W, 3) uint8 and its landmarks (66, 2) float32 in pixels."""

    @abstractmethod
    def estimator(self) -> Any:
        """A new estimator with `fit` and `predict_proba` or `decision_function`."""

    def candidates(self) -> tuple[dict[str, Any], ...]:
        """Every combination of `grid`; one empty one without it."""
        from sklearn.model_selection import ParameterGrid

        return tuple(dict(each) for each in ParameterGrid(dict(self.grid))) if self.grid else ({},)

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Fit every candidate on these clips and choose one by inner cross-validation."""
        self.require_clips(clips)
        self._x, self._labels = self._vectors(clips.without_labels(named=True)), clips.labels
        self._n_classes, self._seed = len(clips.classes), seed
        groups = clips.subjects if self.context.grouped else None
        splits = inner_folds(self._labels, groups, self.settings.inner_folds, seed)
        candidates = self.candidates()
        if not splits and len(candidates) > 1:
            self.notes.append("no inner folds possible: the first candidate was taken")
        correct = np.zeros(len(candidates))
        for train, test in splits if len(candidates) > 1 else ():
            for i, candidate in enumerate(candidates):
                fitted = self._fitted(candidate, self._x[train], self._labels[train])
                scores = self._scores(fitted, self._x[test])
                correct[i] += (scores.argmax(axis=1) == self._labels[test]).sum()
        self._chosen = int(correct.argmax())
        self._fit_all()

    def _fit_all(self) -> None:
        self._fits = [self._fitted(each, self._x, self._labels) for each in self.candidates()]

    def predict(self, clips: Clips) -> Prediction:
        """Scores of every candidate; a class that training lacked gets the lowest score."""
        self.require_fitted("_fits")
        x = self._vectors(clips)
        scores: Any = np.stack([self._scores(fitted, x) for fitted in self._fits])
        return Prediction(self.candidates(), scores, self._chosen)

    def save(self, folder: Path) -> None:
        """Write `training.npz` (vectors and labels) and `pipeline.json`."""
        self.require_fitted("_fits")
        with atomically(folder / "training.npz") as file:
            np.savez(file, x=self._x, labels=self._labels)
        about = {"chosen": self._chosen, "n_classes": self._n_classes, "seed": self._seed}
        write_json(folder / "pipeline.json", about)

    def load(self, folder: Path) -> None:
        """Read the training vectors that `save` wrote and fit again."""
        about = json.loads((folder / "pipeline.json").read_text(encoding="utf-8"))
        self._chosen, self._n_classes, self._seed = about["chosen"], about["n_classes"], about["seed"]
        with np.load(folder / "training.npz", allow_pickle=False) as held:
            self._x, self._labels = held["x"], held["labels"]
        self._fit_all()

    def _vectors(self, clips: Clips) -> Float64:
        """(n, d) float64 feature vectors of a view's clips."""

        def compute(clip: UInt8, landmarks: Float32) -> Float64:
            vector = np.asarray(self.features(clip, landmarks), np.float64)
            if vector.ndim != 1 or not np.isfinite(vector).all():
                raise MethodError(
                    f"{self.name}.features must return one vector of finite numbers, got shape {vector.shape}"
                )
            return vector

        start = time.perf_counter()
        parameters = {"class": f"{type(self).__module__}.{type(self).__qualname__}"}
        rows = per_clip(clips, compute, name=self.name, parameters=parameters, threads=self.context.threads)
        self.seconds["features"] = self.seconds.get("features", 0.0) + time.perf_counter() - start
        return np.asarray(rows, np.float64)

    def _fitted(self, candidate: Mapping[str, Any], x: Float64, labels: Int64) -> Any:
        """A fitted estimator, or the class itself where training shows only one."""
        if len(present := np.unique(labels)) == 1:
            return int(present[0])
        estimator = self.estimator()
        states = [name for name in estimator.get_params() if name.split("__")[-1] == "random_state"]
        estimator.set_params(**dict.fromkeys(states, self._seed % 2**32), **candidate)
        return estimator.fit(x, labels)

    def _scores(self, fitted: Any, x: Float64) -> Float64:
        """(n, classes) scores; the class with the highest is what the estimator decides."""
        scores = np.zeros((len(x), self._n_classes))
        if isinstance(fitted, int):
            scores[:, fitted] = 1.0
            return scores
        given = fitted.predict_proba(x) if hasattr(fitted, "predict_proba") else fitted.decision_function(x)
        if given.ndim == 1:
            given = np.stack([-given, given], axis=1)
        scores[:] = given.min() - 1.0
        scores[:, fitted.classes_] = given
        return scores
