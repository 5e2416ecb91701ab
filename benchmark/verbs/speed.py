"""The verb `speed`: the hot paths of this project beside the straightforward versions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.log import Log


def speed(parts: Sequence[str], quick: bool, csv: Path | None, log: Log) -> int:
    """The verb `speed`: measure the named parts, all if none is named."""
    from benchmark.speed import run_parts

    run_parts(parts, quick, csv)
    if csv is None:
        log("keep the rows with --csv FILE; docs/performance.md has what was measured elsewhere")
    return 0
