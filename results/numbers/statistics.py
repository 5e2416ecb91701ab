"""Tests that hold: pure functions on fold or subject scores of two or more methods."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from results.numbers.intervals import generator
from results.records.store import ResultsError

Float64 = npt.NDArray[np.float64]

EXACT_UP_TO = 14
"""Sign flips are enumerated up to this many units, drawn at random beyond."""
DRAWS = 9999
MOST_EQUAL = 1e-12

LEVEL = 0.05
FEW = 10
"""With fewer units the exact sign-flip test leads: a t-test leans on a shape that they cannot show."""
LEAST_UNITS = 3
"""Fewer give no interval and no verdict."""


def can_reach(n: int, level: float = LEVEL) -> bool:
    """Whether n units can be significant at all: the smallest p of the exact sign-flip test is 2 / 2**n."""
    return n > 0 and 2.0 ** (1 - n) < level


class TableHasHoles(ResultsError):
    """A table with missing scores: no test is made of it; the message lists the holes."""


def refuse_holes(scores: Float64, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Raise TableHasHoles when a (rows, columns) table has a nan, naming row and column of each."""
    holes = [f"{columns[j]} at {rows[i]}" for i, j in np.argwhere(np.isnan(scores))]
    if holes:
        raise TableHasHoles(f"{len(holes)} scores are missing: " + ", ".join(holes))


@dataclass(frozen=True)
class TTest:
    """t, its degrees of freedom, two-sided p, and the 95 % interval of the mean difference."""

    t: float
    df: float
    p: float
    low: float
    high: float


def identical(differences: npt.ArrayLike) -> bool:
    """Whether two columns are the same: every difference is zero."""
    return bool(np.all(np.abs(np.asarray(differences, dtype=np.float64)) <= MOST_EQUAL))


def paired_t(differences: npt.ArrayLike) -> TTest:
    """Paired t-test of differences (n,); right for subjects under leave-one-subject-out.

    All zero: p = 1. All equal and not zero: t is infinite and says nothing, so p is the smallest that n signs
    can have, 2 / 2**n, and there is no interval.

    Raises
    ------
    TableHasHoles
        For nan.
    ResultsError
        For fewer than two differences.
    """
    values = _checked(differences)
    return _t_test(values, 1 / len(values))


def corrected_t(differences: npt.ArrayLike, test_share: float) -> TTest:
    """Corrected resampled t-test (Nadeau and Bengio 2003) of differences over repeated folds (n,).

    The variance of the mean is taken as (1/n + test_share) times the variance of the differences, because
    training sets overlap.

    Parameters
    ----------
    differences
        (n,) of two methods, one per fold.
    test_share
        Test clips per training clip, 1/4 for five folds.
    """
    values = _checked(differences)
    return _t_test(values, 1 / len(values) + test_share)


def _t_test(values: Float64, factor: float) -> TTest:
    mean, df = float(values.mean()), len(values) - 1
    error = math.sqrt(factor) * float(values.std(ddof=1))
    if identical(values):
        return TTest(0.0, df, 1.0, 0.0, 0.0)
    if error <= MOST_EQUAL:
        return TTest(math.copysign(math.inf, mean), df, 2.0 ** (1 - len(values)), math.nan, math.nan)
    t, reach = mean / error, float(special.stdtrit(df, 0.975)) * error
    return TTest(t, df, float(2 * special.stdtr(df, -abs(t))), mean - reach, mean + reach)


def paper_t(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """The paper's own test: two-sided p of an independent two-sample t-test with equal variances.

    It ignores that the folds are the same clips; it is here for comparison, no conclusion of this project
    rests on it.

    Parameters
    ----------
    a, b
        Fold accuracies of two methods, all TIM settings together.
    """
    x, y = _checked(a), _checked(b)
    if len(x) == len(y) and identical(x - y):
        return 1.0
    if np.ptp(x) == 0 and np.ptp(y) == 0:
        return 1.0 if abs(x[0] - y[0]) <= MOST_EQUAL else 0.0
    df = len(x) + len(y) - 2
    pooled = ((len(x) - 1) * float(x.var(ddof=1)) + (len(y) - 1) * float(y.var(ddof=1))) / df
    t = float(x.mean() - y.mean()) / math.sqrt(pooled * (1 / len(x) + 1 / len(y)))
    return float(2 * special.stdtr(df, -abs(t)))


def sign_flip(differences: npt.ArrayLike) -> float:
    """Two-sided p of the sign-flip permutation test of mean zero.

    Exact up to 14 units (the smallest p is 2 / 2**n); beyond, 9,999 random flips from an own generator,
    the observed signs counted among them.
    """
    values = _checked(differences)
    if identical(values):
        return 1.0
    sums = np.abs(_signs(len(values)) @ values)
    return float(np.mean(sums >= abs(values.sum()) - 1e-9))


@lru_cache(maxsize=8)
def _signs(n: int) -> Float64:
    """(flips, n) of 1 and -1, the first row all 1."""
    if n <= EXACT_UP_TO:
        return np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    drawn = generator("sign flips", str(n)).integers(2, size=(DRAWS, n))
    return np.concatenate([np.ones((1, n)), 2.0 * drawn - 1.0])


def effect_size(differences: npt.ArrayLike) -> float:
    """Mean difference in standard deviations of the differences (Cohen's d_z), 0 for identical columns."""
    values = _checked(differences)
    if identical(values):
        return 0.0
    deviation = float(values.std(ddof=1))
    mean = float(values.mean())
    return mean / deviation if deviation > MOST_EQUAL else math.copysign(math.inf, mean)


def wins_ties_losses(differences: npt.ArrayLike) -> tuple[int, int, int]:
    """On how many units the first is better, equal, worse."""
    values = _checked(differences, least=1)
    wins, losses = int(np.sum(values > MOST_EQUAL)), int(np.sum(values < -MOST_EQUAL))
    return wins, len(values) - wins - losses, losses


def holm(p_values: npt.ArrayLike) -> Float64:
    """Holm's step-down adjustment of p values (n,), in their order, never above 1."""
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


@dataclass(frozen=True)
class Ranks:
    """Mean ranks over data sets (1 is best), the Friedman test, and Nemenyi's critical difference."""

    mean_ranks: Float64
    friedman_p: float
    critical_difference: float


LEAST_DATA_SETS = 5
"""Fewer data sets carry no comparison of ranks."""


def friedman_nemenyi(scores: Float64, level: float = 0.05) -> Ranks:
    """Ranks of methods over data sets (Demsar 2006) from (data sets, methods) scores, higher is better.

    Raises
    ------
    TableHasHoles
        For nan.
    ResultsError
        Below five data sets or three methods.
    """
    n, k = scores.shape
    refuse_holes(scores, [f"data set {i + 1}" for i in range(n)], [f"method {j + 1}" for j in range(k)])
    if n < LEAST_DATA_SETS or k < 3:
        raise ResultsError(f"ranks need at least {LEAST_DATA_SETS} data sets and 3 methods, got {n} and {k}")
    from scipy import stats  # half a second, which a report without ranks need not wait

    ranks = stats.rankdata(-scores, axis=1)
    same = bool(np.all(ranks == ranks[:, :1]))
    p = 1.0 if same else float(stats.friedmanchisquare(*scores.T).pvalue)
    q = float(stats.studentized_range.ppf(1 - level, k, np.inf)) / math.sqrt(2)
    return Ranks(ranks.mean(axis=0), p, q * math.sqrt(k * (k + 1) / (6 * n)))


def _checked(values: npt.ArrayLike, least: int = 2) -> Float64:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < least:
        raise ResultsError(f"a test needs at least {least} numbers in a row, got shape {array.shape}")
    if np.isnan(array).any():
        raise TableHasHoles(f"{int(np.isnan(array).sum())} of {len(array)} scores are missing")
    return array
