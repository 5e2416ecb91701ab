"""What pictures and videos share: the error that names the file, and the limits that hold before decoding."""

from __future__ import annotations

import os
import stat
from functools import partial

from basis.errors import Mendable
from data_prep.messages import one_line

MAX_PIXELS = 2**25
_AT_ONCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A pipe is opened without waiting for its writer."""


class FrameError(Mendable, ValueError):
    """A frame that cannot be used; the message names the file and what is wrong with it."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def regular(path: str | os.PathLike[str]) -> os.stat_result:
    """Status of a regular file: a pipe or a device would block for ever or never end.

    Raises
    ------
    FrameError
        For anything else, and for what is not there or cannot be read.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - of thousands of files, a third of the time of a Path's
    except FileNotFoundError as error:
        raise FrameError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise FrameError(f"{path}: cannot be read ({error})") from error
    if not stat.S_ISREG(status.st_mode):
        raise FrameError(f"{path}: not a regular file")
    return status


def read_regular(path: str, most: int) -> bytes:
    """The bytes of a regular file of 1 to `most`; nothing is asked of its name but to open it, and once.

    Raises
    ------
    FrameError
        As `regular`, and for a file that is empty or longer.
    """
    try:
        handle = os.open(path, _AT_ONCE)
    except FileNotFoundError as error:
        raise FrameError(f"{path}: no such file") from error
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise FrameError(f"{path}: cannot be read ({error})") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise FrameError(f"{path}: not a regular file")
        if status.st_size == 0:
            raise FrameError(f"{path}: the file is empty")
        if status.st_size > most:
            raise FrameError(f"{path}: {status.st_size} bytes; a picture has at most {most}")
        return b"".join(iter(partial(os.read, handle, status.st_size + 1), b""))
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror})") from error
    finally:
        os.close(handle)


def check_pixels(path: str | os.PathLike[str], height: int, width: int) -> None:
    """Raise FrameError for a header that promises no pixels, or more than `MAX_PIXELS`."""
    if height < 1 or width < 1:
        raise FrameError(f"{path}: its header says {width}x{height} pixels")
    if height * width > MAX_PIXELS:
        raise FrameError(
            f"{path}: its header says {width}x{height} pixels; at most {MAX_PIXELS} pixels are decoded"
        )
