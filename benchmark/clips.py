"""The clips that settings name, prepared, without any method: for looking at them and for one's own code."""

from __future__ import annotations

from benchmark.log import Log
from benchmark.settings import Settings
from benchmark.sources import Sources, place_of, sources
from data_prep.clips import Clips
from data_prep.prepare import DataPlan, plan_data, prepared


def prepared_clips(
    settings: Settings, *, tim: int, size: tuple[int, int], log: Log
) -> tuple[Sources, DataPlan, Clips]:
    """Load, find faces, cut and interpolate to `tim` frames of (height, width); clip i is `plan.clips[i]`."""
    loaded = sources(settings, log, stills=False)
    place = place_of(settings, log)
    plan = plan_data(
        loaded.clips,
        place,
        landmarks=loaded.landmarks,
        wanted=[(tim, size)],
        classes=loaded.task.classes,
        registration=settings.registration,
    )
    return loaded, plan, prepared(plan, place, tim=tim, size=size)
