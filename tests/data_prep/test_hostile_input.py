"""Broken, huge and malicious files: only the declared errors escape, and nothing outside the root is read."""

from __future__ import annotations

import os
import re
import struct
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.databases import DatabaseError, load, load_stills
from data_prep.databases.check import check
from data_prep.databases.errors import Refused
from data_prep.databases.tables import read_table
from data_prep.frames.reading import FrameError
from data_prep.frames.timeline import timeline
from data_prep.messages import one_line

MANIFEST = ["database", "subject", "clip", "emotion", "fps", "onset", "apex", "offset", "frames"]
COLUMNS = {"a": ("a",), "b": ("b",)}
SHARED = "xl/sharedStrings.xml"


def line(**change):
    row = {"database": "mine", "subject": "p1", "clip": "c1", "emotion": "happy", "fps": "50"}
    row |= {"onset": "", "apex": "", "offset": "", "frames": "v"} | change
    return [row[name] for name in MANIFEST]


def only_reason(database):
    assert not database.clips
    (item,) = database.set_aside
    return item.reason


# ---------------------------------------------------------------- leaving the folder


@pytest.fixture
def secret(tmp_path_factory):
    """A folder of frames beside the database that it must not reach."""
    folder = tmp_path_factory.mktemp("secret")
    for n in range(1, 6):
        cv2.imwrite(str(folder / f"img{n}.jpg"), np.zeros((8, 8, 3), np.uint8))
    return folder


@pytest.mark.parametrize("way", ["up", "absolute", "link", "video link"])
def test_manifest_paths_cannot_leave_the_folder(disk, secret, way):
    frames = {
        "up": f"../{secret.name}",
        "absolute": str(secret),
        "link": "inside/link",
        "video link": "v.avi",
    }[way]
    (disk / "inside").mkdir()
    (disk / "inside/link").symlink_to(secret)
    (disk / "v.avi").symlink_to(secret / "img1.jpg")
    if way == "up":
        frames = os.path.relpath(secret, disk.root)
    disk.csv("manifest.csv", [MANIFEST, line(frames=frames)])
    reason = only_reason(load("manifest", disk.root))
    assert "manifest.csv, row 2, column frames" in reason and "leaves the database folder" in reason


def test_linked_subjects_clips_and_frames_cannot_leave_the_folder(disk, secret):
    rows = [[f"0{i}", "EP01", None, 2, 3, 4, None, "4", "fear"] for i in (1, 2, 3)]
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, *rows])
    disk.frames("sub01/EP01/img{}.jpg", range(1, 6))
    (disk / "sub01/EP01/img3.jpg").unlink()
    (disk / "sub01/EP01/img3.jpg").symlink_to(secret / "img3.jpg")
    (disk / "sub02").mkdir()
    (disk / "sub02/EP01").symlink_to(secret)
    (disk / "sub03").symlink_to(secret.parent)
    database = load("casme2", disk.root)
    assert not database.clips
    text = " | ".join(item.reason for item in database.set_aside)
    assert text.count("leaves the database folder") == 3
    assert "missing (3); 'img3.jpg' is a link" in text
    assert str(secret) not in "".join(item.clip for item in database.set_aside)


def test_links_that_stay_inside_are_followed(disk):
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, ["01", "EP01", None, 2, 3, 4, None, "4", "fear"]])
    disk.frames("store/EP01/img{}.jpg", range(1, 6))
    (disk / "CASME2-RAW/sub01").mkdir(parents=True)
    (disk / "CASME2-RAW/sub01/EP01").symlink_to(disk / "store/EP01")
    assert len(load("casme2", disk.root).clips) == 1


def test_link_loops_end(disk):
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, ["01", "EP01", None, 2, 3, 4, None, "4", "fear"]])
    disk.frames("tree/sub01/EP01/img{}.jpg", range(1, 6))
    (disk / "tree/up").symlink_to(disk.root)
    (disk / "tree/self").symlink_to("self")
    (disk / "tree/sub01/back").symlink_to(disk / "tree")
    database = load("casme2", disk.root)
    assert [clip.name for clip in database.clips] == ["casme2/01/EP01"]
    disk.picture("faces/AF01ANS.JPG")
    (disk / "faces/loop").symlink_to(disk / "faces")
    assert len(load_stills("kdef", disk / "faces").stills) == 1


def test_photograph_mapping_cannot_leave_the_folder(disk, secret):
    (disk / "link.jpg").symlink_to(secret / "img1.jpg")
    paths = [str(secret / "img1.jpg"), "link.jpg", os.path.relpath(secret / "img1.jpg", disk.root)]
    disk.csv("mapping.csv", [["path", "subject", "emotion"], *[[path, "p1", "sad"] for path in paths]])
    database = load_stills("mmi", disk.root)
    assert not database.stills
    assert all("leaves the database folder" in item.reason for item in database.set_aside)


def test_a_table_row_names_a_folder_and_never_a_path(disk, secret):
    rows = [
        ["01", name, None, 2, 3, 4, None, "4", "fear"] for name in (f"../../{secret.name}", str(secret), "..")
    ]
    disk.xlsx("db/CASME2-coding-20140508.xlsx", [disk.CASME2, *rows])
    disk.frames("db/sub01/EP01/img{}.jpg", range(1, 6))
    database = load("casme2", disk / "db")
    assert not database.clips
    assert (
        sum(
            "Filename" in item.reason and "is refused: a name is" in item.reason
            for item in database.set_aside
        )
        == 3
    )


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "../p1",
        "p1\\b",
        "<script>alert(1)</script>",
        "p1\x1b[2J",
        "p1\u202e",
        "'p1",
        ".p1",
        "p" * 81,
        "p\0",
        "=",
    ],
)
@pytest.mark.parametrize("column", ["database", "subject", "clip"])
def test_names_that_could_do_harm_are_refused(disk, name, column):
    disk.frames("v/{}.jpg", range(1, 4))
    disk.csv("manifest.csv", [MANIFEST, line(**{column: name})])
    reason = only_reason(load("manifest", disk.root))
    assert f"row 2: {column} " in reason and "is refused: a name is letters, digits" in reason
    assert reason.isprintable()


def test_a_newline_in_a_quoted_name_is_refused_and_reports_stay_on_their_lines(disk):
    disk.frames("v/{}.jpg", range(1, 4))
    path = disk.csv("manifest.csv", [MANIFEST])
    path.write_text(path.read_text() + 'mine,"p1\n  published: 1",c1,happy,50,,,,v\n')
    report = check("manifest", disk.root)
    assert report.usable == 0 and "'p1\\n  published: 1' is refused" in str(report)
    assert not any(text.startswith("  published: 1") for text in str(report).splitlines())


def test_folders_with_strange_names_are_reported_on_one_line(disk):
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, ["01", "EP01", None, 1, 2, 3, None, "4", "fear"]])
    disk.frames("sub01/EP01/img{}.jpg", range(1, 4))
    disk.frames("sub01/EP\n<b>02/img{}.jpg", range(1, 4))
    Path(os.fsdecode(os.fsencode(disk / "sub01") + b"/EP\xff")).mkdir()
    report = check("casme2", disk.root)
    assert report.usable == 1 and len(report.set_aside) == 2
    assert all(text.isprintable() for text in report.lines())
    assert any(r"EP\n<b>02" in item.clip for item in report.set_aside)
    assert any("not UTF-8" in item.reason for item in report.set_aside)


@given(st.text(max_size=60))
def test_one_line_is_one_printable_line(text):
    assert one_line(text).isprintable()
    if text.isprintable():
        assert one_line(text) == text


# ---------------------------------------------------------------- size


@pytest.mark.slow
def test_a_manifest_of_a_million_rows_is_refused_in_little_memory(disk):
    path = disk.csv("manifest.csv", [MANIFEST])
    with path.open("ab") as file:
        file.write(b"mine,p1,c1,happy,50,1,2,3,v\n" * 10**6)
    tracemalloc.start()
    try:
        with pytest.raises(DatabaseError, match=r"manifest\.csv.*100000 rows"):
            load("manifest", disk.root)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_line_without_end_and_a_field_without_end(disk):
    path = disk.csv("manifest.csv", [MANIFEST])
    path.write_bytes(path.read_bytes() + b"a" * 10**7)
    with pytest.raises(DatabaseError, match=r"line.*65536"):
        load("manifest", disk.root)
    path.write_bytes((",".join(MANIFEST) + "\n").encode() + b'"open quote\n' + b"a,b\n" * 10**5)
    with pytest.raises(DatabaseError, match="not a readable CSV file"):
        load("manifest", disk.root)


def test_a_sparse_csv_of_a_terabyte_is_refused_by_its_size(disk):
    with (disk / "manifest.csv").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(DatabaseError, match="larger than 268435456 bytes"):
        load("manifest", disk.root)


def test_shared_texts_are_read(disk, good_parts):
    sheet = read_table(disk.zip("t.xlsx", good_parts), COLUMNS, required=["a"])
    assert [(row.get("a"), row.get("b")) for row in sheet.rows] == [("1", "x"), ("2", ""), ("3.5", "y")]
    assert [row.number for row in sheet.rows] == [2, 3, 4]


def test_an_xlsx_bomb_is_refused_before_it_is_unpacked(disk, good_parts):
    parts = good_parts | {"xl/media/bomb.bin": bytes(2**26)}
    with pytest.raises(DatabaseError, match=r"parts.* 67\d+ bytes.*1000"):
        read_table(disk.zip("t.xlsx", parts), COLUMNS, required=["a"])
    parts = good_parts | {f"xl/{i}.xml": b"" for i in range(1001)}
    with pytest.raises(DatabaseError, match="at most 1000 parts"):
        read_table(disk.zip("t.xlsx", parts), COLUMNS, required=["a"])


def test_xml_entities_are_refused(disk, good_parts):
    name = "xl/worksheets/sheet1.xml"
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    for text in (laughs + good_parts[name], good_parts[name].decode().encode("utf-16")):
        with pytest.raises(DatabaseError, match=r"XML entities.*UTF-8"):
            read_table(disk.zip("t.xlsx", good_parts | {name: text}), COLUMNS, required=["a"])


@pytest.mark.parametrize("where", ["A1048577", "A999999999", "XFD1048576", "ZZZZZZ9"])
def test_cells_at_absurd_places(disk, good_parts, where):
    name = "xl/worksheets/sheet1.xml"
    row = "".join(c for c in where if c.isdigit())
    cell = f'<row r="{row}"><c r="{where}"><v>1</v></c></row></sheetData>'.encode()
    text = good_parts[name].replace(b"</sheetData>", cell)
    assert text != good_parts[name]
    try:
        sheet = read_table(disk.zip("t.xlsx", good_parts | {name: text}), COLUMNS, required=["a"])
    except DatabaseError:
        return
    assert len(sheet.rows) <= 4


def test_tables_with_too_many_rows_and_with_wrong_contents(disk):
    rows = disk.csv("t.csv", [["a", "b"], *[["1", "2"]] * 20_001])
    with pytest.raises(DatabaseError, match="more than 20000 rows"):
        read_table(rows, COLUMNS, required=["a"])
    contents = {
        "t.xlsx": b"PK\x03\x04 not a package",
        "t.xls": b"\xd0\xcf\x11\xe0" + bytes(600),
        "u.xlsx": b"<html>",
    }
    for name, content in contents.items():
        disk.at(name).write_bytes(content)
        with pytest.raises(DatabaseError, match=rf"{name}: (a damaged|a web page)"):
            read_table(disk / name, COLUMNS, required=["a"])
    os.mkfifo(disk / "pipe.xlsx")
    with pytest.raises(DatabaseError, match="not a file"):
        read_table(disk / "pipe.xlsx", COLUMNS, required=["a"])


def test_a_formula_is_a_text_and_is_not_computed(disk):
    path = disk.xlsx("t.xlsx", [["a", "b"], ["=1+1", '=HYPERLINK("http://localhost")'], ["x", None]])
    sheet = read_table(path, COLUMNS, required=["a"])
    assert [row.get("a")[:5] for row in sheet.rows] == ["=1+1 ", "x"]
    with pytest.raises(Refused, match="formula without a stored value"):
        sheet.rows[0].integer("a")


def test_only_video_containers_reach_the_video_decoder(tmp_path, monkeypatch):
    """A play list may name other files and network addresses."""
    monkeypatch.setattr("data_prep.frames.video_files.av.open", lambda *_, **__: pytest.fail("opened"))
    (tmp_path / "list.avi").write_text("#EXTM3U\n#EXTINF:1,\nhttp://localhost/frame.ts\n")
    (tmp_path / "join.mp4").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    for path in (tmp_path / "list.avi", tmp_path / "join.mp4"):
        with pytest.raises(FrameError, match="does not begin as"):
            timeline(path)
    with pytest.raises(FrameError, match="no such file"):
        timeline("http://localhost/v.avi")


def test_a_video_header_of_256_million_pixels_is_refused_before_decoding(disk):
    path = disk.video("v.avi", 3)
    data = bytearray(path.read_bytes())
    for chunk, offset in ((b"avih", 40), (b"strf", 12)):
        struct.pack_into("<II", data, data.index(chunk) + offset, 16_000, 16_000)
    for frame in re.finditer(rb"\xff\xc0", bytes(data)):
        struct.pack_into(">HH", data, frame.start() + 5, 16_000, 16_000)
    path.write_bytes(bytes(data))
    with pytest.raises(FrameError, match=r"v\.avi.*16000x16000.*most"):
        timeline(path)


def test_a_folder_that_is_no_database_is_given_up(disk, monkeypatch):
    monkeypatch.setattr("data_prep.databases.trees.MAX_FOLDERS", 20)
    for i in range(30):
        (disk / f"a/b{i}").mkdir(parents=True)
    for give_up in (lambda: load("smic", disk.root), lambda: load_stills("rafd", disk.root)):
        with pytest.raises(DatabaseError, match=r"20 folders.*database itself"):
            give_up()
