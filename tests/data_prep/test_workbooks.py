"""Cells are what they are: errors, truth values, dates and uncomputed formulas are never numbers."""

from __future__ import annotations

import datetime
import re
import struct
import time
import zipfile

import openpyxl
import pytest
from openpyxl.styles import Font

from data_prep.databases import DatabaseError, load
from data_prep.databases.errors import Refused
from data_prep.databases.tables import read_table

COLUMNS = {"a": ("a",), "b": ("b", "bee")}
ODD = [
    ("#N/A", "#N/A"),
    (True, "TRUE"),
    (datetime.datetime(2013, 5, 1), "2013-05-01"),
    ("=A1+4", "=A1+4"),
    (2.5, "2.5"),
]


def first(sheet):
    return sheet.rows[0]


def book_of(rows, name="Sheet"):
    book = openpyxl.Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(row)
    return book


@pytest.mark.parametrize(("value", "text"), ODD)
def test_what_is_no_number_is_refused_with_its_address(disk, value, text):
    book = book_of([["a", "b"], [1, value]])
    if text == "#N/A":
        book.active["B2"].data_type = "e"
    book.save(disk / "t.xlsx")
    row = first(read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"]))
    with pytest.raises(Refused, match=r"row 2, column b.*cell B2") as caught:
        row.integer("b")
    assert text in str(caught.value)
    assert row.integer("a") == 1


@pytest.mark.parametrize(
    ("code", "error"), [(0x2A, "#N/A"), (0x17, "#REF!"), (0x0F, "#VALUE!"), (0, "#NULL!")]
)
def test_error_cells_of_the_old_format_are_read_by_their_names(disk, code, error):
    path = disk.xls("t.xls", [["a", "b"], [7, None]])
    data = path.read_bytes()
    cells = [struct.pack("<HHHHHBB", 0x0205, 8, 1, 1, 0, code, 1)]
    truth = struct.pack("<HHHHHBB", 0x0205, 8, 2, 1, 0, 1, 0)
    path.write_bytes(data[:-4] + b"".join(cells) + truth + data[-4:])
    rows = read_table(path, COLUMNS, required=["a", "b"]).rows
    assert [row.get("b") for row in rows] == [error, "TRUE"]
    assert rows[0].integer("a") == 7


def test_a_formula_with_its_value_is_the_value_and_one_that_gives_no_text_is_empty(disk):
    book_of([["a", "b"], [1, "=A2+4"], [2, '=""'], [3, "=A4+4"]]).save(disk / "t.xlsx")
    with zipfile.ZipFile(disk / "t.xlsx") as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    sheet = re.sub(rb"<f>A2\+4</f><v ?/?>(</v>)?", b"<f>A2+4</f><v>5</v>", sheet)
    sheet = re.sub(rb'<c r="B3"><f>""</f><v ?/?>(</v>)?', b'<c r="B3" t="str"><f>""</f><v></v>', sheet)
    parts["xl/worksheets/sheet1.xml"] = sheet
    rows = read_table(disk.zip("u.xlsx", parts), COLUMNS, required=["a", "b"]).rows
    assert [row.get("b") for row in rows[:2]] == ["5", ""]
    assert "formula without a stored value" in rows[2].get("b")


def test_a_hidden_sheet_is_not_read_before_a_visible_one_and_is_named(disk):
    book = book_of([["a", "b"], ["seen", 1]], "new")
    old = book.create_sheet("old", 0)
    old.append(["a", "b"])
    old.append(["unseen", 2])
    old.sheet_state = "hidden"
    book.save(disk / "t.xlsx")
    sheet = read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"])
    assert first(sheet).get("a") == "seen" and "'old'" in sheet.notes[0]
    book["new"].delete_rows(1, 9)
    book.save(disk / "t.xlsx")
    sheet = read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"])
    assert first(sheet).get("a") == "unseen" and "only the hidden sheet 'old'" in sheet.notes[0]


def test_two_visible_sheets_that_differ_are_named_and_equal_or_empty_ones_are_one(disk):
    book = book_of([["a", "b"], ["x", 1]], "one")
    for name, rows in {"two": [["x", 1]], "bare": []}.items():
        page = book.create_sheet(name)
        for row in [["a", "b"], *rows]:
            page.append(row)
    book.save(disk / "t.xlsx")
    assert len(read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"]).rows) == 1
    book["two"].append(["y", 2])
    book.save(disk / "t.xlsx")
    with pytest.raises(DatabaseError, match=r"2 sheets .*'one' and 'two'"):
        read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"])
    assert len(read_table(disk / "t.xlsx", COLUMNS, required=["a"], sheet="two").rows) == 2


def test_a_format_or_a_blank_at_the_last_row_costs_neither_rows_nor_time(disk):
    book = book_of([["a", "b"], ["x", 1]])
    book.active.cell(row=2**20, column=1).font = Font(bold=True)
    book.active.cell(row=2**20 - 5, column=2).value = " "
    book.save(disk / "t.xlsx")
    began = time.process_time()
    assert len(read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"]).rows) == 1
    assert time.process_time() - began < 20


def test_too_many_rows_of_text_are_still_refused(disk):
    book_of([["a", "b"], *[[i, i] for i in range(20_001)]]).save(disk / "t.xlsx")
    with pytest.raises(DatabaseError, match="more than 20000 rows"):
        read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"])


def test_strict_open_xml_reads_as_the_usual_kind(disk):
    book_of([["a", "b"], ["x", 12], ["y", datetime.date(2013, 5, 1)]]).save(disk / "t.xlsx")
    usual = read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"])
    with zipfile.ZipFile(disk / "t.xlsx") as package:
        parts = {name: package.read(name) for name in package.namelist()}
    pattern, strict = rb"http://schemas\.openxmlformats\.org/(\w+)/2006/(?!content|package)", rb"\1"
    named = {
        name: re.sub(pattern, b"http://purl.oclc.org/ooxml/" + strict + b"/", part)
        if name.startswith(
            ("xl/workbook", "xl/worksheets", "xl/sharedStrings", "_rels", "xl/_rels", "xl/styles")
        )
        else part
        for name, part in parts.items()
    }
    assert named != parts
    read = read_table(disk.zip("s.xlsx", named), COLUMNS, required=["a", "b"])
    assert [row.cells for row in read.rows] == [row.cells for row in usual.rows]


def test_locked_workbooks_are_called_locked(disk):
    stream = b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
    disk.at("new.xlsx").write_bytes(stream)
    old = disk.xls("old.xls", [["a"], [1]])
    data = old.read_bytes()
    old.write_bytes(data[:10] + struct.pack("<HHHH", 0x002F, 4, 1, 2) + data[10:])
    for name in ("new.xlsx", "old.xls"):
        with pytest.raises(DatabaseError, match=rf"{name}.*locked with a password"):
            read_table(disk / name, COLUMNS, required=["a"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a,b\n1,2\n", r"text .*\.csv"),
        (b"<html><table>", "web page"),
        (b"", "is empty"),
        (b"\1\2\3", "neither an xlsx"),
    ],
)
def test_what_is_no_spreadsheet_is_called_what_it_is(disk, data, words):
    (disk / "t.xlsx").write_bytes(data)
    with pytest.raises(DatabaseError, match=words):
        read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"])


def test_a_missing_column_is_named_alone(disk):
    disk.xlsx("t.xlsx", [["some text"], ["a", "c", "d"], [1, 2, 3]], sheet="S")
    columns = {**COLUMNS, "c": ("c",), "d": ("d",)}
    with pytest.raises(DatabaseError, match=r"'S', row 2.* b \(b or bee\)$"):
        read_table(disk / "t.xlsx", columns, required=["a", "b", "c", "d"])
    with pytest.raises(DatabaseError, match=r"header.*a \(a\).*b \(b or bee\)"):
        read_table(disk / "t.xlsx", {**COLUMNS, "e": ("e",)}, required=["a", "b", "e"])


def test_two_columns_of_one_name_that_differ_are_refused_and_equal_ones_are_one(disk):
    book_of([["a", "b", "A"], [1, 2, 1], [3, 4, 5]]).save(disk / "t.xlsx")
    with pytest.raises(DatabaseError, match=r"A and C.*'a'.*row 3.*'3'.*'5'"):
        read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"])
    book_of([["a", "b", "A"], [1, 2, 1], [3, 4, 3]]).save(disk / "t.xlsx")
    assert len(read_table(disk / "t.xlsx", COLUMNS, required=["a", "b"]).rows) == 2


def test_folders_of_archivers_and_network_drives_are_no_part_of_a_database(disk):
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, ["01", "EP01", None, 2, 3, 4, None, "4", "fear"]])
    for folder in ("", "__MACOSX/", "@eaDir/", ".AppleDouble/", "#recycle/"):
        disk.frames(f"{folder}sub01/EP01/img{{}}.jpg", range(1, 6))
    disk.frames("sub01/@eaDir/EP01/img{}.jpg", range(1, 6))
    database = load("casme2", disk.root)
    assert len(database.clips) == 1 and not database.set_aside


def test_tree_and_table_may_lie_apart_and_a_tree_in_several_places(disk):
    header = ["Subject", "Filename", "OnsetF", "ApexF1", "OffsetF", "Emotion"]
    rows = [[1, "EP01", 2, 3, 4, "tense"], [8, "EP02", 1, 2, 3, "disgust"]]
    table = disk.xlsx("mine/CASME.xlsx", [header, *rows])
    disk.frames("a,b/A/sub01/EP01/EP01-{}.jpg", range(1, 6))
    disk.frames("elsewhere/B/sub08/EP02/EP02-{}.jpg", range(1, 6))
    places = [disk / "a,b/A", disk / "elsewhere/B", table]
    for given in (places, places[::-1]):
        database = load("casme", given)
        assert [clip.name for clip in database.clips] == ["casme/01/EP01@2", "casme/08/EP02@1"]
        assert not database.set_aside
    assert len(load("casme", f"{disk / 'elsewhere/B'},{table}").clips) == 1
    with pytest.raises(DatabaseError, match="no such folder"):
        load("casme", f"{disk / 'nowhere'},{table}")
    with pytest.raises(DatabaseError, match="2 annotation tables are named"):
        load("casme", [table, table, disk / "elsewhere"])


def test_a_comma_in_the_name_of_a_tree_or_a_table_stays_in_it(disk):
    header = ["Subject", "Filename", "OnsetF", "ApexF1", "OffsetF", "Emotion"]
    table = disk.xlsx("mine, too/CASME, mended.xlsx", [header, [1, "EP01", 2, 3, 4, "tense"]])
    disk.frames("a, b/A/sub01/EP01/EP01-{}.jpg", range(1, 6))
    for given in (f"{disk / 'a, b/A'},{table}", f"{table}, {disk / 'a, b/A'}"):
        assert [clip.name for clip in load("casme", given).clips] == ["casme/01/EP01@2"]


def test_a_near_miss_of_a_clip_name_gets_a_hint(disk):
    rows = [["01", name, None, 2, 3, 4, None, "4", "fear"] for name in ("ep02_01F", "EP3", "EP04")]
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, *rows])
    for clip in ("EP02_01f", "EP03"):
        disk.frames(f"sub01/{clip}/img{{}}.jpg", range(1, 6))
    reasons = {item.clip: item.reason for item in load("casme2", disk.root).set_aside}
    assert "did you mean 'EP02_01f'?" in reasons["casme2/01/ep02_01F"]
    assert "did you mean 'EP03'?" in reasons["casme2/01/EP3"]
    assert "did you mean" not in reasons["casme2/01/EP04"]
