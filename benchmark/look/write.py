"""The folder that `look` leaves: index.html and one animation per clip and kind of picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from basis.files import write_atomically
from benchmark.clips import prepared_clips
from benchmark.log import Log
from benchmark.look.page import Entry, entry_of, page
from benchmark.look.pictures import UInt8, difference_pictures, flow_pictures, write_animation
from benchmark.settings import Settings, SettingsError
from benchmark.sources import n_workers
from benchmark.terminal.next_steps import run_of
from data_prep.clips import Clips
from data_prep.databases.identity import suspicions
from data_prep.registration import NONE

LENGTH = 32
SIZE = (163, 134)
"""Frames of a clip and their (height, width): the default of the descriptors, so that a run shares them."""

INDEX = "index.html"
MARK = "<!-- written by tlcnn-bench look -->"
"""Without it an existing page is somebody else's."""


def look(settings: Settings, out: Path, *, faces: bool | None, log: Log) -> int:
    """The verb `look`: the page of the databases that the settings name, the simulator's when none is.

    Clips are taken one by one, so memory does not grow with their number.

    Parameters
    ----------
    settings
        Of a run.
    out
        The folder of the page.
    faces
        Show the frames themselves; without it only differences, flow, landmarks and regions, which do not
        show a person, are written. None: the simulator's alone.
    log
        Takes one line for the user.

    Raises
    ------
    SettingsError
        Where `out` holds something else, and what loading and preparing raise.
    """
    _require_own(out)
    loaded, plan, clips = prepared_clips(settings, tim=LENGTH, size=SIZE, log=log)

    shown = loaded.simulated if faces is None else faces
    notes: dict[str, list[str]] = {}
    for note in plan.notes:
        notes.setdefault(note.clip, []).append(f"{note.kind}: {note.detail}")

    def entry(row: int) -> Entry:
        files, scales = _animations(out, clips, row, faces=shown)
        clip = plan.clips[row]
        return entry_of(clip, clips.classes, clips.landmarks[row], files, scales, notes.get(clip.name, ()))

    with ThreadPoolExecutor(n_workers(settings)) as pool:
        entries = list(pool.map(entry, range(len(clips))))
    title = f"{loaded.name}{' (simulated)' if loaded.simulated else ''}"
    if plan.registration != NONE:
        title += f", heads registered ({plan.registration})"
    remarks = [*(line for each in loaded.clips for line in each.warnings), *suspicions(plan.clips)]
    text = page(title, SIZE, entries, plan.set_aside, mark=MARK, remarks=remarks)
    write_atomically(out / INDEX, text.encode())
    log(f"{len(entries)} clips, {len(plan.set_aside)} set aside: open {out / INDEX} in a browser")
    if not shown:
        log("faces are left out; --faces shows them, for your own eyes only where the licence says so")
    log(f"run methods on these clips: {run_of(settings)}")
    return 0


def _require_own(out: Path) -> None:
    """SettingsError unless `out` is new, empty or an earlier page of ours."""
    if out.exists() and not out.is_dir():
        raise SettingsError(f"{out} is a file; --out must name a folder")
    if out.is_dir() and any(out.iterdir()):
        index = out / INDEX
        if not (index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")):
            raise SettingsError(f"{out} is not empty and holds no page of `look`; give another --out")


def _animations(
    out: Path, clips: Clips, row: int, *, faces: bool
) -> tuple[dict[str, str], Mapping[str, float]]:
    """Write what is missing of one clip's animations; file names by kind, and what full colour means.

    A file's name holds the digest of the prepared set and the clip, so a page written again makes only
    what is new.
    """
    scales: dict[str, float] = {}

    def with_scale(kind: str, make: Callable[[UInt8], tuple[UInt8, float]]) -> UInt8:
        pictures, scales[kind] = make(clips[row])
        return pictures

    kinds: dict[str, Callable[[], UInt8]] = {
        "difference": lambda: with_scale("difference", difference_pictures),
        "flow": lambda: with_scale("flow", flow_pictures),
    }
    if faces:
        kinds = {"face": lambda: clips[row], **kinds}
    name = hashlib.sha256(f"{clips.digest}/{clips.names[row]}".encode()).hexdigest()[:16]
    files = {kind: f"clips/{name}-{kind}.webp" for kind in kinds}
    for kind, make in kinds.items():
        pictures = make()
        if not (out / files[kind]).exists():
            write_animation(out / files[kind], pictures)
    return files, scales
