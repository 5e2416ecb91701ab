"""A database of somebody else's package is one file and one line."""

from __future__ import annotations

import pytest

from data_prep.databases import DATABASES, STILLS, DatabaseError, load, load_stills
from data_prep.databases.check import check

CODE = """
import re
from data_prep.clips import Database
from data_prep.databases.source import Published
from data_prep.databases.photographs import ByName
from data_prep.databases.tabled import Release

TABLED = Release(
    name="lab-tabled",
    fps=100.0,
    subject_folder=re.compile(r"p0*(\\d+)"),
    subject=lambda number: f"{number:02d}",
    tables_hint="lab_faces*.xlsx",
    tree_hint="p01, p02, ...",
    table=re.compile(r"lab_faces.*\\.xlsx"),
    published=Published("their page", total=3, people=(1, 2), emotions={"disgust": 2, "fear": 1}),
)

FACES = ByName("lab-stills", lambda name: (name[:2], "happy", name[:-4]), "p1-happy.jpg")


def empty(root):
    return Database("lab-plain", str(root), ())

NOTHING = 3
"""
POINTS = """[tlcnn_bench.databases]
lab-tabled = lab_faces:TABLED
lab-plain = lab_faces:empty
lab-nothing = lab_faces:NOTHING
lab-other-name = lab_faces:TABLED
lab-missing = lab_faces_of_nobody:SOURCE
[tlcnn_bench.expressions]
lab-stills = lab_faces:FACES
lab-function = lab_faces:empty
"""
HEADER = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion"]


@pytest.fixture
def plugin(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("package")
    (folder / "lab_faces.py").write_text(CODE)
    info = folder / "lab_faces-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-faces\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(folder))
    for table in (DATABASES, STILLS):
        table.__dict__.pop("plugins", None)
    yield
    for table in (DATABASES, STILLS):
        table.__dict__.pop("plugins", None)


def test_a_tabled_database_of_a_package_is_listed_read_and_counted(disk, plugin):
    assert "lab-tabled" in DATABASES and DATABASES.origin("lab-tabled") == "lab-faces 1.2"
    disk.xlsx("lab_faces_v1.xlsx", [HEADER, [1, "a", 2, 3, 4, "disgust"], [2, "b", 1, 2, 3, "fear"]])
    disk.frames("p01/a/{}.jpg", range(1, 6))
    disk.frames("p02/b/{}.jpg", range(1, 6))
    assert [clip.name for clip in load("lab-tabled", disk.root).clips] == [
        "lab-tabled/01/a",
        "lab-tabled/02/b",
    ]
    text = str(check("lab-tabled", disk.root))
    assert "published: 3 clips, 2 subjects (their page)" in text


def test_its_table_is_told_from_ours(disk, plugin):
    disk.xlsx("lab_faces_v1.xlsx", [HEADER, [1, "a", 2, 3, 4, "disgust"]])
    disk.frames("sub01/a/{}.jpg", range(1, 6))
    with pytest.raises(DatabaseError, match=r"lab-tabled.*casme2"):
        load("casme2", disk.root)


def test_photographs_of_a_package(disk, plugin):
    disk.picture("p1-happy.jpg")
    disk.picture("p2-happy.jpg", value=50)
    assert [still.subject for still in load_stills("lab-stills", disk.root).stills] == [
        "lab-stills/p1",
        "lab-stills/p2",
    ]
    with pytest.raises(DatabaseError, match="not a StillSource"):
        load_stills("lab-function", disk.root)


def test_a_plain_function_of_the_folder_is_enough(disk, plugin):
    assert load("lab-plain", disk.root).clips == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lab-nothing", "neither a Source nor a function"),
        ("lab-other-name", "lab-other-name.*calls itself.*lab-tabled"),
        ("lab-missing", "lab-missing of lab-faces 1.2 cannot be loaded.*lab_faces_of_nobody"),
    ],
)
def test_what_is_wrong_with_a_plug_in_is_said(disk, plugin, name, words):
    with pytest.raises(DatabaseError, match=words):
        load(name, disk.root)
