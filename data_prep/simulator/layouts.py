"""Where the official releases keep their clips, and their annotation tables."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import openpyxl

from data_prep.simulator.casting import ClipPlan
from data_prep.simulator.seeds import generator

Cell = str | int | None


@dataclass(frozen=True)
class Place:
    """Where one clip lies: folder relative to its database's root, frame names, its name and onset.

    onset is the number of the first frame as the annotation counts.
    """

    folder: Path
    files: tuple[str, ...]
    filename: str
    onset: int


def place_casme(plan: ClipPlan, seed: int) -> Place:
    """`Section A/sub01/EP03_2/EP03_2-72.jpg`; Section B pads the frame number to three digits."""
    rng = generator(seed, plan.key, "layout")
    filename = f"EP{int(rng.integers(1, 18)):02d}_{plan.index}"
    onset = int(rng.integers(5, 180))
    section = "Section A" if plan.person <= 7 else "Section B"
    digits = 0 if section == "Section A" else 3
    files = tuple(f"{filename}-{n:0{digits}d}.jpg" for n in range(onset, onset + plan.frames))
    return Place(
        Path("CASME_A" if digits == 0 else "CASME_B") / section / f"sub{plan.person:02d}" / filename,
        files,
        filename,
        onset,
    )


def place_casme2(plan: ClipPlan, seed: int) -> Place:
    """`CASME2_RAW_selected/sub01/EP02_01f/img46.jpg`."""
    rng = generator(seed, plan.key, "layout")
    filename = f"EP{int(rng.integers(1, 20)):02d}_{plan.index:02d}{'f' if rng.random() < 0.5 else ''}"
    onset = int(rng.integers(20, 300))
    files = tuple(f"img{n}.jpg" for n in range(onset, onset + plan.frames))
    return Place(Path("CASME2_RAW_selected") / f"sub{plan.person:02d}" / filename, files, filename, onset)


def place_smic(plan: ClipPlan, seed: int) -> Place:
    """`SMIC_all_raw/HS/s1/micro/negative/s1_ne_01/image017581.bmp`: the folder gives the label."""
    rng = generator(seed, plan.key, "layout")
    short = {"negative": "ne", "positive": "po", "surprise": "sur"}[plan.emotion]
    filename = f"s{plan.person}_{short}_{plan.index:02d}"
    onset = int(rng.integers(1000, 200_000))
    files = tuple(f"image{n:06d}.bmp" for n in range(onset, onset + plan.frames))
    folder = Path("SMIC_all_raw") / "HS" / f"s{plan.person}" / "micro" / plan.emotion / filename
    return Place(folder, files, filename, onset)


PLACES: dict[str, Callable[[ClipPlan, int], Place]] = {
    "casme": place_casme,
    "casme2": place_casme2,
    "smic": place_smic,
}
"""Database to the function that places its clips."""


def annotation_tables(database: str, plans: Sequence[ClipPlan], seed: int) -> dict[str, bytes]:
    """Annotation files of a database by their names; SMIC needs none."""
    rows = [(plan, PLACES[database](plan, seed)) for plan in plans]
    if database == "casme":
        return {"CASME.xlsx": _workbook(_casme_table(rows))}
    if database == "casme2":
        return {"CASME2-coding-20140508.xlsx": _workbook(_casme2_table(rows), extra_sheets=2)}
    return {}


def _casme_table(rows: Sequence[tuple[ClipPlan, Place]]) -> list[list[Cell]]:
    table: list[list[Cell]] = [
        ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion"]
    ]
    for plan, place in rows:
        apex, offset = place.onset + plan.apex, place.onset + plan.frames - 1
        units = _as_cell(plan.combination)
        table.append(
            [plan.person, place.filename, None, place.onset, apex, 0, offset, None, units, plan.emotion]
        )
    return table


def _casme2_table(rows: Sequence[tuple[ClipPlan, Place]]) -> list[list[Cell]]:
    head = [
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
    table: list[list[Cell]] = [list(head)]
    for plan, place in rows:
        apex, offset = place.onset + plan.apex, place.onset + plan.frames - 1
        units = _as_cell(plan.combination)
        table.append(
            [f"{plan.person:02d}", place.filename, None, place.onset, apex, offset, None, units, plan.emotion]
        )
    return table


def _as_cell(combination: str) -> Cell:
    """A single two-sided unit is a number in the official tables, everything else text."""
    return int(combination) if combination.isdigit() else combination


def _workbook(table: Sequence[Sequence[Cell]], *, extra_sheets: int = 0) -> bytes:
    """An xlsx file whose bytes depend on the table alone."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    for row in table:
        sheet.append(list(row))
    for number in range(extra_sheets):
        book.create_sheet(f"Sheet{number + 2}")
    raw = io.BytesIO()
    book.save(raw)
    return _without_times(raw.getvalue())


def _without_times(xlsx: bytes) -> bytes:
    """The same xlsx without the times of writing, so that equal seeds give equal bytes."""
    stamp = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = stamp.sub(rb"\g<1>2014-05-08T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name, (2014, 5, 8, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
