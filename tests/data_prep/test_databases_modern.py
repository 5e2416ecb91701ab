"""CAS(ME)^2, CAS(ME)^3, MMEW, 4DME and DFME: tables and trees as the releases have them, generated here.

The tables have the structure and the counts of the official ones; people, names and numbers are made up.
"""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice

import pytest

from data_prep.clips import BY_DESIGN
from data_prep.databases import load, read
from data_prep.databases.check import check, published_of
from data_prep.prepare import _place_of_apex
from data_prep.task_table import task_named
from data_prep.tasks import TaskError

CASME3 = ["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"]
DFME = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion", "EmotionId", "Fps", "AU"]
MMEW = [
    *("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame"),
    *("Action Units", "Estimated Emotion", "remarks"),
]
FOURDME = [
    *("sub_ID'", "fold_name", "fold", "Emotion", "Onset", "Apex", "Offset", "AUs", "eye blink"),
    *("Positive", "Negative", "Surprise", "Repression", "Others", "Total"),
]


def empty(disk, pattern, numbers):
    """Files that have the names of frames; loaders do not open them."""
    for n in numbers:
        disk.at(pattern.format(n)).touch()


def words(counts):
    return [word for word, count in counts.items() for _ in range(count)]


def by_task(name, root, task):
    clips = load(name, root, task=task_named(task)).clips
    return len(clips), len({clip.subject for clip in clips})


# ---------------------------------------------------------------- CAS(ME)^3


def casme3(disk, rows, frames=range(1, 40), folder="part_A/spNO.{}/{}/color"):
    disk.xlsx("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", [CASME3, *rows], sheet="label")
    for subject, file in dict.fromkeys((row[0], row[1]) for row in rows):
        empty(disk, folder.format(subject.split(".")[1], file) + "/{}.jpg", frames)


def row3(person, file, onset, apex, offset, emotion="fear", units="R12", objective="IV"):
    return [f"spNO.{person}", file, onset, apex, offset, units, objective, emotion]


def test_casme3_part_a_with_repeats_text_numbers_and_a_careless_capital(disk):
    casme3(disk, [row3(1, "b", "3", "5", "9"), row3(1, "b", 12, 14, 20, "Others"), row3(160, "a", 1, 1, 4)])
    table = disk / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"
    disk.xlsx(
        table.name, [CASME3, row3(1, "B", "3", "5", "9"), row3(1, "b", 12, 14, 20, "Others", "T28+14", "VII")]
    )
    database = load("casme3", disk.root)
    assert [clip.name for clip in database.clips] == ["casme3/spNO.1/B@3", "casme3/spNO.1/b@12"]
    second = database.clips[1]
    assert second.objective == 7 and [str(unit) for unit in second.action_units] == ["T28", "14"]
    assert second.frames.paths[0].endswith("spNO.1/b/color/12.jpg") and len(second.frames) == 9
    assert [item.clip for item in database.set_aside] == ["casme3/spNO.160/a"]


def test_casme3_dropped_frames_are_left_out_and_noted(disk):
    there = [n for n in range(1, 40) if n not in (5, 10, 11, 20)]
    casme3(disk, [row3(1, "b", 5, 7, 20), row3(1, "b", 12, 14, 39), row3(1, "b", 30, 31, 45)], frames=there)
    database = load("casme3", disk.root)
    first, second = database.clips
    assert [path.rsplit("/", 1)[1] for path in first.frames.paths][:2] == ["4.jpg", "6.jpg"]
    assert len(first.frames) == 13 and len(second.frames) == 27
    notes = " | ".join(database.warnings)
    assert (
        "row 2: " in notes
        and "the nearest are 4 to 19" in notes
        and "3 of frames 4 to 19 are not there" in notes
    )
    (late,) = database.set_aside
    assert "no frame within 2 of 45; it has 1 to 39" in late.reason


def test_casme3_an_apex_that_was_dropped_is_near_or_nowhere(disk):
    there = [n for n in range(1, 40) if n not in (7, *range(20, 27))]
    casme3(disk, [row3(1, "b", 4, 7, 10), row3(1, "b", 15, 23, 30)], frames=there)
    database = load("casme3", disk.root)
    assert [clip.apex for clip in database.clips] == [6, None]
    notes = " | ".join(database.warnings)
    assert "the apex 7 is not there, the nearest frame is 6" in notes and "no frame within 2 of 23" in notes
    first = database.clips[0]
    assert _place_of_apex(first) == pytest.approx(2 / 5)  # frames 4 5 6 8 9 10
    assert _place_of_apex(database.clips[1]) is None


def test_casme3_known_errors_are_named_and_the_clips_stay(disk):
    rows = [row3(216, "e", 0, 0, 25), row3(149, "d", 12, 13, 20), row3(40, "e", 12, 14, 0)]
    casme3(disk, rows)
    database = load("casme3", disk.root)
    assert [clip.onset for clip in database.clips] == [0, 12]
    assert any("onset 0 lies before the first frame" in note for note in database.warnings)
    (wrong,) = database.set_aside
    assert "onset 12 lies after offset 0" in wrong.reason


def test_a_clip_of_seconds_is_remarked_upon(disk):
    casme3(disk, [row3(1, "b", 1, 5, 200), row3(2, "b", 1, 5, 80)], frames=range(1, 201))
    database = load("casme3", disk.root)
    assert len(database.clips) == 2
    (note,) = database.warnings
    assert "row 2" in note and "6.7 s long" in note


def test_casme3_trees_that_number_repeated_clips(disk):
    rows = [row3(1, "b", 3, 5, 9), row3(1, "b", 12, 14, 20), row3(1, "b", 22, 23, 24)]
    casme3(disk, rows)
    for folder, numbers in (("b2", range(12, 21)), ("b3", range(22, 25))):
        empty(disk, f"part_A/spNO.1/{folder}/color/{{}}.jpg", numbers)
    database = load("casme3", disk.root)
    assert [clip.frames.paths[0].split("/")[-3] for clip in database.clips] == ["b", "b2", "b3"]
    assert not database.set_aside


@pytest.mark.slow
def test_casme3_counts_of_the_official_list(disk):
    """860 clips of 94 people; 699 in three classes. As in the table, three others are "Others"."""
    counts = {"disgust": 250, "surprise": 187, "others": 158, "Others": 3, "fear": 86}
    emotions = words({**counts, "anger": 64, "sad": 57, "happy": 55})
    people = list(islice(cycle(range(1, 95)), len(emotions)))
    nth: Counter[int] = Counter()
    rows = []
    for person, emotion in zip(people, emotions, strict=True):
        nth[person] += 1
        rows.append(
            row3(
                person,
                "abcdefghijklm"[nth[person] % 5],
                4 * nth[person],
                4 * nth[person] + 1,
                4 * nth[person] + 2,
                emotion,
            )
        )
    casme3(disk, rows, frames=range(4, 48))
    database = load("casme3", disk.root)
    assert len(database.clips) == 860 and not database.set_aside
    assert by_task("casme3", disk.root, "casme3-4") == (860, 94)
    assert by_task("casme3", disk.root, "casme3-7")[0] == 860
    assert by_task("casme3", disk.root, "casme3-3")[0] == 699
    assert "published: 860 clips, 94 subjects" in str(check("casme3", disk.root))


def test_casme3_part_c_has_action_units_and_no_emotion(disk):
    header = ["sub", "count", "onset", "offset", "au"]
    disk.xlsx(
        "CAS(ME)3_part_C_ME.xlsx", [header, [1, 1, 3, 9, "4，R12"], [1, 2, 12, 20, "1,2"], [2, 1, 1, 2, 7]]
    )
    for person in ("01", "02"):
        disk.frames(f"part_C/{person}/a/color/{{}}.jpg", range(1, 30))
    database = read("casme3-c", disk.root)
    assert [clip.name for clip in database.clips] == [
        "casme3-c/c01/a@3",
        "casme3-c/c01/a@12",
        "casme3-c/c02/a@1",
    ]
    assert [[unit.number for unit in clip.action_units] for clip in database.clips] == [[4, 12], [1, 2], [7]]
    report = check("casme3-c", disk.root)
    assert report.usable == 3 and not report.faults
    assert "no emotions are annotated" in str(report) and "negative" not in str(report)
    with pytest.raises(TaskError, match=r"casme3-c.*no emotion.*--mapping"):
        load("casme3-c", disk.root)


# ---------------------------------------------------------------- CAS(ME)^2


def squared(disk, rows, *, sheet="CASFEcode_final"):
    rule1 = [["s15", 15, 1], ["s16", 16, 2]]
    rule2 = [[101, "disgust1"], ["0502", "anger2"]]
    disk.xlsx("CAS(ME)^2code_final.xlsx", rows, sheet=sheet, **{"naming rule1": rule1, "naming rule2": rule2})
    for folder in ("s15/15_0101disgustingteeth", "s16/16_0502girlcrashing"):
        empty(disk, f"rawpic/{folder}/img{{}}.jpg", range(1, 60))


@pytest.mark.parametrize("sheet", ["CASFEcode_final", "CASMEcode_final"])
def test_casme_squared_reads_micro_rows_through_its_naming_rules(disk, sheet):
    rows = [
        [1, "disgust1_1", 3, 7, 12, "4", "negative", "micro-expression ", "disgust"],
        [1, "disgust1_2", 20, 0, 30, "R12", "positive", "micro-expression", "happiness"],
        [2, "anger2_1", 5, 9, 0, "1+2", "negative", "micro-expression", "helpless"],
        [2, "anger2_1", 5, 9, 40, "1+2", "others", "macro-expression", "confused"],
        [2, "anger2_2", 15, 16, 17, "1+2", "negative", "micro-expression", "confused"],
        [2, "anger2_2", 25, 26, 27, "1+2", "negative", "micro-expression", None],
        [7, "anger2_2", 15, 16, 17, "1+2", "others", "micro-expression", "confused"],
    ]
    squared(disk, rows, sheet=sheet)
    database = load("casme-sq", disk.root)
    assert {clip.name: (clip.emotion, clip.apex, clip.offset) for clip in database.clips} == {
        "casme-sq/s15/15_0101@3": ("disgust", 7, 12),
        "casme-sq/s15/15_0101@20": ("happiness", None, 30),
        "casme-sq/s16/16_0502@5": ("helpless", 9, 9),
        "casme-sq/s16/16_0502@15": ("others", 16, 17),
        "casme-sq/s16/16_0502@25": ("negative", 26, 27),
    }
    assert len(database.set_aside) == 1 and "1 rows are no micro-expressions" in database.warnings[0]


# ---------------------------------------------------------------- MMEW


@pytest.mark.parametrize("place", ["Micro_Expression/happiness", "S13/happiness"])
def test_mmew_in_folders_of_emotions_or_of_subjects(disk, place):
    rows = [
        [13.0, "S13-07-001", 1, 5, 9, "12", "happiness", None],
        [13.0, "S13-06-002", 1, 5, 12, "4", "others", None],
        [14.0, "S14-01-001", 1, 5, 40, "4", "anger", None],
    ]
    disk.xlsx("MMEW_Micro_Exp.xlsx", [MMEW, *rows])
    for row in rows:
        empty(disk, f"MMEW_Final/{place}/{row[1]}/{{}}.jpg", range(1, 15))
    empty(disk, "MMEW_Final/Macro_Expression/S13/anger/S13-07-{:03d}.jpg", range(1, 4))
    database = load("mmew", disk.root)
    assert [clip.name for clip in database.clips] == ["mmew/S13/S13-07-001", "mmew/S13/S13-06-002"]
    assert "it has 1 to 14" in database.set_aside[0].reason
    assert any("16 rows" in note for note in database.warnings)
    assert any("row 2: the offset is 9 and the last frame of its folder 14" in n for n in database.warnings)


def test_mmew_repression_of_the_folders_is_others(disk):
    rows = [
        [1, "S01-05-001", 1, 2, 3, "4", "repression", None],
        [2, "S02-05-001", 1, 2, 3, "4", "fear", None],
    ]
    disk.xlsx("MMEW_Micro_Exp.xlsx", [MMEW, *rows])
    for row in rows:
        empty(disk, f"Micro_Expression/{row[6]}/{row[1]}/{{}}.jpg", range(1, 4))
    for name in ("mmew-4", "mmew-7"):
        clips = load("mmew", disk.root, task=task_named(name)).clips
        assert task_named(name).classes[clips[0].label] == "others" and len(clips) == 2


def test_mmew_counts(disk):
    emotions = words(published_of("mmew").emotions)
    rows = [
        [i % 30 + 1, f"S{i % 30 + 1:02d}-01-{i // 30:03d}", 1, 2, 3, "4", word, None]
        for i, word in enumerate(emotions)
    ]
    disk.xlsx("MMEW_Micro_Exp.xlsx", [MMEW, *rows])
    for row in rows:
        empty(disk, f"MMEW_Final/Micro_Expression/{row[6]}/{row[1]}/{{}}.jpg", range(1, 4))
    assert by_task("mmew", disk.root, "mmew-7") == (300, 30)
    assert by_task("mmew", disk.root, "mmew-3")[0] == 234


# ---------------------------------------------------------------- 4DME


def test_4dme_labels_static_units_sums_and_the_folder_without_a_row(disk):
    def row(file, emotion, *flags, units="AU4(k)+L7"):
        return [13, file, 1, emotion, 2, 3, 5, units, 0, *flags, sum(flags)]

    rows = [
        row("S13_1st_001_02_1", "Positive", 1, 0, 0, 0, 0),
        row("S13_1st_001_03_1", "Surprise+Positive", 1, 0, 1, 0, 0),
        row("S13_1st_001_04_1", "Repression", 0, 0, 0, 1, 0),
        [None, None, None, None, None, None, None, None, None, 2, 0, 1, 1, 0, 4],
    ]
    disk.xlsx("4DME_Labelling_Micro_release v1.xlsx", [FOURDME, *rows])
    for n in (1, 2, 3, 4):
        empty(disk, f"gray_micro/S13/S13_1st_001_0{n}_1/{{}}.jpg", range(1, 9))
    database = load("4dme", disk.root)
    assert [(clip.emotion, clip.label) for clip in database.clips] == [("positive", 0), ("repression", 3)]
    assert [str(unit) for unit in database.clips[0].action_units] == ["L7"]
    assert {item.stage for item in database.set_aside} == {BY_DESIGN} and len(database.set_aside) == 3
    assert any("1 clips carry several labels" in note for note in database.warnings)
    marks = {clip.name[-6:]: clip.marks for clip in read("4dme", disk.root).clips}
    assert marks["1_03_1"] == ("positive", "surprise")


# ---------------------------------------------------------------- DFME


def dfme(disk, table, people, counts, rates=(500, 300, 200), first=1):
    emotions = words(counts)
    rows = []
    for i, emotion in enumerate(emotions):
        person = first + i % people
        file = f"sub{person:04d}_{i // people:02d}"
        rows.append([file[:7], file, 0, 1, 2, emotion, 2, rates[i % len(rates)], "L1+L2"])
        empty(disk, f"DFME_{table}/{file}/{{:05d}}.png", range(3))
    disk.xlsx(f"{table}_full_with_AU.xlsx", [DFME, *rows])


def test_dfme_has_no_subject_folders_and_a_rate_in_each_row(disk):
    dfme(disk, "training", 2, {"fear": 2, "disgust": 1})
    clips = load("dfme", disk.root).clips
    assert [(clip.name, clip.fps) for clip in clips] == [
        ("dfme/sub0001/sub0001_00", 500.0),
        ("dfme/sub0002/sub0002_00", 300.0),
        ("dfme/sub0001/sub0001_01", 200.0),
    ]
    assert clips[0].onset == 0 and clips[0].frames.paths[0].endswith("sub0001_00/00000.png")
    assert [str(unit) for unit in clips[0].action_units] == ["L1", "L2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "table", "people", "total"),
    [("dfme", "training", 176, 1856), ("dfme-test-a", "testA", 42, 474), ("dfme-test-b", "testB", 41, 299)],
)
def test_dfme_counts(disk, name, table, people, total):
    dfme(disk, table, people, published_of(name).emotions)
    assert by_task(name, disk.root, "dfme-7") == (total, people)


def test_the_three_parts_of_dfme_may_lie_side_by_side(disk):
    for first, table in ((1, "training"), (500, "testA"), (600, "testB")):
        dfme(disk, table, 2, {"fear": 3}, first=first)
    for name, person in (("dfme", "sub0001"), ("dfme-test-a", "sub0500"), ("dfme-test-b", "sub0600")):
        database = load(name, disk.root)
        assert len(database.clips) == 3 and not database.set_aside
        assert database.clips[0].subject == f"{name}/{person}"


def test_parts_a_and_c_of_casme3_may_lie_side_by_side(disk):
    casme3(disk, [row3(1, "b", 3, 5, 9)])
    empty(disk, "part_B/spNO.1/b/color/{}.jpg", range(1, 5))
    disk.xlsx("CAS(ME)3_part_C_ME.xlsx", [["sub", "count", "onset", "offset", "au"], [1, 1, 3, 9, 4]])
    empty(disk, "part_C/01/a/color/{}.jpg", range(1, 30))
    for name in ("casme3", "casme3-c"):
        database = read(name, disk.root)
        assert len(database.clips) == 1 and not database.set_aside


# ---------------------------------------------------------------- what all share


def test_objective_classes_of_casme2_come_from_their_own_table(disk):
    rows = [["01", f"EP0{i}", None, 2, 3, 4, None, "4+L10", "others"] for i in (1, 2)]
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, *rows])
    header = ["Subject", "Filename", "Objective Class"]
    disk.xlsx("CASME2-ObjectiveClasses.xlsx", [header, [1, "EP02", 7], ["01", "EP01", 3]])
    for i in (1, 2):
        empty(disk, f"sub01/EP0{i}/img{{}}.jpg", range(1, 6))
    clips = load("casme2", disk.root).clips
    assert [clip.objective for clip in clips] == [3, 7]
    assert [unit.number for unit in clips[0].action_units] == [4, 10]


def test_corrections_are_applied_by_key_and_reported(disk):
    casme3(disk, [row3(40, "e", 12, 14, 0), row3(40, "e", 3, 4, 9), row3(41, "a", 3, 4, 9)])
    lines = [
        ["subject", "file", "onset", "column", "value"],
        ["spNO.40", "e", "12", "Offset", "20"],
        ["spNO.41", "a", "", "leave out", ""],
        ["spNO.40", "e", "", "Apex", "5"],
        ["spNO.99", "e", "", "Apex", "5"],
    ]
    own = disk.csv("mine/corrections.csv", lines)
    database = load("casme3", [disk.root / "part_A", disk / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", own])
    assert [(clip.name, clip.offset) for clip in database.clips] == [
        ("casme3/spNO.40/e@12", 20),
        ("casme3/spNO.40/e@3", 9),
    ]
    (gone,) = database.set_aside
    assert gone.stage == BY_DESIGN and "left out by corrections.csv" in gone.reason
    notes = "\n".join(database.warnings)
    assert "Offset '0' is read as '20'" in notes and "row 2" in notes
    assert "fits 2 rows" in notes and "fits 0 rows" in notes
    disk.csv("corrections.csv", lines)
    assert load("casme3", disk.root).clips == database.clips
