"""The verb `prepare`: the cache filled for a run without running it."""

from __future__ import annotations

from benchmark.log import Log
from benchmark.settings import Settings


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
