"""Decoding: right pixels from whole files, FrameError with the file's name from everything else."""

from __future__ import annotations

import os
import struct
import zlib

import cv2
import numpy as np
import pytest

from data_prep import frames as frames_module
from data_prep.clips import ImageFrames, VideoFrames
from data_prep.frames import (
    MAX_PIXELS,
    FrameError,
    check_source,
    iterate,
    picture_size,
    read_frame,
    read_frames,
    read_image,
    video_info,
)


@pytest.fixture
def picture():
    rng = np.random.default_rng(7)
    small = rng.integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return cv2.resize(small, (40, 32), interpolation=cv2.INTER_CUBIC)


def written(path, rgb, *options):
    assert cv2.imwrite(str(path), rgb[..., ::-1], list(options))
    return path


@pytest.mark.parametrize("ending", ["png", "bmp"])
def test_lossless_pictures_come_back_as_rgb(tmp_path, picture, ending):
    path = written(tmp_path / f"a.{ending}", picture)
    assert np.array_equal(read_image(path), picture)
    assert picture_size(path) == (32, 40)


@pytest.mark.parametrize("progressive", [0, 1])
def test_jpeg_is_close_to_the_picture_and_in_rgb_order(tmp_path, picture, progressive):
    options = (cv2.IMWRITE_JPEG_QUALITY, 98, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    path = written(tmp_path / "a.jpg", picture, *options)
    read = read_image(path).astype(int)
    assert np.abs(read - picture).mean() < 10 < np.abs(read - picture[..., ::-1]).mean()
    assert picture_size(path) == (32, 40)


def test_grey_pictures_get_three_equal_channels(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "grey.png"), picture[..., 0])
    read = read_image(tmp_path / "grey.png")
    assert np.array_equal(read, np.repeat(picture[..., :1], 3, axis=2))


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp"])
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.7, 0.995])
def test_every_truncation_is_found_without_decoding(tmp_path, picture, ending, keep):
    whole = written(tmp_path / f"whole.{ending}", np.tile(picture, (4, 4, 1))).read_bytes()
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(whole[: int(len(whole) * keep)])
    for look in (picture_size, read_image):
        with pytest.raises(FrameError, match=rf"cut\.{ending}: "):
            look(cut)


def test_jpeg_with_a_preview_inside_is_still_found_truncated(tmp_path, picture):
    whole = written(tmp_path / "whole.jpg", picture).read_bytes()
    preview = b"Exif\0\0" + whole
    segment = b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[:2] + segment + whole[2:])
    assert picture_size(path) == (32, 40)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(FrameError, match="without its end mark"):
        read_image(path)


def test_bytes_after_the_end_mark_are_harmless(tmp_path, picture):
    path = written(tmp_path / "a.jpg", picture)
    expected = read_image(path)
    path.write_bytes(path.read_bytes() + bytes(100))
    assert np.array_equal(read_image(path), expected)


def test_png_with_one_flipped_byte_is_found_by_its_checksum(tmp_path, picture):
    path = written(tmp_path / "a.png", picture)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(FrameError, match="wrong checksum"):
        picture_size(path)


def png_header(width, height):
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def jpeg_header(width, height):
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes([1, 17, 0, 2, 17, 0, 3, 17, 0])
    scan = b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + scan + b"\xff\xd9"


def bmp_header(width, height):
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("header", "size"),
    [
        *[(header, (40_000, 25_000)) for header in (png_header, jpeg_header, bmp_header)],
        *[(header, (65_000, 65_000)) for header in (png_header, jpeg_header, bmp_header)],
        *[(header, (MAX_PIXELS, 2)) for header in (png_header, bmp_header)],
    ],
)
def test_a_header_of_a_thousand_million_pixels_is_refused_before_decoding(
    tmp_path, monkeypatch, header, size
):
    monkeypatch.setattr(frames_module.cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    path = tmp_path / "bomb"
    path.write_bytes(header(*size))
    with pytest.raises(FrameError, match=rf"bomb: its header says {size[0]}x{size[1]} pixels; at most"):
        read_image(path)


@pytest.mark.parametrize("header", [png_header, jpeg_header, bmp_header])
def test_a_header_without_pixels_is_refused(tmp_path, header):
    (tmp_path / "a").write_bytes(header(0, 5))
    with pytest.raises(FrameError, match="0x5 pixels"):
        picture_size(tmp_path / "a")


def test_compressed_png_bomb_of_allowed_size_is_decoded_within_its_size(tmp_path):
    rows = zlib.compress(bytes(5000 * (3 * 5000 + 1)), 9)
    body = b"IDAT" + rows
    data = png_header(5000, 5000) + struct.pack(">I", len(rows)) + body + struct.pack(">I", zlib.crc32(body))
    data += struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    (tmp_path / "a.png").write_bytes(data)
    assert len(data) < 100_000
    assert read_image(tmp_path / "a.png").shape == (5000, 5000, 3)


def test_what_is_not_a_picture_file(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello, I am not a picture at all")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    reasons = {
        "empty.jpg": "the file is empty",
        "text.jpg": "not a JPEG, PNG or BMP file",
        "pipe.jpg": "not a regular file",
        "loop.jpg": "cannot be read",
        "none.jpg": "no such file",
        ".": "not a regular file",
        "a\0b.jpg": "cannot be read",
    }
    for name, reason in reasons.items():
        with pytest.raises(FrameError, match=reason):
            read_image(f"{tmp_path}/{name}")


def test_messages_stay_on_one_line(tmp_path):
    with pytest.raises(FrameError) as caught:
        read_image(tmp_path / "a\nb\x1b[31m.jpg")
    assert str(caught.value).isprintable() and r"a\nb\x1b[31m.jpg" in str(caught.value)


@pytest.mark.parametrize("threads", [1, 3])
def test_read_frames_stacks_pictures(tmp_path, picture, threads):
    stack = [np.roll(picture, i, axis=1) for i in range(5)]
    paths = [str(written(tmp_path / f"{i}.png", frame)) for i, frame in enumerate(stack)]
    source = ImageFrames(tuple(paths))
    assert np.array_equal(read_frames(source, threads=threads), np.stack(stack))
    assert np.array_equal(np.stack(list(iterate(source))), np.stack(stack))
    assert np.array_equal(read_frame(source, -1), stack[-1])
    check_source(source, decode=True)
    with pytest.raises(IndexError):
        read_frame(source, 5)


@pytest.mark.parametrize("threads", [1, 3])
def test_frames_of_unequal_size_are_an_error(tmp_path, picture, threads):
    paths = [str(written(tmp_path / f"{i}.png", picture)) for i in range(3)]
    written(tmp_path / "2.png", picture[:-1])
    source = ImageFrames(tuple(paths))
    for look in (lambda: read_frames(source, threads=threads), lambda: check_source(source)):
        with pytest.raises(FrameError, match=r"2\.png: 40x31 pixels, the first frame has 40x32"):
            look()


def test_a_clip_larger_than_memory_allows_is_refused(tmp_path, picture, monkeypatch):
    path = str(written(tmp_path / "0.png", picture))
    monkeypatch.setattr(frames_module, "MAX_CLIP_BYTES", 10 * picture.nbytes)
    assert len(read_frames(ImageFrames((path,) * 10))) == 10
    with pytest.raises(FrameError, match="11 frames of 40x32 would need"):
        read_frames(ImageFrames((path,) * 11))


def test_an_empty_source_is_an_error():
    with pytest.raises(FrameError, match="without frames"):
        read_frames(ImageFrames(()))


@pytest.mark.parametrize(("ending", "codec"), [("avi", "MJPG"), ("mp4", "mp4v")])
def test_video_frames(disk, ending, codec):
    path = str(disk.video(f"v.{ending}", 12, codec=codec))
    info = video_info(path)
    assert (info.frames, info.height, info.width, info.fps) == (12, 48, 64, 200.0)
    source = VideoFrames(path, 3, 8)
    stack = read_frames(source)
    assert stack.shape == (6, 48, 64, 3)
    assert np.abs(stack.reshape(6, -1).mean(axis=1) - (40 + 10 * np.arange(6))).max() < 5
    assert np.array_equal(read_frame(source, 2), stack[2])
    assert np.array_equal(np.stack(list(iterate(source))), stack)
    check_source(source)
    check_source(source, decode=True)


def test_video_that_ends_too_early(disk):
    path = str(disk.video("v.avi", 6))
    with pytest.raises(FrameError, match="after 6 frames; frame 9 is wanted"):
        read_frames(VideoFrames(path, 2, 8))
    with pytest.raises(FrameError, match="has 6 frames, frame 9 is wanted"):
        check_source(VideoFrames(path, 2, 8))


def test_truncated_video(disk):
    path = disk.video("v.avi", 12)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(FrameError, match=r"v\.avi: "):
        read_frames(VideoFrames(str(path), 0, 11))


def test_only_video_containers_reach_the_video_decoder(tmp_path, monkeypatch):
    """A play list may name other files and network addresses."""
    monkeypatch.setattr(frames_module.cv2, "VideoCapture", lambda *_: pytest.fail("opened"))
    (tmp_path / "list.avi").write_text("#EXTM3U\n#EXTINF:1,\nhttp://localhost/frame.ts\n")
    (tmp_path / "join.mp4").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    for path in (tmp_path / "list.avi", tmp_path / "join.mp4"):
        with pytest.raises(FrameError, match="does not begin as an avi, mp4 or mkv"):
            video_info(path)
    with pytest.raises(FrameError, match="no such file"):
        video_info("http://localhost/v.avi")
