"""What layouts are made of: where a clip lies, and workbooks whose bytes depend on the table alone."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import openpyxl

Cell = str | int | None


@dataclass(frozen=True)
class Place:
    """Where one clip lies.

    Attributes
    ----------
    folder
        Relative to its database's root.
    files, filename
        Names of the frames, and the clip's own as the table has it.
    onset
        The number of the first frame as the annotation counts.
    grey
        The camera saw no colours.
    """

    folder: Path
    files: tuple[str, ...]
    filename: str
    onset: int
    grey: bool = False


def as_cell(combination: str) -> Cell:
    """A single two-sided unit is a number in the official tables, everything else text."""
    return int(combination) if combination.isdigit() else combination


def workbook(
    table: Sequence[Sequence[Cell]],
    *,
    title: str = "Sheet1",
    extra_sheets: int = 0,
    others: Mapping[str, Sequence[Sequence[Cell]]] | None = None,
) -> bytes:
    """An xlsx file whose bytes depend on the table alone.

    Parameters
    ----------
    table, title
        Of the first sheet.
    extra_sheets
        Empty ones behind it.
    others
        Further sheets by name.
    """
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in table:
        sheet.append(list(row))
    for number in range(extra_sheets):
        book.create_sheet(f"Sheet{number + 2}")
    for name, rows in (others or {}).items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(list(row))
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
