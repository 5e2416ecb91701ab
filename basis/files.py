"""Files that are there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

FileStamp = tuple[str, int, int, int, int]
"""Absolute path, length, time of change, time of status change (nanoseconds), inode."""


@contextmanager
def atomically(path: Path | str, *, flushed: bool = True) -> Iterator[BinaryIO]:
    """A new binary file that takes the name `path` when the block ends well, and is deleted when not.

    It is written under a temporary name in the same folder, which is made if need be; the umask decides who
    may read it.

    Parameters
    ----------
    path
        The name that it takes.
    flushed
        On disk before the rename, so that a power cut cannot leave an empty file.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder or ".", exist_ok=True)  # noqa: PTH103 - pathlib interns every name, thousands of clips'
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")  # noqa: PTH118
    try:
        with open(temporary, "xb") as file:  # noqa: PTH123
            yield file
            if flushed:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a write that fails names no file
        raise


def write_atomically(path: Path, data: bytes) -> None:
    """Write the whole content of a file at once; see `atomically`."""
    with atomically(path) as file:
        file.write(data)


def write_json(path: Path, body: Any, *, indent: int | None = None) -> None:
    """Write a JSON file at once; see `atomically`."""
    write_atomically(path, json.dumps(body, indent=indent).encode())


def remove_leftovers(folder: Path) -> None:
    """Delete what killed processes left of `atomically` in this folder; nobody else may be writing."""
    for path in paths_in(folder, ".*.tmp"):
        path.unlink(missing_ok=True)


def paths_in(folder: Path, pattern: str) -> Iterator[Path]:
    """The paths in a folder whose names fit a pattern, one by one; `Path.glob` lists the folder first."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if fnmatchcase(entry.name, pattern):
                yield Path(entry.path)


def file_sha256(path: Path | str) -> str:
    """The sha256 of a file's content, as hex digits.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_stamp(path: str | os.PathLike[str]) -> FileStamp | None:
    """What tells a file from another one without reading it; None where there is no such file.

    Absolute path, length, time of change, time of status change and inode, times in nanoseconds. The last
    two tell a file that was replaced by one of equal length whose time was set to be equal too, as
    unpacking an archive or renaming folders does.
    """
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return _absolute(str(path)), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _absolute(path: str) -> str:
    """What `Path.absolute` gives, without taking a folder apart again for each of its files."""
    folder, _, name = path.rpartition(os.sep)
    plain = folder.startswith(os.sep) and name not in {"", "."}
    return f"{_normal(folder)}{os.sep}{name}" if plain else str(Path(path).absolute())


@lru_cache(maxsize=64)
def _normal(folder: str) -> str:
    """An absolute folder as a Path spells it; most are spelled so, and a Path would intern their names."""
    plain = os.sep == "/" and not {"", "."} & set(folder.split("/")[1:])
    return folder if plain else str(Path(folder))
