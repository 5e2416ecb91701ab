"""SMIC as it was released: short clips by folders, long recordings by a table."""

from __future__ import annotations

import pytest

from data_prep.clips import CLASSES
from data_prep.databases import DatabaseError, load

LONG_HEADER = [
    "Subject",
    "Filename",
    None,
    "OnsetF",
    "OffsetF",
    "Onset2F",
    "Offset2F",
    None,
    "FirstF",
    "LastF",
    "TotalMF1",
    "TotalMF2",
    "TotalVL",
    "Emotion",
]


def long_row(subject, file, onset, offset, emotion, second=(None, None), first_frame=1):
    return [subject, file, None, onset, offset, *second, None, first_frame, 999, 5, None, 99, emotion]


def reasons(database):
    return {item.clip: item.reason for item in database.set_aside}


def short_clip(disk, path, numbers, ending="bmp", prefix="image"):
    disk.frames(f"{path}/{prefix}{{:06d}}.{ending}", numbers)


def test_raw_hs_tree_gives_three_classes_without_apex(disk):
    base = "SMIC_all_raw/HS"
    short_clip(disk, f"{base}/s1/micro/negative/s1_ne_01", range(24, 30))
    short_clip(disk, f"{base}/s3/micro/positive/s3_po_11", range(99998, 100003))
    short_clip(disk, f"{base}/s20/micro/surprise/s20_sur_02", range(17581039, 17581043))
    short_clip(disk, f"{base}/s20/non_micro/s20_sur_02", range(1, 4))
    database = load("smic", disk.root)
    assert not database.set_aside
    clips = {clip.name: clip for clip in database.clips}
    assert set(clips) == {"smic/s01/s1_ne_01", "smic/s03/s3_po_11", "smic/s20/s20_sur_02"}
    assert [CLASSES[clip.label] for clip in database.clips] == ["negative", "surprise", "positive"]
    assert {clip.apex for clip in database.clips} == {None}
    assert {clip.fps for clip in database.clips} == {100.0}
    crossing = clips["smic/s03/s3_po_11"]
    assert (crossing.subject, crossing.onset, crossing.offset) == ("smic/s03", 99998, 100002)
    assert crossing.frames.paths[1].endswith("image099999.bmp")
    assert crossing.frames.paths[2].endswith("image100000.bmp")
    assert clips["smic/s20/s20_sur_02"].frames.paths[0].endswith("image17581039.bmp")


def test_cropped_tree_and_the_folder_of_one_camera_as_root(disk):
    short_clip(disk, "SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01", range(24, 30), prefix="reg_image")
    for root in ("", "SMIC_all_cropped", "SMIC_all_cropped/HS"):
        (clip,) = load("smic", disk / root).clips
        assert len(clip.frames) == 6


def test_cameras_are_separate_databases_of_the_same_people(disk):
    for camera in ("HS", "VIS", "NIR"):
        short_clip(disk, f"SMIC_all_raw/{camera}/s11/micro/positive/s11_po_01", range(1, 5))
    found = {name: load(name, disk.root).clips for name in ("smic", "smic-vis", "smic-nir")}
    assert [len(clips) for clips in found.values()] == [1, 1, 1]
    assert [clips[0].fps for clips in found.values()] == [100.0, 25.0, 25.0]
    assert {clips[0].subject for clips in found.values()} == {"smic/s11"}
    assert len({clips[0].name for clips in found.values()}) == 3
    assert "/VIS/" in found["smic-vis"][0].frames.paths[0]


def test_raw_and_cropped_together_must_be_chosen(disk):
    short_clip(disk, "SMIC_all_raw/HS/s1/micro/negative/s1_ne_01", range(1, 5))
    short_clip(disk, "SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01", range(1, 5), prefix="reg_image")
    with pytest.raises(DatabaseError, match=r"2 trees.*cropped/HS.*raw/HS"):
        load("smic", disk.root)
    assert len(load("smic", disk / "SMIC_all_raw").clips) == 1


def test_a_gap_a_wrong_folder_and_an_empty_clip_are_set_aside(disk):
    base = "SMIC_all_raw/HS/s1/micro"
    short_clip(disk, f"{base}/negative/s1_ne_01", [1, 2, 4, 5])
    short_clip(disk, f"{base}/negative/s1_po_02", range(1, 5))
    short_clip(disk, f"{base}/negative/s2_ne_03", range(1, 5))
    short_clip(disk, f"{base}/boredom/s1_ne_04", range(1, 5))
    (disk / f"{base}/positive/s1_po_05").mkdir(parents=True)
    (disk / "SMIC_all_raw/HS/s9/non_micro").mkdir(parents=True)
    database = load("smic", disk.root)
    assert not database.clips
    found = reasons(database)
    assert "1 of frames 1 to 5 missing (3)" in found["smic/s01/s1_ne_01"]
    assert "s1_po_02 belongs to subject 1, positive" in found["smic/s01/s1_po_02"]
    assert "s2_ne_03 belongs to subject 2, negative" in found["smic/s01/s2_ne_03"]
    assert "unknown emotion 'boredom'" in found["smic/s01/s1_ne_04"]
    assert "no numbered pictures" in found["smic/s01/s1_po_05"]
    assert "has no folder 'micro'" in found["smic/s9"]


def test_long_set_has_padded_subject_folders_and_unpadded_clip_names(disk):
    rows = [
        long_row("s3", "s3_ne_03", 17581040, 17581042, "negative"),
        long_row(20, "s20_po_01", 5, 9, "positive"),
    ]
    disk.xlsx("SMIC-HS-E_annotation.xlsx", [LONG_HEADER, *rows], sheet="HS")
    base = "SMIC-E_raw_image/HS_long/SMIC-HS-E"
    short_clip(disk, f"{base}/s03/s3_ne_03", range(17581039, 17581046), "jpg")
    short_clip(disk, f"{base}/s20/s20_po_01", range(1, 20), "jpg")
    database = load("smic-e", disk.root)
    assert not database.set_aside
    first, second = database.clips
    assert (first.subject, first.name) == ("smic/s03", "smic-e/s03/s3_ne_03@17581040")
    assert len(first.frames) == 3 and first.apex is None
    assert second.subject == "smic/s20"


def test_long_set_second_expressions_become_clips(disk):
    rows = [
        long_row(20, "s20_ne_06", 10, 19, "negative", second=(40, 49)),
        long_row(18, "s18_sur_03", 10, 19, "surprise", second=("x", 49)),
    ]
    disk.xlsx("SMIC-HS-E_annotation_orig.xlsx", [LONG_HEADER, *rows], sheet="HS")
    short_clip(disk, "HS_long/SMIC-HS-E/s20/s20_ne_06", range(1, 60), "jpg")
    short_clip(disk, "HS_long/SMIC-HS-E/s18/s18_sur_03", range(1, 60), "jpg")
    database = load("smic-e", disk.root)
    assert [(clip.name, clip.onset, clip.offset) for clip in database.clips] == [
        ("smic-e/s20/s20_ne_06@10", 10, 19),
        ("smic-e/s20/s20_ne_06@40", 40, 49),
        ("smic-e/s18/s18_sur_03@10", 10, 19),
    ]
    (reason,) = reasons(database).values()
    assert "sheet HS, row 3, column Onset2: 'x' is not a frame number" in reason


def test_long_set_missing_marks_text_rows_and_absent_recordings(disk):
    rows = [
        long_row(3, "s3_ne_20", 10, 19, "negative", first_frame="MISSING <-426679"),
        long_row(3, "s3_ne_21", "MISSING <-4266", 19, "negative"),
        long_row(4, "s4_ne_05", 10, 19, "negative"),
        ["* frames are numbered by the camera"],
    ]
    disk.xlsx("SMIC-HS-E_annotation.xlsx", [LONG_HEADER, *rows], sheet="HS")
    for clip in ("s3_ne_20", "s3_ne_21", "s3_ne_22"):
        short_clip(disk, f"HS_long/SMIC-HS-E/s03/{clip}", range(1, 30), "jpg")
    database = load("smic-e", disk.root)
    assert [clip.name for clip in database.clips] == ["smic-e/s03/s3_ne_20@10"]
    found = reasons(database)
    assert "row 3, column Onset: 'MISSING <-4266' is not a frame number" in found["smic-e/s3_ne_21"]
    assert "row 4: no folder 's4_ne_05'" in found["smic-e/s4_ne_05"]
    assert "row 5, column Filename: '' is not a SMIC clip name" in found["smic-e/row 5"]
    assert "no row in SMIC-HS-E_annotation.xlsx" in found["smic-e/s3_ne_22"]


def test_long_set_of_2019_has_apexes_and_vis_its_own_sheet_without_last_frame(disk):
    header = ["Subject", "Filename", "OnsetF", "ApexF", "OffsetF", "Onset3F", "Offset3F", "Emotion"]
    hs = [
        header,
        [3, "s03_ne_03", 10, 15, 19, None, None, "negative"],
        [3, "s03_ne_04", 2, 0, 5, 8, 9, "negative"],
        [3, "s03_ne_05", 2, 999, 5, None, None, "negative"],
    ]
    vis = [["Subject", "Filename", "OnsetF", "OffsetF", "Emotion"], [11, "s11_po_01", 3, 6, "positive"]]
    disk.xlsx("SMIC-HS-E_annotation_2019.xlsx", hs, sheet="HS", VIS=vis)
    for clip in ("s3_ne_03", "s3_ne_04"):
        short_clip(disk, f"HS_long/SMIC-HS-E/s03/{clip}", range(1, 30), "jpg")
    short_clip(disk, "VIS_long/SMIC-VIS-E/s11/s11_po_01", range(1, 30), "jpg")
    database = load("smic-e", disk.root)
    assert [(c.apex, c.onset) for c in database.clips] == [(15, 10), (None, 2), (None, 8)]
    (wrong,) = database.set_aside
    assert "no folder 's03_ne_05'" in wrong.reason
    _, note = database.warnings
    assert "row 4" in note and "apex 999 lies outside onset 2 to offset 5" in note
    (clip,) = load("smic-e-vis", disk.root).clips
    assert (clip.name, clip.fps) == ("smic-e-vis/s11/s11_po_01@3", 25.0)


def test_long_set_table_without_a_sheet_for_the_camera(disk):
    disk.xlsx(
        "SMIC-HS-E_annotation.xlsx", [LONG_HEADER, long_row(3, "s3_ne_03", 2, 5, "negative")], sheet="HS"
    )
    short_clip(disk, "VIS_long/SMIC-VIS-E/s03/s3_ne_03", range(1, 9), "jpg")
    with pytest.raises(DatabaseError, match="has the sheet HS but none for VIS"):
        load("smic-e-vis", disk.root)


def test_long_set_row_that_contradicts_its_file_name_is_set_aside(disk):
    rows = [long_row(4, "s3_ne_03", 2, 5, "negative"), long_row(3, "s3_ne_03", 2, 5, "positive")]
    disk.xlsx("SMIC-HS-E_annotation.xlsx", [LONG_HEADER, *rows], sheet="HS")
    short_clip(disk, "HS_long/SMIC-HS-E/s03/s3_ne_03", range(1, 9), "jpg")
    database = load("smic-e", disk.root)
    assert not database.clips
    assert "column Subject: '4' is not the subject of s3_ne_03" in database.set_aside[0].reason
    assert "column Emotion: 'positive' is not the emotion of s3_ne_03" in database.set_aside[1].reason
