"""The reference of columns describes what a run writes, no column less and none more."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from results.columns import COLUMNS, EVERYWHERE, TABLES


def columns_of(folder: Path) -> dict[str, list[str]]:
    """File -> the columns it has, read from the files themselves."""
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    return {file: list(readers[Path(file).suffix](folder / file).columns) for file in TABLES}


def meaning(file: str, column: str) -> str | None:
    """What a column of a file means, None for one that is not described."""
    own = COLUMNS[file]
    if column in own:
        return own[column]
    for name, words in own.items():
        if "*" in name and re.fullmatch(re.escape(name).replace(r"\*", ".+"), column):
            return words
    return EVERYWHERE.get(column)


def test_every_column_of_every_table_is_described(page_folder: Path) -> None:
    written = columns_of(page_folder)
    assert {path.name for path in page_folder.iterdir() if path.suffix in (".csv", ".parquet")} == set(TABLES)
    missing = [(file, name) for file, names in written.items() for name in names if not meaning(file, name)]
    assert missing == []


def test_nothing_is_described_that_is_not_there(page_folder: Path) -> None:
    written = columns_of(page_folder)
    stale = [
        (file, name)
        for file, own in COLUMNS.items()
        for name in own
        if not any(
            column == name or ("*" in name and column.startswith(name[:-1])) for column in written[file]
        )
    ]
    assert stale == []
    assert set(EVERYWHERE) <= {name for names in written.values() for name in names}
