"""The verbs `compare` and `audit`: numbers held against those of other runs and of publications."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.log import Log
from benchmark.terminal.answers import in_json
from benchmark.verbs import VerbError

MEGC2019 = "megc2019"
"""Names what is published on the composite, where `audit` and `compare` take a file or a folder."""

OF_A_LOG = (
    "hold published numbers against this log: --uf1, --uar, --accuracy; its clips against those of a task: "
    "--expect megc2019"
)
OF_A_TABLE = (
    "a table of your own: python -m benchmark audit TABLE.csv --fold-size N; a log of predictions: the same "
    "with LOG; a run beside the paper: python -m benchmark compare RUN table3"
)
"""What can be done after an audit."""


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
        _say(_compared("table3", beside.table) if as_json else beside.text, _further(run), as_json, log)
        return 0
    if other == MEGC2019:
        from results.audit.megc2019 import compare_rows, compare_text

        text = _compared(MEGC2019, compare_rows(run)) if as_json else compare_text(run)
        _say(text, _further(run, f" {MEGC2019}"), as_json, log)
        return 0
    found = compare_runs(run, Path(other), atol=atol)
    text = _compared("runs", found.units, found.conditions, found.faults) if as_json else found.text
    pages = f"the runs' own pages: {run / 'report.html'}, {Path(other) / 'report.html'}"
    _say(text, f"{pages}; what a run lacks: python -m benchmark status {run}", as_json, log)
    return int(found.exit_status)


def _say(answer: str, further: str, as_json: bool, log: Log) -> None:
    """An answer, and for people what they can do next."""
    log(answer)
    if not as_json:
        log(further)


def _further(run: Path, published: str = "") -> str:
    page = f"the run's own tables and page: {run / 'table3.csv'}, {run / 'report.html'}"
    return f"{page}; what the published numbers are worth: python -m benchmark audit{published}"


def _compared(kind: str, rows: Any, conditions: Sequence[str] = (), faults: Sequence[str] = ()) -> str:
    told = {"kind": kind, "ok": not faults, "rows": rows, "conditions": conditions, "faults": faults}
    return in_json("compare", told)


def audit(
    table: Path | None,
    fold_size: int | None,
    uar: str | None,
    uf1: str | None,
    accuracy: str | None,
    expect: str | None,
    log: Log,
    as_json: bool = False,
) -> int:
    """Recompute the claims of a table, or re-score a log of predictions; VerbError for the other's flags.

    Status 1 when a claim or a published number is not reproduced, or the log is doubtful.
    """
    from results.audit import audit as audit_table
    from results.audit import audit_predictions, is_prediction_log

    if table == Path(MEGC2019):
        from results.audit.megc2019 import audit_rows, audit_text, doubtful

        text = _audited(MEGC2019, not doubtful(), audit_rows()) if as_json else audit_text()
        _say(text, f"a run of yours beside it: python -m benchmark compare RUN {MEGC2019}", as_json, log)
        return int(doubtful())
    stated = {"accuracy": accuracy, "uf1": uf1, "uar": uar}
    published = {name: value for name, value in stated.items() if value is not None}
    if fold_size is not None and fold_size < 1:
        raise VerbError(f"--fold-size {fold_size}: a test fold has at least one clip")
    if table is not None and is_prediction_log(table):
        if fold_size is not None:
            raise VerbError(f"--fold-size is of a table of accuracies; {table} is a log of predictions")
        found = audit_predictions(table, published, _counts(expect) if expect else None)
        fine = not found.exit_status
        told = (found.verdicts, found.metrics, found.doubts)
        text = _audited("predictions", fine, *told) if as_json else found.text
        _say(text, OF_A_LOG, as_json, log)
        return found.exit_status
    if published or expect:
        what = table or "the paper's Table 3"
        raise VerbError(
            f"--uar, --uf1, --accuracy and --expect are checked against a log of predictions; {what} is none"
        )
    report = audit_table(table, fold_size=fold_size)
    fine = bool((report.verdicts["verdict"] == "reproduced").all())
    _say(_audited("table", fine, report.verdicts) if as_json else report.text, OF_A_TABLE, as_json, log)
    return int(not fine)


def _audited(kind: str, fine: bool, verdicts: Any, metrics: Any = (), doubts: Sequence[str] = ()) -> str:
    told = {"kind": kind, "ok": fine, "verdicts": verdicts, "metrics": metrics, "doubts": doubts}
    return in_json("audit", told)


def _counts(name: str) -> dict[str, int]:
    """Database -> clips of a named task, as publications count them."""
    from data_prep.task_table import task_named

    task = task_named(name)
    if not task.published:
        raise VerbError(f"--expect {name}: nobody has published how many clips this task has")
    return {database: sum(counts.values()) for database, counts in task.published.items()}
