"""Picture files as RGB arrays; sizes are read and bounded before anything is decoded.

JPEG is decoded by libjpeg-turbo with its warnings as errors, since a damaged file gives a picture that is
half grey or garbage otherwise; PNG and BMP by OpenCV after their checksums and lengths are checked.

Notes
-----
Pictures of more than 8 bits are scaled by one rule for all frames of a clip: the camera is taken to have 8,
10, 12, 14 or 16 bits, the least that hold the largest value of the clip, and the upper 8 of them are kept.
An alpha channel is not used. EXIF's orientation of a JPEG is applied.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from data_prep.frames import picture_files
from data_prep.frames.files import FrameError, check_pixels, read_regular, regular
from data_prep.frames.picture_files import Header

UInt8 = npt.NDArray[np.uint8]

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
MAX_FILE_BYTES = 2**27
DEPTHS = (8, 10, 12, 14, 16)
_BEFORE_PIXELS = 2**16


class Canvas:
    """Memory for one picture at a time: each is decoded in the place of the one before, which is gone then.

    Where rows begin at a multiple of 32 bytes libjpeg-turbo writes them past the processor's caches, and who
    looks at them next waits for the main memory: these begin 16 bytes behind one.
    """

    def __init__(self) -> None:
        self._place = np.empty(0, np.uint8)

    def of(self, n_bytes: int) -> UInt8:
        """(n_bytes,) uint8, the same memory as long as the number is the same."""
        if len(self._place) != n_bytes:
            whole = np.empty(n_bytes + 32, np.uint8)
            start = (16 - whole.ctypes.data) % 32
            self._place = whole[start : start + n_bytes]
        return self._place


def read_image(path: str | os.PathLike[str]) -> UInt8:
    """One JPG, PNG or BMP as (H, W, 3) uint8 RGB; grey pictures get three equal channels.

    Raises
    ------
    FrameError
        For a file that is missing, not regular, of another type, cut short, damaged, or larger than
        `frame_files.MAX_PIXELS` pixels.
    """
    return read_picture(path, camera_bits([path]))


def read_picture(
    path: str | os.PathLike[str],
    bits: int | None,
    hashes: list[str] | None = None,
    canvas: Canvas | None = None,
) -> UInt8:
    """One frame of a clip whose `camera_bits` are `bits`; otherwise as `read_image`.

    The sha256 of the file's bytes is appended to `hashes`. The frame may lie on the canvas, if there is one.

    Raises
    ------
    FrameError
        As `read_image`, and for another depth than the first frame has.
    """
    place = os.fspath(path)
    data, header = _checked(place)
    if hashes is not None:
        hashes.append(hashlib.sha256(data).hexdigest())
    if data.startswith(picture_files.JPEG) and header.bits != 8:
        raise FrameError(f"{place}: a JPEG of {header.bits} bits per sample; only those of 8 are read")
    if (header.bits > 8) != (bits is not None):
        raise FrameError(f"{place}: {header.bits} bits per sample, the first frame has another depth")
    if data.startswith(picture_files.JPEG):
        return _upright(_jpeg(place, data, header, canvas), header.orientation)
    if bits is None:
        frame = _decoded(place, data, cv2.IMREAD_COLOR)
    else:
        deep = _decoded(place, data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        frame = (deep >> (bits - 8)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def camera_bits(paths: Sequence[str | os.PathLike[str]]) -> int | None:
    """How many bits the camera of a clip has, for pictures of more than 8; None for ordinary ones.

    Reads the first header; only deep pictures are decoded, all of them.

    Raises
    ------
    FrameError
        As `read_image`.
    """
    if not paths or _png_header(paths[0]).bits <= 8:
        return None
    largest = 0
    for path in [os.fspath(each) for each in paths]:
        data, header = _checked(path)
        if header.bits > 8:
            frame = _decoded(path, data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
            largest = max(largest, int(frame.max()))
    return next(bits for bits in DEPTHS if largest < 2**bits)


def picture_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(height, width) from the header; also checks the end mark, without decoding pixels.

    Raises
    ------
    FrameError
        As `read_image` does; damage inside the pixel data is found only by decoding.
    """
    header = _checked(os.fspath(path))[1]
    return header.height, header.width


def has_alpha(path: str | os.PathLike[str]) -> bool:
    """Whether a picture is a PNG with an alpha channel or transparent colours, from what precedes its pixels.

    Raises
    ------
    FrameError
        For a file that is missing or no picture.
    """
    if _png_header(path).alpha:
        return True
    with open(path, "rb") as file:  # noqa: PTH123
        head = file.read(_BEFORE_PIXELS)
    return head.startswith(picture_files.PNG) and picture_files.has_transparency(head)


def _png_header(path: str | os.PathLike[str]) -> Header:
    """The header of a PNG, without reading the rest of the file; of whatever else, an ordinary one."""
    place = os.fspath(path)
    regular(place)
    try:
        with open(place, "rb") as file:  # noqa: PTH123 - see `regular`
            head = file.read(picture_files.PNG_HEADER)
    except OSError as error:
        raise FrameError(f"{place}: cannot be read ({error.strerror})") from error
    try:
        return picture_files.read_header(head) if head.startswith(picture_files.PNG) else Header(0, 0)
    except picture_files.BadPicture as error:
        raise FrameError(f"{place}: {error}") from error


def _jpeg(path: str, data: bytes, header: Header, canvas: Canvas | None = None) -> UInt8:
    """As it is stored, not turned. A CMYK file is checked here and converted by OpenCV."""
    colours = "CMYK" if header.channels == 4 else "RGB"
    place = (
        canvas.of(3 * header.height * header.width) if canvas is not None and header.channels != 4 else None
    )
    try:
        frame = simplejpeg.decode_jpeg(data, colours, buffer=place)
    except ValueError as error:
        raise FrameError(f"{path}: a damaged JPEG ({error})") from error
    if (lost := picture_files.lost_part(data)) is not None:
        raise FrameError(f"{path}: a damaged JPEG (zeros in place of the picture from byte {lost} on)")
    if header.channels == 4:
        stored = _decoded(path, data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return np.asarray(frame, dtype=np.uint8)


def _upright(frame: UInt8, orientation: int) -> UInt8:
    """A picture as EXIF's orientation, 1 to 8, shows it."""
    if orientation == 1:
        return frame
    if orientation >= 5:
        frame = frame.transpose(1, 0, 2)
    rows = -1 if orientation in {3, 4, 7, 8} else 1
    columns = -1 if orientation in {2, 3, 6, 7} else 1
    return np.ascontiguousarray(frame[::rows, ::columns])


def _decoded(path: str, data: bytes, flags: int) -> npt.NDArray[Any]:
    """(H, W, 3) in OpenCV's channel order (BGR)."""
    try:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise FrameError(f"{path}: OpenCV cannot decode it ({error.err})") from error
    if frame is None:
        raise FrameError(f"{path}: OpenCV cannot decode it; the pixel data are damaged")
    return np.asarray(frame)


def _checked(path: str) -> tuple[bytes, Header]:
    """The file's bytes and its header, after every check that needs no decoding."""
    data = read_regular(path, MAX_FILE_BYTES)
    try:
        header = picture_files.read_header(data)
        check_pixels(path, header.height, header.width)
        picture_files.check_end(data, header)
    except picture_files.BadPicture as error:
        raise FrameError(f"{path}: {error}") from error
    return data, header
