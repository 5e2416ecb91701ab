"""The verb `compare`: a run beside another one, or beside what is published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.log import Log
from benchmark.terminal.answers import in_json, say
from benchmark.verbs import VerbError

MEGC2019 = "megc2019"
"""Names what is published on the composite, where `audit` and `compare` take a file or a folder."""


def compare(run: Path, other: str, atol: float, log: Log, as_json: bool = False) -> int:
    """Per-fold differences of two runs, or a run beside the paper's Table 3.

    Raises
    ------
    VerbError
        For a tolerance outside 0..1, or beside a printed table.
    """
    from results.compare import compare as compare_runs
    from results.compare import compare_with_paper

    if not 0 <= atol <= 1:
        raise VerbError(f"--atol {atol}: a difference of accuracies lies in 0..1")
    if other in ("table3", "paper"):
        if atol:
            raise VerbError("--atol is of two runs; the paper's folds are not these, so nothing must agree")
        beside = compare_with_paper(run)
        say(_compared("table3", beside.table) if as_json else beside.text, _further(run), as_json, log)
        return 0
    if other == MEGC2019:
        from results.audit.megc2019 import compare_rows, compare_text

        text = _compared(MEGC2019, compare_rows(run)) if as_json else compare_text(run)
        say(text, _further(run, f" {MEGC2019}"), as_json, log)
        return 0
    found = compare_runs(run, Path(other), atol=atol)
    text = _compared("runs", found.units, found.conditions, found.faults) if as_json else found.text
    pages = f"the runs' own pages: {run / 'report.html'}, {Path(other) / 'report.html'}"
    say(text, f"{pages}; what a run lacks: python -m benchmark status {run}", as_json, log)
    return int(found.exit_status)


def _further(run: Path, published: str = "") -> str:
    page = f"the run's own tables and page: {run / 'table3.csv'}, {run / 'report.html'}"
    return f"{page}; what the published numbers are worth: python -m benchmark audit{published}"


def _compared(kind: str, rows: Any, conditions: Sequence[str] = (), faults: Sequence[str] = ()) -> str:
    told = {"kind": kind, "ok": not faults, "rows": rows, "conditions": conditions, "faults": faults}
    return in_json("compare", told)
