"""A log of predictions, scored again: is what was published what the log gives?"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from results.numbers.metrics import METRICS, confusion, recalls_of
from results.records.store import ResultsError

TRUTH = ("truth", "true", "label", "gt", "y_true", "ground_truth")
PREDICTED = ("predicted", "prediction", "pred", "y_pred", "honest")
NAMES = {"accuracy": "accuracy", "uf1": "UF1", "uar": "UAR", "macro_precision": "macro precision"}


class BadLog(ResultsError):
    """A log that cannot be read; the message names file, line and content."""


@dataclass(frozen=True)
class PredictionAudit:
    """A re-scored log. metrics: one row per database ("all" first): clips, accuracy, uf1, uar,
    macro_precision and recall per class, 0 to 1; confusion: counts, rows are the truth; verdicts: claim,
    verdict, detail, one row per published number.
    """

    source: str
    metrics: pd.DataFrame
    confusion: pd.DataFrame
    verdicts: pd.DataFrame

    @property
    def text(self) -> str:
        """Scores, confusion matrix and verdicts for a terminal."""
        lines = [f"audit of the predictions in {self.source}", ""]
        lines.append(self.metrics.to_string(index=False, float_format="{:.4f}".format, na_rep="-"))
        lines += ["", "clips by truth (rows) and prediction:", self.confusion.to_string()]
        for _, row in self.verdicts.iterrows():
            lines += ["", f"{row['verdict']}: {row['claim']}", f"  {row['detail']}"]
        return "\n".join(lines)


def is_prediction_log(path: Path) -> bool:
    """Whether a file looks like a log of predictions rather than like a table of accuracies."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            head = next((line for line in file if line.strip()), "")
    except (OSError, UnicodeDecodeError):
        return False
    names = {name.strip().lower() for name in head.split(",")}
    return bool(names & set(TRUTH) and names & set(PREDICTED)) or (
        "," not in head and 2 <= len(head.split()) <= 3
    )


def audit_predictions(path: Path, published: Mapping[str, float] | None = None) -> PredictionAudit:
    """Score a log again and compare with what was published from it.

    path: a CSV with the columns truth and predicted (clip and database are optional), or the text form of
    the micro-expression challenges: a line "casme2 sub01" before the lines "EP02_01f 1 1" (clip, truth,
    predicted) of that subject. published: metric (accuracy, uf1, uar, macro_precision) to the number in
    print, 0 to 1 or in percent. Raises BadLog.
    """
    frame = _read(path)
    classes = sorted({*frame["truth"], *frame["predicted"]}, key=lambda name: (len(name), name))
    code = {name: i for i, name in enumerate(classes)}
    truth = frame["truth"].map(code).to_numpy()
    predicted = frame["predicted"].map(code).to_numpy()
    database = frame["database"].to_numpy()
    groups = {"all": np.ones(len(frame), dtype=bool)}
    if len(set(database)) > 1:
        groups |= {name: database == name for name in sorted(set(database))}
    rows = []
    for name, inside in groups.items():
        matrix = confusion(truth[inside], predicted[inside], len(classes))
        row: dict[str, object] = {"database": name, "clips": int(matrix.sum())}
        row |= {metric: float(function(matrix)) for metric, function in METRICS.items()}
        rows.append(row | {f"recall {c}": float(r) for c, r in zip(classes, recalls_of(matrix), strict=True)})
    matrix = confusion(truth, predicted, len(classes))
    scores = {name: float(function(matrix)) for name, function in METRICS.items()}
    verdicts = [_verdict(name, value, scores, len(frame)) for name, value in (published or {}).items()]
    return PredictionAudit(
        str(path),
        pd.DataFrame(rows),
        pd.DataFrame(matrix, index=classes, columns=classes),
        pd.DataFrame(verdicts, columns=["claim", "verdict", "detail"]),
    )


def _verdict(name: str, value: float, scores: Mapping[str, float], clips: int) -> tuple[str, str, str]:
    if name not in NAMES:
        raise BadLog(f"{name!r} is not a metric of a log, must be one of {', '.join(NAMES)}")
    claim, share, step = f"{NAMES[name]} {value:g}", value, 10.0 ** -_decimals(value)
    if value > 1:
        share, step = value / 100, step / 100
    own = f"the log gives {NAMES[name]} {scores[name]:.4f}"
    same = [other for other, score in scores.items() if abs(score - share) <= step / 2 + 1e-9]
    if name in same:
        return claim, "reproduced", own
    if same:
        what = " and ".join(f"{NAMES[other]} {scores[other]:.4f}" for other in same)
        return claim, "not reproduced", f"{own}; the published number is {what}"
    possible = abs(round(share * clips) / clips - share) <= step / 2 + 1e-9
    if name == "accuracy" and not possible:
        return claim, "impossible", f"{own}; no count of right clips out of {clips} gives {value:g}"
    return claim, "not reproduced", own


def _decimals(value: float) -> int:
    return len(f"{value:.10f}".rstrip("0").partition(".")[2])


def _read(path: Path) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadLog(f"{path}: cannot be read as a text file ({error})") from error
    head = next((line for line in text.splitlines() if line.strip()), "")
    rows = _csv_rows(text, path) if "," in head else _challenge_rows(text, path)
    if not rows:
        raise BadLog(f"{path}: there is no prediction in it")
    return pd.DataFrame(rows, columns=["database", "truth", "predicted"])


def _csv_rows(text: str, path: Path) -> list[tuple[str, str, str]]:
    reader = csv.DictReader(io.StringIO(text))
    columns = {name.strip().lower(): name for name in reader.fieldnames or []}
    truth = next((columns[name] for name in TRUTH if name in columns), None)
    predicted = next((columns[name] for name in PREDICTED if name in columns), None)
    if truth is None or predicted is None:
        raise BadLog(f"{path}: needs the columns truth and predicted, it has {', '.join(columns)}")
    rows = []
    for i, row in enumerate(reader, start=2):
        cells = (row.get(columns.get("database", "")) or "all", row[truth] or "", row[predicted] or "")
        if not all(cell.strip() for cell in cells):
            raise BadLog(f"{path}, line {i}: truth or prediction is empty")
        rows.append((cells[0].strip(), cells[1].strip(), cells[2].strip()))
    return rows


def _challenge_rows(text: str, path: Path) -> list[tuple[str, str, str]]:
    rows, database = [], "all"
    for i, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) == 2:
            database = words[0]
        elif len(words) == 3:
            rows.append((database, words[1], words[2]))
        elif words:
            raise BadLog(
                f"{path}, line {i}: {line[:60]!r} is neither 'database subject' nor 'clip truth predicted'"
            )
    return rows
