"""The clips that settings name, prepared, without any method: for looking at them and for one's own code."""

from __future__ import annotations

from pathlib import Path

from benchmark.log import Log
from benchmark.settings import Settings
from benchmark.sources import Sources, n_workers, sources
from data_prep.clips import Clips
from data_prep.prepare import DataPlan, plan_data, prepared


def prepared_clips(
    settings: Settings, *, tim: int, size: tuple[int, int], log: Log
) -> tuple[Sources, DataPlan, Clips]:
    """Load, find faces, cut and interpolate to `tim` frames of (height, width); clip i is `plan.clips[i]`."""
    loaded = sources(settings, log, stills=False)
    cache, workers = Path(settings.cache), n_workers(settings)
    plan = plan_data(
        loaded.clips,
        landmarks=loaded.landmarks,
        cache=cache,
        workers=workers,
        log=log,
        wanted=[(tim, size)],
        classes=loaded.task.classes,
        registration=settings.registration,
    )
    trust = settings.trust_cache
    return (
        loaded,
        plan,
        prepared(plan, tim=tim, size=size, cache=cache, workers=workers, trust=trust, log=log),
    )
