"""The verb `fit`: a method trained on all given clips, kept in a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from basis.cores import cores
from benchmark.devices import choose_devices
from benchmark.log import Log
from benchmark.settings import Settings, checked
from benchmark.sources import Assembled, assemble
from benchmark.stamp import stamp
from benchmark.verbs import VerbError
from benchmark.verbs.saved_model import save, unfinished
from data_prep.clips import Stills
from methods import load_method, make_settings
from methods.base import Context


def fit(settings: Settings, method: str, out: Path, tim: int, seed: int, log: Log) -> int:
    """Train one method on all clips and save it as a folder; nothing is left half-written.

    Raises
    ------
    VerbError
        For a folder that is there already, and for several methods.
    """
    if out.exists():
        raise VerbError(f"{out} exists already; name a new folder for the model")
    settings = checked(replace(settings, methods=(method,), tim=(tim,), seeds=(seed,)))
    if len(settings.methods) != 1:
        raise VerbError(
            f"fit trains one method, {len(settings.methods)} are named: {', '.join(settings.methods)}"
        )
    unfinished(out).cleanup()
    assembled = assemble(settings, log, learn=True)
    (spec,) = assembled.specs
    cls = load_method(spec.name)
    clips = assembled.clips(tim, spec.frame_size, log).at_revision(cls.revision)
    context = Context(
        device=choose_devices(settings.device)[0],
        deterministic=settings.deterministic,
        threads=settings.workers or cores(),
        cache=Path(settings.cache),
        stills=_stills_of(assembled, log),
        grouped=True,
        log=log,
    )
    fitted = cls(make_settings(cls, spec.settings), context)
    unusable = fitted.unusable(clips.without_labels())
    usable = clips.select([i for i in range(len(clips)) if i not in unusable])
    fitted.fit(usable, seed=seed)
    card = {
        "method": spec.name,
        "revision": spec.revision,
        "settings": spec.settings,
        "tim": tim,
        "seed": seed,
        "classes": list(clips.classes),
        "landmarks": assembled.sources.landmarks,
        "registration": settings.registration,
        "data": {"name": assembled.sources.name, "digest": assembled.plan.digest, "n_clips": len(usable)},
        "stamp": stamp(),
    }
    save(fitted, card, out)
    log(f"{cls.title} trained on {len(usable)} clips, saved in {out}")
    log(f"label a video: python -m benchmark predict {out} VIDEO --page seen.html")
    return 0


def _stills_of(assembled: Assembled, log: Log) -> Callable[[tuple[int, int]], Stills] | None:
    if not assembled.sources.stills:
        return None

    def at(size: tuple[int, int]) -> Stills:
        stills = assembled.stills(size, log)
        assert stills is not None, "there are databases of photographs"
        return stills

    return at
