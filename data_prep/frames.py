"""Pictures and videos from disk as RGB arrays; sizes are read and bounded before anything is decoded.

Every failure is a `FrameError` that names the file. OpenCV returns a half-grey picture for a JPEG that
ends too early, so the file's own end marks are checked as well.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from basis.errors import Mendable
from data_prep import picture_files
from data_prep.clips import FrameSource, ImageFrames, UInt8, VideoFrames
from data_prep.messages import one_line

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
VIDEOS = (".avi", ".mp4", ".m4v", ".mov", ".mkv")
MAX_PIXELS = 2**25
MAX_FILE_BYTES = 2**27
MAX_CLIP_BYTES = 2**32
MAX_VIDEO_FRAMES = 1_000_000


class FrameError(Mendable, ValueError):
    """A frame that cannot be used; the message names the file and what is wrong with it."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says: number of frames, height and width in pixels, frames per second."""

    frames: int
    height: int
    width: int
    fps: float


def read_image(path: str | os.PathLike[str]) -> UInt8:
    """One JPG, PNG or BMP as (H, W, 3) uint8 RGB; grey pictures get three equal channels.

    Raises FrameError for a file that is missing, not regular, of another type, cut short, or larger than
    `MAX_PIXELS` pixels.
    """
    return np.asarray(cv2.cvtColor(_decode(Path(path)), cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_frame(source: FrameSource, i: int) -> UInt8:
    """Frame i (0-based, negative counts from the end) of a source as (H, W, 3) uint8 RGB."""
    n = len(source)
    if not -n <= i < n:
        raise IndexError(f"frame {i} of a source of {n} frames")
    i %= n
    if isinstance(source, ImageFrames):
        return read_image(source.paths[i])
    return next(_video_frames(Path(source.path), source.first + i, source.first + i))


def read_frames(source: FrameSource, *, threads: int = 1) -> UInt8:
    """All frames of a source as (n, H, W, 3) uint8 RGB.

    Pictures are decoded by `threads` threads straight into the result. Raises FrameError as `read_image`
    does, and for an empty source, frames of unequal size, a video that ends too early, and a clip of more
    than `MAX_CLIP_BYTES` bytes.
    """
    if len(source) < 1:
        raise FrameError("a clip without frames")
    first = read_frame(source, 0)
    if len(source) * first.nbytes > MAX_CLIP_BYTES:
        raise FrameError(
            f"{_name(source, 0)}: {len(source)} frames of {_size(first)} would need "
            f"{len(source) * first.nbytes / 2**30:.1f} GiB; at most {MAX_CLIP_BYTES / 2**30:.0f} GiB are read"
        )
    out: UInt8 = np.empty((len(source), *first.shape), np.uint8)
    if isinstance(source, VideoFrames):
        for i, frame in enumerate(iterate(source)):
            _same_size(frame, first, _name(source, i))
            out[i] = frame
        return out
    out[0] = first
    paths = [Path(path) for path in source.paths]

    def fill(i: int) -> None:
        frame = _decode(paths[i])
        _same_size(frame, first, str(paths[i]))
        cv2.cvtColor(frame, cv2.COLOR_BGR2RGB, dst=out[i])

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(fill, range(1, len(paths))):
                pass
    else:
        for i in range(1, len(paths)):
            fill(i)
    return out


def iterate(source: FrameSource) -> Iterator[UInt8]:
    """The frames of a source one by one, (H, W, 3) uint8 RGB, without holding them all in memory."""
    if isinstance(source, ImageFrames):
        for path in source.paths:
            yield read_image(path)
    else:
        yield from _video_frames(Path(source.path), source.first, source.last)


def picture_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(height, width) from the header; also checks the end mark, without decoding pixels.

    Raises FrameError as `read_image` does; damage inside the pixel data is found only by decoding.
    """
    return _checked(Path(path))[1]


def video_info(path: str | os.PathLike[str]) -> VideoInfo:
    """What the header of a video says; raises FrameError for a file that is not a whole avi, mp4 or mkv."""
    with _opened(Path(path)) as capture:
        return _info(capture, Path(path))


def check_source(source: FrameSource, *, decode: bool = False) -> None:
    """Raise FrameError for the first frame that is missing, broken or of another size than the first.

    By default only headers and end marks are read; `decode` reads every pixel.
    """
    if decode:
        sizes = ((_name(source, i), frame.shape[:2]) for i, frame in enumerate(iterate(source)))
    elif isinstance(source, ImageFrames):
        sizes = ((path, picture_size(path)) for path in source.paths)
    else:
        info = video_info(source.path)
        if info.frames <= source.last:
            raise FrameError(f"{source.path}: has {info.frames} frames, frame {source.last + 1} is wanted")
        return
    expected: tuple[int, ...] | None = None
    for name, size in sizes:
        expected = expected or size
        if size != expected:
            raise FrameError(
                f"{name}: {size[1]}x{size[0]} pixels, the first frame has {expected[1]}x{expected[0]}"
            )


def _decode(path: Path) -> UInt8:
    """(H, W, 3) uint8 in OpenCV's channel order (BGR)."""
    data, _ = _checked(path)
    try:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise FrameError(f"{path}: OpenCV cannot decode it ({error.err})") from error
    if frame is None:
        raise FrameError(f"{path}: OpenCV cannot decode it; the pixel data are damaged")
    return np.asarray(frame, dtype=np.uint8)


def _checked(path: Path) -> tuple[bytes, tuple[int, int]]:
    """The file's bytes and (height, width), after every check that needs no decoding."""
    data = _bytes(path)
    try:
        height, width = picture_files.size(data)
        _check_pixels(path, height, width)
        picture_files.check_end(data)
    except picture_files.BadPicture as error:
        raise FrameError(f"{path}: {error}") from error
    return data, (height, width)


def _bytes(path: Path) -> bytes:
    size = _regular(path).st_size
    if size == 0:
        raise FrameError(f"{path}: the file is empty")
    if size > MAX_FILE_BYTES:
        raise FrameError(f"{path}: {size} bytes; a picture has at most {MAX_FILE_BYTES}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror})") from error


def _regular(path: Path) -> os.stat_result:
    """Status of a regular file: a pipe or a device would block for ever or never end."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise FrameError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise FrameError(f"{path}: cannot be read ({error})") from error
    if not stat.S_ISREG(status.st_mode):
        raise FrameError(f"{path}: not a regular file")
    return status


def _check_pixels(path: Path, height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise FrameError(f"{path}: its header says {width}x{height} pixels")
    if height * width > MAX_PIXELS:
        raise FrameError(
            f"{path}: its header says {width}x{height} pixels; at most {MAX_PIXELS} pixels are decoded"
        )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An open cv2.VideoCapture.

    Only files that begin as avi, mp4/mov or mkv reach the decoder: FFmpeg also opens play lists, which
    may name other files and network addresses.
    """
    _regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror})") from error
    if not picture_files.is_video(head):
        raise FrameError(f"{path}: does not begin as an avi, mp4 or mkv file")
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise FrameError(f"{path}: OpenCV cannot open the video; it is damaged or its codec is unknown")
        yield capture
    except cv2.error as error:
        raise FrameError(f"{path}: OpenCV cannot read the video ({error.err})") from error
    finally:
        capture.release()


def _info(capture: Any, path: Path) -> VideoInfo:
    height, width = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    _check_pixels(path, height, width)
    frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    if not 0 < frames <= MAX_VIDEO_FRAMES:
        raise FrameError(f"{path}: its header says {frames:.0f} frames; 1 to {MAX_VIDEO_FRAMES} are read")
    return VideoInfo(int(frames), height, width, float(capture.get(cv2.CAP_PROP_FPS)))


def _video_frames(path: Path, first: int, last: int) -> Iterator[UInt8]:
    """Frames first..last; earlier ones are stepped over, because seeking in a video is not exact."""
    with _opened(path) as capture:
        _info(capture, path)
        for i in range(last + 1):
            if not capture.grab():
                raise FrameError(f"{path}: ends or breaks after {i} frames; frame {last + 1} is wanted")
            if i >= first:
                ok, frame = capture.retrieve()
                if not ok or frame is None:
                    raise FrameError(f"{path}: frame {i + 1} cannot be decoded")
                yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _same_size(frame: UInt8, first: UInt8, name: str) -> None:
    if frame.shape != first.shape:
        raise FrameError(f"{name}: {_size(frame)} pixels, the first frame has {_size(first)}")


def _size(frame: UInt8) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"


def _name(source: FrameSource, i: int) -> str:
    if isinstance(source, ImageFrames):
        return source.paths[i]
    return f"{source.path} (frame {source.first + i + 1})"
