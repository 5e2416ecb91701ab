"""The files of a set of flow images, from a folder or a zip archive alike, each bounded before it is read."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from data_prep.clips import UInt8
from data_prep.databases.errors import DatabaseError, shown
from data_prep.frames import picture_files
from data_prep.frames.reading import PICTURES

MAX_FILES = 200_000
MAX_FILE_BYTES = 2**22
MAX_SIDE = 256
CHANNELS = 3


@dataclass(frozen=True)
class Entry:
    """One file: its path below the root with forward slashes, and how to get its bytes."""

    path: PurePosixPath
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Files:
    """What a folder or an archive holds, by kind, sorted by path.

    Attributes
    ----------
    archives
        Zip files in a folder.
    """

    root: Path
    pictures: tuple[Entry, ...]
    tables: tuple[Entry, ...]
    packed: tuple[Entry, ...]
    archives: tuple[Path, ...] = ()


def files_of(root: Path) -> Files:
    """The pictures, CSV tables and npz files below a folder, or in a zip archive.

    Raises
    ------
    DatabaseError
        Where there are more than `MAX_FILES`, for a damaged archive, and for a path that is neither.
    """
    if root.is_dir():
        entries = list(_of_folder(root))
    elif root.suffix.lower() == ".zip" and root.is_file():
        entries = list(_of_zip(root))
    else:
        seen = "" if root.exists() else " is not there"
        raise DatabaseError(f"{root}{seen}: flow images are a folder, a zip archive or an npz file")
    entries.sort(key=lambda entry: entry.path)

    def ending(*suffixes: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in entries if entry.path.suffix.lower() in suffixes)

    archives = [root / entry.path for entry in ending(".zip")] if root.is_dir() else []
    return Files(root, ending(*PICTURES), ending(".csv"), ending(".npz"), tuple(archives))


def decoded(entry: Entry) -> UInt8:
    """(height, width, 3) uint8 RGB of one picture.

    Raises
    ------
    DatabaseError
        Naming it.
    """
    return decoded_bytes(entry.read(), entry.path)


def decoded_bytes(data: bytes, path: PurePosixPath) -> UInt8:
    """(height, width, 3) uint8 RGB of a picture's bytes.

    Raises
    ------
    DatabaseError
        For anything but three channels of 8 bits, naming it.
    """
    try:
        header = picture_files.read_header(data)
        height, width = header.height, header.width
        if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
            raise picture_files.BadPicture(
                f"{width}x{height} pixels; a flow image has at most {MAX_SIDE} a side"
            )
        picture_files.check_end(data, header)
    except picture_files.BadPicture as error:
        raise DatabaseError(f"{shown(str(path))}: {error}") from error
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is not None and pixels.ndim == 3 and pixels.shape[2] == CHANNELS + 1:
        pixels = pixels[..., :CHANNELS] if (pixels[..., CHANNELS] == 255).all() else pixels
    if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != CHANNELS:
        raise DatabaseError(f"{shown(str(path))}: not a picture of three channels of 8 bits, opaque")
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_BGR2RGB), np.uint8)


def _of_folder(root: Path) -> Iterator[Entry]:
    count = 0
    for folder, _, names in os.walk(root):
        for name in names:
            count = _counted(count, root)
            full = Path(folder) / name
            path = PurePosixPath(full.relative_to(root).as_posix())
            if not _hidden(path):
                yield Entry(path, lambda full=full: _bytes(full))  # type: ignore[misc]


def _of_zip(root: Path) -> Iterator[Entry]:
    try:
        archive = zipfile.ZipFile(root)
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        raise DatabaseError(f"{root}: not a readable zip archive ({error})") from error
    _counted(len(infos) - 1, root)
    for info in infos:
        path = PurePosixPath(info.filename)
        if not _hidden(path):
            yield Entry(path, lambda info=info: _unpacked(archive, info, root))  # type: ignore[misc]


def _hidden(path: PurePosixPath) -> bool:
    """What a system adds to folders and archives: nothing of the set."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _counted(count: int, root: Path) -> int:
    if count >= MAX_FILES:
        raise DatabaseError(f"{root}: more than {MAX_FILES} files; name the folder of the flow images")
    return count + 1


def _bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DatabaseError(f"{path}: not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise DatabaseError(f"{path}: {status.st_size} bytes; a file of flow images has less")
        return path.read_bytes()
    except OSError as error:
        raise DatabaseError(f"{path}: cannot be read ({error.strerror})") from error


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, root: Path) -> bytes:
    if info.file_size > MAX_FILE_BYTES:
        raise DatabaseError(f"{root}: {shown(info.filename)} has {info.file_size} bytes, too many")
    try:
        return archive.read(info)
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError, EOFError) as error:
        raise DatabaseError(f"{root}: {shown(info.filename)} cannot be unpacked ({error})") from error
