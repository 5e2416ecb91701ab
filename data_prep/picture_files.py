"""What the bytes of a picture file say before any pixel is decoded: its type, its size, its end.

Formats: JPEG (ITU-T T.81, annex B), PNG (W3C PNG specification), BMP (BITMAPINFOHEADER).
"""

from __future__ import annotations

import struct
import zlib

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


class BadPicture(ValueError):
    """A picture file that cannot be used; the message says why (the caller adds the path)."""


def size(data: bytes) -> tuple[int, int]:
    """(height, width) in pixels from the header of a JPEG, PNG or BMP; raises BadPicture."""
    if data.startswith(PNG):
        if len(data) < 33 or data[12:16] != b"IHDR":
            raise BadPicture("a PNG without a whole header; the file is cut short or damaged")
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    if data.startswith(JPEG):
        return _jpeg(data)[0]
    if data.startswith(b"BM"):
        return _bmp(data)[0]
    raise BadPicture("not a JPEG, PNG or BMP file")


def check_end(data: bytes) -> None:
    """Raise BadPicture for a JPEG, PNG or BMP whose end is missing (and for a PNG with a wrong checksum)."""
    if data.startswith(PNG):
        _check_png(data)
    elif data.startswith(JPEG):
        if data.find(b"\xff\xd9", _jpeg(data)[1]) < 0:
            raise BadPicture("a JPEG without its end mark; the file is cut short")
    else:
        needed = _bmp(data)[1]
        if len(data) < needed:
            raise BadPicture(f"a BMP of {len(data)} bytes that needs {needed}; the file is cut short")


def is_video(head: bytes) -> bool:
    """Whether a file that begins with these (at least 12) bytes is an avi, an mp4/mov or an mkv."""
    avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return avi or head[4:8] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3"


def _jpeg(data: bytes) -> tuple[tuple[int, int], int]:
    """(height, width) and where the first scan begins.

    The end mark is searched from there on: the preview picture inside a header has an end mark too.
    """
    found: tuple[int, int] | None = None
    position = 2
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
        if marker in _START_OF_FRAME and position + 9 <= len(data):
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            found = (height, width)
        if marker == _START_OF_SCAN and found:
            return found, position + 2 + length
        position += 2 + length
    raise BadPicture("a JPEG without a whole header; the file is cut short")


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
