"""Labels of flow images that lie flat: from a table beside them."""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath

from data_prep.databases.emotions import CLASS_OF
from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.flow_images.names import Name, from_columns
from data_prep.flow_images.pictures import Entry
from data_prep.tasks import UNION

_COLUMNS = 4


def word_of(label: str) -> str | None:
    """The emotion word of a label: MEGC2019's 0, 1, 2, or a word that the annotations know."""
    text = label.strip().lower()
    if text.isdecimal():
        return UNION[int(text)] if int(text) < len(UNION) else None
    return text if text in CLASS_OF else None


def labels_in(table: Entry) -> dict[Name, str] | None:
    """Clip -> emotion word from a table of lines database,subject,clip,label; None if it is no such table.

    A header line and empty lines are allowed.

    Raises
    ------
    DatabaseError
        For a line that breaks the pattern after lines that kept it, and for a clip with two labels.
    """
    found: dict[Name, str] = {}
    for number, line in _lines(table):
        word = word_of(line[3]) if len(line) == _COLUMNS else None
        if word is None:
            if not found:
                if number == 1 and len(line) == _COLUMNS:
                    continue
                return None
            raise DatabaseError(f"{table.path}, line {number}: {shown(','.join(line))}: {_expected()}")
        try:
            name = from_columns(*line[:3])
        except Refused as refused:
            raise DatabaseError(f"{table.path}, line {number}: {refused}") from refused
        if found.setdefault(name, word) != word:
            raise DatabaseError(f"{table.path}, line {number}: {name.full} has the label {found[name]} above")
    return found or None


def _expected() -> str:
    numbers = ", ".join(f"{i} {name}" for i, name in enumerate(UNION))
    return f"a line is database,subject,clip,label with a label of {numbers}, or an emotion word"


def _lines(table: Entry) -> list[tuple[int, list[str]]]:
    try:
        text = table.read().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatabaseError(f"{table.path}: not a readable CSV ({error})") from error
    filled = [(i, [cell.strip() for cell in row]) for i, row in enumerate(rows, start=1)]
    return [(i, row) for i, row in filled if any(row)]


def is_label_table(path: PurePosixPath) -> bool:
    """Whether a CSV beside the folder, of whatever else lies there, is named like a list of labels."""
    name = path.name.lower()
    return path.suffix.lower() == ".csv" and any(word in name for word in ("label", "class", "gt"))
