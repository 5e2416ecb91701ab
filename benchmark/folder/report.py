"""What a run folder shows, made from its records: no data and no methods, whose imports take a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from basis.memory import without_collection
from benchmark.log import Log


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
