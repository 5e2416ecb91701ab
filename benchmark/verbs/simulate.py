"""The verb `simulate`: databases in the official layouts, with ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.log import Log
from benchmark.settings import Settings, checked, knobs_of
from benchmark.terminal.next_steps import next_steps


def simulate(
    folder: Path, size: str, set: Sequence[str], layouts: Sequence[str], workers: int, log: Log
) -> int:
    """Write simulated databases in the official layouts, with ground truth."""
    from benchmark.sources import n_workers, simulator
    from data_prep.simulator import simulate as write

    asked = checked(Settings(workers=workers))
    knobs = simulator(size, {**knobs_of(set), **({"layouts": tuple(layouts)} if layouts else {})})
    made = write(folder, knobs, workers=n_workers(asked), log=log)
    log(f"written: {folder}")
    roots = {name: str(root) for name, root in {**made.clip_roots, **made.still_roots}.items()}
    for line in next_steps(roots, more="--landmarks file"):
        log(line)
    return 0
