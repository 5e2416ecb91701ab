"""The verbs `prepare` and `simulate`: data that a run needs, or could need, on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.flags import knobs_of
from benchmark.log import Log
from benchmark.settings import Settings, checked
from benchmark.terminal.next_steps import next_steps


def prepare(settings: Settings, log: Log) -> int:
    """Fill the cache with everything a run of these settings needs."""
    from benchmark.sources import assemble

    assembled = assemble(settings, log)
    for item in assembled.plan.set_aside:
        log(f"set aside ({item.stage}): {item.clip}: {item.reason}")
    for size in sorted({spec.frame_size for spec in assembled.specs}):
        for tim in settings.tim:
            folder = assembled.folder(tim, size, log)
            count = len(assembled.plan.clips)
            log(f"ready: {count} clips of {tim} frames, {size[0]}x{size[1]}: {folder}")
    for size in sorted({spec.frame_size for spec in assembled.specs if spec.stills}):
        stills = assembled.stills(size, log)
        if stills is not None:
            log(f"ready: {len(stills)} photographs, {size[0]}x{size[1]}: {stills.folder}")
    log(f"everything lies in {settings.cache}; run it: the same command with `run` for `prepare`")
    return 0


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
