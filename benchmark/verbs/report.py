"""The verb `report`, apart from runs: it needs no data and no methods, whose imports take a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from basis.memory import without_collection
from benchmark.log import Log
from results.records.store import ResultsError


def report(
    run: Path,
    log: Log,
    *,
    force: bool = False,
    tables_only: bool = False,
    faces: bool | None = None,
    beside: Sequence[Path] | None = None,
) -> int:
    """Tables, figures and page from the records, and the table on the terminal."""
    with without_collection():
        from results.report import report as write_all
        from results.report import write_tables

        if tables_only:
            made = write_tables(run, force=force)
        else:
            made = write_all(run, force=force, faces=faces, beside=beside)
    log(made.text)
    return 0


def report_verb(
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
    status = report(run, log, force=force, tables_only=tables_only, faces=faces, beside=beside)
    log(f"results: {run} (table3.csv)" if tables_only else f"open {run / 'report.html'} in a browser")
    return status
