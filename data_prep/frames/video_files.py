"""Opening a video file and decoding it picture by picture, by FFmpeg's demuxers and decoders (PyAV)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.reformatter import Interpolation

from data_prep.frames.files import MAX_PIXELS, FrameError, check_pixels, regular
from data_prep.frames.picture_files import motion_jpeg_fault

UInt8 = npt.NDArray[np.uint8]

DECODER = {"err_detect": "crccheck+explode", "max_pixels": str(MAX_PIXELS)}
"""Damage that the decoder notices is an error and is not painted over; sizes are bounded."""
_ONE = 1 << 16
_MATROSKA = b"\x1a\x45\xdf\xa3"
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

CUT_SHORT = "its data are cut short"


class Packet(NamedTuple):
    """A packet of a stream.

    Attributes
    ----------
    shown, decoded
        When its picture is shown, and when it is decoded, in ticks.
    cut
        An edit list hides it.
    """

    shown: int | None
    decoded: int | None
    cut: bool


class Fault(NamedTuple):
    """A packet from which no whole picture came: its number in the order of decoding, and why."""

    packet: int
    why: str


@dataclass
class Trace:
    """What decoding met on its way: all packets in the order of decoding, and the faults among them."""

    packets: list[Packet] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def stamp(self, fault: Fault) -> int | None:
        """When the picture of a fault would have been shown."""
        return self.packets[fault.packet].shown


def container_of(head: bytes) -> str | None:
    """FFmpeg's name of the container that begins with these (at least 12) bytes, None for any other file.

    The first box of a MOV may also be one that readers skip.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == _MATROSKA:
        return "matroska"
    return "mov" if head[4:8] in _BOXES else None


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """An open container and its video stream.

    Only files that begin as AVI, MP4/MOV or MKV/WebM reach FFmpeg, each by its own demuxer: FFmpeg also opens
    play lists, which may name other files and network addresses.

    Raises
    ------
    FrameError
        For any other file, and one that FFmpeg cannot open.
    """
    regular(path)
    try:
        with path.open("rb") as file:
            kind = container_of(file.read(16))
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror})") from error
    if kind is None:
        raise FrameError(f"{path}: does not begin as an AVI, MP4, MOV, MKV or WebM file")
    try:
        with av.open(
            f"file:{path.absolute()}",
            format=kind,
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        ) as container:
            yield container, _video_stream(container, path)
    except av.FFmpegError as error:
        raise FrameError(f"{path}: the video cannot be read: it is damaged ({error.strerror})") from error


def decoded(container: Any, stream: Any, trace: Trace, *, strict: bool = False) -> Iterator[Any]:
    """The pictures of a stream in the order in which they are shown; what was met on the way is in `trace`.

    With `strict`, what libjpeg says of the pictures of a Motion-JPEG is a fault too.
    One thread: with several, an error is told while another picture is asked for.
    """
    stream.codec_context.thread_count = 1
    stream.codec_context.options = DECODER
    alone = stream.codec_context.codec.intra_only
    motion_jpeg = strict and stream.codec_context.name == "mjpeg"
    for packet in container.demux(stream):
        if packet.size == 0 and packet.dts is not None:
            continue  # a null frame; an empty packet would tell the decoder that the video ends
        number = len(trace.packets)
        trace.packets.append(Packet(packet.pts, packet.dts, packet.is_discard))
        if not (alone or packet.is_keyframe):
            trace.faults.append(Fault(number, "the video begins without the picture that it is built on"))
        alone = True
        if packet.is_corrupt:
            trace.faults.append(Fault(number, CUT_SHORT))
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            trace.faults.append(Fault(number, f"its data are damaged ({error.strerror})"))
            continue
        if motion_jpeg and (why := motion_jpeg_fault(bytes(packet))):
            trace.faults.append(Fault(number, why))


def shown_size(path: Path, picture: Any) -> tuple[int, int]:
    """(height, width) of a picture as it is shown; FrameError for too many pixels."""
    check_pixels(path, picture.height, picture.width)
    turned = _turns(path, picture)[0]
    return (picture.width, picture.height) if turned else (picture.height, picture.width)


def shown_pixel(path: Path, picture: Any, stream: Any) -> tuple[int, int]:
    """(width, height) of a pixel as it is shown, in lowest terms; square where the file does not say."""
    ratio = stream.sample_aspect_ratio
    wide, high = (ratio.numerator, ratio.denominator) if ratio else (1, 1)
    return (high, wide) if _turns(path, picture)[0] else (wide, high)


def pixels(path: Path, picture: Any, size: tuple[int, int]) -> UInt8:
    """A picture as it is shown, (height, width, 3) uint8 RGB; FrameError unless it has this (height, width).

    swscale, bicubic, by the matrix and the range that the stream names.
    """
    found = shown_size(path, picture)
    if found != size:
        raise FrameError(
            f"{path}: a picture of {found[1]}x{found[0]} pixels after pictures of {size[1]}x{size[0]}"
        )
    transposed, columns, rows = _turns(path, picture)
    frame = picture.to_ndarray(format="rgb24", interpolation=Interpolation.BICUBIC)
    if transposed:
        frame = frame.transpose(1, 0, 2)
    return np.ascontiguousarray(frame[::rows, ::columns], dtype=np.uint8)


def _video_stream(container: Any, path: Path) -> Any:
    """The stream that players show: the one marked as default, else the first; not a cover picture."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise FrameError(f"{path}: has no video stream")
    stream = next((s for s in streams if s.disposition & Disposition.default), streams[0])
    if stream.codec_context is None:
        raise FrameError(f"{path}: its codec is unknown here")
    check_pixels(path, stream.codec_context.height, stream.codec_context.width)
    return stream


def _turns(path: Path, picture: Any) -> tuple[bool, int, int]:
    """(transposed, step along columns, step along rows) of the display matrix.

    A matrix (a b u; c d v; x y w) shows the pixel (x, y) at (a x + c y, b x + d y).
    """
    data = picture.side_data.get(SideData.DISPLAYMATRIX)
    if data is None:
        return False, 1, 1
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    if not b and not c and abs(a) == abs(d) == _ONE:
        return False, a // _ONE, d // _ONE
    if not a and not d and abs(b) == abs(c) == _ONE:
        return True, c // _ONE, b // _ONE
    raise FrameError(
        f"{path}: its display matrix ({a / _ONE:g} {b / _ONE:g}; {c / _ONE:g} {d / _ONE:g}) is no quarter "
        "turn and no mirroring; write the video without it"
    )
