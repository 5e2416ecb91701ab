"""Where the official releases keep their clips, and their annotation tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from data_prep.simulator.casting import ClipPlan
from data_prep.simulator.layout_sheets import Cell, Place, as_cell, workbook
from data_prep.simulator.modern import MODERN
from data_prep.simulator.seeds import generator


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
    **{name: layout.place for name, layout in MODERN.items()},
}
"""Database to the function that places its clips."""


def annotation_tables(database: str, plans: Sequence[ClipPlan], seed: int) -> dict[str, bytes]:
    """Annotation files of a database by their names; SMIC needs none."""
    rows = [(plan, PLACES[database](plan, seed)) for plan in plans]
    if database == "casme":
        return {"CASME.xlsx": workbook(_casme_table(rows))}
    if database == "casme2":
        return {"CASME2-coding-20140508.xlsx": workbook(_casme2_table(rows), extra_sheets=2)}
    return MODERN[database].tables(rows) if database in MODERN else {}


def _casme_table(rows: Sequence[tuple[ClipPlan, Place]]) -> list[list[Cell]]:
    table: list[list[Cell]] = [
        ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion"]
    ]
    for plan, place in rows:
        apex, offset = place.onset + plan.apex, place.onset + plan.frames - 1
        units = as_cell(plan.combination)
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
        units = as_cell(plan.combination)
        table.append(
            [f"{plan.person:02d}", place.filename, None, place.onset, apex, offset, None, units, plan.emotion]
        )
    return table
