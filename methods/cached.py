"""Arrays of each clip, or pair, of a prepared set, computed once for folds, candidates, protocols, seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.canonical import digest_of
from basis.files import FileStamp, atomically, file_sha256, file_stamp, write_json
from basis.locks import lock_of
from basis.ragged import Ragged, RaggedWriter
from data_prep.clips import (
    Clips,
    Float32,
    Int64,
    PerClip,
    PreparedSet,
    UInt8,
    WithApex,
    prepared_set,
    rows_of,
)
from methods.base import MethodError

Array = npt.NDArray[Any]
_SCHEMA = 1


class UnusableClip(ValueError):
    """Raised by a per-clip computation for a clip it cannot handle; the message is the reason."""


@dataclass(frozen=True)
class Descriptor:
    """One vector of each clip, of nothing but the clip: what `per_clip` is told, to be passed on."""

    compute: PerClip
    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class PerClipArrays:
    """What a computation gave for the clips of a view.

    `arrays[i]` is the row of clip i, read when asked for; `arrays.rows` reads all, (n, ...), where they are
    equally long. Rows of the clips named in `unusable` (position in the view to the reason) are zeros, or
    empty.
    """

    _stored: Array | Ragged | list[Array] = field(repr=False)
    _rows: Int64 = field(repr=False)
    unusable: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> Array:
        """Row of clip i of the view."""
        return np.array(self._stored[self._rows[i]])

    @property
    def rows(self) -> Array:
        """(n, ...) rows of all clips of the view, in memory; TypeError where they are not equally long."""
        if not isinstance(self._stored, np.ndarray):
            raise TypeError("rows that are not equally long are read one by one")
        return np.array(self._stored[self._rows])


def per_clip(
    clips: Clips, compute: PerClip, *, name: str, parameters: Mapping[str, Any], threads: int = 1
) -> Array:
    """(len(clips), ...) results of `compute`, from the cache where the prepared set has one.

    `compute` takes one clip (T, H, W, 3) uint8 and its landmarks (66, 2) float32 and returns an array
    of the same shape and dtype for every clip; it must depend on nothing but them and `parameters`
    (JSON values), because these two and the revision of the method that was given the clips are the key of
    what is cached: whoever changes what it computes raises the method's `revision`, as for any other
    change of its numbers. `threads` clips are computed side by side.

    The whole prepared set is computed at first use, under a lock, in a few clips' memory, and written
    atomically below the set's folder; clips in memory are computed alone. A file that is damaged, cut
    short or of another set is computed again.

    Raises
    ------
    MethodError
        When the view holds a clip for which `compute` raised `UnusableClip`; report such clips in
        `Method.unusable` with the help of `per_clip_arrays`.
    """
    result = per_clip_arrays(clips, compute, name=name, parameters=parameters, threads=threads)
    for position, reason in result.unusable.items():
        raise MethodError(f"{name}: clip {clips.names[position]!r} cannot be used: {reason}")
    return result.rows


def per_clip_arrays(
    clips: Clips,
    compute: PerClip,
    *,
    name: str,
    parameters: Mapping[str, Any],
    threads: int = 1,
    ragged: bool = False,
) -> PerClipArrays:
    """As `per_clip`, but rows are read when asked for, and clips that cannot be handled are named.

    Where `ragged`, `compute` may give vectors of different lengths.
    """
    prepared = prepared_set(clips)
    if prepared.folder is None:
        return _in_memory(clips, compute, threads, ragged)
    path, meta = _of_prepared(clips, Descriptor(compute, name, parameters), threads, ragged)
    return _rows_of_view(path, meta, clips)


def per_pair(
    clips: Clips,
    others: Clips,
    descriptor: Descriptor,
    compare: Callable[[Array], Array],
    *,
    name: str,
    threads: int = 1,
) -> Array | None:
    """(len(clips), len(others)) values between clips, cut out of those of the whole prepared set.

    `compare` takes the (N, d) vectors of all clips of the set and returns (N, N) values, each of which must
    depend on its two clips alone; they are computed at first use and kept beside the vectors, under `name`.
    So folds share what they would each compute anew, and none reads more than what it is given.

    None where there is nothing to share (clips in memory, views of two prepared sets or revisions), or where
    it would cost more than folds save (the set has more than twice the clips of either view).

    Raises
    ------
    OSError
        When the values cannot be written.
    """
    prepared = prepared_set(clips)
    same = (clips.digest, clips.revision) == (others.digest, others.revision)
    if prepared.folder is None or not same or len(prepared.frames) > 2 * max(len(clips), len(others)):
        return None
    path, meta = _of_prepared(clips, descriptor, threads, ragged=False)
    pairs = path.with_suffix(f".{name}.npy")
    key = digest_of({"name": name, "rows": meta["key"], "sha256": meta["sha256"]})

    def build() -> dict[str, Any]:
        values = compare(np.load(path, mmap_mode="r", allow_pickle=False))
        return _build(pairs, key, len(values), iter(values), ragged=False)

    _once(pairs, key, build)
    stored = np.asarray(np.load(pairs, mmap_mode="r", allow_pickle=False))
    return stored[np.ix_(rows_of(clips), rows_of(others))]


def _of_prepared(
    clips: Clips, descriptor: Descriptor, threads: int, ragged: bool
) -> tuple[Path, dict[str, Any]]:
    """File and meta data of what is computed of each clip of the prepared set, made where it is missing."""
    prepared = prepared_set(clips)
    name, parameters = descriptor.name, dict(descriptor.parameters)
    depends = {"name": name, "parameters": parameters, "revision": clips.revision}
    key = digest_of({**depends, "data": clips.digest, "schema": _SCHEMA})
    path = Path(f"{prepared.folder}/features/{name}-{key[:20]}.npy")

    def build() -> dict[str, Any]:
        n = len(prepared.frames)
        return _build(path, key, n, _results(prepared, list(range(n)), descriptor.compute, threads), ragged)

    return path, _once(path, key, build)


def _once(path: Path, key: str, build: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Meta data of the file, which `build` writes under a lock where there is no whole one of this key."""
    meta = _checked_meta(path, key)
    if meta is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock_of(f"{path}.lock"):
            meta = _checked_meta(path, key) or build()
    return meta


def _in_memory(clips: Clips, compute: PerClip, threads: int, ragged: bool) -> PerClipArrays:
    results = list(_results(prepared_set(clips), rows_of(clips).tolist(), compute, threads))
    unusable = {i: result for i, result in enumerate(results) if isinstance(result, str)}
    blank = next((np.zeros_like(r) for r in results if not isinstance(r, str)), np.zeros(0, np.float32))
    rows = [blank if isinstance(result, str) else result for result in results]
    stored = rows if ragged else np.stack(rows) if rows else blank[np.newaxis][:0]
    return PerClipArrays(stored, np.arange(len(rows)), unusable)


def _results(prepared: PreparedSet, rows: list[int], compute: PerClip, threads: int) -> Iterator[Array | str]:
    """The array of each clip, or the reason why there is none, in order, with few clips in memory.

    `compute` gets copies: from a slice of the memory map one comes to all other clips.
    """

    def one(row: int) -> Array | str:
        clip: UInt8 = np.array(prepared.frames[row])
        points: Float32 = np.array(prepared.landmarks[row])
        try:
            if isinstance(compute, WithApex):
                return np.ascontiguousarray(compute.compute(clip, points, float(prepared.apex[row])))
            return np.ascontiguousarray(compute(clip, points))
        except UnusableClip as reason:
            return str(reason)

    if threads <= 1:
        yield from map(one, rows)
        return
    window = 4 * threads
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(rows), window):
            yield from pool.map(one, rows[start : start + window])


def _build(path: Path, key: str, n: int, results: Iterator[Array | str], ragged: bool) -> dict[str, Any]:
    """Write the results of all n clips of the prepared set into `path`; the meta file is written last."""
    unusable: dict[str, str] = {}
    with atomically(path) as file:
        writer = RaggedWriter(file) if ragged else _RowWriter(file.write, n)
        for row, result in enumerate(results):
            if isinstance(result, str):
                unusable[str(row)] = result
            writer.add(None if isinstance(result, str) else result, row)
        writer.finish()
    meta: dict[str, Any] = {"key": key, "sha256": file_sha256(path), "unusable": unusable}
    if isinstance(writer, RaggedWriter):
        meta["ends"] = writer.ends
    write_json(_meta_path(path), meta)
    return meta


class _RowWriter:
    """Writes an .npy file row by row; a row of None becomes zeros of the others' shape."""

    def __init__(self, write: Callable[[bytes], Any], n: int) -> None:
        self._write = write
        self._n = n
        self._blank: Array | None = None
        self._waiting = 0

    def add(self, values: Array | None, row: int) -> None:
        """Write the next row; MethodError if its shape or dtype is another than before."""
        if self._blank is None and values is None:
            self._waiting += 1
            return
        blank = self._start(np.zeros_like(values)) if self._blank is None else self._blank
        values = blank if values is None else values
        if values.shape != blank.shape or values.dtype != blank.dtype:
            raise MethodError(
                f"clip {row} of the prepared set gave an array {values.dtype}{values.shape}, the clips "
                f"before it {blank.dtype}{blank.shape}; a per-clip computation must keep shape and dtype"
            )
        self._write(values.tobytes())

    def finish(self) -> None:
        """Write the header of a file in which every row was None."""
        if self._blank is None:
            self._start(np.zeros(0, np.float32))

    def _start(self, blank: Array) -> Array:
        self._blank = blank
        header = {
            "descr": np.lib.format.dtype_to_descr(blank.dtype),
            "fortran_order": False,
            "shape": (self._n, *blank.shape),
        }
        np.lib.format.write_array_header_1_0(_Writable(self._write), header)
        self._write(blank.tobytes() * self._waiting)
        return blank


@dataclass(frozen=True)
class _Writable:
    """The one method that numpy's header writer needs."""

    write: Callable[[bytes], Any]


def _meta_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _checked_meta(path: Path, key: str) -> dict[str, Any] | None:
    """The meta data of a whole and unaltered file of this key, otherwise None."""
    return _checked_at(path, key, file_stamp(path), file_stamp(_meta_path(path)))


@lru_cache(maxsize=64)
def _checked_at(path: Path, key: str, *stamps: FileStamp | None) -> dict[str, Any] | None:
    """`_checked_meta`, once a process for files that nobody has touched: a fold asks many times."""
    try:
        meta: dict[str, Any] = json.loads(_meta_path(path).read_text(encoding="utf-8"))
        whole = meta["key"] == key and meta["sha256"] == file_sha256(path)
        return meta if whole and isinstance(meta["unusable"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _rows_of_view(path: Path, meta: dict[str, Any], clips: Clips) -> PerClipArrays:
    stored = np.load(path, mmap_mode="r", allow_pickle=False)
    rows = Ragged(stored, meta["ends"]) if "ends" in meta else stored
    reasons: dict[str, str] = meta["unusable"]
    wanted = rows_of(clips)
    unusable = {i: reasons[str(row)] for i, row in enumerate(wanted.tolist()) if str(row) in reasons}
    return PerClipArrays(rows, wanted, unusable)
