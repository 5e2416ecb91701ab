"""The official tables' structure and counts, generated, give exactly the lists that the field reports on."""

from __future__ import annotations

import openpyxl
import pytest

from benchmark.verbs.check import check as check_verb
from data_prep.databases import load
from data_prep.databases.check import published_of
from data_prep.task_table import task_named

SAMM = [
    *("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration"),
    *("Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"),
]


def casme2(disk):
    """255 rows of 26 people, with the two clips that MEGC2019 lacks and the two without a row."""
    published = published_of("casme2")
    left = dict(published.emotions)
    people = [person for person, n in published.subjects.items() for _ in range(n)]
    words = [word for word, n in left.items() for _ in range(n)]
    rows = [
        [f"{person:02d}", f"EP{i:02d}_01", None, 2, 3, 4, None, "4", word]
        for i, (person, word) in enumerate(zip(people, words[::2] + words[1::2], strict=True))
    ]
    for person, name, apex in (("04", "EP12_01f", "/"), ("05", "EP09_05f", 2)):
        row = next(row for row in rows if row[0] == person)
        other = next(row for row in rows if row[-1] == "repression" and "f" not in row[1])
        row[1], row[4], row[-1], other[-1] = name, apex, other[-1], row[-1]
    disk.xlsx("casme2/CASME2-coding-20140508.xlsx", [disk.CASME2, *rows], Sheet2=[], Sheet3=[])
    classes = [n for n, count in enumerate((25, 15, 99, 26, 20, 1, 69), 1) for _ in range(count)]
    objective = [[row[0], row[1], n] for row, n in zip(rows, classes, strict=True)]
    header = ["Subject", "Filename", "Objective Class"]
    disk.xlsx("casme2/CASME2-ObjectiveClasses.xlsx", [header, *objective])
    for row in [*rows, ["09", "EP02_02f"], ["24", "EP02_07"]]:
        disk.frames(f"casme2/CASME2-RAW/sub{row[0]}/{row[1]}/img{{}}.jpg", range(2, 5), size=(4, 4))
    return disk / "casme2"


def samm(disk):
    """159 rows of 29 people below 13 rows of text."""
    published = published_of("samm")
    words = [word.capitalize() for word, n in published.emotions.items() for _ in range(n)]
    classes = [n for n, count in enumerate((24, 13, 20, 8, 3, 7, 84), 1) for _ in range(count)]
    rows = []
    for i, (word, n) in enumerate(zip(words, classes, strict=True)):
        person = f"{published.people[i % len(published.people)]:03d}"
        rows.append([person, f"{person}_1_{i}", 1, 2, 3, 4, "=F2-D2+1", "Micro - 1/2", "4", word, n, None])
        disk.frames(f"samm/{person}/{person}_1_{i}/{person}_{{:05d}}.jpg", range(2, 5), size=(4, 4))
    text = [[f"line {i}"] for i in range(13)]
    table = disk.xlsx("samm/SAMM_Micro_FACS_Codes_v2.xlsx", [SAMM, *rows[:9]], sheet="draft")
    book = openpyxl.load_workbook(table)
    page = book.create_sheet("MICRO_ONLY")
    for row in [*text, SAMM, *rows]:
        page.append(row)
    book.save(table)
    return disk / "samm"


def smic(disk):
    """164 clips of 16 people in their folders."""
    published = published_of("smic")
    kinds = {"negative": "ne", "positive": "po", "surprise": "sur"}
    words = [word for word, n in published.emotions.items() for _ in range(n)]
    for i, word in enumerate(words):
        s = published.people[i % len(published.people)]
        disk.frames(
            f"smic/HS/s{s}/micro/{word}/s{s}_{kinds[word]}_{i:02d}/image{{:06d}}.bmp", range(3), size=(4, 4)
        )
    return disk / "smic"


@pytest.fixture(scope="module")
def official(tmp_path_factory, disk_at):
    disk = disk_at(tmp_path_factory.mktemp("official"))
    return {"casme2": casme2(disk), "samm": samm(disk), "smic": smic(disk)}


def clips_of(official, task, names):
    return [clip for name in names for clip in load(name, official[name], task=task_named(task)).clips]


@pytest.mark.parametrize(
    ("task", "names", "clips"),
    [
        ("tlcnn4", ["casme2"], 255),
        ("tlcnn4", ["samm"], 159),
        ("tlcnn4", ["smic"], 164),
        ("megc2018", ["casme2", "samm"], 253),
        ("casme2-5", ["casme2"], 246),
        ("samm-5", ["samm"], 136),
        ("megc2019", ["samm"], 133),
        ("megc2019", ["smic", "casme2", "samm"], 442),
    ],
)
def test_official_counts(official, task, names, clips):
    found = clips_of(official, task, names)
    assert len(found) == clips
    published = task_named(task).published
    if published:
        counts = task_named(task).counts(found)
        assert all(counts[name] == dict(published[name]) for name in names)


def test_check_of_a_complete_casme2_ends_well(official):
    lines = []
    assert check_verb([f"casme2={official['casme2']}"], False, lines.append) == 0
    text = "\n".join(lines)
    assert "255 clips usable, 2 set aside" in text and text.count("[by design]") == 2
