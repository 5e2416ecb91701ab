"""CASME and CASME II as they were released, every known quirk on a small tree."""

from __future__ import annotations

import pytest

from data_prep.clips import CLASSES
from data_prep.databases import DatabaseError, load
from data_prep.frames.sources import VideoFrames

CASME_HEADER = ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion"]
CASME2_HEADER = [
    "Subject",
    "Filename",
    None,
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    None,
    "Action Units",
    "Estimated Emotion",
]


def casme_row(subject, file, onset, apex, offset, emotion):
    return [subject, file, None, onset, apex, None, offset, None, "4", emotion]


def casme2_row(subject, file, onset, apex, offset, emotion, units="4+L10"):
    return [subject, file, None, onset, apex, offset, None, units, emotion]


def reasons(database):
    return {item.clip: item.reason for item in database.set_aside}


def first_and_last(clip):
    paths = clip.frames.paths
    return paths[0].rsplit("/", 1)[1], paths[-1].rsplit("/", 1)[1], len(paths)


def test_casme_sections_a_and_b_are_one_tree(disk):
    rows = [casme_row(1, "EP01_5", 4, 6, 9, "tense"), casme_row(8, "EP04", 1, 2, 3, "happiness")]
    disk.xlsx("CASME.xlsx", [CASME_HEADER, *rows])
    disk.frames("CASME_A/Section A/sub01/EP01_5/EP01_5-{}.jpg", range(1, 13))
    disk.frames("CASME_B/Section B/sub08/EP04/EP04-{:03d}.jpg", range(1, 6))
    database = load("casme", disk.root)
    assert not database.set_aside
    first, second = database.clips
    assert (first.subject, first.name) == ("casme/01", "casme/01/EP01_5@4")
    assert (first.onset, first.apex, first.offset, first.fps) == (4, 6, 9, 60.0)
    assert first_and_last(first) == ("EP01_5-4.jpg", "EP01_5-9.jpg", 6)
    assert first_and_last(second) == ("EP04-001.jpg", "EP04-003.jpg", 3)
    assert [CLASSES[clip.label] for clip in database.clips] == ["others", "positive"]


@pytest.mark.parametrize(
    "pattern",
    [
        "CASME_raw_selected/sub03/EP12_11_1/EP12_11_1-{}.jpg",
        "CASME_raw_selected/sub03/EP12_11_1/EP12_11_1-{:03d}.jpg",
        "CASME/Cropped/sub03/EP12_11_1/reg_EP12_11_1-{}.jpg",
        "sub3/EP12_11_1/reg_EP12_11_1-{:03d}.jpg",
    ],
)
def test_casme_selected_and_cropped_trees_with_numbers_padded_or_not(disk, pattern):
    disk.xlsx("CASME.xlsx", [CASME_HEADER, casme_row("03", "EP12_11_1", 69, 70, 100, "disgust")])
    disk.frames(pattern, range(69, 101))
    (clip,) = load("casme", disk.root).clips
    assert [int(path.rsplit("-", 1)[1][:-4]) for path in clip.frames.paths] == list(range(69, 101))


def test_casme_a_number_that_lies_there_padded_and_unpadded_is_ambiguous(disk):
    disk.xlsx("CASME.xlsx", [CASME_HEADER, casme_row(1, "EP01", 68, 69, 70, "tense")])
    disk.frames("sub01/EP01/EP01-{}.jpg", range(60, 80))
    disk.picture("sub01/EP01/EP01-069.jpg")
    database = load("casme", disk.root)
    assert not database.clips
    (reason,) = reasons(database).values()
    assert "frame 69 lies there 2 times" in reason and "'EP01-069.jpg', 'EP01-69.jpg'" in reason


def test_casme_repeated_file_names_are_told_apart_by_the_onset(disk):
    onsets = {"EP01_12": (1, [73, 163]), "EP02_5": (6, [10, 30, 50, 70, 90, 110])}
    rows = [casme_row(s, f, n, n + 1, n + 9, "tense") for f, (s, many) in onsets.items() for n in many]
    rows += [
        casme_row(17, "EP17_2", n, n + 2, n + 5, word)
        for n, word in [(5, "disgust"), (20, "tense"), (40, "fear")]
    ]
    disk.xlsx("CASME.xlsx", [CASME_HEADER, *rows])
    for subject, file in [(1, "EP01_12"), (6, "EP02_5"), (17, "EP17_2")]:
        disk.frames(f"sub{subject:02d}/{file}/{file}-{{}}.jpg", range(1, 200))
    database = load("casme", disk.root)
    names = [clip.name for clip in database.clips]
    assert len(set(names)) == len(names) == 11
    assert "casme/01/EP01_12@73" in names and "casme/01/EP01_12@163" in names
    assert [clip.emotion for clip in database.clips if "EP17_2" in clip.name] == ["disgust", "tense", "fear"]


def test_casme_a_row_that_repeats_file_and_onset_is_set_aside(disk):
    row = casme_row(1, "EP01_12", 73, 74, 80, "tense")
    disk.xlsx("CASME.xlsx", [CASME_HEADER, row, row])
    disk.frames("sub01/EP01_12/EP01_12-{}.jpg", range(70, 90))
    database = load("casme", disk.root)
    assert len(database.clips) == 1
    assert "row 3: repeats the clip casme/01/EP01_12@73" in reasons(database)["casme/01/EP01_12@73"]


def test_casme_old_excel_table_stores_numbers_as_floats(disk):
    disk.xls("CASME.xls", [CASME_HEADER, casme_row(1.0, "EP07", 2.0, 3.0, 4.0, "repression")])
    disk.frames("sub01/EP07/EP07-{}.jpg", range(1, 6))
    (clip,) = load("casme", disk.root).clips
    assert (clip.subject, clip.onset, clip.apex, clip.offset) == ("casme/01", 2, 3, 4)


def test_casme_reduced_table_without_offsets_is_refused_with_the_missing_column(disk):
    disk.xlsx(
        "CASME.xlsx", [["Subject", "Filename", "OnsetF", "ApexF1", "Emotion"], [1, "EP01", 2, 3, "tense"]]
    )
    disk.frames("sub01/EP01/EP01-{}.jpg", range(1, 6))
    with pytest.raises(DatabaseError, match=r"CASME\.xlsx.*OffsetF or"):
        load("casme", disk.root)


def test_casme_annotation_errors_are_reported_and_never_repaired(disk):
    rows = [
        casme_row(1, "EP10", 5, 6, 3, "tense"),
        casme_row(1, "EP10", 2, 30, 9, "tense"),
        casme_row(1, "EP10", 2, 5, 400, "tense"),
        casme_row(1, "EP10", 3, 5, 9, "boredom"),
        casme_row(1, "EP99", 2, 5, 9, "tense"),
    ]
    disk.xlsx("CASME.xlsx", [CASME_HEADER, *rows])
    disk.frames("sub01/EP10/EP10-{}.jpg", range(1, 21))
    database = load("casme", disk.root)
    assert [(clip.onset, clip.apex) for clip in database.clips] == [(2, None)]
    known, note, long = database.warnings
    assert "five rows of CASME.xls" in known and "row 4: the clip is 6.7 s long" in long
    assert "row 3, column Apex: apex 30 lies outside onset 2 to offset 9" in note
    assert len(database.set_aside) == 4
    texts = sorted((item.reason for item in database.set_aside), key=lambda text: text[text.index("row") :])
    assert "row 2: onset 5 lies after offset 3" in texts[0]
    assert "380 of frames 2 to 400 missing (21, 22, 23, 24, 25, ...); it has 1 to 20" in texts[1]
    assert "column Emotion: unknown emotion 'boredom'" in texts[2]
    assert "frames of subject 1, 'EP99'" in texts[3]


def test_casme2_text_subjects_blank_columns_and_empty_sheets(disk):
    rows = [
        casme2_row("01", "EP02_01f", 46, 59, 86, "disgust"),
        casme2_row("26", "EP09f", 1, 2, 3, "others", 4),
    ]
    disk.xlsx("CASME2-coding-20140508.xlsx", [CASME2_HEADER, *rows], Sheet2=[], Sheet3=[])
    disk.frames("CASME2-RAW/sub01/EP02_01f/img{}.jpg", range(1, 120))
    disk.frames("CASME2-RAW/sub26/EP09f/img{}.jpg", range(1, 9))
    first, second = load("casme2", disk.root).clips
    assert (first.subject, first.name, first.fps) == ("casme2/01", "casme2/01/EP02_01f", 200.0)
    assert first_and_last(first) == ("img46.jpg", "img86.jpg", 41)
    assert second.name == "casme2/26/EP09f"


def test_casme2_apex_slash_means_no_apex_and_the_clip_stays(disk):
    rows = [
        casme2_row("04", "EP12_01f", 2, "/", 6, "others"),
        casme2_row("05", "EP09_05f", 2, 2, 6, "disgust"),
    ]
    disk.xlsx("CASME2-coding-20140508.xlsx", [CASME2_HEADER, *rows])
    disk.frames("CASME2-RAW/sub04/EP12_01f/img{}.jpg", range(1, 9))
    disk.frames("CASME2-RAW/sub05/EP09_05f/img{}.jpg", range(1, 9))
    assert [clip.apex for clip in load("casme2", disk.root).clips] == [None, 2]


def test_casme2_onset_slash_is_set_aside_with_file_row_and_value(disk):
    disk.xlsx(
        "CASME2-coding-20190701.xlsx", [CASME2_HEADER, casme2_row("04", "EP12_01f", "/", 3, 6, "others")]
    )
    disk.frames("CASME2-RAW/sub04/EP12_01f/img{}.jpg", range(1, 9))
    (reason,) = reasons(load("casme2", disk.root)).values()
    where = "CASME2-coding-20190701.xlsx, sheet Sheet1, row 2, column Onset"
    assert reason == f"{where}: '/' is not a frame number (cell D2)"


@pytest.mark.parametrize(
    "pattern",
    [
        "CASME2-RAW/sub02/EP06_02_01/img{}.jpg",
        "CASME2_RAW_selected/sub02/EP06_02_01/img{}.jpg",
        "Cropped/sub02/EP06_02_01/reg_img{}.jpg",
        "Cropped-updated/Cropped/sub02/EP06_02_01/reg_img{}.jpg",
    ],
)
@pytest.mark.parametrize(
    "table", ["CASME2-coding-20140508.xlsx", "CASME2-coding-20190701.xlsx", "CASME2-coding-updated.xlsx"]
)
def test_casme2_trees_and_table_versions(disk, pattern, table):
    disk.xlsx(table, [CASME2_HEADER, casme2_row("02", "EP06_02_01", 8, 9, 11, "happiness")])
    disk.xlsx(
        "CASME2-ObjectiveClasses.xlsx", [["Subject", "Filename", "Objective Class"], ["02", "EP06_02_01", 1]]
    )
    disk.frames(pattern, range(8, 12))
    (clip,) = load("casme2", disk.root).clips
    assert len(clip.frames) == 4


def test_casme2_label_version_2_has_no_blank_columns_and_is_an_old_excel_file(disk):
    header = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Emotion"]
    disk.xls("CASME2_label_Ver_2.xls", [header, ["01", "EP02_01f", 2.0, 3.0, 4.0, "4", "repression"]])
    disk.frames("CASME2-RAW/sub01/EP02_01f/img{}.jpg", range(1, 6))
    (clip,) = load("casme2", disk.root).clips
    assert (clip.emotion, CLASSES[clip.label]) == ("repression", "others")


def test_casme2_clips_on_disk_without_a_row_are_reported(disk):
    disk.xlsx("CASME2-coding-20140508.xlsx", [CASME2_HEADER, casme2_row("01", "EP02_01f", 2, 3, 4, "fear")])
    for clip in ("sub01/EP02_01f", "sub03/EP99", "sub09/EP02_02f", "sub24/EP02_07"):
        disk.frames(f"CASME2-RAW/{clip}/img{{}}.jpg", range(1, 6))
    database = load("casme2", disk.root)
    assert len(database.clips) == 1
    found = reasons(database)
    assert set(found) == {"casme2/09/EP02_02f", "casme2/24/EP02_07", "casme2/03/EP99"}
    assert all("without a row in CASME2-coding-20140508.xlsx" in reason for reason in found.values())
    stages = {item.clip[-4:]: item.stage for item in database.set_aside}
    assert stages == {"_02f": "by design", "2_07": "by design", "EP99": "load"}


def test_casme2_videos_count_their_frames_from_one(disk):
    rows = [casme2_row("01", "EP02_01f", 3, 4, 6, "disgust"), casme2_row("01", "EP03", 50, 51, 53, "others")]
    rows.append(casme2_row("01", "EP04", 5, 6, 30, "others"))
    disk.xlsx("CASME2-coding-20140508.xlsx", [CASME2_HEADER, *rows])
    disk.video("sub01/EP02_01f.avi", 9)
    disk.video("sub01/EP03.avi", 4)
    disk.video("sub01/EP04.avi", 12)
    database = load("casme2", disk.root)
    whole, selected = database.clips
    assert whole.frames == VideoFrames(str(disk / "sub01/EP02_01f.avi"), 2, 5)
    assert selected.frames == VideoFrames(str(disk / "sub01/EP03.avi"), 0, 3)
    assert "has 12 frames; frames 5 to 30 are wanted" in reasons(database)["casme2/01/EP04"]


def test_landmark_files_are_found_beside_frames_and_videos(disk):
    rows = [casme2_row("01", "EP01", 2, 3, 4, "fear"), casme2_row("01", "EP02", 2, 3, 4, "fear")]
    rows.append(casme2_row("01", "EP03", 2, 3, 4, "fear"))
    disk.xlsx("CASME2-coding-20140508.xlsx", [CASME2_HEADER, *rows])
    disk.frames("sub01/EP01/img{}.jpg", range(1, 6))
    disk.frames("sub01/EP03/img{}.jpg", range(1, 6))
    disk.video("sub01/EP02.avi", 6)
    expected = [disk / "sub01/EP01/landmarks.json", disk / "sub01/EP02.landmarks.json"]
    for path in expected:
        path.write_text("{}")
    clips = {clip.name[-4:]: clip for clip in load("casme2", disk.root).clips}
    assert clips["EP01"].annotations == str(expected[0])
    assert clips["EP02"].annotations == str(expected[1])
    assert clips["EP03"].annotations is None


def test_several_tables_are_an_error_that_names_them_and_one_can_be_chosen(disk):
    for version in ("20140508", "20190701"):
        row = casme2_row("01", "EP01", 2, 3, 4, "fear" if version == "20140508" else "others")
        disk.xlsx(f"CASME2-coding-{version}.xlsx", [CASME2_HEADER, row])
    disk.frames("sub01/EP01/img{}.jpg", range(1, 6))
    with pytest.raises(DatabaseError, match=r"2 .*20140508.*20190701"):
        load("casme2", disk.root)
    (clip,) = load("casme2", disk / "CASME2-coding-20190701.xlsx").clips
    assert clip.emotion == "others"


def test_the_table_of_another_database_is_an_error_that_names_it(disk):
    disk.xlsx("CASME.xlsx", [CASME_HEADER, casme_row(1, "EP01", 2, 3, 4, "tense")])
    disk.frames("sub01/EP01/EP01-{}.jpg", range(1, 6))
    with pytest.raises(DatabaseError, match=r"CASME\.xlsx.*casme2.*casme="):
        load("casme2", disk.root)
    assert len(load("casme", disk.root).clips) == 1


def test_several_trees_are_an_error_that_names_them_and_one_can_be_chosen(disk):
    disk.xlsx("CASME2-coding-20140508.xlsx", [CASME2_HEADER, casme2_row("01", "EP01", 2, 3, 4, "fear")])
    disk.frames("CASME2-RAW/sub01/EP01/img{}.jpg", range(1, 6))
    disk.frames("Cropped/sub01/EP01/reg_img{}.jpg", range(1, 6))
    with pytest.raises(DatabaseError, match=r"2 trees.*RAW.*Cropped"):
        load("casme2", disk.root)
    (clip,) = load("casme2", disk / "Cropped").clips
    assert "reg_img2.jpg" in clip.frames.paths[0]


def test_missing_parts_say_what_was_looked_for(disk):
    with pytest.raises(DatabaseError, match="no such folder"):
        load("casme2", disk / "nowhere")
    disk.frames("CASME2-RAW/sub01/EP01/img{}.jpg", range(1, 6))
    with pytest.raises(DatabaseError, match=r"no annotation.*CASME2-coding"):
        load("casme2", disk / "CASME2-RAW")
    disk.xlsx(
        "tables/CASME2-coding-20140508.xlsx", [CASME2_HEADER, casme2_row("01", "EP01", 2, 3, 4, "fear")]
    )
    with pytest.raises(DatabaseError, match=r"no frames.*sub01, sub02"):
        load("casme2", disk / "tables")
    with pytest.raises(DatabaseError, match=r"did you mean .*casme2"):
        load("casme-2", disk.root)


def test_own_mapping_of_emotions_comes_before_the_papers(disk):
    disk.xlsx("CASME2-coding-20140508.xlsx", [CASME2_HEADER, casme2_row("01", "EP01", 2, 3, 4, "bored")])
    disk.frames("sub01/EP01/img{}.jpg", range(1, 6))
    assert not load("casme2", disk.root).clips
    (clip,) = load("casme2", disk.root, mapping={"Bored": "negative"}).clips
    assert (clip.emotion, CLASSES[clip.label]) == ("bored", "negative")
    with pytest.raises(DatabaseError, match=r"sad.*positive, negative"):
        load("casme2", disk.root, mapping={"bored": "sad"})
