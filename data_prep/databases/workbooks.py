"""Spreadsheet files as pages of text: what a cell holds is told by its kind, never guessed from a number.

An error cell reads as its name (#N/A), a truth value as TRUE or FALSE, a date as a date, a formula that no
programme has computed yet as its text with a remark: none of them is a number. Rows without text are left
out, however many a format reaches. Rows, columns and unpacked bytes are bounded; nothing is executed.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from data_prep.databases.errors import DatabaseError, shown

MAX_TABLE_BYTES = 2**25
MAX_TABLE_ROWS = 20_000
MAX_TABLE_COLUMNS = 64
_LAST_ROW = 2**20
"""The last row that a spreadsheet programme knows; a damaged file may claim a later one."""

_OLE = b"\xd0\xcf\x11\xe0"
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_LOCKED_WORDS = "is locked with a password; open it in a spreadsheet programme and save it again without one"


Line = tuple[int, tuple[str, ...]]
Lines = tuple[Line, ...]


@dataclass(frozen=True)
class Page:
    """One sheet: its rows that hold any text, as (number counted from 1, cells)."""

    name: str
    hidden: bool
    lines: Lines


def pages_of(path: Path) -> list[Page]:
    """The sheets of an xlsx or xls file, visible ones first, by what the file is rather than by its ending.

    Raises
    ------
    DatabaseError
        For a file that is neither, is damaged, locked or larger than the bounds.
    """
    data = _bytes(path)
    if data.startswith(b"PK"):
        pages = _guarded(path, _xlsx(path, _checked_package(path, data)))
    elif data.startswith(_OLE) and _LOCKED in data:
        raise DatabaseError(f"{path}: {_LOCKED_WORDS}")
    elif data.startswith((_OLE, b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")):
        pages = _guarded(path, _xls(path, data))
    else:
        raise DatabaseError(f"{path}: {_what_else(data)}")
    return sorted(pages, key=lambda page: page.hidden)


def _what_else(data: bytes) -> str:
    """What a file under the ending of a spreadsheet is that is none."""
    if not data.strip():
        return "the file is empty"
    if data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        return "a web page or XML under the ending of a spreadsheet; open it and save it as xlsx"
    if b"\0" not in data and all(mark in data for mark in (b",", b"\n")):
        return "text under the ending of a spreadsheet; if it is CSV, let its name end with .csv"
    return "neither an xlsx, an xls nor a csv file"


def bounded(path: Path, lines: Iterable[Line]) -> Lines:
    """The lines that hold any text.

    Raises
    ------
    DatabaseError
        Above `MAX_TABLE_ROWS` of them.
    """
    out: list[Line] = []
    for number, line in lines:
        if any(cell.strip() for cell in line):
            if len(out) == MAX_TABLE_ROWS:
                raise DatabaseError(f"{path}: more than {MAX_TABLE_ROWS} rows")
            out.append((number, line))
    return tuple(out)


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise DatabaseError(f"{path}: not a file")
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise DatabaseError(f"{path}: larger than the {MAX_TABLE_BYTES} bytes of the largest table read")
        return path.read_bytes()
    except OSError as error:
        raise DatabaseError(f"{path}: cannot be read ({error.strerror})") from error


def _checked_package(path: Path, data: bytes) -> bytes:
    """Bound what an xlsx unpacks to and refuse XML entities before the parser sees it; Strict made usual."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            entries = package.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if len(entries) > 1000 or unpacked > MAX_TABLE_BYTES:
                raise DatabaseError(
                    f"{path}: unpacks to {len(entries)} parts and {unpacked} bytes; "
                    f"at most 1000 parts and {MAX_TABLE_BYTES} bytes are read"
                )
            if any(entry.flag_bits & 1 for entry in entries):
                raise DatabaseError(f"{path}: {_LOCKED_WORDS}")
            parts = {entry.filename: package.read(entry) for entry in entries}
    except DatabaseError:
        raise
    except Exception as error:  # zipfile raises a dozen unrelated types on damaged archives
        raise DatabaseError(f"{path}: a damaged xlsx file ({type(error).__name__}: {error})") from error
    markup = {name: part for name, part in parts.items() if name.endswith((".xml", ".rels"))}
    for name, part in markup.items():
        if b"<!DOCTYPE" in part or b"<!ENTITY" in part or b"\0" in part:
            raise DatabaseError(
                f"{path}: its part {shown(name)} declares XML entities or is not UTF-8; refused"
            )
    if any(_STRICT.search(part) for part in markup.values()):
        return _transitional(parts, markup)
    return data


def _transitional(parts: Mapping[str, bytes], markup: Iterable[str]) -> bytes:
    """A Strict Open XML package under the namespaces that parsers know: they differ in nothing we read."""
    usual = rb"http://schemas.openxmlformats.org/\1/2006/"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as package:
        for name, part in parts.items():
            package.writestr(name, _STRICT.sub(usual, part) if name in markup else part)
    return written.getvalue()


def _guarded(path: Path, pages: Iterator[Page]) -> list[Page]:
    """All pages; whatever a spreadsheet parser raises on a damaged file becomes a DatabaseError."""
    try:
        return list(pages)
    except DatabaseError:
        raise
    except Exception as error:  # openpyxl and xlrd raise nearly every built-in type on damaged files
        reason = shown(f"{type(error).__name__}: {error}", 200)
        raise DatabaseError(f"{path}: a damaged spreadsheet ({reason})") from error


def _xlsx(path: Path, data: bytes) -> Iterator[Page]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about extensions that carry no cells
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as package:
                for sheet in book.worksheets:
                    formulas = _uncomputed(package.read(sheet._worksheet_path.lstrip("/")))
                    hidden = sheet.sheet_state != "visible"
                    yield Page(sheet.title, hidden, bounded(path, _xlsx_lines(sheet, formulas)))
        finally:
            book.close()


def _xlsx_lines(sheet: Any, formulas: Mapping[tuple[int, int], str]) -> Iterator[Line]:
    nothing = (None,) * MAX_TABLE_COLUMNS
    last = max((row for row, _ in formulas), default=0)
    rows = sheet.iter_rows(max_row=_LAST_ROW, max_col=MAX_TABLE_COLUMNS, values_only=True)
    for number, row in enumerate(rows, 1):
        # a format far below makes a million rows of nothing: one comparison each, no text
        if row == nothing and number > last:
            continue
        cells = tuple(_text_of(cell) for cell in row)
        if number <= last:
            cells = tuple(
                formulas.get((number, i), "") if cell is None else text
                for i, (cell, text) in enumerate(zip(row, cells, strict=True), 1)
            )
        yield number, cells


def _uncomputed(markup: bytes) -> dict[tuple[int, int], str]:
    """(row, column) -> text of the formulas of a sheet whose value nobody has computed and stored.

    A formula whose result is an empty text has the type "str" and is not one of them.
    """
    if b"<f" not in markup and b":f" not in markup:
        return {}
    found: dict[tuple[int, int], str] = {}
    for _, cell in ElementTree.iterparse(io.BytesIO(markup)):
        if _local(cell) != "c":
            continue
        inside = {_local(child): child.text or "" for child in cell}
        place = re.fullmatch(r"([A-Z]{1,3})(\d{1,7})", cell.get("r", ""))
        if "f" in inside and not inside.get("v") and cell.get("t") != "str" and place:
            found[int(place[2]), _column(place[1])] = f"={inside['f']} (a formula without a stored value)"
        cell.clear()
    return found


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _xls(path: Path, data: bytes) -> Iterator[Page]:
    import xlrd

    try:
        book = xlrd.open_workbook(file_contents=data, logfile=io.StringIO(), on_demand=True, ragged_rows=True)
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise DatabaseError(f"{path}: {_LOCKED_WORDS}") from error
        raise
    for sheet in book.sheets():
        yield Page(sheet.name, sheet.visibility != 0, bounded(path, _xls_lines(sheet, book.datemode)))


def _xls_lines(sheet: Any, datemode: int) -> Iterator[Line]:
    for i in range(sheet.nrows):
        yield i + 1, tuple(_xls_text(cell, datemode) for cell in sheet.row_slice(i, 0, MAX_TABLE_COLUMNS))


def _xls_text(cell: Any, datemode: int) -> str:
    """A cell of an xls file by its kind."""
    import xlrd

    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, f"#ERROR {cell.value}"))
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return str(xlrd.xldate.xldate_as_datetime(cell.value, datemode))
        except (ValueError, OverflowError):
            return f"{cell.value} (a date)"
    return _text_of(cell.value)


def _text_of(cell: object) -> str:
    """A value as text; whole numbers without a decimal point (xls stores all as floats)."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer():
        return f"{cell:.0f}"
    return str(cell)
