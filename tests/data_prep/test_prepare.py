"""Preparation from frames on disk to memory-mapped clips."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep import examine, prepare
from data_prep.clips import Clip, Database, Still, StillDatabase, prepared_set
from data_prep.frames import reading as frames
from data_prep.frames.sources import ImageFrames, VideoFrames
from data_prep.interpolation import resample
from data_prep.side_by_side import one_ahead

SIZE = (48, 40)


def by_hand(clip: Clip, plan: prepare.DataPlan, i: int, tim: int, size: tuple[int, int]) -> np.ndarray:
    """The same clip by plain steps: read, cut, resize, interpolate."""
    box = plan.boxes[i]
    cut = [
        cv2.resize(
            cv2.imread(path)[box.top : box.bottom, box.left : box.right, ::-1],
            size[::-1],
            interpolation=cv2.INTER_AREA,
        )
        for path in clip.frames.paths  # type: ignore[union-attr]
    ]
    return resample(np.stack(cut), tim)


def test_prepared_frames_equal_the_steps_by_hand(world) -> None:
    plan = world.plan(world.database())
    clips = world.prepared(plan)
    assert prepared_set(clips).frames.shape == (4, 6, *SIZE, 3)
    for i, clip in enumerate(plan.clips):
        np.testing.assert_array_equal(clips[i], by_hand(clip, plan, i, 6, SIZE))
    assert clips.names == tuple(clip.name for clip in plan.clips)
    assert clips.labels.tolist() == [clip.label for clip in plan.clips]
    assert clips.subjects == tuple(clip.subject for clip in plan.clips)
    assert not prepared_set(clips).frames.flags.writeable


def test_landmarks_land_where_the_crop_puts_them(world) -> None:
    plan = world.plan(world.database(1))
    box = plan.boxes[0]
    clips = world.prepared(plan)
    expected_x = (plan.landmarks[0, :, 0] + 0.5 - box.left) * SIZE[1] / box.width - 0.5
    np.testing.assert_allclose(clips.landmarks[0, :, 0], expected_x, atol=1e-4)
    assert (clips.landmarks >= -0.5).all()
    assert (clips.landmarks <= np.subtract(SIZE[::-1], 0.5)).all()


def test_a_second_run_decodes_nothing(world, decoded: list[str]) -> None:
    database = world.database()
    first = world.prepared(world.plan(database))
    before = len(decoded)
    second = world.prepared(world.plan(database))
    assert len(decoded) == before
    assert second.digest == first.digest
    np.testing.assert_array_equal(prepared_set(first).frames, prepared_set(second).frames)


def test_each_clip_is_decoded_once_for_all_wanted_sets(world, decoded: list[str]) -> None:
    wanted = [(6, SIZE), (3, SIZE), (6, (24, 24))]
    plan = world.plan(world.database(), wanted=wanted)
    sets = [world.prepared(plan, tim, size) for tim, size in wanted]
    assert len(decoded) == 4
    assert [each.shape for each in sets] == [(6, *SIZE), (3, *SIZE), (6, 24, 24)]
    assert not list((world.cache / "toy" / "parts").iterdir())


def test_wanted_sets_share_one_decoding_when_the_plan_is_known(world, decoded: list[str]) -> None:
    database = world.database()
    world.plan(database)
    decoded.clear()
    plan = world.plan(database, wanted=[(6, SIZE), (3, SIZE)])
    world.prepared(plan, 6)
    world.prepared(plan, 3)
    assert len(decoded) == 4


def test_digest_names_content_not_place(world, tmp_path: Path) -> None:
    here = world.plan(world.database())
    shutil.copytree(world.root, tmp_path / "elsewhere")
    moved = replace(world, root=tmp_path / "elsewhere", cache=tmp_path / "cache2")
    there = moved.plan(moved.database())
    assert here.digest == there.digest
    assert here.set_digest(6, SIZE) == there.set_digest(6, SIZE)


@pytest.mark.parametrize("change", ["pixel", "landmark", "label", "tim", "size", "backend"])
def test_digest_changes_with_what_decides_the_result(world, change: str) -> None:
    database = world.database(2)
    before = world.plan(database).set_digest(6, SIZE)
    tim, size, backend = 6, SIZE, "file"
    clip = database.clips[0]
    if change == "pixel":
        path = clip.frames.paths[2]  # type: ignore[union-attr]
        frame = cv2.imread(path)
        frame[0, 0] ^= 1
        cv2.imwrite(path, frame)
    elif change == "landmark":
        body = json.loads(Path(str(clip.annotations)).read_text())
        body["points"][0][0] += 0.5
        Path(str(clip.annotations)).write_text(json.dumps(body))
    elif change == "label":
        other = Clip(**{**clip.__dict__, "label": 3})
        database = Database("toy", database.root, (other, database.clips[1]))
    elif change == "tim":
        tim = 7
    elif change == "size":
        size = (40, 48)
    else:
        backend = "template"
    assert world.plan(database, landmarks=backend).set_digest(tim, size) != before


def test_order_of_annotation_does_not_matter(world) -> None:
    database = world.database()
    turned = Database("toy", database.root, database.clips[::-1])
    assert world.plan(database).digest == world.plan(turned).digest


def test_clips_that_fail_are_set_aside_and_counted(world) -> None:
    database = world.database(5)
    clips = database.clips
    Path(clips[0].frames.paths[3]).write_bytes(b"\x89PNG cut short")  # type: ignore[union-attr]
    Path(clips[1].frames.paths[1]).unlink()  # type: ignore[union-attr]
    Path(str(clips[2].annotations)).write_text('{"points": [[1, 2]]}')
    points = np.add(world.face_points(96, 128), (100, 0)).tolist()
    Path(str(clips[3].annotations)).write_text(json.dumps({"points": points}))
    plan = world.plan(database)
    assert [clip.name for clip in plan.clips] == [clips[4].name]
    stages = {each.clip: each.stage for each in plan.set_aside}
    assert stages == {
        clips[0].name: "frames",
        clips[1].name: "frames",
        clips[2].name: "landmarks",
        clips[3].name: "crop",
    }
    reasons = {each.clip: each.reason for each in plan.set_aside}
    assert "img4.png" in reasons[clips[0].name]
    assert "landmarks.json" in reasons[clips[2].name]
    assert any("4 of 5 set aside" in line for line in world.lines)
    assert len(world.prepared(plan)) == 1


def test_a_repaired_file_is_looked_at_again(world) -> None:
    database = world.database(2)
    path = Path(database.clips[0].frames.paths[0])  # type: ignore[union-attr]
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert len(world.plan(database).clips) == 1
    path.write_bytes(whole)
    assert len(world.plan(database).clips) == 2


def test_no_usable_clip_is_an_error_with_reasons(world) -> None:
    database = world.database(2)
    for clip in database.clips:
        Path(str(clip.annotations)).unlink()
    without = tuple(Clip(**{**clip.__dict__, "annotations": None}) for clip in database.clips)
    with pytest.raises(prepare.PreparationError, match=r"none of 2 clips.*\n.*facemesh"):
        world.plan(Database("toy", database.root, without))


def test_frames_of_unequal_size_set_the_clip_aside(world) -> None:
    database = world.database(2)
    cv2.imwrite(database.clips[0].frames.paths[-1], np.zeros((90, 128, 3), np.uint8))  # type: ignore[union-attr]
    plan = world.plan(database)
    assert len(plan.clips) == 1
    assert "128x90" in plan.set_aside[0].reason


@pytest.mark.parametrize("which", ["frame", "landmarks"])
def test_a_pipe_in_place_of_a_file_does_not_block(world, which: str) -> None:
    database = world.database(2)
    clip = database.clips[0]
    path = Path(clip.frames.paths[1] if which == "frame" else str(clip.annotations))  # type: ignore[union-attr]
    path.unlink()
    os.mkfifo(path)
    plan = world.plan(database)
    assert [each.clip for each in plan.set_aside] == [clip.name]
    assert "regular file" in plan.set_aside[0].reason


def test_clips_of_one_video(world, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clips cut from one video: its own frames each, the file hashed once."""
    world.root.mkdir(parents=True)
    path = world.root / "long.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 100.0, (128, 96))
    for k in range(12):
        writer.write(np.full((96, 128, 3), 20 * k, np.uint8))
    writer.release()
    hashed: list[Path] = []
    original = examine.file_sha256
    monkeypatch.setattr(examine, "file_sha256", lambda path: (hashed.append(path), original(path))[1])
    template = world.write_clip(0)
    clips = tuple(
        Clip(
            **{
                **template.__dict__,
                "name": f"toy/v{a}",
                "frames": VideoFrames(str(path), a, b),
                "annotations": None,
            }
        )
        for a, b in [(0, 4), (6, 9)]
    )
    plan = prepare.plan_data(
        [Database("toy", "", clips)], replace(world.place, workers=1), landmarks="template"
    )
    assert len(hashed) == 1
    assert plan.contents[0] != plan.contents[1]
    result = world.prepared(plan, 2)
    levels = prepared_set(result).frames.mean(axis=(2, 3, 4))
    np.testing.assert_allclose(levels, [[0, 80], [120, 180]], atol=4)


def test_a_clip_of_too_many_frames_is_set_aside(world, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_FRAMES", 5)
    plan = world.plan(world.database(2))
    assert len(plan.clips) == 1
    assert "has 1 to 5" in plan.set_aside[0].reason
    longer = next(clip for clip in world.database(2).clips if clip.name == plan.set_aside[0].clip)
    with pytest.raises(frames.FrameError, match="has 1 to 5"):
        frames.check_source(longer.frames)


@pytest.mark.parametrize("name", ["..", "a/../../b", "x" * 300, "näme <b>"])
def test_a_database_name_never_leaves_the_cache(world, name: str) -> None:
    database = Database(name, "", world.database(1).clips)
    clips = world.prepared(world.plan(database))
    assert prepared_set(clips).folder is not None
    assert prepared_set(clips).folder.resolve().is_relative_to(world.cache.resolve())
    assert prepared_set(clips).folder.parent.parent == world.cache


def test_duplicate_names_are_refused(world) -> None:
    clip = world.database(1).clips[0]
    with pytest.raises(prepare.PreparationError, match="more than once"):
        world.plan(Database("toy", "", (clip, clip)))


def test_files_changed_between_plan_and_build_are_noticed(world) -> None:
    database = world.database(2)
    plan = world.plan(database)
    path = database.clips[1].frames.paths[0]  # type: ignore[union-attr]
    cv2.imwrite(path, np.zeros((96, 128, 3), np.uint8))
    with pytest.raises(prepare.PreparationError, match="changed"):
        world.prepared(plan)


def test_source_folder_is_not_written(world) -> None:
    database = world.database(2)
    before = {path: path.stat().st_mtime_ns for path in world.root.rglob("*")}
    for path in sorted(before, reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    world.prepared(world.plan(database))
    assert {path: path.stat().st_mtime_ns for path in world.root.rglob("*")} == before
    for path in before:
        path.chmod(0o755)


def test_stills(world) -> None:
    database = world.database(3)
    stills = tuple(
        Still("kdef", clip.subject, clip.name, "happy", 4, clip.frames.paths[0], clip.annotations)  # type: ignore[union-attr]
        for clip in database.clips
    )
    result = prepare.prepared_stills(
        [StillDatabase("kdef", str(world.root), stills)], world.place, size=(32, 32), landmarks="file"
    )
    assert result.frames.shape == (3, 32, 32, 3)
    assert result.labels.tolist() == [4, 4, 4]
    assert result.names == tuple(sorted(still.name for still in stills))
    assert result.classes[4] == "happy"
    assert result.folder is not None
    opened = prepare.open_prepared_stills(result.folder, expected=result.digest)
    np.testing.assert_array_equal(opened.frames, result.frames)


@pytest.mark.facemesh
def test_a_real_face_goes_through_the_offline_back_end(world) -> None:
    """Frames of a photograph that drifts by half a pixel a frame, and a clip without any face."""
    from skimage import data

    photograph = np.asarray(data.astronaut())[:320, 60:400]
    template = world.write_clip(0)
    clips = []
    for name, picture in (("face", photograph), ("wall", np.full_like(photograph, 120))):
        folder = world.root / name
        folder.mkdir()
        for k in range(6):
            shift = np.array([[1.0, 0, 0.5 * k], [0, 1, 0]])
            moved = cv2.warpAffine(picture, shift, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
            cv2.imwrite(str(folder / f"img{k + 1}.jpg"), moved[..., ::-1])
        frames = ImageFrames(tuple(str(folder / f"img{k + 1}.jpg") for k in range(6)))
        clips.append(Clip(**{**template.__dict__, "name": name, "frames": frames, "annotations": None}))
    plan = world.plan(Database("toy", str(world.root), tuple(clips)), landmarks="facemesh")
    assert [clip.name for clip in plan.clips] == ["face"]
    assert [(each.clip, each.stage) for each in plan.set_aside] == [("wall", "landmarks")]
    result = world.prepared(plan, 8, (120, 100))
    eyes = result.landmarks[0, [36, 45]]
    assert 10 < eyes[0, 0] < 30 < 70 < eyes[1, 0] < 90
    assert 15 < eyes[:, 1].mean() < 45
    assert plan.backend.startswith("facemesh/0.10")


def test_what_is_made_one_ahead_keeps_its_order_and_its_error() -> None:
    assert list(one_ahead(iter(range(5)))) == list(range(5))
    assert list(one_ahead([])) == []

    def fails() -> Iterator[int]:
        yield 1
        raise prepare.PreparationError("the second one")

    made = one_ahead(fails())
    assert next(made) == 1
    with pytest.raises(prepare.PreparationError, match="the second one"):
        next(made)
