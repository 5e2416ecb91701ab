"""Annotation tables (xlsx, xls, csv) as rows of text with an address for every cell.

Everything is read as text and converted cell by cell, so that an error can name file, sheet, row, column
and value. Files, rows, columns and unpacked bytes are bounded; nothing in a table is executed.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from data_prep.databases.errors import DatabaseError, Refused, shown

MAX_TABLE_BYTES = 2**25
MAX_TABLE_ROWS = 20_000
MAX_TABLE_COLUMNS = 64
MAX_CSV_BYTES = 2**28
MAX_CSV_LINE = 2**16
_HEADER_WITHIN = 40
_WHOLE_NUMBER = re.compile(r"(\d{1,9})(?:\.0+)?")

Columns = Mapping[str, Sequence[str]]
"""Our name of a column -> the names under which releases have it, compared without case and punctuation."""


@dataclass(frozen=True)
class Row:
    """One row of a table: `cells` by our column names, `number` as the spreadsheet counts (from 1)."""

    table: str
    sheet: str
    number: int
    cells: Mapping[str, str]

    def __str__(self) -> str:
        sheet = f", sheet {self.sheet}" if self.sheet else ""
        return f"{self.table}{sheet}, row {self.number}"

    def get(self, column: str) -> str:
        """The cell's text without surrounding blanks; empty where the table lacks the column."""
        return self.cells.get(column, "").strip()

    def text(self, column: str) -> str:
        """The cell's text; raises Refused for an empty cell."""
        value = self.get(column)
        if not value:
            raise self.refused(column, "a text")
        return value

    def integer(self, column: str) -> int:
        """The cell as a whole number (also '12.0'); raises Refused with the address of the cell."""
        match = _WHOLE_NUMBER.fullmatch(self.get(column))
        if not match:
            raise self.refused(column, "a frame number")
        return int(match[1])

    def optional_integer(self, column: str, absent: Sequence[str] = ("", "/")) -> int | None:
        """As `integer`, None where the cell holds one of the `absent` marks."""
        return None if self.get(column) in absent else self.integer(column)

    def refused(self, column: str, expected: str) -> Refused:
        """The error for a cell of this row that holds something else than expected."""
        return Refused(f"{self}, column {column}: {shown(self.get(column))} is not {expected}")


@dataclass(frozen=True)
class Sheet:
    """One sheet: rows of text below its header; `columns` are those of ours that it has."""

    table: str
    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path, columns: Columns, *, required: Sequence[str], sheet: str | None = None) -> Sheet:
    """The rows of the first sheet that has the required columns (of the sheet named so, if there is one).

    The header may stand anywhere in the first 40 rows; blank columns and blank rows are skipped.
    Raises DatabaseError for a file that is no table or has no such header.
    """
    sheets = list(_sheets(path))
    named = [item for item in sheets if sheet is not None and item[0].strip().lower() == sheet.lower()]
    for name, lines in named or sheets:
        for i, line in enumerate(lines[:_HEADER_WITHIN]):
            places = _places(line, columns)
            if all(column in places for column in required):
                return Sheet(
                    path.name, name, tuple(places), tuple(_rows(path.name, name, lines, i + 1, places))
                )
    wanted = "; ".join(f"{column} ({' or '.join(columns[column])})" for column in required)
    raise DatabaseError(f"{path}: no sheet has a header row with the columns {wanted}")


def stream_csv(path: Path, columns: Columns, *, required: Sequence[str], at_most: int) -> Iterator[Row]:
    """The rows of a large CSV with its header in the first line, one at a time (memory stays flat).

    Raises DatabaseError for a file that is no such CSV and, before the first row, for one of more than
    `at_most` rows.
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


def _sheets(path: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """(name, lines of cells) of each sheet, by what the file is rather than by its ending."""
    if path.suffix.lower() == ".csv":
        yield "", _csv_lines(path)
        return
    data = _bytes(path)
    if data.startswith(b"PK"):
        _check_package(path, data)
        yield from _guarded(path, _xlsx(path, data))
    elif data.startswith((b"\xd0\xcf\x11\xe0", b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")):
        yield from _guarded(path, _xls(path, data))
    else:
        raise DatabaseError(f"{path}: neither an xlsx, an xls nor a csv file")


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise DatabaseError(f"{path}: not a file")
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise DatabaseError(f"{path}: larger than the {MAX_TABLE_BYTES} bytes of the largest table read")
        return path.read_bytes()
    except OSError as error:
        raise DatabaseError(f"{path}: cannot be read ({error.strerror})") from error


def _check_package(path: Path, data: bytes) -> None:
    """Bound what an xlsx unpacks to, and refuse XML entities, before the parser sees it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            entries = package.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if len(entries) > 1000 or unpacked > MAX_TABLE_BYTES:
                raise DatabaseError(
                    f"{path}: unpacks to {len(entries)} parts and {unpacked} bytes; "
                    f"at most 1000 parts and {MAX_TABLE_BYTES} bytes are read"
                )
            for entry in entries:
                if entry.filename.endswith((".xml", ".rels")):
                    _check_xml(path, entry.filename, package.read(entry))
    except DatabaseError:
        raise
    except Exception as error:  # zipfile raises a dozen unrelated types on damaged archives
        raise DatabaseError(f"{path}: a damaged xlsx file ({type(error).__name__}: {error})") from error


def _check_xml(path: Path, part: str, text: bytes) -> None:
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text or b"\0" in text:
        raise DatabaseError(f"{path}: its part {shown(part)} declares XML entities or is not UTF-8; refused")


def _guarded(
    path: Path, sheets: Iterator[tuple[str, list[list[str]]]]
) -> Iterator[tuple[str, list[list[str]]]]:
    """Pass sheets on; whatever a spreadsheet parser raises on a damaged file becomes a DatabaseError."""
    try:
        yield from sheets
    except DatabaseError:
        raise
    except Exception as error:  # openpyxl and xlrd raise nearly every built-in type on damaged files
        reason = shown(f"{type(error).__name__}: {error}", 200)
        raise DatabaseError(f"{path}: a damaged spreadsheet ({reason})") from error


def _xlsx(path: Path, data: bytes) -> Iterator[tuple[str, list[list[str]]]]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about extensions that carry no cells
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            for sheet in book.worksheets:
                rows = sheet.iter_rows(
                    max_row=MAX_TABLE_ROWS + 1, max_col=MAX_TABLE_COLUMNS, values_only=True
                )
                yield sheet.title, _bounded(path, ([_text_of(cell) for cell in row] for row in rows))
        finally:
            book.close()


def _xls(path: Path, data: bytes) -> Iterator[tuple[str, list[list[str]]]]:
    import xlrd

    book = xlrd.open_workbook(file_contents=data, logfile=io.StringIO(), on_demand=True, ragged_rows=True)
    for sheet in book.sheets():
        rows = (sheet.row_values(i, 0, MAX_TABLE_COLUMNS) for i in range(sheet.nrows))
        yield sheet.name, _bounded(path, ([_text_of(cell) for cell in row] for row in rows))


def _csv_lines(path: Path) -> list[list[str]]:
    with _text(path) as file:
        lines = _lines(file, path)
        try:
            first = next(lines, "")
            delimiter = max(",;\t", key=first.count)
            header = list(csv.reader([first], delimiter=delimiter))
            return _bounded(path, iter([*header, *csv.reader(lines, delimiter=delimiter, strict=True)]))
        except csv.Error as error:
            raise DatabaseError(f"{path}: not a readable CSV file ({error})") from error


def _bounded(path: Path, lines: Iterator[list[str]]) -> list[list[str]]:
    out: list[list[str]] = []
    for line in lines:
        if len(out) == MAX_TABLE_ROWS:
            raise DatabaseError(f"{path}: more than {MAX_TABLE_ROWS} rows")
        out.append(line)
    return out


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


def _text_of(cell: object) -> str:
    """A spreadsheet cell as text; whole numbers without a decimal point (xls stores all as floats)."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return f"{cell:.0f}"
    return str(cell)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


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
    table: str, sheet: str, lines: Sequence[Sequence[str]], start: int, places: Mapping[str, int]
) -> Iterator[Row]:
    for number, line in enumerate(lines[start:], start + 1):
        cells = {column: line[place] for column, place in places.items() if place < len(line)}
        if any(cell.strip() for cell in cells.values()):
            yield Row(table, sheet, number, cells)
