"""Trees and tables of SAMM, CAS(ME)^2, CAS(ME)^3, MMEW, 4DME and DFME, as their loaders document them.

Folders, file names, columns and sheets have the form of the releases; people, counts and contents are made
up, and a video is no longer than its clip. One folder holds one clip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data_prep.simulator.casting import ClipPlan
from data_prep.simulator.layout_sheets import Cell, Place, as_cell, workbook
from data_prep.simulator.seeds import generator

Rows = Sequence[tuple[ClipPlan, Place]]

OBJECTIVE = {
    **{"happiness": "I", "surprise": "II", "anger": "III", "disgust": "IV", "sadness": "V", "fear": "VI"},
    **{"contempt": "VII", "others": "VII"},
}
"""Emotion to objective class; in the releases it follows from the action units."""

MMEW_EMOTIONS = ("anger", "disgust", "fear", "sadness", "surprise", "others", "happiness")
"""In the order of the numbers in clips' names, from 1."""

FILMS = ("disgust", "anger", "happy")
"""Kinds of films that CAS(ME)^2 showed."""

FOURDME_LABELS = ("positive", "negative", "surprise", "repression", "others")


@dataclass(frozen=True)
class Layout:
    """How a release keeps its clips, and its annotation files by name."""

    place: Callable[[ClipPlan, int], Place]
    tables: Callable[[Rows], dict[str, bytes]]


def _onset(plan: ClipPlan, seed: int, low: int, high: int) -> int:
    return int(generator(seed, plan.key, "layout").integers(low, high))


def _numbered(plan: ClipPlan, onset: int, pattern: str) -> tuple[str, ...]:
    return tuple(pattern.format(n) for n in range(onset, onset + plan.frames))


def _span(plan: ClipPlan, place: Place) -> tuple[int, int, int]:
    """Onset, apex and offset as a table has them."""
    return place.onset, place.onset + plan.apex, place.onset + plan.frames - 1


def place_samm(plan: ClipPlan, seed: int) -> Place:
    """`006/006_1_2/006_05562.jpg`, grey."""
    person, onset = f"{plan.person:03d}", _onset(plan, seed, 300, 9000)
    name = f"{person}_{(plan.index - 1) // 7 + 1}_{(plan.index - 1) % 7 + 1}"
    return Place(Path(person) / name, _numbered(plan, onset, f"{person}_{{:05d}}.jpg"), name, onset, True)


def samm_tables(rows: Rows) -> dict[str, bytes]:
    """The header stands below thirteen rows of text."""
    table: list[list[Cell]] = [[f"Simulated: line {n} of the text above the table"] for n in range(1, 14)]
    table.append(
        [
            *("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame"),
            *("Duration", "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"),
        ]
    )
    for plan, place in rows:
        word = "Other" if plan.emotion == "others" else plan.emotion.capitalize()
        cells: list[Cell] = [f"{plan.person:03d}", place.filename, (plan.index - 1) // 7 + 1]
        cells += [*_span(plan, place), plan.frames, "Micro - 1/2", as_cell(plan.combination), word]
        table.append([*cells, OBJECTIVE[plan.emotion], None])
    return {"SAMM_Micro_FACS_Codes_v2.xlsx": workbook(table, title="MICRO_ONLY")}


def place_casme_sq(plan: ClipPlan, seed: int) -> Place:
    """`rawpic/s15/15_0101disgustingteeth/img1.jpg`: each clip is in a film of its own."""
    kind, onset = FILMS[(plan.index - 1) % len(FILMS)], _onset(plan, seed, 1, 900)
    name = f"{plan.person}_{plan.index:02d}01"
    folder = Path("rawpic") / f"s{plan.person}" / f"{name}{kind}film"
    return Place(folder, _numbered(plan, onset, "img{}.jpg"), name, onset)


def casme_sq_tables(rows: Rows) -> dict[str, bytes]:
    """No header; two sheets of rules say in which folder an expression is."""
    people = list(dict.fromkeys(plan.person for plan, _ in rows))
    valence = {"happiness": "positive", "surprise": "surprise", "others": "others"}
    table: list[list[Cell]] = []
    films: dict[int, str] = {}
    for plan, place in rows:
        film = f"{FILMS[(plan.index - 1) % len(FILMS)]}{(plan.index - 1) // len(FILMS) + 1}"
        films[100 * plan.index + 1] = film
        told = (valence.get(plan.emotion, "negative"), "micro-expression", plan.emotion)
        cells: list[Cell] = [people.index(plan.person) + 1, f"{film}_1", *_span(plan, place)]
        table.append([*cells, as_cell(plan.combination), *told])
    rules: dict[str, list[list[Cell]]] = {
        "naming rule1": [[f"s{person}", person, n] for n, person in enumerate(people, start=1)],
        "naming rule2": [[code, film] for code, film in sorted(films.items())],
    }
    return {"CAS(ME)^2code_final.xlsx": workbook(table, title="CASFEcode_final", others=rules)}


def place_casme3(plan: ClipPlan, seed: int) -> Place:
    """`part_A/spNO.1/b/color/175.jpg`."""
    letter, onset = chr(ord("a") + plan.index - 1), _onset(plan, seed, 1, 3000)
    folder = Path("part_A") / f"spNO.{plan.person}" / letter / "color"
    return Place(folder, _numbered(plan, onset, "{}.jpg"), letter, onset)


def casme3_tables(rows: Rows) -> dict[str, bytes]:
    """The sheet is called `label`."""
    words = {"happiness": "happy", "sadness": "sad"}
    table: list[list[Cell]] = [
        ["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"]
    ]
    for plan, place in rows:
        cells: list[Cell] = [f"spNO.{plan.person}", place.filename, *_span(plan, place)]
        word = words.get(plan.emotion, plan.emotion)
        table.append([*cells, as_cell(plan.combination), OBJECTIVE[plan.emotion], word])
    return {"cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx": workbook(table, title="label")}


def place_casme3_c(plan: ClipPlan, seed: int) -> Place:
    """`part_C/01/a/color/12.jpg`: one video a person, here with one clip."""
    onset = _onset(plan, seed, 1, 9000)
    folder = Path("part_C") / f"{plan.person:02d}" / "a" / "color"
    return Place(folder, _numbered(plan, onset, "{}.jpg"), "a", onset)


def casme3_c_tables(rows: Rows) -> dict[str, bytes]:
    """Action units, and no emotion or apex."""
    table: list[list[Cell]] = [["sub", "count", "onset", "offset", "au"]]
    for plan, place in rows:
        onset, _, offset = _span(plan, place)
        units = as_cell(plan.combination.replace("+", ","))
        table.append([plan.person, plan.index, onset, offset, units])
    return {"CAS(ME)3_part_C_ME.xlsx": workbook(table)}


def place_mmew(plan: ClipPlan, seed: int) -> Place:
    """`Micro_Expression/happiness/S13-07-001/1.jpg`: the folder ends with the clip."""
    del seed
    name = f"S{plan.person:02d}-{MMEW_EMOTIONS.index(plan.emotion) + 1:02d}-{plan.index:03d}"
    emotion = "repression" if plan.emotion == "others" else plan.emotion
    return Place(Path("Micro_Expression") / emotion / name, _numbered(plan, 1, "{}.jpg"), name, 1)


def mmew_tables(rows: Rows) -> dict[str, bytes]:
    """What the folders call repression is called others."""
    table: list[list[Cell]] = [
        [
            *("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame"),
            *("Action Units", "Estimated Emotion", "remarks"),
        ]
    ]
    for plan, place in rows:
        cells: list[Cell] = [plan.person, place.filename, *_span(plan, place)]
        table.append([*cells, as_cell(plan.combination), plan.emotion, None])
    return {"MMEW_Micro_Exp.xlsx": workbook(table)}


def place_4dme(plan: ClipPlan, seed: int) -> Place:
    """`gray_micro/S13/S13_1st_001_01_1/12.jpg`, grey."""
    person, onset = f"S{plan.person:02d}", _onset(plan, seed, 1, 500)
    name = f"{person}_1st_{plan.index:03d}_01_1"
    folder = Path("gray_micro") / person / name
    return Place(folder, _numbered(plan, onset, "{}.jpg"), name, onset, True)


def fourdme_tables(rows: Rows) -> dict[str, bytes]:
    """Five columns of 0 and 1, and a last row of sums."""
    marks = [[int(plan.emotion == word) for word in FOURDME_LABELS] for plan, _ in rows]
    table: list[list[Cell]] = [
        [
            *("sub_ID", "fold_name", "fold", "Emotion", "Onset", "Apex", "Offset", "AUs", "eye blink"),
            *(word.capitalize() for word in FOURDME_LABELS),
            "Total",
        ]
    ]
    for (plan, place), mark in zip(rows, marks, strict=True):
        cells: list[Cell] = [plan.person, place.filename, 1, plan.emotion.capitalize(), *_span(plan, place)]
        units = (unit if unit[0] in "LR" else f"AU{unit}" for unit in plan.combination.split("+"))
        table.append([*cells, "+".join(units), 0, *mark, 1])
    sums: list[Cell] = [sum(column) for column in zip(*marks, strict=True)]
    table.append([*[None] * 9, *sums, len(marks)])
    return {"4DME_Labelling_Micro_release v1.xlsx": workbook(table)}


def place_dfme(part: str, plan: ClipPlan, seed: int) -> Place:
    """`DFME_train/sub0003_01/00109.png`: no folders of people."""
    name, onset = f"sub{plan.person:04d}_{plan.index:02d}", _onset(plan, seed, 0, 300)
    return Place(Path(f"DFME_{part}") / name, _numbered(plan, onset, "{:05d}.png"), name, onset)


def dfme_tables(part: str, rows: Rows) -> dict[str, bytes]:
    """The frame rate stands in each row; emotions are numbered from 0 as the release does."""
    words = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
    table: list[list[Cell]] = [
        [
            *("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame"),
            *("Emotion", "EmotionId", "Fps", "AU"),
        ]
    ]
    for plan, place in rows:
        told: list[Cell] = [plan.emotion, words.index(plan.emotion), round(plan.fps)]
        cells: list[Cell] = [f"sub{plan.person:04d}", place.filename, *_span(plan, place)]
        table.append([*cells, *told, as_cell(plan.combination)])
    return {f"{part}_full_with_AU.xlsx": workbook(table)}


def _dfme(folder: str, table: str) -> Layout:
    return Layout(partial(place_dfme, folder), partial(dfme_tables, table))


MODERN: Mapping[str, Layout] = {
    "samm": Layout(place_samm, samm_tables),
    "casme-sq": Layout(place_casme_sq, casme_sq_tables),
    "casme3": Layout(place_casme3, casme3_tables),
    "casme3-c": Layout(place_casme3_c, casme3_c_tables),
    "mmew": Layout(place_mmew, mmew_tables),
    "4dme": Layout(place_4dme, fourdme_tables),
    "dfme": _dfme("train", "training"),
    "dfme-test-a": _dfme("testa", "testA"),
    "dfme-test-b": _dfme("testb", "testB"),
}
"""Database to its layout."""
