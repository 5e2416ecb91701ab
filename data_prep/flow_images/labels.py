"""Labels of flow images that lie flat: from a table beside them."""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath

from data_prep.databases.emotions import CLASS_OF
from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.flow_images.names import Name, from_columns
from data_prep.flow_images.pictures import Entry
from data_prep.tasks import OBJECTIVE, UNION

_COLUMNS = 4


def word_of(label: str, *, any_word: bool = False) -> str | None:
    """The emotion word of a label: MEGC2019's 0, 1, 2, an objective class, or a word of the annotations.

    Parameters
    ----------
    label
        As it stands in the table.
    any_word
        Every word is one, for the task to know or not to know.
    """
    text = label.strip().lower().removesuffix(".0")
    if text.isdecimal():
        return UNION[int(text)] if int(text) < len(UNION) else None
    known = text in CLASS_OF or text.upper() in OBJECTIVE
    return text if known or (any_word and text[:1].isalpha()) else None


def labels_in(table: Entry) -> dict[Name, str] | None:
    """Clip -> emotion word from a table of lines database,subject,clip,label; None if it is no such table.

    A header line and empty lines are allowed; below a header every word is taken for one.

    Raises
    ------
    DatabaseError
        For a line that breaks the pattern, and for a clip with two labels.
    """
    lines = _lines(table)
    if not lines or len(lines[0][1]) != _COLUMNS:
        return None
    first = lines[0][1][3]
    header = not first.isdecimal() and word_of(first) is None
    found: dict[Name, str] = {}
    for number, line in lines[header:]:
        word = word_of(line[3], any_word=header) if len(line) == _COLUMNS else None
        if word is None:
            if not found and not is_label_table(table.path):
                return None
            raise DatabaseError(f"{table.path}, line {number}: {shown(','.join(line))}: {_expected()}")
        try:
            name = from_columns(*line[:3])
        except Refused as refused:
            raise DatabaseError(f"{table.path}, line {number}: {refused}") from refused
        if found.setdefault(name, word) != word:
            raise DatabaseError(f"{table.path}, line {number}: {name.full} has the label {found[name]} above")
    return found or None


LABELS = f"labels count from 0: {', '.join(f'{i} {name}' for i, name in enumerate(UNION))}; or emotion words"
"""Which labels there are, for messages."""


def _expected() -> str:
    return f"a line is database,subject,clip,label; {LABELS}"


def _lines(table: Entry) -> list[tuple[int, list[str]]]:
    try:
        text = table.read().decode("utf-8-sig")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatabaseError(f"{table.path}: not a readable CSV ({error})") from error
    filled = [(i, [cell.strip() for cell in row]) for i, row in enumerate(rows, start=1)]
    return [(i, row) for i, row in filled if any(row)]


def is_label_table(path: PurePosixPath) -> bool:
    """Whether a CSV beside the folder, of whatever else lies there, is named like a list of labels."""
    name = path.name.lower()
    return path.suffix.lower() == ".csv" and any(word in name for word in ("label", "class", "gt"))
