"""What the bytes of a picture file say before any pixel is decoded: its type, its size, its end.

Formats: JPEG (ITU-T T.81, annex B), PNG (W3C PNG specification), BMP (BITMAPINFOHEADER). Pillow reads the
same headers but notices a missing end only by decoding, which is what this is for.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import NamedTuple

import simplejpeg
from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
PNG_HEADER = 33
JPEG = b"\xff\xd8\xff"
_END = b"\xff\xd9"
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_APPLICATION_1 = 0xE1
_HUFFMAN_TABLES = 0xC4
_AC = 0x10
_SEQUENTIAL = (0xC0, 0xC1)
_LOST = bytes(32)
"""So many zero bytes stand in no picture whose blocks do not end by zeros: the file has lost a part."""
_ORIENTATION = 0x0112
_PNG_WITH_ALPHA = {4, 6}


class BadPicture(ValueError):
    """A picture file that cannot be used; the message says why (the caller adds the path)."""


class Header(NamedTuple):
    """What a picture's header says.

    Attributes
    ----------
    height, width
        Of the picture as it is shown, in pixels.
    bits
        Of one sample.
    channels
        Of a JPEG, else 0.
    alpha
        Whether a PNG has an alpha channel.
    orientation
        EXIF's number, 1 for an upright JPEG.
    start
        Where the first scan of a JPEG begins, else 0.
    """

    height: int
    width: int
    bits: int = 8
    channels: int = 0
    alpha: bool = False
    orientation: int = 1
    start: int = 0


def read_header(data: bytes) -> Header:
    """The header of a JPEG, PNG or BMP; BadPicture for anything else."""
    if data.startswith(PNG):
        if len(data) < PNG_HEADER or data[12:16] != b"IHDR":
            raise BadPicture("a PNG without a whole header; the file is cut short or damaged")
        width, height, bits, kind = struct.unpack(">IIBB", data[16:26])
        return Header(height, width, bits, alpha=kind in _PNG_WITH_ALPHA)
    if data.startswith(JPEG):
        return _jpeg(data)
    if data.startswith(b"BM"):
        return Header(*_bmp(data)[0])
    raise BadPicture("not a JPEG, PNG or BMP file")


def has_transparency(data: bytes) -> bool:
    """Whether a PNG of whatever kind names transparent colours (a palette's, say) before its pixels."""
    position = len(PNG)
    while position + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if kind in {b"tRNS", b"IDAT"}:
            return bool(kind == b"tRNS")
        position += 12 + length
    return False


def check_end(data: bytes, header: Header) -> None:
    """Raise BadPicture for a JPEG, PNG or BMP whose end is missing (and for a PNG with a wrong checksum).

    The end mark of a JPEG is searched from its first scan on: the preview picture inside a header has an end
    mark too.
    """
    if data.startswith(PNG):
        _check_png(data)
    elif data.startswith(JPEG):
        start = header.start
        # nearly always it stands at the very end, so that 0.2 MB need not be searched
        if data.find(_END, max(start, len(data) - 64)) < 0 and data.find(_END, start) < 0:
            raise BadPicture("a JPEG without its end mark; the file is cut short")
    else:
        needed = _bmp(data)[1]
        if len(data) < needed:
            raise BadPicture(f"a BMP of {len(data)} bytes that needs {needed}; the file is cut short")


def _jpeg(data: bytes) -> Header:
    """The header of a JPEG; one that begins as the last one did, up to its pixels, has the same."""
    head, header = _last_jpeg[0]
    if not data.startswith(head):
        header = _jpeg_header(data)
        _last_jpeg[0] = data[: header.start], header
    return header


_last_jpeg = [(PNG, Header(0, 0))]
"""Bytes up to the pixels, and what they say; at first of no JPEG."""


def _jpeg_header(data: bytes) -> Header:
    found: Header | None = None
    position, orientation = 2, 1
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise BadPicture(f"a JPEG with a damaged header (no marker at byte {position})")
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        (length,) = struct.unpack(">H", data[position + 2 : position + 4])
        if length < 2:
            raise BadPicture(f"a JPEG with a damaged header (segment of {length} bytes at byte {position})")
        if marker == _APPLICATION_1 and data[position + 4 : position + 10] == b"Exif\0\0":
            orientation = _exif_orientation(data)
        if marker in _START_OF_FRAME and position + 10 <= len(data):
            bits, height, width, channels = struct.unpack(">BHHB", data[position + 4 : position + 10])
            found = Header(height, width, bits, channels)
        if marker == _START_OF_SCAN and found:
            if orientation >= 5:
                found = found._replace(height=found.width, width=found.height)
            return found._replace(orientation=orientation, start=position + 2 + length)
        position += 2 + length
    raise BadPicture("a JPEG without a whole header; the file is cut short")


def lost_part(data: bytes) -> int | None:
    """Where zeros stand in place of the coded pixels of a JPEG, as a lost sector leaves them; else None.

    A decoder takes them for coefficients, and often without a warning: in the usual Huffman tables of
    brightness zeros say "one, and one, and one ...", block after block. Where some table's zeros end a block
    (a flat area under tables made for it), and in progressive pictures, they may be meant.

    Parameters
    ----------
    data
        A whole JPEG with a whole header; tables that it does not hold are the usual ones (Motion-JPEG).
    """
    at = data.find(_LOST, len(JPEG))
    if at < 0:
        return None
    start = _jpeg(data).start
    end = data.find(_END, start)
    at = data.find(_LOST, start, None if end < 0 else end)
    sequential, first = _coding(data[:start])
    return at if at >= 0 and sequential and any(first) else None


def motion_jpeg_fault(packet: bytes) -> str | None:
    """What is wrong with a picture of a Motion-JPEG, which FFmpeg may show without a word; else None.

    Pictures that leave their tables to the reader, as many AVI do, are looked at for lost parts only.
    """
    try:
        if not packet.startswith(JPEG) or (lost := lost_part(packet)) is None:
            if b"\xff\xc4" in packet[:1024]:
                simplejpeg.decode_jpeg(packet)
            return None
        return f"a damaged JPEG (zeros in place of the picture from its byte {lost} on)"
    except (BadPicture, ValueError) as error:
        return f"a damaged JPEG ({error})"


def _coding(header: bytes) -> tuple[bool, list[int]]:
    """Whether a JPEG is coded in one pass, and the first symbol of each Huffman table of coefficients."""
    position, kind, first = 2, 0, []
    while position + 4 <= len(header):
        marker = header[position + 1]
        if marker in _STANDALONE or marker == 0xFF:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", header[position + 2 : position + 4])
        body = header[position + 4 : position + 2 + length]
        if marker in _START_OF_FRAME:
            kind = marker
        while marker == _HUFFMAN_TABLES and len(body) > 17:
            if body[0] & _AC:
                first.append(body[17])
            body = body[17 + sum(body[1:17]) :]
        position += 2 + length
    return kind in _SEQUENTIAL, first or [1]


def _exif_orientation(data: bytes) -> int:
    """1 to 8; 1 where the entry is missing or senseless, as other readers take it."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            value = picture.getexif().get(_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 1
    return value if value in range(1, 9) else 1


def _check_png(data: bytes) -> None:
    position = len(PNG)
    while position + 12 <= len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        end = position + 12 + length
        if end > len(data):
            break
        kind = data[position + 4 : position + 8]
        (checksum,) = struct.unpack(">I", data[end - 4 : end])
        if zlib.crc32(data[position + 4 : end - 4]) != checksum:
            raise BadPicture(f"a PNG with a wrong checksum in its {kind!r} part; the file is damaged")
        if kind == b"IEND":
            return
        position = end
    raise BadPicture("a PNG without its end part; the file is cut short")


def _bmp(data: bytes) -> tuple[tuple[int, int], int]:
    """(height, width) and the least number of bytes that the file must have."""
    if len(data) < 30:
        raise BadPicture("a BMP without a whole header; the file is cut short")
    offset, header = struct.unpack("<II", data[10:18])
    if header == 12:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
        compression = 0
    elif header >= 40 and len(data) >= 34:
        width, height, _, bits, compression = struct.unpack("<iiHHI", data[18:34])
    else:
        raise BadPicture(f"a BMP with an unknown header of {header} bytes")
    if bits not in {1, 4, 8, 16, 24, 32} or compression not in {0, 3}:
        raise BadPicture(f"a BMP with {bits} bits and compression {compression}; only plain BMP is read")
    height = abs(height)
    return (height, width), offset + (width * bits + 31) // 32 * 4 * height
