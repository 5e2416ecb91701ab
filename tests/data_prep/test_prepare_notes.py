"""What the user should know of a clip that is used nevertheless: said in the log, kept in the plan."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from data_prep import examine
from data_prep.clips import Database, prepared_set
from data_prep.examine import look
from data_prep.frames.reading import ALPHA, DEEP, UNEVEN
from data_prep.frames.sources import ImageFrames, VideoFrames
from data_prep.interpolation import resample
from data_prep.landmarks import Options


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """(300, 300, 3) uint8 RGB of a real face that scikit-image carries in its wheel."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[:300, 80:380])


def clip_of(world, pictures, name="clip"):
    """A clip of these RGB pictures, without a landmark file."""
    folder = world.root / name
    folder.mkdir(parents=True)
    paths = tuple(str(folder / f"img{i}.png") for i in range(1, len(pictures) + 1))
    for path, picture in zip(paths, pictures, strict=True):
        assert cv2.imwrite(path, picture[..., ::-1] if picture.ndim == 3 else picture)
    return replace(world.write_clip(0), name=name, frames=ImageFrames(paths), annotations=None)


def kinds(world, clip, landmarks):
    """Kinds of notes of one clip; each of them must be a line of the log that names the clip."""
    plan = world.plan(Database("toy", str(world.root), (clip,)), landmarks=landmarks)
    for note in plan.notes:
        assert note.clip == clip.name
        assert any(note.kind in line and clip.name in line and note.detail in line for line in world.lines)
    folder = prepared_set(world.prepared(plan)).folder
    kept = json.loads((folder / "meta.json").read_text())["notes"]
    assert [note["kind"] for note in kept] == [note.kind for note in plan.notes]
    return [note.kind for note in plan.notes]


@pytest.mark.facemesh
def test_an_ordinary_clip_has_no_notes(world, portrait):
    moving = [np.roll(portrait, i, axis=1) for i in range(4)]
    assert kinds(world, clip_of(world, moving), "facemesh") == []


@pytest.mark.facemesh
def test_several_faces_are_said(world, portrait):
    scene = np.full((320, 620, 3), 150, np.uint8)
    scene[10:310, :300] = portrait
    scene[10:190, 420:600] = cv2.resize(portrait[:, ::-1], (180, 180), interpolation=cv2.INTER_AREA)
    moving = [np.roll(scene, i, axis=1) for i in range(3)]
    assert kinds(world, clip_of(world, moving), "facemesh") == [examine.SEVERAL_FACES]


@pytest.mark.facemesh
@pytest.mark.parametrize("lost", [2, 4])
def test_a_face_that_is_lost_in_the_middle_or_at_the_end_is_said(world, portrait, lost):
    moving = [np.roll(portrait, i, axis=1) for i in range(5)]
    moving[lost] = np.full_like(portrait, 90)
    assert kinds(world, clip_of(world, moving), "facemesh") == [examine.FACE_LOST]


@pytest.mark.facemesh
def test_a_face_that_leaves_its_place_is_said(world, portrait):
    wide = [cv2.copyMakeBorder(portrait, 0, 0, 10, 300, cv2.BORDER_REPLICATE) for _ in range(4)]
    wide[-1] = np.roll(wide[-1], 250, axis=1)
    assert kinds(world, clip_of(world, wide), "facemesh") == [examine.FACE_LOST]


def test_a_clip_without_movement_and_one_of_one_picture_are_said(world, portrait):
    assert kinds(world, clip_of(world, [portrait] * 3, "still"), "template") == [examine.NO_MOVEMENT]
    assert kinds(world, clip_of(world, [portrait], "one"), "template") == [examine.ONE_PICTURE]


def test_deep_pictures_and_an_alpha_channel_are_said(world, portrait):
    deep = [np.roll(portrait[..., 0], i, axis=1).astype(np.uint16) * 16 for i in range(3)]
    assert kinds(world, clip_of(world, deep, "deep"), "template") == [DEEP]
    alpha = [np.dstack([np.roll(portrait, i, axis=1), portrait[..., 0]]) for i in range(3)]
    clip = clip_of(world, [picture[..., [2, 1, 0, 3]] for picture in alpha], "alpha")
    for path, picture in zip(clip.frames.paths, alpha, strict=True):
        assert cv2.imwrite(path, picture)
    assert kinds(world, clip, "template") == [ALPHA]


def test_a_changing_rate_is_said_and_interpolated_by_its_time_stamps(world):
    """A ramp that is filmed densely at first and sparsely then comes out even in time."""
    stamps = [*range(0, 200, 10), *range(200, 1201, 100)]
    world.root.mkdir()
    path = str(world.root / "ramp.mkv")
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=100)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv444p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for stamp in stamps:
            picture = np.full((96, 128, 3), 20 + stamp / 6, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = VideoFrames(path, 0, len(stamps) - 1)
    clip = replace(world.write_clip(0), name="ramp", frames=source, annotations=None)
    assert kinds(world, clip, "template") == [UNEVEN]
    plan = world.plan(Database("toy", str(world.root), (clip,)), landmarks="template")
    levels = world.prepared(plan, tim=13)[0].mean(axis=(1, 2, 3))
    even = np.linspace(20, 220, 13)
    assert np.abs(levels - even).max() < 8
    by_number = resample(np.array([20 + stamp / 6 for stamp in stamps])[:, None].astype(np.uint8), 13)
    assert np.abs(by_number[:, 0] - even).max() > 40, "by their numbers alone they would not be even"


def test_a_long_clip_is_read_one_raw_frame_at_a_time(tmp_path):
    """60 frames of 1.4 MB each; what is held are their cuts, 30 KB each, and a few raw ones."""
    path = str(tmp_path / "long.avi")
    rng = np.random.default_rng(0)
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 600, 800, "yuvj420p"
        for _ in range(60):
            picture = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (800, 600))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    source = VideoFrames(path, 0, 59)
    look(source, None, "template", Options(), [(100, 100)])
    tracemalloc.start()
    try:
        look(source, None, "template", Options(), [(100, 100)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 * 30_000 + 6 * 600 * 800 * 3
