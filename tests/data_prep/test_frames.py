"""Decoding: right pixels from whole files, FrameError with the file's name from everything else."""

from __future__ import annotations

import os
import pickle
import struct
import zlib

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from data_prep.frames.files import MAX_PIXELS
from data_prep.frames.reading import (
    ALPHA,
    DEEP,
    Canvas,
    FrameError,
    check_source,
    iterate,
    notes_of,
    picture_size,
    read_frame,
    read_image,
)
from data_prep.frames.sources import ImageFrames
from data_prep.frames.timeline import timeline


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
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    path = tmp_path / "bomb"
    path.write_bytes(header(*size))
    with pytest.raises(FrameError, match=rf"bomb.*{size[0]}x{size[1]}.*most"):
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


def test_frames_come_in_order(tmp_path, picture):
    stack = [np.roll(picture, i, axis=1) for i in range(5)]
    paths = [str(written(tmp_path / f"{i}.png", frame)) for i, frame in enumerate(stack)]
    source = ImageFrames(tuple(paths))
    assert np.array_equal(np.stack(list(iterate(source))), np.stack(stack))
    assert np.array_equal(read_frame(source, -1), stack[-1])
    assert notes_of(source) == []
    check_source(source, decode=True)
    with pytest.raises(IndexError):
        read_frame(source, 5)


def test_frames_on_a_canvas_are_those_without_and_lie_in_one_place(tmp_path, picture):
    """Of any size, encoded anyhow; a picture whose header begins like the last one's has its own size."""
    kinds = [(1, 90), (2, 90), (1, 90), (1, 60), (3, 60)]
    paths = [
        written(
            tmp_path / f"{i}.jpg", np.kron(picture, np.ones((n, 1, 1), np.uint8)), cv2.IMWRITE_JPEG_QUALITY, q
        )
        for i, (n, q) in enumerate(kinds)
    ]
    source = ImageFrames([*map(str, paths), str(written(tmp_path / "last.png", picture))])
    plain, places = list(iterate(source)), []
    for frame, alone in zip(iterate(source, canvas=Canvas()), plain, strict=True):
        assert np.array_equal(frame, alone)
        places.append(frame.ctypes.data)
    assert [len(frame) for frame in plain] == [32, 64, 32, 32, 96, 32]
    assert places[2] == places[3], "two of one size"


@pytest.mark.parametrize("decode", [False, True])
def test_frames_of_unequal_size_are_an_error(tmp_path, picture, decode):
    paths = [str(written(tmp_path / f"{i}.png", picture)) for i in range(3)]
    written(tmp_path / "2.png", picture[:-1])
    with pytest.raises(FrameError, match=r"2\.png.*40x31.*40x32"):
        check_source(ImageFrames(tuple(paths)), decode=decode)


@pytest.mark.parametrize(
    "options",
    [(cv2.IMWRITE_JPEG_OPTIMIZE, 1), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)],
)
def test_damage_inside_a_jpeg_is_found_by_decoding(tmp_path, picture, options):
    """Beginning and end mark are whole: the header says nothing, and most decoders give a picture."""
    large = cv2.resize(picture, (160, 128), interpolation=cv2.INTER_CUBIC)
    path = written(tmp_path / "a.jpg", large, cv2.IMWRITE_JPEG_QUALITY, 90, *options)
    data = path.read_bytes()
    for at in range(len(data) // 3, len(data) - 400, 400):
        path.write_bytes(data[:at] + bytes(200) + data[at + 200 :])
        check_source(ImageFrames((str(path),)))
        with pytest.raises(FrameError, match=r"a\.jpg: a damaged JPEG"):
            check_source(ImageFrames((str(path),)), decode=True)


@pytest.mark.parametrize("quality", [75, 95, 100])
def test_a_sector_of_zeros_in_a_jpeg_is_found_and_flat_pictures_are_whole(tmp_path, picture, quality):
    """Zeros decode as coefficients, mostly without a warning; in a flat picture they may be the picture."""
    large = cv2.resize(picture, (320, 256), interpolation=cv2.INTER_CUBIC)
    path = written(tmp_path / "a.jpg", large, cv2.IMWRITE_JPEG_QUALITY, quality)
    data = path.read_bytes()
    for at in range(len(data) // 4, len(data) - 600, len(data) // 12):
        path.write_bytes(data[:at] + bytes(512) + data[at + 512 :])
        with pytest.raises(FrameError, match=r"a\.jpg: a damaged JPEG"):
            read_image(path)
    for optimise in (0, 1):
        for grey in (0, 128, 255):
            flat = np.full((256, 320, 3), grey, np.uint8)
            options = (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, optimise)
            assert read_image(written(path, flat, *options)).std() == 0


@pytest.mark.parametrize("ending", ["avi", "mov", "mkv"])
def test_a_lost_part_of_a_motion_jpeg_is_found_wherever_it_lies(tmp_path, picture, ending):
    """FFmpeg shows most of these pictures without a word."""
    path = tmp_path / f"v.{ending}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", 25, options={"qscale": "1"})
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "yuvj420p"
        for i in range(4):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, i, axis=0), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    data = path.read_bytes()
    with av.open(str(path)) as container:
        packet = bytes([p for p in container.demux(video=0) if p.size][2])
    start, scan = data.index(packet), packet.index(b"\xff\xda") + 14
    for at in range(start + scan, start + len(packet) - 70, (len(packet) - scan) // 8):
        path.write_bytes(data[:at] + bytes(64) + data[at + 64 :])
        assert [(first, last) for first, last, _ in timeline(path).damaged] == [(2, 2)]


def test_the_default_of_two_video_streams_is_read(tmp_path):
    """Colour beside depth: players show the stream that is marked, wherever it stands."""
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mjpeg", 25) for _ in range(2)]
        for stream, side in zip(streams, (48, 64), strict=True):
            stream.width, stream.height, stream.pix_fmt = side, side, "yuvj420p"
        streams[0].disposition, streams[1].disposition = Disposition(0), Disposition.default
        for stream, side in zip(streams, (48, 64), strict=True):
            frame = av.VideoFrame.from_ndarray(np.zeros((side, side, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    assert timeline(path).width == 64


def test_transparent_colours_of_a_palette_are_alpha_too(tmp_path, picture):
    path = tmp_path / "a.png"
    Image.fromarray(picture).quantize(16).save(path, transparency=3)
    assert [kind for kind, _ in notes_of(ImageFrames((str(path),)))] == [ALPHA]


@pytest.mark.parametrize("sampling", [0x411111, 0x221111, 0x111111])
def test_jpeg_has_the_bytes_that_opencv_gives(tmp_path, picture, sampling):
    large = cv2.resize(picture, (97, 81), interpolation=cv2.INTER_CUBIC)
    path = written(tmp_path / "a.jpg", large, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
    assert np.array_equal(read_image(path), cv2.imread(str(path))[..., ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path, exif=exif, quality=95)
    with Image.open(path) as stored:
        upright = np.asarray(ImageOps.exif_transpose(stored).convert("RGB"))
    assert np.array_equal(read_image(path), upright)
    assert picture_size(path) == upright.shape[:2]


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "1", "LA", "RGBA"])
def test_modes_of_pictures(tmp_path, picture, mode):
    """Within a few grey levels of Pillow's own conversion; alpha is not used, and that is said."""
    stored = Image.fromarray(picture).convert("RGBA" if mode == "LA" else "RGB").convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    stored.save(path, **({"quality": 98} if mode == "CMYK" else {}))
    read = read_image(path)
    if mode != "P":
        expected = np.asarray(Image.open(path).convert("RGB")).astype(int)
        assert np.abs(read - expected).mean() < (12 if mode == "CMYK" else 1)
    assert [kind for kind, _ in notes_of(ImageFrames((str(path),)))] == ([ALPHA] if "A" in mode else [])


@pytest.mark.parametrize(
    ("largest", "bits"), [(255, 8), (256, 10), (1023, 10), (4000, 12), (16000, 14), (65535, 16)]
)
def test_deep_pictures_are_scaled_by_one_rule_for_the_clip(tmp_path, largest, bits):
    """The first frame is dark: the depth is that of the whole clip, so that all frames keep their ratio."""
    slope = np.linspace(0, largest, 32 * 40).reshape(32, 40).astype(np.uint16)
    paths = tuple(str(tmp_path / f"{i}.png") for i in range(2))
    assert cv2.imwrite(paths[0], slope // 8) and cv2.imwrite(paths[1], slope)
    frames = list(iterate(ImageFrames(paths)))
    for frame, values in zip(frames, (slope // 8, slope), strict=True):
        assert np.array_equal(frame[..., 1], values * (2.0**8 / 2**bits) // 1)
    assert notes_of(ImageFrames(paths)) == [(DEEP, f"{bits} bits")]
    assert np.array_equal(read_frame(ImageFrames(paths), 0), frames[0])


def test_pictures_of_two_depths_are_not_mixed(tmp_path, picture):
    deep, plain = str(tmp_path / "deep.png"), str(written(tmp_path / "plain.png", picture))
    assert cv2.imwrite(deep, picture[..., 0].astype(np.uint16) * 16)
    for paths in ((deep, plain), (plain, deep)):
        with pytest.raises(FrameError, match="another depth"):
            check_source(ImageFrames(paths), decode=True)


def test_a_jpeg_of_12_bits_is_refused_for_what_it_is(tmp_path):
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    data[data.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "1.jpg").write_bytes(bytes(data))
    with pytest.raises(FrameError, match=r"12 bits.* 8"):
        read_image(tmp_path / "1.jpg")


@given(st.lists(st.text(st.characters(exclude_characters="\0")), max_size=5), st.text(), st.text())
def test_paths_come_back_as_they_were_given(names: list[str], folder: str, ending: str) -> None:
    folder, ending = folder.replace("\0", ""), ending.replace("\0", "")
    paths = tuple(f"{folder}/{name}{ending}" for name in names)
    frames = ImageFrames(paths)
    assert frames.paths == paths and len(frames) == len(paths)
    assert frames == ImageFrames(paths) and hash(frames) == hash(ImageFrames(paths))
    assert frames != ImageFrames((*paths, "one more"))


def test_a_clip_of_many_pictures_takes_little() -> None:
    paths = tuple(f"/data/CASME2/Cropped/sub01/EP02_01f/reg_img{i}.jpg" for i in range(46, 113))
    assert len(pickle.dumps(ImageFrames(paths))) < 0.15 * sum(map(len, paths))
