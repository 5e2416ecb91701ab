"""The frames of a video, numbered as its own timeline has them, found by reading it once as a whole.

What a container's header says about count, rate and duration is not used. Numbers begin at 0:

- AVI is a row of equal slots; a slot without a picture (a null frame, as recorders write for a picture that
  they dropped) shows the picture before it again;
- in MP4, MOV, MKV and WebM every picture that is shown is one frame, in the order of their time stamps;
  what an edit list cuts away is not there.

A picture that cannot be decoded whole, and those that may be built on it, cannot be used; clips of other
parts of the video can.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from basis.canonical import digest_of
from basis.files import file_stamp
from data_prep.frames.container_ends import count_slots, ends_early
from data_prep.frames.files import FrameError, regular
from data_prep.frames.video_files import CUT_SHORT, Fault, Trace, decoded, opened, shown_pixel, shown_size

READER = 2
"""Raised when a video's pixels or numbering change; part of the content digest of its clips."""
LOOK = 3
"""Raised when a reading finds more than it did; clips keep their digest."""
MAX_VIDEO_FRAMES = 1_000_000
COMPLETE = ("h264", "hevc")
"""Codecs of which every packet is a picture that is shown."""
REORDERED = 16
"""How far a picture may be shown from where it is coded (H.264, H.265; other codecs less)."""
UNEVEN = 0.05

Damage = tuple[int, int, str]
"""(first, last, why) of frame numbers that cannot be used."""


@dataclass(frozen=True)
class Timeline:
    """The frames of a video as a whole reading found them.

    Attributes
    ----------
    frames
        Their number, null frames included.
    height, width
        Of a frame as it is shown, in pixels.
    runs
        (number of the first, how many) of the pictures in the order in which they are shown; numbers between
        two runs are null frames.
    ticks
        Time stamp of each frame in any unit, empty where they lie evenly.
    pixel
        Width to height of a pixel as it is shown, in lowest terms.
    """

    frames: int
    height: int
    width: int
    runs: tuple[tuple[int, int], ...]
    damaged: tuple[Damage, ...] = ()
    ticks: tuple[int, ...] = ()
    pixel: tuple[int, int] = (1, 1)

    def check(self, path: str, first: int, last: int) -> None:
        """Raise FrameError if one of the frames `first` to `last` is not there or cannot be used."""
        if last >= self.frames:
            raise FrameError(f"{path}: has {self.frames} frames, frame {last + 1} is wanted")
        for begin, end, why in self.damaged:
            if begin <= last and end >= first:
                which = f"frame {begin + 1}" if begin == end else f"frames {begin + 1} to {end + 1}"
                raise FrameError(f"{path}: {which} cannot be used: {why}")


class Store(Protocol):
    """Where timelines are kept between programs: a `data_prep.cache.Journal`, for example."""

    def get(self, key: str) -> Any:
        """The JSON value under a key, or None."""

    def add(self, key: str, value: Any) -> None:
        """Keep a JSON value under a key."""


@dataclass
class _Memory:
    """Timelines by the stamp of their file, in this process and in the store that the programme names."""

    known: dict[str, Timeline] = field(default_factory=dict)
    store: Store | None = None


_memory = _Memory()


def keep_timelines(store: Store | None) -> None:
    """From now on look for timelines in this store, and keep those that are read there."""
    _memory.store = store


def timeline(path: str | os.PathLike[str]) -> Timeline:
    """The timeline of a video, read as a whole unless the same file was read before.

    Raises
    ------
    FrameError
        For what is no video file, cannot be opened, shows nothing, or has more than `MAX_VIDEO_FRAMES`
        frames.
    """
    regular(Path(path))
    key = digest_of({"video": file_stamp(path), "reader": READER, "look": LOOK})
    if key not in _memory.known:
        kept = _memory.store.get(key) if _memory.store else None
        found = _from_json(kept) if kept else _read(Path(path))
        if _memory.store and not kept:
            _memory.store.add(key, asdict(found))
        _memory.known[key] = found
    return _memory.known[key]


def even(ticks: Sequence[int]) -> bool:
    """Whether time stamps lie evenly: within one tick, or within a twentieth of a frame.

    One tick, because a container rounds the times of an even rate to its clock (Matroska: a millisecond).
    """
    if len(ticks) < 3:
        return True
    times = np.asarray(ticks, np.float64)
    grid = np.linspace(times[0], times[-1], len(times))
    return bool(np.abs(times - grid).max() <= max(1.0, UNEVEN * (grid[1] - grid[0])))


@dataclass
class _Reading:
    """What a whole reading gathers.

    stamps: time stamp of each picture, as shown; keys: which of them are built on no other; slots: chunks
    of an AVI, 0 for other containers; cut: pictures that the file lists and does not hold; reorders, intra,
    hides, complete: whether the codec reorders pictures, builds them on no other, has some that are not
    shown, shows one for every packet; pixel: its width to its height.
    """

    size: tuple[int, int] = (0, 0)
    stamps: list[int | None] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)
    slots: int = 0
    cut: int = 0
    reorders: bool = False
    intra: bool = False
    hides: bool = False
    complete: bool = False
    pixel: tuple[int, int] = (1, 1)


def _from_json(kept: Any) -> Timeline:
    runs, damaged = (tuple(map(tuple, kept[name])) for name in ("runs", "damaged"))
    ticks, (wide, high) = tuple(kept["ticks"]), kept["pixel"]
    return Timeline(kept["frames"], kept["height"], kept["width"], runs, damaged, ticks, (wide, high))


def _read(path: Path) -> Timeline:
    reading = _Reading()
    with opened(path) as (container, stream):
        for picture in decoded(container, stream, reading.trace, strict=True):
            _take(reading, path, picture, stream)
        reading.reorders = stream.codec_context.has_b_frames
        reading.intra = stream.codec_context.codec.intra_only
        reading.complete = stream.codec_context.name in COMPLETE
        if container.format.name == "avi":
            reading.slots = count_slots(path, stream.index)
        reading.cut = _beyond_the_end(path, stream, reading.trace)
    if not (reading.slots and reading.reorders):
        _blame_what_vanished(reading)
    if not reading.stamps:
        faults = reading.trace.faults
        why = f" ({faults[0].why})" if faults else ""
        raise FrameError(f"{path}: not one picture of it can be decoded{why}")
    return _timeline(path, reading)


def _take(reading: _Reading, path: Path, picture: Any, stream: Any) -> None:
    """Note one picture; raises FrameError where there are too many."""
    size = shown_size(path, picture)
    if not reading.stamps:
        reading.size, reading.pixel = size, shown_pixel(path, picture, stream)
    elif size != reading.size:
        _doubt(reading, picture.pts, f"it has {size[1]}x{size[0]} pixels, unlike the first")
    reading.stamps.append(picture.pts)
    reading.keys.append(bool(picture.key_frame))
    if picture.is_corrupt:
        _doubt(reading, picture.pts, "the decoder calls it damaged")
    if len(reading.stamps) > MAX_VIDEO_FRAMES:
        raise FrameError(f"{path}: more than {MAX_VIDEO_FRAMES} frames")


def _blame_what_vanished(reading: _Reading) -> None:
    """The decoder may drop pictures without a word: make a fault of each of their packets.

    After a fault any decoder does it. Without one, H.264 and H.265 do where a picture is missing that others
    are built on; what lies before the first picture that is shown was cut away on purpose. Where packets
    without a picture are usual (VP8 stores pictures that are not shown), none can be told.
    """
    trace = reading.trace
    shown = set(reading.stamps)
    faulty = {fault.packet for fault in trace.faults}
    vanished = [
        i
        for i, packet in enumerate(trace.packets)
        if not packet.cut and packet.shown is not None and packet.shown not in shown and i not in faulty
    ]
    if not faulty and reading.complete:
        first = min((stamp for stamp in reading.stamps if stamp is not None), default=0)
        vanished = [i for i in vanished if (trace.packets[i].shown or 0) > first]
    elif not faulty or not vanished:
        return
    else:
        reading.hides = min(vanished) < min(faulty) - REORDERED
    if not reading.hides:
        trace.faults += [Fault(i, "the decoder dropped it") for i in vanished]


def _doubt(reading: _Reading, stamp: int | None, why: str) -> None:
    """A fault that is seen in a picture: of the packet that is shown at its time, else of the last one."""
    packets = reading.trace.packets
    shown = (i for i, packet in enumerate(packets) if stamp is not None and packet.shown == stamp)
    reading.trace.faults.append(Fault(next(shown, len(packets) - 1), why))


def _beyond_the_end(path: Path, stream: Any, trace: Trace) -> int:
    """How many pictures the file promises that lie beyond its end, those not counted that were tried.

    Where an index lists them they are known; where a container is only longer than its file, it is one.
    """
    size = path.stat().st_size
    listed = sum(entry.pos + entry.size > size for entry in stream.index_entries)
    tried = sum(fault.why == CUT_SHORT for fault in trace.faults)
    return max(0, int(listed) - tried) if listed or tried else int(ends_early(path))


def _timeline(path: Path, reading: _Reading) -> Timeline:
    pictures, faults = _numbers(reading)
    frames = max([*pictures, *faults.values()]) + 1
    if reading.slots and not reading.reorders:
        frames = max(frames, reading.slots)
    frames += reading.cut
    if frames > MAX_VIDEO_FRAMES:
        raise FrameError(f"{path}: {frames} frames; at most {MAX_VIDEO_FRAMES} are read")
    damaged = _damage(reading, pictures, faults, frames)
    ticks = () if reading.slots else _ticks(reading)
    ticks = () if even(ticks) else ticks
    return Timeline(frames, *reading.size, _runs(pictures), damaged, ticks, reading.pixel)


def _numbers(reading: _Reading) -> tuple[list[int], dict[int, int]]:
    """The number of each picture, and of each packet (by its own number) without a whole one, where known."""
    trace = reading.trace
    stamps = [stamp for stamp in reading.stamps if stamp is not None]
    lost = {fault.packet: stamp for fault in trace.faults if (stamp := trace.stamp(fault)) is not None}
    if len(stamps) < len(reading.stamps) or len(set(stamps)) < len(stamps):
        return list(range(len(reading.stamps))), {}
    rising = all(a < b for a, b in pairwise(stamps))
    if reading.slots and reading.reorders:
        # an AVI stamps pictures in the order of coding: only the row of slots that they fill is known
        return [stamp - min(stamps) for stamp in sorted(stamps)], _slots_of(trace)
    if reading.slots and rising and stamps[0] >= 0:
        return stamps, lost
    if not rising:
        return list(range(len(stamps))), {}
    rank = {stamp: i for i, stamp in enumerate(sorted({*stamps, *lost.values()}))}
    return [rank[stamp] for stamp in stamps], {packet: rank[stamp] for packet, stamp in lost.items()}


def _slots_of(trace: Trace) -> dict[int, int]:
    """The slot, counted from the first that is filled, of each faulty packet of an AVI."""
    filled = [packet.decoded for packet in trace.packets if packet.decoded is not None]
    slots = {fault.packet: trace.packets[fault.packet].decoded for fault in trace.faults}
    return {packet: slot - min(filled) for packet, slot in slots.items() if slot is not None}


def _damage(
    reading: _Reading, pictures: Sequence[int], faults: dict[int, int], frames: int
) -> tuple[Damage, ...]:
    """What cannot be used: what is decoded from a fault on, to the next picture that is built on no other."""
    keys = [number for number, key in zip(pictures, reading.keys, strict=True) if key]
    found: list[Damage] = []
    if pictures[0] > 0 and 0 not in faults.values() and pictures[0] not in faults.values():
        found.append((0, pictures[0] - 1, "no picture is shown yet"))
    for packet, why in reading.trace.faults:
        if packet not in faults:
            found.append((0, frames - 1, f"one of its pictures cannot be told from the others: {why}"))
        elif reading.intra:
            found.append((faults[packet], faults[packet], why))
        elif reading.slots and reading.reorders:
            # a picture is missing from the row, so the later ones stand one slot too early
            found.append((max(0, faults[packet] - REORDERED), frames - 1, why))
        elif reading.hides:
            found.append((_reached(reading, pictures, faults, packet), frames - 1, why))
        else:
            end = min((key for key in keys if key > faults[packet]), default=frames) - 1
            found.append((_reached(reading, pictures, faults, packet), end, why))
    if reading.cut:
        found.append((frames - reading.cut, frames - 1, "the file is cut off before its end"))
    return tuple(dict.fromkeys(found))


def _reached(reading: _Reading, pictures: Sequence[int], faults: dict[int, int], packet: int) -> int:
    """The first number of all pictures that are decoded from this packet on."""
    numbers = dict(zip(reading.stamps, pictures, strict=True))
    later = [numbers.get(each.shown) for each in reading.trace.packets[packet:]]
    return min([faults[packet], *(number for number in later if number is not None)])


def _ticks(reading: _Reading) -> tuple[int, ...]:
    stamps = [stamp for stamp in reading.stamps if stamp is not None]
    lost = [stamp for fault in reading.trace.faults if (stamp := reading.trace.stamp(fault)) is not None]
    return tuple(sorted({*stamps, *lost})) if len(stamps) == len(reading.stamps) else ()


def _runs(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Rising numbers as (first, how many) of each unbroken row."""
    breaks = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1]
    edges = [0, *breaks, len(numbers)]
    return tuple((numbers[a], b - a) for a, b in pairwise(edges))
