"""Videos: frames are numbered as the file's own timeline has them, whatever its header says."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from data_prep.frames import timeline as timeline_module
from data_prep.frames.reading import OBLONG, FrameError, check_source, iterate, notes_of, read_frame, times_of
from data_prep.frames.sources import VideoFrames
from data_prep.frames.timeline import even, keep_timelines, timeline
from data_prep.frames.video import video_frames

STEP = 5
HEIGHT, WIDTH = 48, 64


def grey(level: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def textured(i: int) -> np.ndarray:
    """A picture with detail everywhere, another one for each number."""
    small = np.random.default_rng(i).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def write(
    path: Path,
    pictures: Sequence[np.ndarray],
    codec: str = "mjpeg",
    *,
    stamps: Sequence[int] | None = None,
    clock: int = 25,
    rate: int = 25,
    options: dict[str, str] | None = None,
    pixels: str = "yuvj420p",
    pixel: Fraction = Fraction(1),
) -> Path:
    """A video of RGB pictures at these time stamps (ticks of 1/clock s)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.sample_aspect_ratio = pixel
        stream.codec_context.time_base = Fraction(1, clock)
        if codec == "mjpeg":
            stream.codec_context.qmin = stream.codec_context.qmax = 2
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = (stamps or range(len(pictures)))[i], Fraction(1, clock)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def levels(source: VideoFrames, step: int = STEP) -> list[int]:
    """The grey level of each frame, in steps."""
    return [round(float(frame.mean()) / step) for frame in iterate(source)]


def whole(path: Path) -> VideoFrames:
    return VideoFrames(str(path), 0, timeline(path).frames - 1)


KINDS = [
    ("v.avi", "mjpeg", "yuvj420p", {}),
    ("v.avi", "mpeg4", "yuv420p", {"qmin": "2", "qmax": "2"}),
    ("b.avi", "mpeg4", "yuv420p", {"bf": "2", "qmin": "2", "qmax": "2"}),
    ("v.avi", "ffv1", "yuv444p", {}),
    ("v.mp4", "libx264", "yuv420p", {"bf": "3", "crf": "10"}),
    ("v.mov", "mjpeg", "yuvj444p", {}),
    ("v.mov", "png", "rgb24", {}),
    ("v.mkv", "libx264", "yuv420p", {"bf": "3", "crf": "10"}),
    ("v.mkv", "ffv1", "yuv420p", {}),
    ("v.webm", "libvpx", "yuv420p", {"crf": "4", "b": "2M", "auto-alt-ref": "1", "lag-in-frames": "16"}),
    ("v.webm", "libvpx-vp9", "yuv420p", {"crf": "4", "lag-in-frames": "16"}),
]


@pytest.mark.parametrize(("name", "codec", "pixels", "options"), KINDS)
def test_every_picture_is_one_frame_in_order(tmp_path, name, codec, pixels, options):
    path = write(tmp_path / name, [grey(STEP * i) for i in range(40)], codec, options=options, pixels=pixels)
    assert levels(whole(path)) == list(range(40))
    part = VideoFrames(str(path), 11, 20)
    assert levels(part) == list(range(11, 21))
    assert np.array_equal(read_frame(part, 3), list(iterate(part))[3])
    assert times_of(part) is None
    for decode in (False, True):
        check_source(part, decode=decode)


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
def test_null_frames_of_an_avi_repeat_the_picture(tmp_path, codec):
    """What a recorder writes for dropped pictures: the tables count those frames."""
    shown = [0, 1, 2, 5, 6, 9, 10]
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write(tmp_path / "v.avi", [grey(20 * i) for i in shown], codec, stamps=shown, pixels=pixels)
    expected = [0, 1, 2, 2, 2, 5, 6, 6, 6, 9, 10]
    assert levels(whole(path), 20) == expected
    for first in range(11):
        assert levels(VideoFrames(str(path), first, min(first + 3, 10)), 20) == expected[first : first + 4]


def test_null_frames_at_the_end_of_an_avi(tmp_path):
    path = write(tmp_path / "v.avi", [grey(STEP * i) for i in range(4)])
    data = path.read_bytes()
    path.write_bytes(data.replace(b"idx1", (b"00dc" + bytes(4)) * 3 + b"idx1"))
    assert levels(whole(path)) == [0, 1, 2, 3, 3, 3, 3]


@pytest.mark.parametrize("promised", [1, 400, 0])
def test_a_header_that_promises_another_count_is_not_believed(tmp_path, promised):
    path = write(tmp_path / "v.avi", [grey(STEP * i) for i in range(12)])
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, promised)
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, promised)
    path.write_bytes(bytes(data))
    assert levels(whole(path)) == list(range(12))
    with pytest.raises(FrameError, match="has 12 frames, frame 13 is wanted"):
        check_source(VideoFrames(str(path), 4, 12))


@pytest.mark.parametrize("header", [15, 60])
def test_a_header_that_promises_another_rate_is_not_believed(tmp_path, header):
    stamps = [round(i * 1000 / 30) for i in range(40)]
    pictures = [grey(STEP * i) for i in range(40)]
    path = write(tmp_path / "v.mkv", pictures, stamps=stamps, clock=1000, rate=header)
    assert levels(whole(path)) == list(range(40))
    assert times_of(whole(path)) is None, "rounded to milliseconds is still an even rate"


def test_a_changing_rate_keeps_its_time_stamps(tmp_path):
    stamps = [*range(0, 300, 10), *range(300, 1300, 100)]
    path = write(tmp_path / "v.mkv", [grey(STEP * i) for i in range(40)], stamps=stamps, clock=1000)
    assert levels(whole(path)) == list(range(40))
    times = times_of(whole(path))
    assert times is not None
    assert np.array_equal(times - times[0], stamps)
    assert [detail for _, detail in notes_of(whole(path))] == [str(path)]
    assert times_of(VideoFrames(str(path), 0, 29)) is None, "a part of it is even"


def test_even_rates_rounded_to_a_clock_are_even():
    assert even([round(i * 1000 / 600) for i in range(300)])
    assert even([]) and even([7]) and even([0, 1])
    assert not even([0, 10, 20, 40, 50])


MATRICES = {
    "upright": ((1, 0, 0, 1), lambda picture: picture),
    "quarter turn": ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
    "quarter turn back": ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
    "half turn": ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "upside down mirrored": ((1, 0, 0, -1), np.flipud),
    "transposed": ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
}


def with_matrix(path: Path, a: float, b: float, c: float, d: float) -> Path:
    """The matrix of the track header set, in place."""
    data = bytearray(path.read_bytes())
    fixed = [round(value * 65536) for value in (a, b, 0, c, d, 0, 0, 0)]
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, *fixed, 1 << 30)
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_the_display_matrix_is_applied(tmp_path, name, ending):
    numbers, expected = MATRICES[name]
    path = write(tmp_path / f"v.{ending}", [textured(i) for i in range(3)], "libx264", pixels="yuv444p")
    plain = list(iterate(whole(path)))
    shown = list(iterate(whole(with_matrix(path, *numbers))))
    for one, other in zip(plain, shown, strict=True):
        assert np.array_equal(expected(one), other)


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "libx264"), ("v.mkv", "libx264"), ("v.mov", "mpeg4")])
def test_pixels_that_are_not_square_are_said_and_used_as_stored(tmp_path, name, codec):
    pictures = [textured(i) for i in range(3)]
    plain = write(tmp_path / f"square-{name}", pictures, codec, pixels="yuv420p")
    path = write(tmp_path / name, pictures, codec, pixels="yuv420p", pixel=Fraction(16, 11))
    assert notes_of(whole(plain)) == []
    assert notes_of(whole(path)) == [(OBLONG, f"16:11, {path}")]
    assert np.array_equal(list(iterate(whole(path))), list(iterate(whole(plain))))
    if name == "v.mp4":
        assert notes_of(whole(with_matrix(path, 0, 1, -1, 0))) == [(OBLONG, f"11:16, {path}")], "turned"


def test_a_display_matrix_that_is_no_quarter_turn_is_refused_by_name(tmp_path):
    path = write(tmp_path / "v.mp4", [textured(i) for i in range(3)], "libx264", pixels="yuv444p")
    with pytest.raises(FrameError, match=r"v\.mp4: .*matrix \(0\.8.* 0\.6.*; -0\.6.* 0\.8"):
        timeline(with_matrix(path, 0.8, 0.6, -0.6, 0.8))


@pytest.mark.parametrize("box", [b"wide", b"free", b"skip", b"ftyp"])
def test_a_mov_may_begin_with_a_box_that_readers_skip(tmp_path, box):
    path = write(tmp_path / "v.mov", [grey(STEP * i) for i in range(6)])
    data = bytearray(path.read_bytes())
    assert data[4:8] == b"ftyp"
    data[4:8] = box
    path.write_bytes(bytes(data))
    assert levels(whole(path)) == list(range(6))


def test_what_an_edit_list_cuts_away_is_not_there(tmp_path):
    """Trimmed without coding it again: the first pictures are in the file, but not shown."""
    path = write(tmp_path / "v.mp4", [grey(STEP * i) for i in range(20)], "mjpeg", options={})
    data = bytearray(path.read_bytes())
    start = data.index(b"elst") + 12
    duration, media_time = struct.unpack_from(">Ii", data, start)
    timescale = struct.unpack_from(">I", data, data.index(b"mdhd") + 16)[0]
    struct.pack_into(">Ii", data, start, duration * 13 // 20, media_time + 7 * timescale // 25)
    path.write_bytes(bytes(data))
    assert levels(whole(path)) == list(range(7, 20))


@pytest.mark.parametrize("ending", ["avi", "mov", "mkv"])
def test_damage_inside_a_motion_jpeg_costs_that_frame_only(tmp_path, ending):
    path = write(tmp_path / f"v.{ending}", [textured(i) for i in range(8)])
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][5]
        at, size = path.read_bytes().index(bytes(packet)) + packet.size // 2, packet.size // 4
    data = path.read_bytes()
    path.write_bytes(data[:at] + bytes(size) + data[at + size :])
    line = timeline(path)
    assert line.frames == 8
    assert [(first, last) for first, last, _ in line.damaged] == [(5, 5)]
    for good in (VideoFrames(str(path), 0, 4), VideoFrames(str(path), 6, 7)):
        check_source(good, decode=True)
        assert len(list(iterate(good))) == len(good)
    for look in (check_source, lambda source: list(iterate(source))):
        with pytest.raises(FrameError, match=rf"v\.{ending}.*frame 6"):
            look(VideoFrames(str(path), 3, 6))


@pytest.mark.parametrize("between", ["0", "2"])
def test_damage_reaches_from_its_picture_to_the_next_one_that_stands_alone(tmp_path, between):
    options = {"g": "10", "bf": between, "b_strategy": "0", "sc_threshold": "0", "crf": "10"}
    pictures = [textured(i) for i in range(40)]
    path = write(tmp_path / "v.mp4", pictures, "libx264", pixels="yuv420p", options=options)
    undamaged = np.stack(list(video_frames(str(path), 0, 39)))
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][24]
    data = path.read_bytes()
    at, size = data.index(bytes(packet)) + 200, packet.size - 240
    path.write_bytes(data[:at] + np.random.default_rng(0).bytes(size) + data[at + size :])
    line = timeline(path)
    first, last = min(a for a, *_ in line.damaged), max(b for _, b, _ in line.damaged)
    assert line.frames == 40
    assert 20 < first <= 24 and last == 29
    for a, b in ((0, first - 1), (30, 39)):
        assert np.array_equal(list(video_frames(str(path), a, b)), undamaged[a : b + 1])
    with pytest.raises(FrameError, match="cannot be used"):
        list(video_frames(str(path), 20, 26))


def test_pictures_that_vanish_because_another_one_is_missing_are_not_there(tmp_path):
    options = {"g": "10", "bf": "0", "sc_threshold": "0", "crf": "10"}
    whole_one = write(
        tmp_path / "w.mp4", [grey(5 * i) for i in range(40)], "libx264", pixels="yuv420p", options=options
    )
    path = tmp_path / "v.mp4"
    with av.open(str(whole_one)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(source.demux(video=0)):
            if packet.dts is not None and i != 20:
                packet.stream = stream
                container.mux(packet)
    with pytest.raises(FrameError, match=r"decoder dropped"):
        check_source(whole(path))
    assert levels(VideoFrames(str(path), 0, 19)) == list(range(20))


@pytest.mark.parametrize("ending", ["avi", "mkv", "webm"])
def test_a_file_that_is_cut_off_between_two_pictures_says_so_unless_its_length_was_left_open(
    tmp_path, ending
):
    codec = "libvpx" if ending == "webm" else "mjpeg"
    pixels = "yuv420p" if ending == "webm" else "yuvj420p"
    path = write(tmp_path / f"v.{ending}", [textured(i) for i in range(12)], codec, pixels=pixels)
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][8]
    data = path.read_bytes()
    # Matroska has more before a picture's bytes, which its reader drops
    cut = data[: data.index(bytes(packet)) - (8 if ending == "avi" else 0)]
    path.write_bytes(cut)
    line = timeline(path)
    assert (line.frames, [each[:2] for each in line.damaged]) == (9, [(8, 8)])
    with pytest.raises(FrameError, match=r"frame 9.*cut off"):
        check_source(whole(path))
    assert len(list(video_frames(str(path), 0, 7))) == 8
    at = 4 if ending == "avi" else data.index(b"\x18\x53\x80\x67") + 4
    opened = b"\xff" * 4 if ending == "avi" else b"\x01" + b"\xff" * 7
    path.write_bytes(cut[:at] + opened + cut[at + len(opened) :])
    check_source(whole(path))
    assert timeline(path).frames == 8


@pytest.mark.parametrize(("ending", "codec"), [("avi", "mjpeg"), ("mp4", "mjpeg"), ("mkv", "mjpeg")])
def test_check_and_read_agree_on_files_that_are_cut_short(tmp_path, ending, codec):
    path = write(tmp_path / f"v.{ending}", [textured(i) for i in range(20)], codec)
    data = path.read_bytes()
    for keep in range(len(data) // 10, len(data), len(data) // 10):
        path.write_bytes(data[:keep])
        try:
            source = whole(path)
            check_source(source)
        except FrameError as error:
            assert str(path) in str(error)
        else:
            assert len(list(iterate(source))) == len(source)


def test_a_stream_without_pictures_is_one_sentence(tmp_path):
    path = write(tmp_path / "v.avi", [textured(i) for i in range(3)])
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(video=0) if p.size]
    data = path.read_bytes()
    for packet in packets:
        data = data.replace(packet, bytes(len(packet)))
    path.write_bytes(data)
    with pytest.raises(FrameError, match=r"v\.avi.*not one"):
        timeline(path)


def test_a_video_is_read_as_a_whole_once(tmp_path, monkeypatch):
    """In this process and, where the programme names a store, in the next one."""
    path = write(tmp_path / "v.mkv", [grey(STEP * i) for i in range(5)], stamps=[0, 1, 3, 4, 9], clock=10)
    reads: list[Path] = []
    original = timeline_module._read
    monkeypatch.setattr(timeline_module, "_read", lambda path: (reads.append(path), original(path))[1])
    kept: dict[str, object] = {}

    class Store:
        def get(self, key: str) -> object:
            return kept.get(key)

        def add(self, key: str, value: object) -> None:
            kept[key] = value

    keep_timelines(Store())
    try:
        first = timeline(path)
        assert timeline(path) == first
        timeline_module._memory.known.clear()
        assert timeline(path) == first
        assert reads == [path]
        write(path, [grey(STEP * i) for i in range(7)])
        assert timeline(path).frames == 7
    finally:
        keep_timelines(None)


def test_a_picture_of_another_size_is_refused(tmp_path):
    path = tmp_path / "v.avi"
    write(path, [textured(i) for i in range(4)])
    small = cv2.imencode(".jpg", textured(0)[:32])[1].tobytes()
    with av.open(str(path)) as container:
        packet = bytes([p for p in container.demux(video=0) if p.size][2])
    path.write_bytes(path.read_bytes().replace(packet, small + bytes(len(packet) - len(small))))
    for look in (check_source, lambda source: list(iterate(source))):
        with pytest.raises(FrameError, match=r"v\.avi.*frame 3.*64x32"):
            look(whole(path))


def test_a_video_cut_between_two_whole_pictures_is_usable_from_the_next_one(tmp_path):
    """A stream that begins with a picture which is built on one that is not there."""
    options = {"g": "8", "bf": "0", "sc_threshold": "0"}
    path = write(
        tmp_path / "v.mkv",
        [np.roll(textured(0), i, axis=1) for i in range(24)],
        "mpeg4",
        pixels="yuv420p",
        options=options,
    )
    late = tmp_path / "late.mkv"
    with av.open(str(path)) as source, av.open(str(late), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in list(source.demux(video=0))[3:]:
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    assert timeline(late).frames == 21
    with pytest.raises(FrameError, match=r"frames 1 to 5.*begins"):
        check_source(VideoFrames(str(late), 0, 20))
    check_source(VideoFrames(str(late), 5, 20), decode=True)
