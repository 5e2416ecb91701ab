"""One person under two names, one recording under two people: said, and nothing else is."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from data_prep.clips import Clip
from data_prep.databases.check import check
from data_prep.databases.identity import suspicions
from data_prep.frames.sources import ImageFrames, VideoFrames


def clip(name, frames=(), *, database="own"):
    return Clip(
        database,
        f"{database}/{name.split('/')[0]}",
        f"{database}/{name}",
        "fear",
        0,
        25.0,
        1,
        None,
        2,
        frames,
    )


@pytest.fixture
def pictures(tmp_path):
    """Folders of three files each; the same seed gives the same bytes."""

    def make(folder, seed, size=50):
        place = tmp_path / folder
        place.mkdir(parents=True)
        rng = np.random.default_rng(seed)
        for i in range(3):
            (place / f"{i}.png").write_bytes(rng.bytes(size))
        return ImageFrames(tuple(str(place / f"{i}.png") for i in range(3)))

    return make


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("01", "1"),
        ("Anna", "anna"),
        ("sub01", "Sub1"),
        ("p 1", "p  1"),
        ("sub_1", "sub1"),
        ("sub-01", "Sub 1"),
        ("1.0", "1"),
        ("sub01", "1"),
        ("Işıl", "ışıl"),
        (unicodedata.normalize("NFC", "Zoé"), unicodedata.normalize("NFD", "Zoé")),
    ],
)
def test_two_spellings_of_one_person_are_named(pictures, one, other):
    clips = [clip(f"{one}/a", pictures("a", 1)), clip(f"{other}/b", pictures("b", 2))]
    (line,) = suspicions(clips)
    assert "spelling" in line and "own/" in line


@pytest.mark.parametrize(("one", "other"), [("01", "10"), ("anna", "anne"), ("s1", "p1"), ("1", "11")])
def test_different_people_stay_different(pictures, one, other):
    assert suspicions([clip(f"{one}/a", pictures("a", 1)), clip(f"{other}/b", pictures("b", 2))]) == ()


def test_equal_numbers_in_two_databases_are_two_people(pictures):
    clips = [
        clip("06/x", pictures("a", 1), database="casme2"),
        clip("006/y", pictures("b", 2), database="samm"),
    ]
    assert suspicions(clips) == ()


def test_equal_frames_under_two_people_and_twice_under_one(pictures):
    shared = [clip("p1/a", pictures("a", 1)), clip("p2/b", pictures("b", 1))]
    twice = [clip("p3/c", pictures("c", 2)), clip("p3/d", pictures("d", 2))]
    alone = [clip("p4/e", pictures("e", 3)), clip("p5/f", pictures("f", 3, size=51))]
    assert suspicions(alone) == ()
    (line,) = suspicions([*shared, *alone])
    assert "under two people" in line and "'own/p1/a' and 'own/p2/b'" in line and "1 recordings" in line
    (line,) = suspicions([*twice, *alone])
    assert "more than once" in line and "'own/p3/c' and 'own/p3/d'" in line


def test_clips_that_begin_alike_and_go_on_otherwise_are_two(pictures, tmp_path):
    one, other = pictures("a", 1), pictures("b", 1)
    (tmp_path / "b/2.png").write_bytes(bytes(50))
    assert suspicions([clip("p1/a", one), clip("p2/b", other)]) == ()


def test_overlapping_parts_of_one_folder_under_two_people(pictures):
    frames = pictures("a", 1)
    clips = [clip("p1/a", ImageFrames(frames.paths[:2])), clip("p2/b", ImageFrames(frames.paths[1:]))]
    (line,) = suspicions(clips)
    assert "share the same frames" in line
    assert suspicions([clips[0], clip("p1/b", clips[1].frames)]) == ()


def test_overlapping_parts_of_one_video_under_two_people(tmp_path):
    (tmp_path / "take.avi").write_bytes(b"video")
    take = str(tmp_path / "take.avi")
    long, inside, later = (VideoFrames(take, *span) for span in ((0, 99), (10, 20), (30, 40)))
    (line,) = suspicions([clip("p1/a", long), clip("p1/b", inside), clip("p2/c", later)])
    assert "'own/p1/a' and 'own/p2/c' share the same frames" in line
    assert suspicions([clip("p1/b", inside), clip("p2/c", later)]) == ()


def test_one_part_of_two_videos_with_the_same_bytes(tmp_path):
    for name in ("a.avi", "b.avi"):
        (tmp_path / name).write_bytes(b"video")
    a, b = str(tmp_path / "a.avi"), str(tmp_path / "b.avi")
    clips = [clip("p1/a", VideoFrames(a, 0, 9)), clip("p2/b", VideoFrames(b, 0, 9))]
    assert len(suspicions(clips)) == 1
    assert suspicions([clips[0], clip("p2/b", VideoFrames(b, 10, 19))]) == ()


def test_short_and_long_clips_of_smic_are_one_recording(pictures):
    def of(database, name, frames):
        return Clip(database, "smic/s03", f"{database}/s03/{name}", "negative", 0, 100.0, 1, None, 2, frames)

    clips = [
        of("smic", "s3_ne_03", pictures("a", 1)),
        of("smic-e", "s03_ne_03@12", pictures("b", 2)),
        of("smic-e", "s03_ne_04@12", pictures("c", 3)),
    ]
    (line,) = suspicions(clips)
    assert "smic and smic-e" in line and "1 recordings" in line


def test_one_photograph_under_two_people(disk):
    for name in ("AF01ANS.JPG", "AF02ANS.JPG"):
        disk.picture(name)
    disk.picture("AM03ANS.JPG", value=7)
    report = check("kdef", disk.root)
    (line,) = report.suspicions
    assert "under two people" in line and "AF01ANS" in line and not report.faults


def test_files_that_cannot_be_read_are_compared_with_nothing(tmp_path):
    gone = [clip(f"p{i}/a", ImageFrames((str(tmp_path / f"{i}.png"),))) for i in range(2)]
    assert suspicions(gone) == ()
