"""What a table of fold accuracies says about itself: means, tests, and what can have been counted.

Every claim of the paper (`published/claims.json`) is recomputed from the table alone and gets a verdict:
reproduced, not reproduced, or impossible.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from results.audit.published_table import PublishedRow, published_claims, published_table

Verdict = Literal["reproduced", "not reproduced", "impossible"]
Float64 = npt.NDArray[np.float64]

NO_FOLD_SIZE = (
    "whether the accuracies can be counted over clips: say how many a test fold has (--fold-size N)"
)

LARGEST_CHANCE = 0.05
"""A fit that more tables than this would show by chance explains nothing."""

LEAST_P = 0.0001
"""Smaller p values are printed as below this."""

VARIANTS = ("p_independent", "p_welch", "p_paired", "p_independent_one_sided", "p_paired_one_sided")
"""Two-sample t-tests over the folds of all TIM settings together. The first is the paper's own: two-sided,
independent, equal variances."""


@dataclass(frozen=True)
class AuditReport:
    """What was found in a table.

    Both are empty where no fold size is stated.

    Attributes
    ----------
    means
        Method, tim, stated, mean, difference, verdict.
    t_tests
        Method, claim, difference, t, one column per variant of the test, verdict, reproduced_by.
    granularity
        One row per cell: method, tim, fold, accuracy, fold_size, k, nearest, fits, one_digit (a single digit
        away), frames_fit (whether right frames of fold_size x TIM give it), by_chance (the share of all
        printed numbers of which that is true), sizes (the fold sizes near it that fit).
    fold_sizes
        Method, fold, and the sizes that fit at every TIM.
    class_counts
        What, count.
    rankings
        Words, tim, verdict, detail.
    verdicts
        Claim, verdict, detail.
    not_audited
        What could not be looked at, and why.
    """

    source: str
    means: pd.DataFrame
    t_tests: pd.DataFrame
    granularity: pd.DataFrame
    fold_sizes: pd.DataFrame
    class_counts: pd.DataFrame
    rankings: pd.DataFrame
    verdicts: pd.DataFrame
    not_audited: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One line per claim: verdict, claim, number."""
        width = max(map(len, self.verdicts["verdict"]))
        lines = [f"audit of {self.source}", ""]
        for _, row in self.verdicts.iterrows():
            lines += [f"{row['verdict']:{width}}  {row['claim']}", f"{'':{width}}  {row['detail']}"]
        return "\n".join([*lines, *(f"not audited: {words}" for words in self.not_audited)])


def audit(table3_path: Path | None = None, *, fold_size: int | None = None) -> AuditReport:
    """Recompute every claim made about a table of fold accuracies, by default the paper's Table 3.

    Claims about methods that are not in it are left out; claims about data are the paper's and are audited
    with its own table only.

    Parameters
    ----------
    table3_path
        A CSV with method, tim, fold1 ... and mean in percent.
    fold_size
        How many clips a test fold of that table has, 112 in the paper's own; without it nothing is said of
        another table's granularity.

    Raises
    ------
    BadTable
        For a CSV that is no such table.
    """
    rows, claims = published_table(table3_path), published_claims()
    if table3_path is None and fold_size is None:
        fold_size = int(claims["fold_size"])
    means = _means(rows)
    t_tests = _t_tests(rows, claims)
    counted = rows if fold_size else []
    granularity = _granularity(counted, fold_size or 0)
    fold_sizes = _fold_sizes(counted, fold_size or 0)
    counts = _class_counts(claims)
    rankings = _rankings(rows, claims)
    verdicts = [
        *_mean_verdicts(means),
        *_t_verdicts(t_tests),
        *_granularity_verdicts(granularity, fold_sizes),
        *_ranking_verdicts(rankings),
        *(_count_verdicts(claims) if table3_path is None else ()),
        *_figure_11_verdicts(means, claims),
    ]
    source = "the paper's Table 3" if table3_path is None else str(table3_path)
    frame = pd.DataFrame(verdicts, columns=["claim", "verdict", "detail"])
    unseen = () if fold_size else (NO_FOLD_SIZE,)
    return AuditReport(source, means, t_tests, granularity, fold_sizes, counts, rankings, frame, unseen)


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _prints_as(value: float, text: str) -> bool:
    """Whether a value, rounded to the decimals of a printed number, gives it (either way on a half)."""
    return abs(value - float(text)) <= 0.5 * 10.0 ** -_decimals(text) + 1e-9


def _means(rows: Sequence[PublishedRow]) -> pd.DataFrame:
    found = []
    for row in rows:
        mean, step = float(row.folds.mean()), 10.0 ** -_decimals(row.mean_text)
        verdict: Verdict = "reproduced" if abs(mean - row.mean) < step else "not reproduced"
        found.append((row.method, row.tim, row.mean, mean, mean - row.mean, verdict))
    return pd.DataFrame(found, columns=["method", "tim", "stated", "mean", "difference", "verdict"])


def _mean_verdicts(means: pd.DataFrame) -> Iterator[tuple[str, Verdict, str]]:
    wrong = means[means["verdict"] != "reproduced"]
    detail = f"{len(means) - len(wrong)} of {len(means)}"
    for _, row in wrong.iterrows():
        detail += (
            f"; {row['method']} TIM {row['tim']}: stated {row['stated']:.2f}, folds give {row['mean']:.2f}"
        )
    yield "each mean is the mean of its folds", "not reproduced" if len(wrong) else "reproduced", detail


def _values(rows: Sequence[PublishedRow], method: str) -> Float64:
    """All fold accuracies of a method, TIM settings one after the other."""
    return np.concatenate([row.folds for row in rows if row.method == method] or [np.zeros(0)])


def _t_tests(rows: Sequence[PublishedRow], claims: Mapping[str, Any]) -> pd.DataFrame:
    first = str(claims["reference"])
    reference = _values(rows, first)
    found = []
    for method in dict.fromkeys(row.method for row in rows):
        values = _values(rows, method)
        if method == first or len(reference) != len(values):
            continue
        numbers = _variants(reference, values)
        claim = claims["t_tests"].get(method)
        row: dict[str, Any] = {"method": method, "claim": claim["words"] if claim else ""}
        row |= {"difference": float(reference.mean() - values.mean()), **numbers}
        by = [] if claim is None else [v for v in VARIANTS if claim["above"] < numbers[v] < claim["below"]]
        row["verdict"] = "reproduced" if "p_independent" in by else "not reproduced"
        found.append(row | {"verdict": row["verdict"] if claim else "", "reproduced_by": ", ".join(by)})
    columns = ["method", "claim", "difference", "t", *VARIANTS, "verdict", "reproduced_by"]
    return pd.DataFrame(found, columns=columns)


def _variants(a: Float64, b: Float64) -> dict[str, float]:
    """T of the paper's test, and p of every variant; identical columns have p = 1."""
    if np.array_equal(a, b):
        return {"t": 0.0, **dict.fromkeys(VARIANTS, 1.0)}
    n, m, gap = len(a), len(b), float(a.mean() - b.mean())
    of_a, of_b = float(a.var(ddof=1)), float(b.var(ddof=1))
    independent = _t(gap, ((n - 1) * of_a + (m - 1) * of_b) / (n + m - 2) * (1 / n + 1 / m))
    paired = _t(gap, 0.0 if np.ptp(a - b) == 0 else float((a - b).var(ddof=1)) / n)
    welch = (of_a / n + of_b / m) ** 2
    freedom = welch / ((of_a / n) ** 2 / (n - 1) + (of_b / m) ** 2 / (m - 1)) if welch else n + m - 2
    return {
        "t": independent,
        "p_independent": 2 * _above(abs(independent), n + m - 2),
        "p_welch": 2 * _above(abs(_t(gap, of_a / n + of_b / m)), freedom),
        "p_paired": 2 * _above(abs(paired), n - 1),
        "p_independent_one_sided": _above(independent, n + m - 2),
        "p_paired_one_sided": _above(paired, n - 1),
    }


def _t(gap: float, variance: float) -> float:
    """A difference in units of its standard error; infinite where that is zero."""
    return gap / math.sqrt(variance) if variance else math.copysign(math.inf, gap)


def _above(t: float, freedom: float) -> float:
    """How probable a larger t is. Not from scipy.stats, whose import takes longer than all of a page."""
    return float(special.stdtr(freedom, -t))


def _t_verdicts(t_tests: pd.DataFrame) -> Iterator[tuple[str, Verdict, str]]:
    for _, row in t_tests[t_tests["claim"] != ""].iterrows():
        paper, paired = row["p_independent"], row["p_paired"]
        one, other = row["p_independent_one_sided"], row["p_paired_one_sided"]
        sign = "" if paper < LEAST_P else "= "
        numbers = f"p {sign}{_p(paper)} independent with equal variances, {_p(paired)} paired; "
        numbers += f"one-sided {_p(one)} and {_p(other)}"
        if not row["reproduced_by"]:
            numbers += "; by no variant"
        yield f"t-test against {row['method']}: {row['claim']}", row["verdict"], numbers


def _p(value: float) -> str:
    if value < LEAST_P:
        return "< 0.0001"
    return f"{value:.4f}" if value < 0.001 else f"{value:.3f}"


def _granularity(rows: Sequence[PublishedRow], fold_size: int) -> pd.DataFrame:
    found: list[dict[str, Any]] = []
    for row in rows:
        for fold, (value, text) in enumerate(zip(row.folds, row.texts, strict=True), start=1):
            k = round(value * fold_size / 100)
            nearest = 100 * k / fold_size
            found.append(
                {
                    "method": row.method,
                    "tim": row.tim,
                    "fold": fold,
                    "accuracy": float(value),
                    "fold_size": fold_size,
                    "k": k,
                    "nearest": nearest,
                    "fits": _possible(text, fold_size),
                    "one_digit": _one_digit(text, f"{nearest:.{_decimals(text)}f}"),
                    "frames_fit": _possible(text, fold_size * row.tim),
                    "by_chance": min(1.0, fold_size * row.tim / 10 ** (2 + _decimals(text))),
                    "sizes": ", ".join(map(str, _sizes(text, fold_size))),
                }
            )
    columns = ["method", "tim", "fold", "accuracy", "fold_size", "k", "nearest", "fits", "one_digit"]
    return pd.DataFrame(found, columns=[*columns, "frames_fit", "by_chance", "sizes"])


def _possible(text: str, n: int) -> bool:
    """Whether some k of n prints as this percentage."""
    return _prints_as(100 * round(float(text) * n / 100) / n, text)


def _one_digit(a: str, b: str) -> bool:
    return len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1


def _sizes(text: str, fold_size: int) -> list[int]:
    """Fold sizes within a tenth of the stated one at which this percentage is possible."""
    near = range(math.ceil(0.9 * fold_size), math.floor(1.1 * fold_size) + 1)
    return [n for n in near if _possible(text, n)]


def _fold_sizes(rows: Sequence[PublishedRow], fold_size: int) -> pd.DataFrame:
    found = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        for i in range(min(len(row.folds) for row in own)):
            common = set.intersection(*(set(_sizes(row.texts[i], fold_size)) for row in own))
            found.append((method, i + 1, ", ".join(map(str, sorted(common)))))
    return pd.DataFrame(found, columns=["method", "fold", "sizes"])


def _granularity_verdicts(
    granularity: pd.DataFrame, fold_sizes: pd.DataFrame
) -> Iterator[tuple[str, Verdict, str]]:
    for method, cells in granularity.groupby("method", sort=False):
        fits, n, fold_size = int(cells["fits"].sum()), len(cells), cells["fold_size"].iloc[0]
        chance = float(np.prod(cells["by_chance"].to_numpy(np.float64)))
        claim = f"{method}: accuracies counted over test folds of {fold_size} clips"
        detail = f"{fits} of {n} cells are k/{fold_size}"
        if fits == n:
            yield claim, "reproduced", detail
            continue
        missed = cells[~cells["fits"]]
        sizes = fold_sizes.loc[fold_sizes["method"] == method, "sizes"]
        if 2 * fits >= n:
            for _, cell in missed.iterrows():
                digit = ", one digit apart" if cell["one_digit"] else ""
                detail += f"; {cell['accuracy']:.2f} is not {cell['nearest']:.2f}{digit}"
        elif (sizes != "").mean() > 0.5:
            fitting = ", ".join(f"fold {i} {s or 'none'}" for i, s in enumerate(sizes, start=1))
            detail += f"; sizes that fit at every TIM: {fitting}: clips are missing from its evaluation"
        elif cells["frames_fit"].all() and chance < LARGEST_CHANCE:
            detail += f"; all {n} are k/({fold_size} x TIM), by chance in {100 * chance:.1f} % of tables: "
            detail += "counted per frame, not per clip"
        yield claim, "impossible", detail


def _rankings(rows: Sequence[PublishedRow], claims: Mapping[str, Any]) -> pd.DataFrame:
    found = []
    for tim in dict.fromkeys(row.tim for row in rows):
        means = {row.method: row.mean for row in rows if row.tim == tim}
        for claim in claims["rankings"]:
            if not means.keys() >= {*claim["above"], *claim["below"]}:
                continue
            wrong = [
                f"{low} {means[low]:.2f} is not below {high} {means[high]:.2f}"
                for high in claim["above"]
                for low in claim["below"]
                if means[low] >= means[high]
            ]
            verdict: Verdict = "not reproduced" if wrong else "reproduced"
            high, low = min(means[m] for m in claim["above"]), max(means[m] for m in claim["below"])
            detail = "; ".join(wrong) or f"lowest above {high:.2f}, highest below {low:.2f}"
            found.append((claim["words"], tim, verdict, detail))
    return pd.DataFrame(found, columns=["words", "tim", "verdict", "detail"])


def _ranking_verdicts(rankings: pd.DataFrame) -> Iterator[tuple[str, Verdict, str]]:
    for _, row in rankings.iterrows():
        yield f"{row['words']} (means at TIM {row['tim']})", row["verdict"], row["detail"]


def _class_counts(claims: Mapping[str, Any]) -> pd.DataFrame:
    rows = [("class", name, count) for name, count in claims["classes"].items()]
    rows.append(("class", "sum", sum(claims["classes"].values())))
    rows += [("database", name, count) for name, count in claims["databases"].items()]
    rows.append(("database", "sum", sum(claims["databases"].values())))
    return pd.DataFrame(rows, columns=["what", "name", "count"])


def _count_verdicts(claims: Mapping[str, Any]) -> Iterator[tuple[str, Verdict, str]]:
    classes, clips = sum(claims["classes"].values()), sum(claims["databases"].values())
    stated = " + ".join(map(str, claims["classes"].values()))
    verdict: Verdict = "reproduced" if classes == clips else "impossible"
    yield f"the four classes make up the {clips} clips", verdict, f"{stated} = {classes}, not {clips}"
    folds = claims["training_clips"] + claims["fold_size"]
    verdict = "reproduced" if folds == clips else "impossible"
    detail = f"{claims['training_clips']} + {claims['fold_size']} = {folds}, databases give {clips}"
    yield "training and test clips of a fold make up all clips", verdict, detail


def _figure_11_verdicts(means: pd.DataFrame, claims: Mapping[str, Any]) -> Iterator[tuple[str, Verdict, str]]:
    figure = claims["figure_11"]
    stated = means.loc[means["method"] == figure["method"], "stated"]
    if stated.empty:
        return
    verdict: Verdict = "reproduced" if (stated - figure["accuracy"]).abs().min() < 0.005 else "not reproduced"
    detail = f"Table 3 has {' and '.join(f'{value:.2f}' for value in stated)}"
    claim = (
        f"{figure['method']} reaches {figure['accuracy']} % at its best, weight {figure['weight']} (Fig. 11)"
    )
    yield claim, verdict, detail
