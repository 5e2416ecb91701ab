"""Files of the cache: a journal of examined clips, finished parts of unfinished sets, prepared sets.

Everything is written under a temporary name and renamed; everything that is read is checked against a hash
that was written with it. Nothing here knows what a clip is.

    <cache>/clips.jsonl                    one line per examined clip (`Journal`)
    <cache>/<data name>/parts/             one file per clip of a set that is being built (`Parts`)
    <cache>/<data name>/<digest>/          frames.npy, then meta.json (`write_set`, `read_set`)

The whole folder may be deleted at any time; it is built again.
"""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.errors import FULL, Mendable, no_room
from basis.files import atomically, file_sha256, file_stamp, paths_in, remove_leftovers
from basis.locks import held, lock_of
from basis.signed_json import NotSigned, read_signed, write_signed

UInt8 = npt.NDArray[np.uint8]
Log = Callable[[str], None]

SCHEMA = 2
_READ = {1, 2}
"""Sets of schema 1, whose landmarks are lists of numbers, are still read."""
_NEEDED = {"digest", "schema", "shape", "frames_sha256"}
HASH_BYTES = 32
_AS_THEY_ARE = getattr(os, "O_BINARY", 0)
"""Windows writes other ends of lines without it."""
WEEK = 7 * 24 * 3600.0


class CacheError(Mendable, RuntimeError):
    """The cache cannot be used or written here; the message says why and what to do."""


class CacheMissing(CacheError):
    """There is no prepared set in this folder."""


class CacheDamaged(CacheError):
    """A prepared set that must not be used: damaged, incomplete, or of other data."""


class Journal:
    """Results that are worth keeping one by one, as lines of a JSON file that only grows.

    A line that is cut short or altered does not match its checksum and is as good as absent. Values stay in
    the file until they are asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Path(f"{path}.lock")
        self._starts: dict[bytes, int] = {}
        self._position = 0
        self._mutex = threading.Lock()
        self.reload()

    def reload(self) -> None:
        """Look at what has been added since, by this or another process."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._position)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    if (entry := _entry(line)) is not None:
                        self._starts[_short(entry[0])] = self._position
                    self._position += len(line)
        except FileNotFoundError:
            return

    def __contains__(self, key: str) -> bool:
        return _short(key) in self._starts

    def get(self, key: str) -> Any:
        """The value last added under this key, or None."""
        if key not in self:
            return None
        try:
            with self.path.open("rb") as file:
                file.seek(self._starts[_short(key)])
                entry = _entry(file.readline())
        except FileNotFoundError:
            return None
        return entry[1] if entry and entry[0] == key else None

    def add(self, key: str, value: Any) -> None:
        """Append a JSON value."""
        body = json.dumps([key, value], separators=(",", ":"), allow_nan=False)
        line = f"{_checksum(body.encode())} {body}\n".encode()
        with self._mutex, full_disk(self.path.parent), lock_of(self._lock):
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _AS_THEY_ARE, 0o644)
            try:
                end = os.lseek(handle, 0, os.SEEK_END)
                torn = end > 0 and _last_byte(handle) != b"\n"
                _write_all(handle, b"\n" + line if torn else line)
            finally:
                os.close(handle)
            self._starts[_short(key)] = end + torn


def _last_byte(handle: int) -> bytes:
    """Of a file that is not empty; what is appended goes to its end wherever this leaves off."""
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1)


def _short(key: str) -> bytes:
    """What is remembered of a key: of the thousands that a journal holds most are never asked for."""
    return hashlib.sha256(key.encode()).digest()[:16]


def _entry(line: bytes) -> tuple[str, Any] | None:
    """Key and value of a journal's line, None for one that does not match its checksum."""
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    if checksum.decode("ascii", "replace") != _checksum(body):
        return None
    key, value = json.loads(body)
    return key, value


class Parts:
    """Finished clips of sets that are not finished: raw bytes followed by their sha256.

    What this process wrote is not hashed a second time when it is read, unless its file was touched since.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, key: str, n_bytes: int) -> bool:
        """Whether there is a part of the right length; `read` checks its content."""
        try:
            return os.stat(self._path(key)).st_size == n_bytes + HASH_BYTES  # noqa: PTH116
        except FileNotFoundError:
            return False

    def write(self, key: str, array: UInt8) -> None:
        """Store an array's bytes; atomic, so that it is there whole or not at all."""
        data = np.ascontiguousarray(array).data.cast("B")
        with full_disk(self.folder), atomically(self._path(key), flushed=False) as file:
            file.write(data)
            file.write(hashlib.sha256(data).digest())
        _written.add(hash(file_stamp(self._path(key))))

    def read(self, key: str) -> memoryview | None:
        """The bytes of a part; None, and the part removed, if they do not match their hash."""
        try:
            ours = hash(file_stamp(self._path(key))) in _written
            with open(self._path(key), "rb") as file:  # noqa: PTH123
                data = file.read()
        except FileNotFoundError:
            return None
        array = memoryview(data)[:-HASH_BYTES]
        if not ours and hashlib.sha256(array).digest() != data[-HASH_BYTES:]:
            self.remove(key)
            return None
        return array

    def remove(self, key: str) -> None:
        """Forget a part."""
        with suppress(FileNotFoundError):
            _written.discard(hash(file_stamp(self._path(key))))
            os.unlink(self._path(key))  # noqa: PTH108

    def sweep(self) -> None:
        """Remove what killed processes left half-written, and parts that nobody joined for a week.

        Only for the holder of the lock.
        """
        remove_leftovers(self.folder)
        for path in paths_in(self.folder, "*.part"):
            if time.time() - path.stat().st_mtime > WEEK:
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> str:
        return f"{self.folder}{os.sep}{key}.part"  # no Path, which would intern thousands of names


def write_set(
    folder: Path, shape: tuple[int, ...], rows: Iterable[bytes | memoryview], meta: Mapping[str, Any]
) -> None:
    """Write `frames.npy` of this uint8 shape from the bytes of its rows, then `meta.json` with its sha256.

    Plain sequential writes to a temporary file: writing through a memory map is several times slower and
    leaves a file of full size after a crash. What the folder held before is removed first, since features
    computed from another set must not outlive it.
    """
    with full_disk(folder):
        if folder.exists():
            shutil.rmtree(folder)
        digest = hashlib.sha256()
        with atomically(folder / "frames.npy") as file, ThreadPoolExecutor(1) as beside:
            for data in itertools.chain([_npy_header(shape)], rows):
                hashed = beside.submit(digest.update, data)
                file.write(data)
                hashed.result()
        body = {**meta, "schema": SCHEMA, "shape": list(shape), "frames_sha256": digest.hexdigest()}
        write_signed(folder / "meta.json", body)
    _remember(folder / "frames.npy", digest.hexdigest())


def read_set(
    folder: Path, *, expected: str, trust: bool = False, wanted: Collection[str] | None = None
) -> tuple[UInt8, dict[str, Any]]:
    """Open a prepared set.

    Returns
    -------
    frames, meta
        A read-only memory map of `frames.npy` and the content of `meta.json`: all of it, or the `wanted`
        entries and the few that say what the set is; see `read_signed`.

    Raises
    ------
    CacheMissing
        If there is no `meta.json` (it is written last).
    CacheDamaged
        If the digest is not the expected one, or shape, length or hash do not fit.

    Notes
    -----
    The hash of `frames.npy` is computed once per process and file (path, length, times, inode): 0.6 to 0.7 s
    per GB with the SHA instructions of current processors. A process that was told by `believe` what another
    one found computes none while the file is untouched; `trust` skips it.
    """
    meta = _read_meta(folder, wanted)
    if meta["digest"] != expected:
        raise CacheDamaged(f"{folder}: holds the set {meta['digest'][:12]}, {expected[:12]} is expected")
    path = folder / "frames.npy"
    try:
        frames = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, TokenError) as error:
        raise CacheDamaged(f"{path}: cannot be opened ({error})") from error
    if frames.dtype != np.uint8 or list(frames.shape) != meta["shape"]:
        raise CacheDamaged(
            f"{path}: holds {frames.dtype} of shape {frames.shape}, meta.json says {meta['shape']}"
        )
    if not trust and _sha256(path) != meta["frames_sha256"]:
        raise CacheDamaged(f"{path}: its content does not match the sha256 in meta.json")
    return frames, meta


def rows_elsewhere(cache: Path, keys: set[str], shape: tuple[int, ...]) -> Iterator[tuple[str, UInt8]]:
    """Clips of these part keys that prepared sets of a cache hold, each once, as (key, uint8 of `shape`).

    A set that cannot be read, is damaged or of another shape is passed over. Empties `keys`.
    """
    for path in sorted(cache.glob("*/*/meta.json")):
        if not keys:
            return
        try:
            meta = _read_meta(path.parent, {"parts"})
            held = [(i, key) for i, key in enumerate(meta.get("parts", ())) if key in keys]
            if not held or tuple(meta["shape"][1:]) != shape:
                continue
            frames, _ = read_set(path.parent, expected=meta["digest"], wanted=())
        except CacheError:
            continue
        for i, key in held:
            keys.discard(key)
            yield key, frames[i]


@contextmanager
def locked(path: Path, log: Log) -> Iterator[None]:
    """Hold a lock file; says so when another process holds it. Released by the system if we are killed."""
    with ExitStack() as stack:
        with full_disk(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(path, partial(_waits, path.parent, log), patience=2))
        yield


def _waits(folder: Path, log: Log) -> None:
    log(f"another process is preparing data in {folder}: waiting for it")


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Turn a full disk, an exceeded quota and a read-only folder into one clear CacheError."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise CacheError(f"{folder}: {no_room(error)}") from error
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise CacheError(
                f"{error.filename or folder}: cannot be written ({error.strerror}); "
                "choose another cache folder"
            ) from error
        raise


def require_space(folder: Path, n_bytes: int) -> None:
    """Raise CacheError before hours of work if the disk has less free space than will be needed."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < n_bytes:
        raise CacheError(
            f"{folder}: about {n_bytes / 2**30:.2f} GiB are needed and {free / 2**30:.2f} GiB are free; "
            "free space, or choose another cache folder"
        )


def _npy_header(shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue()


def _read_meta(folder: Path, wanted: Collection[str] | None = None) -> dict[str, Any]:
    """The wanted entries of `meta.json`, or all, and always those that say what the set is."""
    path = folder / "meta.json"
    try:
        body = read_signed(path, None if wanted is None else {*_NEEDED, *wanted})
    except FileNotFoundError as error:
        raise CacheMissing(f"{folder}: no prepared set (no meta.json)") from error
    except OSError as error:
        raise CacheDamaged(f"{path}: cannot be read ({error.strerror})") from error
    except NotSigned as error:
        raise CacheDamaged(str(error)) from error
    if body.get("schema") not in _READ:
        raise CacheDamaged(f"{path}: not a prepared set of schema {SCHEMA}")
    return body


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


_written: set[int] = set()
"""Hashes of the stamps of the parts that this process wrote."""
_verified: dict[str, str] = {}
"""Stamps of sets' frames to the hash of their content."""


def verified(folder: Path) -> Mapping[str, str]:
    """What this process knows of a set's frames, for `believe` of the processes that open them next."""
    stamp = _stamp(folder / "frames.npy")
    return {stamp: _verified[stamp]} if stamp in _verified else {}


def believe(known: Mapping[str, str]) -> None:
    """Take over what another process knows from `verified`; it holds of files untouched since then."""
    _verified.update(known)


def _stamp(path: Path) -> str:
    return " ".join(map(str, file_stamp(path) or ()))


def _remember(path: Path, digest: str) -> None:
    _verified[_stamp(path)] = digest


def _sha256(path: Path) -> str:
    stamp = _stamp(path)
    if stamp not in _verified:
        _verified[stamp] = file_sha256(path)
    return _verified[stamp]
