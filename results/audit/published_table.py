"""The paper's Table 3, and any other table in the same form, read and checked."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from results.records.store import ResultsError


class BadTable(ResultsError):
    """A table that is not in the form of Table 3; the message names file, row and value."""


@dataclass(frozen=True)
class PublishedRow:
    """One line of a table.

    Attributes
    ----------
    folds
        (folds,) float64 accuracies, in percent.
    mean
        The stated mean of the folds, in percent.
    texts, mean_text
        The cells as they were printed, because their decimals carry information.
    """

    method: str
    tim: int
    folds: npt.NDArray[np.float64]
    mean: float
    texts: tuple[str, ...]
    mean_text: str


def published_table(path: Path | None = None) -> tuple[PublishedRow, ...]:
    """Rows of a CSV with the columns method, tim, fold1, fold2, ... and mean, in percent.

    Without a path it is the paper's own table. Other columns are ignored.

    Raises
    ------
    BadTable
        For a CSV that is no such table.
    """
    if path is None:
        text = resources.files("results.audit.published").joinpath("table3.csv").read_text(encoding="utf-8")
        return _rows(text, "table3.csv of the paper")
    try:
        return _rows(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadTable(f"{path}: cannot be read as a CSV text file ({error})") from error


@cache
def published_claims() -> Mapping[str, Any]:
    """What the paper says beside Table 3: tests, rankings, counts, and the best point of its figure 11."""
    text = resources.files("results.audit.published").joinpath("claims.json").read_text(encoding="utf-8")
    claims: dict[str, Any] = json.loads(text)
    return claims


def published_means() -> dict[tuple[str, int], float]:
    """The paper's mean accuracies in percent by (title, TIM)."""
    return {(row.method, row.tim): row.mean for row in published_table()}


def _rows(text: str, where: str) -> tuple[PublishedRow, ...]:
    reader = csv.DictReader(io.StringIO(text))
    names = reader.fieldnames or []
    fold_names = [name for name in names if name.startswith("fold") and name[4:].isdigit()]
    lacking = [name for name in ("method", "tim", "mean") if name not in names]
    if lacking or not fold_names:
        lacking += [] if fold_names else ["fold1"]
        raise BadTable(f"{where}: no column {', '.join(lacking)}; it has {', '.join(names) or 'nothing'}")
    rows = [_row(row, fold_names, f"{where}, line {i}") for i, row in enumerate(reader, start=2)]
    if not rows:
        raise BadTable(f"{where}: it has a header and no rows")
    seen: set[tuple[str, int]] = set()
    for row in rows:
        if (row.method, row.tim) in seen:
            raise BadTable(f"{where}: {row.method} at TIM {row.tim} stands there twice")
        seen.add((row.method, row.tim))
    return tuple(rows)


def _row(row: dict[str, str], fold_names: list[str], where: str) -> PublishedRow:
    texts = [(row[name] or "").strip() for name in fold_names]
    while texts and not texts[-1]:
        texts.pop()
    values = [_percent(text, name, where) for text, name in zip(texts, fold_names, strict=False)]
    if len(values) < 2:
        raise BadTable(f"{where}: {row['method']} has {len(values)} folds; a mean needs at least 2")
    mean_text = (row["mean"] or "").strip()
    try:
        tim = int(row["tim"])
    except (TypeError, ValueError):
        raise BadTable(f"{where}: tim is {row['tim']!r}, not a whole number") from None
    mean = _percent(mean_text, "mean", where)
    if 0 < max(mean, *values) <= 1:
        raise BadTable(f"{where}: its accuracies are at most 1, which reads as shares: give percent")
    return PublishedRow(row["method"], tim, np.array(values), mean, tuple(texts), mean_text)


def _percent(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise BadTable(f"{where}: {name} is {text!r}, not a percentage from 0 to 100")
    return value
