"""The verb `report`: tables, figures and page of a run folder made anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.folder.report import report as write_report
from benchmark.log import Log
from results.records.store import ResultsError


def report(
    run: Path,
    log: Log,
    *,
    force: bool,
    tables_only: bool,
    faces: bool | None,
    beside: Sequence[Path] | None,
) -> int:
    """`report`, which also says where the results lie; ResultsError for links between pages without pages."""
    if tables_only and beside is not None:
        raise ResultsError("--beside links pages, and --tables-only makes none: drop one of the two")
    status = write_report(run, log, force=force, tables_only=tables_only, faces=faces, beside=beside)
    log(f"results: {run} (table3.csv)" if tables_only else f"open {run / 'report.html'} in a browser")
    return status
