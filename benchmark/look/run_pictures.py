"""The pictures that a run's clip page opens: one small animation per clip and kind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.log import Log
from benchmark.look.pictures import difference_pictures, write_animation
from benchmark.sources import Assembled, n_workers
from results.clip_page import PICTURES, picture_name

MOST_CLIPS = 1000
"""Beyond it a run makes no pictures: they would take longer than the run's table; `look` still does."""


def write_run_pictures(folder: Path, assembled: Assembled, log: Log) -> None:
    """Write what is missing of `folder/clips/<name>-difference.webp`, and `-face.webp` where it may be shown.

    Taken from the largest prepared frames of the run's first TIM.
    """
    settings, plan = assembled.settings, assembled.plan
    if len(plan.clips) > MOST_CLIPS:
        log(f"no pictures of single clips: {len(plan.clips)} are more than {MOST_CLIPS}; `look` makes them")
        return
    target = folder / PICTURES
    names = [target / picture_name(clip.name) for clip in plan.clips]
    kinds = ("face", "difference") if assembled.sources.simulated else ("difference",)
    missing = [
        (row, kind, path)
        for row, name in enumerate(names)
        for kind in kinds
        if not (path := name.with_name(f"{name.name}-{kind}.webp")).exists()
    ]
    if not missing:
        return
    size = max((spec.frame_size for spec in assembled.specs), key=lambda size: size[0] * size[1])
    clips = assembled.clips(settings.tim[0], size, log)

    def write(item: tuple[int, str, Path]) -> None:
        row, kind, path = item
        write_animation(path, difference_pictures(clips[row])[0] if kind == "difference" else clips[row])

    with ThreadPoolExecutor(n_workers(settings)) as pool:
        list(pool.map(write, missing))
