"""The verb `audit`: what a published table or a log of predictions claims, computed again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.log import Log
from benchmark.terminal.answers import in_json, say
from benchmark.verbs import VerbError
from benchmark.verbs.compare import MEGC2019

OF_A_LOG = (
    "hold published numbers against this log: --uf1, --uar, --accuracy; its clips against those of a task: "
    "--expect megc2019"
)
OF_A_TABLE = (
    "a table of your own: python -m benchmark audit TABLE.csv --fold-size N; a log of predictions: the same "
    "with LOG; a run beside the paper: python -m benchmark compare RUN table3"
)
"""What can be done after an audit."""


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
        say(text, f"a run of yours beside it: python -m benchmark compare RUN {MEGC2019}", as_json, log)
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
        say(text, OF_A_LOG, as_json, log)
        return found.exit_status
    if published or expect:
        what = table or "the paper's Table 3"
        raise VerbError(
            f"--uar, --uf1, --accuracy and --expect are checked against a log of predictions; {what} is none"
        )
    report = audit_table(table, fold_size=fold_size)
    fine = bool((report.verdicts["verdict"] == "reproduced").all())
    say(_audited("table", fine, report.verdicts) if as_json else report.text, OF_A_TABLE, as_json, log)
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
