"""A log of predictions, scored again: is what was published what the log gives?"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from results.audit.read_log import BadLog, Log, is_prediction_log, read_log
from results.numbers.metrics import METRICS, confusion, recalls_of

__all__ = ["BadLog", "PredictionAudit", "audit_predictions", "is_prediction_log"]

NAMES = {"accuracy": "accuracy", "uf1": "UF1", "uar": "UAR", "macro_precision": "macro precision"}
ROUNDING = 1e-9


@dataclass(frozen=True)
class PredictionAudit:
    """A re-scored log.

    Attributes
    ----------
    metrics
        One row per database ("all" first): clips, accuracy, uf1, uar, macro_precision and recall per class, 0
        to 1.
    confusion
        Counts; rows are the truth.
    verdicts
        Claim, verdict, detail, one row per published number.
    doubts
        What is suspicious about the log, a line each.
    """

    source: str
    metrics: pd.DataFrame
    confusion: pd.DataFrame
    verdicts: pd.DataFrame
    doubts: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """1 when something published is not reproduced, or the log is doubtful; else 0."""
        return int(bool(self.doubts) or bool((self.verdicts["verdict"] != "reproduced").any()))

    @property
    def text(self) -> str:
        """Scores, confusion matrix and verdicts for a terminal."""
        lines = [f"audit of the predictions in {self.source}", ""]
        lines += [*(f"WARNING: {line}" for line in self.doubts), *([""] if self.doubts else [])]
        lines.append(self.metrics.to_string(index=False, float_format="{:.4f}".format, na_rep="-"))
        lines += ["", "clips by truth (rows) and prediction:", self.confusion.to_string()]
        for _, row in self.verdicts.iterrows():
            lines += ["", f"{row['verdict']}: {row['claim']}", f"  {row['detail']}"]
        return "\n".join(lines)


def audit_predictions(
    path: Path,
    published: Mapping[str, str | float] | None = None,
    expected: Mapping[str, int] | None = None,
) -> PredictionAudit:
    """Score a log again and compare with what was published from it.

    Parameters
    ----------
    path
        A log in any form of `read_log`.
    published
        Metric (accuracy, uf1, uar, macro_precision) to the number in print, a share of 1 or percent, best as
        text: its decimals say how exact it is, so 0.70 means two.
    expected
        Database -> how many clips a named list has.

    Raises
    ------
    BadLog
        For what is no log of predictions.
    """
    log = read_log(path)
    frame = log.frame
    classes = sorted({*frame["truth"], *frame["predicted"]}, key=lambda name: (len(name), name))
    code = {name: i for i, name in enumerate(classes)}
    truth = frame["truth"].map(code).to_numpy(np.int64)
    predicted = frame["predicted"].map(code).to_numpy(np.int64)
    matrix = confusion(truth, predicted, len(classes))
    scores = {name: float(function(matrix)) for name, function in METRICS.items()}
    verdicts = [_verdict(name, str(value), scores, len(frame)) for name, value in (published or {}).items()]
    return PredictionAudit(
        source=str(path),
        metrics=_metrics(frame["database"].to_numpy(), truth, predicted, classes),
        confusion=pd.DataFrame(matrix, index=classes, columns=classes),
        verdicts=pd.DataFrame(verdicts, columns=["claim", "verdict", "detail"]),
        doubts=(*log.doubts, *_unmet(frame), *_lacking(log, expected or {})),
    )


def _metrics(
    database: np.ndarray, truth: np.ndarray, predicted: np.ndarray, classes: list[str]
) -> pd.DataFrame:
    groups = {"all": np.ones(len(truth), dtype=bool)}
    if len(set(database)) > 1:
        groups |= {name: database == name for name in sorted(set(database))}
    rows = []
    for name, inside in groups.items():
        matrix = confusion(truth[inside], predicted[inside], len(classes))
        row: dict[str, object] = {"database": name, "clips": int(matrix.sum())}
        row |= {metric: float(function(matrix)) for metric, function in METRICS.items()}
        rows.append(row | {f"recall {c}": float(r) for c, r in zip(classes, recalls_of(matrix), strict=True)})
    return pd.DataFrame(rows)


def _unmet(frame: pd.DataFrame) -> Iterator[str]:
    """Labels of truth and prediction that never meet: the two columns may be written in two alphabets."""
    truth, predicted = set(frame["truth"]), set(frame["predicted"])
    if not truth & predicted:
        yield (
            f"no label of the truth ({', '.join(sorted(truth)[:5])}) is ever predicted "
            f"({', '.join(sorted(predicted)[:5])}): are they written in two ways?"
        )
    elif shifted := _shifted(truth, predicted):
        yield f"the predicted labels are those of the truth {shifted:+d}: are they counted from 0 and from 1?"


def _shifted(truth: set[str], predicted: set[str]) -> int:
    """By how much all predicted labels lie beside those of the truth; 0 for words, and sets that do not."""
    if (
        truth == predicted
        or len(truth) < 2
        or not all(re.fullmatch(r"\d{1,9}", s) for s in truth | predicted)
    ):
        return 0
    numbers, others = sorted(map(int, truth)), sorted(map(int, predicted))
    by = others[0] - numbers[0]
    return by if [number + by for number in numbers] == others else 0


def _lacking(log: Log, expected: Mapping[str, int]) -> Iterator[str]:
    """Clips that a named list has and the log has not, or the other way round."""
    if not expected:
        return
    found = log.frame["database"].value_counts().to_dict()
    total, wanted = len(log.frame), sum(expected.values())
    if total != wanted:
        yield f"{total} clips are scored, the list that is expected has {wanted}"
    for name, count in expected.items():
        if name in found and found[name] != count:
            yield f"{name}: {found[name]} clips, the list has {count}"


def _verdict(name: str, text: str, scores: Mapping[str, float], clips: int) -> tuple[str, str, str]:
    if name not in NAMES:
        raise BadLog(f"{name!r} is not a metric of a log, must be one of {', '.join(NAMES)}")
    share, step = _share(text)
    claim, own = f"{NAMES[name]} {text}", f"the log gives {NAMES[name]} {scores[name]:.4f}"
    same = [other for other, score in scores.items() if abs(score - share) <= step / 2 + ROUNDING]
    if name in same:
        return claim, "reproduced", own
    if same:
        what = " and ".join(f"{NAMES[other]} {scores[other]:.4f}" for other in same)
        return claim, "not reproduced", f"{own}; the published number is {what}"
    possible = abs(round(share * clips) / clips - share) <= step / 2 + ROUNDING
    if name == "accuracy" and not possible:
        return claim, "impossible", f"{own}; no count of right clips out of {clips} gives {text}"
    return claim, "not reproduced", own


def _share(text: str) -> tuple[float, float]:
    """A printed number as a share of 1, and the step of its last decimal; "%" and above 1 are percent."""
    bare = text.strip().removesuffix("%").strip()
    value = float(bare) if re.fullmatch(r"\d*\.?\d+|\d+\.", bare) else math.nan
    if not 0 <= value <= 100:
        raise BadLog(f"{text!r} is no published number: a share from 0 to 1, or percent up to 100")
    step = 10.0 ** -len(bare.partition(".")[2])
    if text.strip() in {"0", "1"}:
        return value, 0.0  # none and all: nobody rounds a share to whole numbers
    percent = value > 1 or text.strip().endswith("%")
    return (value / 100, step / 100) if percent else (value, step)
