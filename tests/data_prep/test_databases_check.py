"""The report of `check`: counts beside the published ones, and the whole list of what was set aside."""

from __future__ import annotations

import pytest

from data_prep.clips import CLASSES
from data_prep.databases import DATABASES, STILLS, DatabaseError
from data_prep.databases.check import check, published_of
from data_prep.databases.emotions import CLASS_OF


@pytest.fixture
def casme2(disk):
    """Four rows: two good clips, one with a cut frame, one with a frame of another size."""
    rows = [["01", f"EP0{i}", None, 2, 3, 5, None, "4", word] for i, word in enumerate(("disgust", "fear"))]
    rows += [
        ["02", "EP05", None, 2, 3, 5, None, "4", "others"],
        ["02", "EP06", None, 2, 3, 5, None, "4", "others"],
    ]
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, *rows])
    for clip in ("sub01/EP00", "sub01/EP01", "sub02/EP05", "sub02/EP06", "sub09/EP02_02f"):
        disk.frames(f"{clip}/img{{}}.jpg", range(1, 8))
    cut = disk / "sub02/EP05/img4.jpg"
    cut.write_bytes(cut.read_bytes()[:-2])
    disk.picture("sub02/EP06/img5.jpg", size=(16, 12))
    return disk.root


def test_report_lists_everything_set_aside_and_counts_the_rest(casme2):
    report = check("casme2", casme2)
    assert report.usable == 2
    assert {item.clip: item.stage for item in report.set_aside} == {
        "casme2/09/EP02_02f": "by design",
        "casme2/02/EP05": "frames",
        "casme2/02/EP06": "frames",
    }
    assert {(c.name, c.here, c.published) for c in report.classes} == {
        ("positive", 0, 32),
        ("negative", 2, 72),
        ("surprise", 0, 25),
        ("others", 0, 126),
    }
    assert report.subjects[0].name == "casme2/01" and report.subjects[0].here == 2
    assert report.subjects[0].published == 9
    assert report.subjects_here == ("casme2/01",)
    text = str(report)
    assert "2 clips usable, 3 set aside" in text
    assert "published: 255 clips, 26 subjects" in text and "the paper kept 236 of 247" in text
    assert "img4.jpg: a JPEG without its end mark; the file is cut short" in text
    assert "img5.jpg: 12x16 pixels, the first frame has 16x12" in text


def test_decode_finds_damage_that_headers_do_not_show(disk):
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, ["01", "EP01", None, 1, 2, 3, None, "4", "fear"]])
    disk.frames("sub01/EP01/img{}.png", range(1, 4), size=(40, 40))
    broken = disk / "sub01/EP01/img2.jpg"
    (disk / "sub01/EP01/img2.png").unlink()
    good = disk.picture("whole.jpg", size=(40, 40)).read_bytes()
    scan = good.index(b"\xff\xc4")
    broken.write_bytes(good[:scan] + b"\xff\xc4\x00\x20" + bytes(30) + good[scan:])
    assert check("casme2", disk.root).usable == 1
    report = check("casme2", disk.root, decode=True)
    assert report.usable == 0 and report.decoded
    assert "img2.jpg" in report.set_aside[0].reason


def test_photographs_are_checked_too(disk):
    disk.picture("AF01/AF01ANS.JPG")
    (disk / "AF01/AF01NES.JPG").write_bytes(b"\xff\xd8\xff")
    report = check("kdef", disk.root)
    assert (report.things, report.usable) == ("photographs", 1)
    assert report.set_aside[0].stage == "frames"
    with pytest.raises(DatabaseError, match=r"--data.*kdef, rafd"):
        check("casme2", disk.root, mapping=disk / "mapping.csv")


def test_manifest_has_no_published_counts(disk):
    disk.frames("v/{}.jpg", range(1, 4))
    disk.csv(
        "manifest.csv",
        [
            ["database", "subject", "clip", "emotion", "fps", "frames"],
            ["mine", "p1", "c1", "happy", "25", "v"],
        ],
    )
    report = check("manifest", disk.root)
    assert report.published is None
    assert [(c.name, c.here, c.published) for c in report.subjects] == [("mine/p1", 1, None)]
    assert "published:" not in str(report)


def test_published_counts_agree_with_themselves():
    told = {name: published for name in (*DATABASES, *STILLS) if (published := published_of(name))}
    assert {"casme", "casme2", "smic", "smic-vis", "smic-nir", "samm", "kdef", "rafd"} <= told.keys()
    for name, published in told.items():
        if published.emotions:
            assert sum(published.emotions.values()) == published.total, name
        assert set(published.subjects) <= set(published.people or published.subjects), name
        if len(published.subjects) == published.subject_count:
            assert sum(published.subjects.values()) == published.total, name


def test_published_classes_agree_with_the_papers_mapping():
    """Before clips are dropped the public tables give 90, 197, 88 and 233 clips in the four classes."""
    totals = dict.fromkeys(CLASSES, 0)
    for name in ("casme", "casme2", "smic"):
        for emotion, count in published_of(name).emotions.items():
            totals[CLASS_OF[emotion]] += count
    assert totals == {"positive": 90, "negative": 197, "surprise": 88, "others": 233}
