"""Fuzzed tables, pictures and videos: whatever the bytes are, only the declared errors escape."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep.databases import DatabaseError, load
from data_prep.databases.tables import read_table, stream_csv
from data_prep.frames.reading import FrameError, iterate, read_image
from data_prep.frames.timeline import timeline

MANIFEST = ["database", "subject", "clip", "emotion", "fps", "onset", "apex", "offset", "frames"]
COLUMNS = {"a": ("a",), "b": ("b",)}
SHARED = "xl/sharedStrings.xml"
FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def damaged(data: bytes, changes: list[tuple[float, int]], keep: float) -> bytes:
    """The data with single bytes replaced (at a relative place) and its end cut off."""
    out = bytearray(data[: max(1, int(len(data) * keep))])
    for place, value in changes:
        out[int(place * (len(out) - 1))] = value
    return bytes(out)


CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12)
KEEP = st.one_of(st.just(1.0), st.floats(0.01, 1))


def reads_or_refuses(path):
    try:
        sheet = read_table(path, COLUMNS, required=["a"])
    except DatabaseError as error:
        assert str(path) in str(error) and str(error).isprintable()
    else:
        assert all(isinstance(cell, str) for row in sheet.rows for cell in row.cells.values())


@FUZZ
@given(CHANGES, KEEP)
def test_fuzzed_xlsx_packages(disk, good_parts, changes, keep):
    path = disk.zip("t.xlsx", good_parts)
    path.write_bytes(damaged(path.read_bytes(), changes, keep))
    reads_or_refuses(path)


@FUZZ
@given(
    CHANGES,
    KEEP,
    st.sampled_from(["worksheets/sheet1.xml", "workbook.xml", "styles.xml", "sharedStrings.xml"]),
)
def test_fuzzed_parts_of_xlsx(disk, good_parts, changes, keep, part):
    name = f"xl/{part}"
    parts = good_parts | {name: damaged(good_parts[name], changes, keep)}
    reads_or_refuses(disk.zip("t.xlsx", parts))


@FUZZ
@given(CHANGES, KEEP)
def test_fuzzed_xls(disk, changes, keep):
    path = disk.xls("t.xls", [["a", "b"], [1.0, "x"], [2.0, "y"]])
    path.write_bytes(damaged(path.read_bytes(), changes, keep))
    reads_or_refuses(path)


@FUZZ
@given(st.binary(max_size=2000))
def test_fuzzed_ole_files(disk, body):
    path = disk.at("t.xls")
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + body)
    reads_or_refuses(path)


@FUZZ
@given(st.binary(max_size=600))
def test_fuzzed_csv(disk, body):
    path = disk.at("t.csv")
    path.write_bytes(b"a,b\n" + body)
    reads_or_refuses(path)
    try:
        rows = list(stream_csv(path, COLUMNS, required=["a"], at_most=1000))
    except DatabaseError as error:
        assert "t.csv" in str(error)
    else:
        assert all(row.number > 1 for row in rows)


ODD_TEXT = st.text(st.characters(codec="utf-8", exclude_characters='\r\n",\0'), max_size=20)
CELL = st.one_of(
    ODD_TEXT, st.sampled_from(["", "1", "3", "/", "v", "..", "v.avi", "1e9", "999999999", "happy"])
)


@FUZZ
@given(st.lists(st.lists(CELL, min_size=9, max_size=9), max_size=6))
def test_fuzzed_manifest_rows(disk, rows):
    disk.frames("v/{}.jpg", range(1, 4))
    disk.csv("manifest.csv", [MANIFEST, *rows])
    database = load("manifest", disk.root)
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    assert len(database.clips) + len(database.set_aside) == len(filled)
    assert all(item.reason.isprintable() and item.clip.isprintable() for item in database.set_aside)


@FUZZ
@given(
    st.lists(
        st.tuples(
            *[st.one_of(st.none(), st.integers(-5, 10**6), st.floats(), st.text("01EP_/ab.", max_size=8))] * 9
        ),
        max_size=5,
    )
)
def test_fuzzed_casme2_cells(disk, rows):
    disk.xlsx("CASME2-coding-20140508.xlsx", [disk.CASME2, *rows])
    disk.frames("sub01/EP01/img{}.jpg", range(1, 6))
    database = load("casme2", disk.root)
    for item in database.set_aside:
        assert "CASME2-coding-20140508.xlsx" in item.reason and item.reason.isprintable()


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(3)
    frame = cv2.resize(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), (24, 20))
    return {ending: cv2.imencode(ending, frame)[1].tobytes() for ending in (".jpg", ".png", ".bmp")}


@settings(FUZZ, max_examples=200)
@given(st.sampled_from([".jpg", ".png", ".bmp"]), CHANGES, KEEP)
def test_fuzzed_pictures(tmp_path, pictures, ending, changes, keep):
    path = tmp_path / f"a{ending}"
    path.write_bytes(damaged(pictures[ending], changes, keep))
    try:
        frame = read_image(path)
    except FrameError as error:
        assert str(path) in str(error)
    else:
        assert frame.ndim == 3 and frame.shape[2] == 3 and frame.dtype == np.uint8


@settings(FUZZ, max_examples=200)
@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b""]), st.binary(max_size=200))
def test_fuzzed_picture_headers(tmp_path, magic, body):
    path = tmp_path / "a.jpg"
    path.write_bytes(magic + body)
    with pytest.raises(FrameError):
        read_image(path)


@settings(FUZZ, max_examples=40)
@given(st.sampled_from(["avi", "mp4"]), CHANGES, KEEP)
def test_fuzzed_videos(disk, ending, changes, keep):
    path = disk / f"v.{ending}"
    if not path.exists():
        disk.video(path.name, 5, codec={"avi": "MJPG", "mp4": "mp4v"}[ending])
    copy = disk / f"w.{ending}"
    copy.write_bytes(damaged(path.read_bytes(), changes, keep))
    disk.csv("manifest.csv", [MANIFEST, ["mine", "p1", "c1", "happy", "50", "", "", "", copy.name]])
    try:
        timeline(copy)
    except FrameError as error:
        assert str(copy) in str(error)
    for clip in load("manifest", disk.root).clips[:1]:
        try:
            assert all(frame.dtype == np.uint8 for frame in iterate(clip.frames))
        except FrameError as error:
            assert str(copy) in str(error)
