"""Shared by the tests of data_prep: a small disk on which a test lays out a database."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpyxl
import pytest

from data_prep import examine, prepare
from data_prep.clips import Clip, Clips, Database
from data_prep.frames.sources import ImageFrames
from data_prep.landmarks import MEAN_SHAPE

Cell = str | int | float | None


@dataclass
class Disk:
    """A temporary folder; every method takes a path below it and returns the full path."""

    root: Path
    CASME2 = (
        *("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame"),
        *(None, "Action Units", "Emotion"),
    )
    """The columns of CASME II's table; the third and the seventh have no name."""

    def __truediv__(self, path: str) -> Path:
        return self.root / path

    def at(self, path: str) -> Path:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        return full

    def picture(self, path: str, value: int = 90, size: tuple[int, int] = (12, 16)) -> Path:
        """A real picture of (height, width) pixels, in the format of its ending."""
        full = self.at(path)
        ok, data = cv2.imencode(full.suffix.lower(), np.full((*size, 3), value, np.uint8))
        assert ok
        full.write_bytes(data.tobytes())
        return full

    def frames(self, pattern: str, numbers: Iterable[int], size: tuple[int, int] = (12, 16)) -> None:
        """Real pictures at `pattern.format(n)`, all of them the same."""
        numbers = list(numbers)
        first = self.picture(pattern.format(numbers[0]), size=size).read_bytes()
        for n in numbers[1:]:
            self.at(pattern.format(n)).write_bytes(first)

    def video(self, path: str, n: int, size: tuple[int, int] = (48, 64), codec: str = "MJPG") -> Path:
        """A video whose frame i is grey with value 10 + 10 i."""
        full = self.at(path)
        writer = cv2.VideoWriter(str(full), cv2.VideoWriter_fourcc(*codec), 200.0, size[::-1])
        for i in range(n):
            writer.write(np.full((*size, 3), 10 + 10 * i, np.uint8))
        writer.release()
        return full

    def xlsx(
        self, path: str, rows: Sequence[Sequence[Cell]], *, sheet: str = "Sheet1", **more: object
    ) -> Path:
        """A workbook with this sheet first; `more`: further sheets by name, as rows."""
        full = self.at(path)
        book = openpyxl.Workbook()
        book.active.title = sheet
        for row in rows:
            book.active.append(list(row))
        for name, other in more.items():
            page = book.create_sheet(name)
            for row in other:  # type: ignore[attr-defined]
                page.append(list(row))
        book.save(full)
        return full

    def xls(self, path: str, rows: Sequence[Sequence[Cell]]) -> Path:
        """A worksheet in Excel's old binary format (BIFF4 stream: BOF, NUMBER, LABEL, EOF)."""
        full = self.at(path)
        records = [struct.pack("<HHHHH", 0x0409, 6, 0x0400, 0x0010, 0)]
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                if isinstance(cell, str):
                    text = cell.encode("latin-1")
                    records.append(struct.pack("<HHHHHH", 0x0204, 8 + len(text), i, j, 0, len(text)) + text)
                elif cell is not None:
                    records.append(struct.pack("<HHHHHd", 0x0203, 14, i, j, 0, float(cell)))
        full.write_bytes(b"".join([*records, struct.pack("<HH", 0x000A, 0)]))
        return full

    def csv(self, path: str, rows: Sequence[Sequence[Cell]], *, delimiter: str = ",") -> Path:
        """A plain CSV without quoting."""
        full = self.at(path)
        lines = [delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows]
        full.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return full

    def zip(self, path: str, parts: Mapping[str, bytes]) -> Path:
        """A zip archive, which is what an xlsx file is."""
        full = self.at(path)
        with zipfile.ZipFile(full, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in parts.items():
                package.writestr(name, content)
        return full


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.fixture(scope="session")
def disk_at() -> type[Disk]:
    """For fixtures that several tests share."""
    return Disk


def parts_of(rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    raw = io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as package:
        return {name: package.read(name) for name in package.namelist()}


@pytest.fixture(scope="session")
def good_parts():
    """A workbook whose texts lie in a shared table, as spreadsheet programmes write them."""
    parts = parts_of([["a", "b"], [1, "x"], ["2", None], [3.5, "y"]])
    if "xl/sharedStrings.xml" in parts:
        return parts
    sheet = "xl/worksheets/sheet1.xml"
    texts = re.findall(rb"<is><t>(.*?)</t></is>", parts[sheet])
    for i, text in enumerate(texts):
        old = b't="inlineStr"><is><t>' + text + b"</t></is>"
        parts[sheet] = parts[sheet].replace(old, b't="s"><v>%d</v>' % i)
    items = b"".join(b"<si><t>" + text + b"</t></si>" for text in texts)
    parts["xl/sharedStrings.xml"] = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' + items + b"</sst>"
    )
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"</Types>", b'<Override PartName="/xl/sharedStrings.xml" ContentType="' + kind + b'" /></Types>'
    )
    return parts


@dataclass
class World:
    """A small database on disk, and the calls under test with their log."""

    root: Path
    cache: Path
    lines: list[str]

    def database(self, n: int = 4) -> Database:
        clips = tuple(write_clip(self.root, i) for i in range(n))
        return Database(name="toy", root=str(self.root), clips=clips)

    @staticmethod
    def face_points(height: int, width: int) -> np.ndarray:
        """Landmarks of a face in the middle of a frame of this size."""
        return np.asarray(MEAN_SHAPE) * (0.6 * width, 0.55 * height) + (0.2 * width, 0.3 * height)

    def write_clip(self, i: int, n: int | None = None) -> Clip:
        return write_clip(self.root, i, n)

    @property
    def place(self) -> prepare.Place:
        """Two clips side by side into this world's cache; lines are kept."""
        return prepare.Place(self.cache, 2, self.lines.append)

    def plan(self, database: Database, landmarks: str = "file", **more: object) -> prepare.DataPlan:
        return prepare.plan_data([database], self.place, landmarks=landmarks, **more)  # type: ignore[arg-type]

    def prepared(self, plan: prepare.DataPlan, tim: int = 6, size: tuple[int, int] = (48, 40)) -> Clips:
        return prepare.prepared(plan, self.place, tim=tim, size=size)


def write_clip(root: Path, i: int, n: int | None = None) -> Clip:
    n = n or 5 + i
    folder = root / f"sub{i % 2:02d}" / f"EP{i:02d}"
    if not folder.exists():
        folder.mkdir(parents=True)
        rng = np.random.default_rng(i)
        base = cv2.resize(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8), (128, 96))
        for k in range(n):
            frame = np.clip(base.astype(int) + rng.integers(-3, 4, base.shape) + k, 0, 255)
            cv2.imwrite(str(folder / f"img{k + 1}.png"), frame.astype(np.uint8))
        points = World.face_points(96, 128).round(2).tolist()
        (folder / "landmarks.json").write_text(json.dumps({"points": points, "frame": "img1.png"}))
    return Clip(
        database="toy",
        subject=f"toy/sub{i % 2:02d}",
        name=f"toy/sub{i % 2:02d}/EP{i:02d}",
        emotion="happiness",
        label=i % 4,
        fps=100.0,
        onset=1,
        apex=2,
        offset=n,
        frames=ImageFrames(tuple(str(folder / f"img{k + 1}.png") for k in range(n))),
        annotations=str(folder / "landmarks.json"),
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "data", tmp_path / "cache", [])


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """First path of every source that is decoded."""
    seen: list[str] = []
    original = examine.iterate

    def counting(source: ImageFrames, *others: Any, **named: Any) -> object:
        seen.append(source.paths[0])
        return original(source, *others, **named)

    monkeypatch.setattr(examine, "iterate", counting)
    return seen
