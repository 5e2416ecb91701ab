"""CAS(ME)^2 (Qu et al. 2018): 30 fps, micro- and macro-expressions in long videos; the micro ones are read.

Tree: `rawpic/s15/15_0101disgustingteeth/img1.jpg`. Table: CAS(ME)^2code_final.xlsx, whose first sheet has no
header: subject number, expression (`anger1_1`: what stands before "_" is the film), onset, apex, offset,
action units, valence, type, self-reported emotion. Its sheets "naming rule1" (folder, prefix, subject number)
and "naming rule2" (four-digit code, film) say in which folder an expression is. An offset 0 means that the
apex is the end, an apex 0 that there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.databases.emotions import CLASS_OF
from data_prep.databases.errors import DatabaseError
from data_prep.databases.source import Published
from data_prep.databases.tabled import Release
from data_prep.databases.tables import Row, Sheet
from data_prep.databases.workbooks import Page, pages_of

CELLS = {
    **{"Person": 0, "Expression": 1, "Onset": 2, "Apex": 3, "Offset": 4},
    **{"Units": 5, "Valence": 6, "Type": 7, "Emotion": 8},
}
_FOLDER = re.compile(r"s?0*(\d{1,3})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Squared(Release):
    """A release whose table has no header and whose folders are named by rules on sheets of their own."""

    def sheet(self, table: Path) -> Sheet:
        """The rows of the micro-expressions as other tables write them.

        Raises
        ------
        DatabaseError
            For a workbook that is not as the release has it.
        """
        pages = pages_of(table)
        first = next((page for page in pages if "rule" not in page.name.lower()), None)
        people = _rule(table, pages, "rule1", key=2)
        films = _rule(table, pages, "rule2", key=1)
        if first is None:
            raise DatabaseError(f"{table}: has no sheet of expressions")
        rows = [_row(table.name, first.name, number, line, people, films) for number, line in first.lines]
        micro = tuple(row for row in rows if row.get("Type").lower().startswith("micro"))
        others = len(rows) - len(micro)
        notes = (f"{table.name}: {others} rows are no micro-expressions and were not read",) if others else ()
        return Sheet(table.name, first.name, tuple(CELLS), micro, notes)


def _rule(table: Path, pages: Sequence[Page], name: str, *, key: int) -> dict[str, tuple[str, ...]]:
    """Rows of a sheet of names by the cell that the expressions refer to."""
    page = next((page for page in pages if name in page.name.lower().replace(" ", "")), None)
    if page is None:
        raise DatabaseError(f"{table}: has no sheet 'naming {name}', which says in which folder a clip is")
    return {
        line[key].strip().lower(): line for _, line in page.lines if len(line) > key and line[key].strip()
    }


def _row(
    table: str,
    sheet: str,
    number: int,
    line: Sequence[str],
    people: Mapping[str, Sequence[str]],
    films: Mapping[str, Sequence[str]],
) -> Row:
    cells = {name: line[place] for name, place in CELLS.items() if place < len(line)}
    person = people.get(cells.get("Person", "").strip().lower())
    film = films.get(cells.get("Expression", "").strip().lower().partition("_")[0])
    folder = _FOLDER.fullmatch(person[0].strip()) if person else None
    if folder and person and film:
        cells["Subject"] = folder[1]
        cells["Filename"] = f"{person[1].strip()}_{film[0].strip():0>4}"
    if cells.get("Offset", "").strip() == "0":
        cells["Offset"] = cells.get("Apex", "")
    if cells.get("Apex", "").strip() == "0":
        cells["Apex"] = ""
    return Row(table, sheet, number, cells, CELLS)


def emotion_of(row: Row) -> tuple[str, tuple[str, ...]]:
    """The self-reported emotion, "others" for a word of none; the valence where nothing is reported."""
    word = (row.get("Emotion") or row.get("Valence")).lower()
    return word if word in CLASS_OF else "others", ()


SOURCE = Squared(
    name="casme-sq",
    fps=30.0,
    subject_folder=re.compile(r"s0*(\d{1,3})", re.IGNORECASE),
    subject=lambda number: f"s{number:02d}",
    tables_hint="CAS(ME)^2code_final.xlsx",
    tree_hint="rawpic with s15, s16, ... and 15_0101disgustingteeth/img1.jpg in them",
    table=re.compile(r"cas ?\(me\) ?\^?2 ?code[^/]*\.xlsx?"),
    onset_in_name=True,
    folder_key=lambda name: name[:7],
    emotion_of=emotion_of,
    published=Published(
        source="CAS(ME)^2code_final.xlsx",
        total=57,
        people=(15, 16, *range(19, 28), *range(29, 39), 40),
    ),
)
"""Clips are named `casme-sq/s15/15_0101@73`."""
