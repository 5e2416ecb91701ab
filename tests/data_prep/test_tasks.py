"""Tasks: which class a clip has, which clips are left out and why, which data are refused."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from data_prep.clips import BY_DESIGN, CLASSES, Clip, Database
from data_prep.databases import load
from data_prep.frames.sources import ImageFrames
from data_prep.task_table import TASKS, task_from_csv, task_named
from data_prep.tasks import Task, TaskError, by_word


def clip(database, emotion, *, name=None, subject="01", objective=None):
    full = f"{database}/{subject}"
    where = f"{full}/{name or emotion}"
    return Clip(
        database, full, where, emotion, 0, 200.0, 1, 2, 3, ImageFrames(("a",)), None, objective=objective
    )


def table(database, counts, **more):
    """A database with so many clips of each word."""
    clips = [clip(database, word, name=f"{word}{i}", **more) for word, n in counts.items() for i in range(n)]
    return Database(database, "/nowhere", tuple(clips))


CASME2 = {
    **{"others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25, "sadness": 7},
    "fear": 2,
}
SAMM = {
    **{"Anger": 57, "Other": 26, "Happiness": 26, "Surprise": 15, "Contempt": 12, "Disgust": 9, "Fear": 8},
    "Sadness": 6,
}


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_whole(name):
    task = task_named(name)
    assert task.name == name and task.title
    assert set(task.published) <= set(task.databases)
    assert all(tuple(counts) == task.classes for counts in task.published.values())


def test_the_composite_is_what_the_official_tables_give():
    task = task_named("megc2019")
    casme2 = table("casme2", {**CASME2, "surprise": 24, "disgust": 62})
    left_out = [clip("casme2", "disgust", name="EP12_01f", subject="04")]
    left_out += [clip("casme2", "surprise", name="EP09_05f", subject="05")]
    casme2 = Database("casme2", "", (*casme2.clips, *left_out))
    counts = {}
    for database in (casme2, table("samm", SAMM), table("smic", {"negative": 70, "positive": 51})):
        counts |= task.counts(task.of(database).clips)
    assert counts["casme2"] == {"negative": 62 + 27, "positive": 32, "surprise": 24}
    assert counts["samm"] == task.published["samm"]
    assert counts["smic"] == {"negative": 70, "positive": 51, "surprise": 0}
    reasons = {each.clip: each.reason for each in task.of(casme2).set_aside}
    assert "no apex" in reasons["casme2/04/EP12_01f"] and "onset" in reasons["casme2/05/EP09_05f"]
    assert len(reasons) == 99 + 7 + 2 + 2
    assert {each.stage for each in task.of(casme2).set_aside} == {BY_DESIGN}


@pytest.mark.parametrize(
    ("name", "data"), [("casme2-5", table("casme2", CASME2)), ("samm-5", table("samm", SAMM))]
)
def test_five_classes_have_the_published_counts(name, data):
    task = task_named(name)
    assert task.counts(task.of(data).clips) == task.published


def test_objective_classes_beyond_the_fifth_are_left_out_and_missing_ones_named():
    task = task_named("megc2018")
    clips = [clip("samm", "Anger", name=f"c{i}", objective=i) for i in range(1, 8)]
    made = task.of(Database("samm", "", tuple(clips)))
    assert [task.classes[each.label] for each in made.clips] == ["I", "II", "III", "IV", "V"]
    assert ["VI" in each.reason or "VII" in each.reason for each in made.set_aside] == [True, True]
    with pytest.raises(TaskError, match="no objective class"):
        task.of(table("casme2", {"disgust": 2}))


def test_repression_is_negative_in_the_composite_and_no_class_of_three():
    repressed = table("casme2", {"repression": 1, "surprise": 1})
    assert len(task_named("megc2019").of(repressed).clips) == 2
    assert len(task_named("three").of(repressed).clips) == 1
    assert len(task_named("tlcnn4").of(repressed).clips) == 2


def test_a_database_that_a_task_is_not_defined_on_is_refused_with_what_serves():
    with pytest.raises(TaskError, match=r"casme2-5 .*casme2.* samm"):
        task_named("casme2-5").of(table("samm", SAMM))
    with pytest.raises(TaskError, match="megc2019"):
        task_named("megc2091")


def test_a_part_of_the_composite_says_so_in_its_title():
    task = task_named("megc2019")
    assert task.titled(["casme2", "smic", "samm"]) == "MEGC2019"
    assert task.titled(["casme2"]) == "MEGC2019, in part (casme2)"
    assert task_named("dfme-7").titled(["dfme"]) == "DFME, seven classes"


def test_the_paper_s_task_labels_as_the_loaders_do(tiny_folder):
    for name, folder in (("casme2", "casme2"), ("smic", "smic")):
        plain = load(name, tiny_folder / folder)
        assert load(name, tiny_folder / folder, task=task_named("tlcnn4")) == plain
        assert {CLASSES[each.label] for each in plain.clips} > {"negative"}


def test_a_csv_of_emotions_and_clips_is_a_task(tmp_path):
    path = tmp_path / "brows.csv"
    path.write_text("emotion,clip,class\nsurprise,,up\nDisgust,,down\n,casme2/01/odd,up\n")
    task = task_from_csv(path)
    assert task.name == "brows" and task.classes == ("up", "down")
    made = task.of(Database("casme2", "", (clip("casme2", "disgust"), clip("casme2", "fear", name="odd"))))
    assert [task.classes[each.label] for each in made.clips] == ["down", "up"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("emotion,class\nfear,a\nfear,b\n", "fear.*already"),
        ("emotion,class\nfear,a\nanger,a\n", "two or more"),
        ("emotion,class\nfear,a\nanger,\n", "class"),
        ("emotion,class\n,a\n", "neither"),
        ("word,thing\nfear,a\n", "class"),
    ],
)
def test_a_wrong_csv_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(TaskError, match=message):
        task_from_csv(path)


def test_a_word_that_only_the_mapping_knows_is_read(disk):
    disk.xlsx(
        "t/CASME2-coding-20140508.xlsx", [disk.CASME2, ["01", "EP01_1", None, 1, 2, 3, None, 4, "bored"]]
    )
    disk.frames("t/sub01/EP01_1/img{}.jpg", range(1, 4))
    with_word = Task("own", "own", ("dull", "keen"), "accuracy", by_word({"bored": "dull"}), words=("bored",))
    assert [each.label for each in load("casme2", disk / "t", task=with_word).clips] == [0]
    assert not load("casme2", disk / "t").clips


def test_a_package_s_task_that_is_none_is_named(monkeypatch):
    point = EntryPoint("odd", "data_prep.clips:CLASSES", "tlcnn_bench.tasks")
    monkeypatch.setitem(TASKS.__dict__, "plugins", {"odd": point})
    with pytest.raises(TaskError, match=r"odd.*is not a"):
        task_named("odd")


def test_the_page_on_databases_lists_every_task_with_its_databases_and_counts():
    page = (Path(__file__).parents[2] / "docs" / "databases.md").read_text(encoding="utf-8")
    for name in TASKS:
        task = task_named(name)
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        _, classes, where, _ = [cell.strip() for cell in line.strip("|").split("|")]
        assert classes == ", ".join(task.classes)
        counts = [f"`{each}`: {sum(task.published[each].values())}" for each in task.databases]
        assert where == (", ".join(counts) or "any")
