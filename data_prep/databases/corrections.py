"""A user's own corrections of an official table: applied by key, never by row number, and reported.

A CSV with the columns subject, file, onset, column, value: the cell `column` (Onset, Apex, Offset, Emotion)
of the row of that subject, file name and onset is read as `value`; with "leave out" as the column the row
is not used. `onset` is the table's own and may be empty where the file name is there once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data_prep.databases.alike import alike
from data_prep.databases.errors import DatabaseError, one_line, shown
from data_prep.databases.tables import Columns, Row, Sheet, read_table

FILE = "corrections.csv"
LEAVE_OUT = "leave out"
CORRECTED = ("Onset", "Apex", "Offset", "Emotion")
COLUMNS: Columns = {
    "Subject": ("subject",),
    "Filename": ("file", "filename", "clip"),
    "Onset": ("onset",),
    "Column": ("column",),
    "Value": ("value",),
}


@dataclass(frozen=True)
class Correction:
    """One line: which row is meant, and what it should say.

    Attributes
    ----------
    column
        A name of CORRECTED or LEAVE_OUT.
    """

    where: str
    subject: str
    file: str
    onset: str
    column: str
    value: str

    def fits(self, row: Row) -> bool:
        """Is this row meant? Names are compared as a person reads them."""
        mine = (alike(self.subject), alike(self.file))
        return mine == (alike(row.get("Subject")), alike(row.get("Filename"))) and (
            not self.onset or self.onset == row.get("Onset")
        )

    def __str__(self) -> str:
        at = f" @{self.onset}" if self.onset else ""
        return f"{self.where}: {shown(self.subject)} {shown(self.file)}{at}"


def read_corrections(path: Path) -> tuple[Correction, ...]:
    """The lines of a corrections CSV.

    Raises
    ------
    DatabaseError
        For one that is not understood.
    """
    found = []
    known = {alike(name): name for name in (*CORRECTED, LEAVE_OUT)}
    for row in read_table(path, COLUMNS, required=("Subject", "Filename", "Column")).rows:
        column = known.get(alike(row.get("Column")))
        if column is None:
            raise DatabaseError(
                f"{row}, column column: {shown(row.get('Column'))} is none of {list(known.values())}"
            )
        if column != LEAVE_OUT and not row.get("Value"):
            raise DatabaseError(f"{row}, column value: nothing stands there for {column}")
        subject, file, onset = (row.get(name) for name in ("Subject", "Filename", "Onset"))
        found.append(Correction(str(row), subject, file, onset, column, row.get("Value")))
    return tuple(found)


def corrected(sheet: Sheet, corrections: Sequence[Correction]) -> tuple[Sheet, tuple[Row, ...]]:
    """(the sheet as corrected, the rows that are left out); `notes` tell of each correction.

    A correction that fits no row, or several rows, changes nothing and is named.
    """
    changes: dict[int, dict[str, str]] = {}
    left_out: set[int] = set()
    notes: list[str] = []
    for each in corrections:
        rows = [row for row in sheet.rows if each.fits(row)]
        if len(rows) != 1:
            notes.append(f"{each}: fits {len(rows)} rows of {sheet.table}; nothing was corrected")
        elif each.column == LEAVE_OUT:
            left_out.add(rows[0].number)
            notes.append(f"{each}: left out")
        else:
            changes.setdefault(rows[0].number, {})[each.column] = each.value
            notes.append(
                f"{each}: {each.column} {shown(rows[0].get(each.column))} is read as {shown(each.value)}"
            )
    kept = tuple(
        replace(row, cells={**row.cells, **changes.get(row.number, {})})
        for row in sheet.rows
        if row.number not in left_out
    )
    gone = tuple(row for row in sheet.rows if row.number in left_out)
    return replace(sheet, rows=kept, notes=(*sheet.notes, *map(one_line, notes))), gone
