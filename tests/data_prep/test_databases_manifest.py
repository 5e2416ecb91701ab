"""Own data through one CSV, and SAMM."""

from __future__ import annotations

import unicodedata

import pytest

from data_prep.clips import CLASSES
from data_prep.databases import DatabaseError, load
from data_prep.frames.sources import VideoFrames

HEADER = ["database", "subject", "clip", "emotion", "fps", "onset", "apex", "offset", "frames"]


def row(clip="c1", emotion="happy", fps="50", onset="2", apex="3", offset="4", frames="v/c1", subject="p1"):
    return ["mine", subject, clip, emotion, fps, onset, apex, offset, frames]


def test_folders_and_videos(disk):
    disk.frames("v/c1/frame_{:04d}.png", range(1, 9))
    disk.video("v/c2.mp4", 10, codec="mp4v")
    rows = [
        row(),
        row("c2", "Surprise", onset="3", apex="", offset="6", frames="v/c2.mp4"),
        row("c3", onset="", apex="", offset=""),
        row("c4", onset="", apex="", offset="", frames="v/c2.mp4"),
    ]
    disk.csv("manifest.csv", [HEADER, *rows])
    database = load("manifest", disk.root)
    assert not database.set_aside
    first, second, third, fourth = database.clips
    assert (first.database, first.subject, first.name) == ("mine", "mine/p1", "mine/p1/c1")
    assert (first.fps, first.apex, len(first.frames)) == (50.0, 3, 3)
    assert second.frames == VideoFrames(str(disk / "v/c2.mp4"), 2, 5)
    assert (second.apex, CLASSES[second.label]) == (None, "surprise")
    assert (third.onset, third.offset, len(third.frames)) == (1, 8, 8)
    assert (fourth.onset, fourth.offset) == (1, 10)


def test_semicolons_a_byte_order_mark_and_other_file_names(disk):
    disk.frames("v/c1/{}.jpg", range(1, 9))
    path = disk.csv("lists.csv", [HEADER, row(frames=f"{disk.root}/v/c1")], delimiter=";")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load("manifest", path).clips) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"subject": ""}, "row 2: subject '' is refused: a name is letters"),
        ({"emotion": "joyful"}, "row 2, column emotion: unknown emotion 'joyful'; known are happiness"),
        ({"fps": "fast"}, "row 2, column fps: 'fast' is not a number of frames per second above 0"),
        ({"fps": "0"}, "column fps: '0' is not"),
        ({"fps": "nan"}, "column fps: 'nan' is not"),
        ({"onset": "x"}, "row 2, column onset: 'x' is not a frame number"),
        ({"onset": "-3"}, "column onset: '-3' is not a frame number"),
        ({"onset": ""}, "column onset: '' is not a frame number"),
        ({"onset": "5"}, "row 2: onset 5 lies after offset 4"),
        ({"offset": "12"}, "4 of frames 2 to 12 missing (9, 10, 11, 12); it has 1 to 8"),
        ({"frames": ""}, "row 2, column frames: '' is not a text"),
        ({"frames": "v/c9"}, "row 2, column frames: 'v/c9' does not exist below"),
        ({"frames": "manifest.csv"}, "column frames: 'manifest.csv' is neither a folder nor .avi"),
        ({"offset": "999999999"}, "frames 2 to 999999999: more than 100000"),
    ],
)
def test_a_wrong_line_sets_its_clip_aside_with_its_address(disk, change, reason):
    disk.frames("v/c1/{}.jpg", range(1, 9))
    disk.csv("manifest.csv", [HEADER, row(**change), row("good")])
    database = load("manifest", disk.root)
    assert [clip.name for clip in database.clips] == ["mine/p1/good"]
    (item,) = database.set_aside
    assert item.stage == "load" and item.reason.startswith("manifest.csv, row 2") and reason in item.reason


@pytest.mark.parametrize("apex", ["9", "soon", "1", "2.5"])
def test_a_mistyped_apex_costs_the_apex_and_not_the_clip(disk, apex):
    disk.frames("v/c1/{}.jpg", range(1, 9))
    disk.csv("manifest.csv", [HEADER, row(apex=apex)])
    database = load("manifest", disk.root)
    assert [clip.apex for clip in database.clips] == [None] and not database.set_aside
    (note,) = database.warnings
    assert "row 2, column apex" in note and apex in note


def test_a_manifest_may_lie_anywhere(disk):
    disk.frames("share/v/c1/{}.jpg", range(1, 9))
    table = disk.csv("mine/list.csv", [HEADER, row()])
    (clip,) = load("manifest", [table, disk / "share"]).clips
    assert clip.frames.paths[0] == str(disk / "share/v/c1/2.jpg")
    assert load("manifest", f"{table},{disk / 'share'}").clips == (clip,)
    roots = [str(disk / "share"), "../share", "../nowhere"]
    named = [[*row(clip=f"c{i}"), root] for i, root in enumerate(roots)]
    database = load("manifest", disk.csv("mine/roots.csv", [[*HEADER, "root"], *named]))
    assert [clip.frames for clip in database.clips] == [clip.frames] * 2
    (wrong,) = database.set_aside
    assert "row 4, column root" in wrong.reason and "nowhere" in wrong.reason


@pytest.mark.parametrize(
    ("on_disk", "named"),
    [("V/C1", "v/c1"), ("v/c01", "v/c1"), ("v/Zoe\u0301", "v/Zo\u00e9"), ("v/c1", "v/C1")],
)
def test_a_near_miss_of_a_folder_gets_a_hint(disk, on_disk, named):
    disk.frames(f"{on_disk}/{{}}.jpg", range(1, 9))
    disk.csv("manifest.csv", [HEADER, row(frames=named)])
    (item,) = load("manifest", disk.root).set_aside
    first = next(a for a, b in zip(on_disk.split("/"), named.split("/"), strict=True) if a != b)
    assert f"did you mean {first!r}" in item.reason


def test_a_backslash_between_folders_gets_a_hint(disk):
    disk.frames("v/c1/{}.jpg", range(1, 9))
    disk.csv("manifest.csv", [HEADER, row(frames="v\\c1")])
    (item,) = load("manifest", disk.root).set_aside
    assert "did you mean 'v/c1', with / between folders?" in item.reason


def test_the_same_clip_twice_is_reported(disk):
    disk.frames("v/c1/{}.jpg", range(1, 9))
    disk.csv("manifest.csv", [HEADER, row(), row()])
    database = load("manifest", disk.root)
    assert len(database.clips) == 1
    assert "row 3: repeats the clip mine/p1/c1" in database.set_aside[0].reason


def test_one_column_twice_is_refused_and_a_name_may_be_composed_in_either_way(disk):
    disk.frames("v/c1/{}.jpg", range(1, 9))
    disk.csv("manifest.csv", [[*HEADER, "Clip"], [*row(), "c2"]])
    with pytest.raises(DatabaseError, match=r"two columns.*'clip'.*'Clip'"):
        load("manifest", disk.root)
    composed = [row(subject=unicodedata.normalize(form, "Zoé")) for form in ("NFC", "NFD")]
    disk.csv("manifest.csv", [HEADER, *composed])
    assert len(load("manifest", disk.root).clips) == 2


def test_missing_columns_and_files(disk):
    disk.csv("manifest.csv", [["subject", "clip"], ["p1", "c1"]])
    with pytest.raises(DatabaseError, match=r"database, emotion, fps.*it has 'subject'"):
        load("manifest", disk.root)
    with pytest.raises(DatabaseError, match="not a file"):
        load("manifest", disk / "other.csv")


def test_samm_header_below_text_rows_and_padding_that_varies(disk):
    header = ["Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame"]
    header += ["Duration", "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"]
    rows = [["SAMM micro-expressions"], *[[f"line {i}"] for i in range(12)], header]
    rows.append(["006", "006_1_2", 1, 5562, 5563, 5565, 4, "Micro - 1/2", "7", "Anger", 4, None])
    rows.append(["037", "037_3_2", 1, 3196, 3197, 3198, 3, "Micro - 1/2", "T23", "Other", 7, None])
    disk.xlsx("SAMM_Micro_FACS_Codes_v2.xlsx", rows, sheet="MICRO_ONLY")
    disk.frames("SAMM/006/006_1_2/006_{:05d}.jpg", range(5560, 5570))
    disk.frames("SAMM/037/037_3_2/037_{}.jpg", range(3196, 3199))
    database = load("samm", disk.root)
    assert not database.set_aside
    assert [clip.name for clip in database.clips] == ["samm/006/006_1_2", "samm/037/037_3_2"]
    assert [CLASSES[clip.label] for clip in database.clips] == ["negative", "others"]


def test_without_an_offset_a_clip_goes_to_the_last_frame(disk):
    disk.frames("v/c1/{}.jpg", range(3, 9))
    disk.video("film.avi", 7)
    disk.csv(
        "manifest.csv",
        [
            HEADER,
            row("pictures", onset="5", offset="", apex="", frames="v/c1"),
            row("video", onset="2", offset="", apex="", frames="film.avi"),
        ],
    )
    pictures, video = load("manifest", disk.root).clips
    assert (pictures.onset, pictures.offset, len(pictures.frames)) == (5, 8, 4)
    assert (video.onset, video.offset, len(video.frames)) == (2, 7, 6)
