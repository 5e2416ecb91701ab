"""Annotation tables (xlsx, xls, csv) as rows of text with an address for every cell.

Everything is read as text and converted cell by cell, so that an error can name file, sheet, row, column
and value. Files, rows, columns and unpacked bytes are bounded; nothing in a table is executed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TextIO

from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.databases.workbooks import MAX_TABLE_COLUMNS, Lines, Page, bounded, pages_of

MAX_CSV_BYTES = 2**28
MAX_CSV_LINE = 2**16
_HEADER_WITHIN = 40
_WHOLE_NUMBER = re.compile(r"(\d{1,9})(?:\.0+)?")

Columns = Mapping[str, Sequence[str]]
"""Our name of a column -> the names under which releases have it, compared without case and punctuation."""


@dataclass(frozen=True)
class Row:
    """One row of a table: `cells` by our column names, `number` as the spreadsheet counts (from 1).

    Attributes
    ----------
    places
        Our column names -> where the spreadsheet has them, counted from 0; empty for a CSV.
    """

    table: str
    sheet: str
    number: int
    cells: Mapping[str, str]
    places: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        sheet = f", sheet {self.sheet}" if self.sheet else ""
        return f"{self.table}{sheet}, row {self.number}"

    def get(self, column: str) -> str:
        """The cell's text without surrounding blanks; empty where the table lacks the column."""
        return self.cells.get(column, "").strip()

    def text(self, column: str) -> str:
        """The cell's text.

        Raises
        ------
        Refused
            For an empty cell.
        """
        value = self.get(column)
        if not value:
            raise self.refused(column, "a text")
        return value

    def integer(self, column: str) -> int:
        """The cell as a whole number (also '12.0').

        Raises
        ------
        Refused
            With the address of the cell.
        """
        match = _WHOLE_NUMBER.fullmatch(self.get(column))
        if not match:
            raise self.refused(column, "a frame number")
        return int(match[1])

    def optional_integer(self, column: str, absent: Sequence[str] = ("", "/")) -> int | None:
        """As `integer`, None where the cell holds one of the `absent` marks."""
        return None if self.get(column) in absent else self.integer(column)

    def refused(self, column: str, expected: str) -> Refused:
        """The error for a cell of this row that holds something else than expected."""
        cell = f" (cell {_letters(self.places[column])}{self.number})" if column in self.places else ""
        return Refused(f"{self.at(column)}: {shown(self.get(column))} is not {expected}{cell}")

    def at(self, column: str) -> str:
        """Where a cell stands: file, sheet, row and column."""
        return f"{self}, column {column}"


@dataclass(frozen=True)
class Sheet:
    """One sheet: rows of text below its header; `columns` are those of ours that it has.

    Attributes
    ----------
    notes
        What a user should know of the choice of this sheet.
    """

    table: str
    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    sheet: Sheet
    hidden: bool


def read_table(path: Path, columns: Columns, *, required: Sequence[str], sheet: str | None = None) -> Sheet:
    """The rows of the visible sheet that has the required columns (of the sheet named so, if there is one).

    The header may stand in any of the first 40 rows that hold text; blank columns and rows are skipped. A
    hidden sheet is read only where no visible one has the columns, and `notes` say so.

    Raises
    ------
    DatabaseError
        For a file that is no table or has no such header, and where two sheets could be meant.
    """
    pages = [Page("", False, _csv_lines(path))] if path.suffix.lower() == ".csv" else pages_of(path)
    named = [page for page in pages if sheet is not None and page.name.strip().lower() == sheet.lower()]
    asked = named or pages
    found = [each for page in asked if (each := _with_header(path, page, columns, required)) is not None]
    if not found:
        raise _no_header(path, asked, columns, required)
    return _the_one(path, found, sheet)


def _with_header(path: Path, page: Page, columns: Columns, required: Sequence[str]) -> _Found | None:
    for i, (_, line) in enumerate(page.lines[:_HEADER_WITHIN]):
        places = _places(line, columns)
        if all(column in places for column in required):
            _refuse_rivals(path, page, i, places)
            rows = tuple(_rows(path.name, page.name, page.lines[i + 1 :], places))
            return _Found(Sheet(path.name, page.name, tuple(places), rows), page.hidden)
    return None


def _refuse_rivals(path: Path, page: Page, header: int, places: Mapping[str, int]) -> None:
    """Raise DatabaseError where two columns of one name that is read differ: either could be meant."""
    number, line = page.lines[header]
    for place, other in _twice(line, places):
        for row, cells in page.lines[header + 1 :]:
            pair = [cells[at].strip() if at < len(cells) else "" for at in (place, other)]
            if pair[0] != pair[1]:
                which = f"columns {_letters(place)} and {_letters(other)}"
                raise DatabaseError(
                    f"{path}: row {number} heads {which} {shown(line[place])}, and they differ in row {row}: "
                    f"{shown(pair[0])} and {shown(pair[1])}; rename or delete what is not meant"
                )


def _the_one(path: Path, found: Sequence[_Found], asked: str | None) -> Sheet:
    """The sheet that is meant: visible before hidden, with rows before without; DatabaseError for two."""
    filled = [each for each in found if each.sheet.rows] or list(found)[:1]
    visible = [each.sheet for each in filled if not each.hidden]
    hidden = [each.sheet for each in filled if each.hidden]
    choice = visible or hidden
    if any(_contents(each) != _contents(choice[0]) for each in choice[1:]):
        names = " and ".join(shown(each.name) for each in choice)
        remedy = f"none is named {asked}" if asked else "hide or delete what is not meant"
        raise DatabaseError(f"{path}: {len(choice)} sheets have the columns and differ: {names}; {remedy}")
    notes = tuple(
        f"{path.name}: the hidden sheet {shown(each.name)} has the columns too and was not read"
        for each in (hidden if visible else ())
    )
    if not visible:
        notes = (f"{path.name}: only the hidden sheet {shown(choice[0].name)} has the columns; it was read",)
    return replace(choice[0], notes=notes)


def _contents(sheet: Sheet) -> list[Mapping[str, str]]:
    return [row.cells for row in sheet.rows]


def _no_header(path: Path, pages: Sequence[Page], columns: Columns, required: Sequence[str]) -> DatabaseError:
    """What is missing: of the best header the columns that it lacks, of none all of them."""
    headers = [
        ([column for column in required if column not in _places(line, columns)], page.name, number)
        for page in pages
        for number, line in page.lines[:_HEADER_WITHIN]
    ]
    missing, name, number = min(headers, key=lambda each: len(each[0]), default=(list(required), "", 0))
    is_header = len(missing) <= len(required) // 2
    named = missing if is_header else required
    wanted = "; ".join(f"{column} ({' or '.join(columns[column])})" for column in named)
    if not is_header:
        return DatabaseError(f"{path}: no sheet has a header row with the columns {wanted}")
    where = f"sheet {shown(name)}, " if name else ""
    return DatabaseError(f"{path}: the header in {where}row {number} lacks {wanted}")


def stream_csv(path: Path, columns: Columns, *, required: Sequence[str], at_most: int) -> Iterator[Row]:
    """The rows of a large CSV with its header in the first line, one at a time (memory stays flat).

    Raises
    ------
    DatabaseError
        For a file that is no such CSV and, before the first row, for one of more than `at_most` rows.
    """
    count = sum(1 for _ in islice(_stream(path, columns, required), at_most + 1))
    if count > at_most:
        raise DatabaseError(f"{path}: more than {at_most} rows; split it into several files")
    yield from _stream(path, columns, required)


def _stream(path: Path, columns: Columns, required: Sequence[str]) -> Iterator[Row]:
    with _text(path) as file:
        lines = _lines(file, path)
        try:
            header_line = next(lines, "")
            delimiter = max(",;\t", key=header_line.count)
            header = next(csv.reader([header_line], delimiter=delimiter), [])
            places = _places(header, columns)
            _check_header(path, header, [column for column in required if column not in places])
            if rivals := _twice(header, places):
                names = " and ".join(shown(header[at]) for at in rivals[0])
                raise DatabaseError(f"{path}: its header has two columns of one name: {names}")
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    row = {name: cells[place] for name, place in places.items() if place < len(cells)}
                    yield Row(path.name, "", reader.line_num + 1, row)
        except csv.Error as error:
            raise DatabaseError(f"{path}: not a readable CSV file ({error})") from error


def _check_header(path: Path, header: Sequence[str], missing: Sequence[str]) -> None:
    if missing:
        have = ", ".join(shown(name) for name in header[:MAX_TABLE_COLUMNS])
        raise DatabaseError(f"{path}: its header lacks {', '.join(missing)}; it has {have}")


def _csv_lines(path: Path) -> Lines:
    with _text(path) as file:
        lines = _lines(file, path)
        try:
            first = next(lines, "")
            delimiter = max(",;\t", key=first.count)
            header = list(csv.reader([first], delimiter=delimiter))
            rows = [*header, *csv.reader(lines, delimiter=delimiter, strict=True)]
            return bounded(path, ((i, tuple(row)) for i, row in enumerate(rows, 1)))
        except csv.Error as error:
            raise DatabaseError(f"{path}: not a readable CSV file ({error})") from error


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """An open UTF-8 file of bounded size; decoding errors become DatabaseErrors."""
    try:
        if not path.is_file():
            raise DatabaseError(f"{path}: not a file")
        if path.stat().st_size > MAX_CSV_BYTES:
            raise DatabaseError(f"{path}: larger than {MAX_CSV_BYTES} bytes")
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise DatabaseError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DatabaseError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from error


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    while line := file.readline(MAX_CSV_LINE + 1):
        if len(line) > MAX_CSV_LINE:
            raise DatabaseError(f"{path}: a line of more than {MAX_CSV_LINE} characters")
        yield line


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _twice(header: Sequence[str], places: Mapping[str, int]) -> list[tuple[int, int]]:
    """(column that is read, another of the same name), of the columns that are read."""
    plain = [_plain(name) for name in header]
    return [
        (place, other)
        for place in places.values()
        for other in range(len(plain))
        if other != place and plain[other] == plain[place]
    ]


def _places(header: Sequence[str], columns: Columns) -> dict[str, int]:
    """Our column name -> position, where the header has one of its names; the first name wins."""
    positions: dict[str, int] = {}
    for i, name in enumerate(header):
        positions.setdefault(_plain(name), i)
    found: dict[str, int] = {}
    for column, names in columns.items():
        for name in names:
            if _plain(name) in positions:
                found[column] = positions[_plain(name)]
                break
    return found


def _rows(
    table: str, sheet: str, lines: Sequence[tuple[int, tuple[str, ...]]], places: Mapping[str, int]
) -> Iterator[Row]:
    addressed = places if sheet else {}
    for number, line in lines:
        cells = {column: line[place] for column, place in places.items() if place < len(line)}
        if any(cell.strip() for cell in cells.values()):
            yield Row(table, sheet, number, cells, addressed)


def _letters(place: int) -> str:
    """The letters of a column counted from 0: A, ..., Z, AA, ..."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
