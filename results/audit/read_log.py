"""Logs of predictions as they are found: tables with and without header, and text of challenge scripts."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import pandas as pd

from results.audit.pair_lines import Unpaired, has_pairs, pairs
from results.records.store import ResultsError

TRUTH = (
    *("truth", "true", "label", "labels", "gt", "y_true", "ytrue", "ground_truth", "groundtruth", "actual"),
    *("target", "targets", "true_label", "gt_label", "real", "class", "true_class", "gold", "y"),
)
PREDICTED = (
    *("predicted", "prediction", "predictions", "pred", "preds", "y_pred", "ypred", "predicted_label"),
    *("pred_label", "output", "honest", "class_pred", "pred_class", "predicted_class", "yhat", "y_hat"),
)
DATABASES = ("database", "dataset", "db")
CLIPS = ("clip", "name", "video", "sample", "file", "filename", "id", "clip_name", "video_name")
SUBJECTS = ("subject", "sub", "person")
NOTHING = ("", "-", "--", "nan", "none", "null", "na", "n/a", "<na>", "#n/a", "inf", "-inf", "?")
MANY = 10
"""So many rows that come again in the same order were written twice, and not met twice by chance."""
FORMS = (
    "a table with the columns truth and predicted (commas, semicolons, tabs or blanks), lines 'clip truth "
    "predicted' below 'database subject', or pairs of lines 'Predicted: ...' and 'Ground Truth: ...'"
)


class BadLog(ResultsError):
    """A log that cannot be read; the message names file, line and content."""


@dataclass(frozen=True)
class Log:
    """A log of predictions.

    Attributes
    ----------
    frame
        Columns database, clip ("" where none is named), truth, predicted, as text.
    doubts
        What is suspicious about it, a line each.
    """

    frame: pd.DataFrame
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One prediction: where it stands, and what it says."""

    line: int
    database: str
    clip: str
    truth: str
    predicted: str


def is_prediction_log(path: Path) -> bool:
    """Whether a file looks like a log of predictions rather than like a table of accuracies."""
    try:
        numbered = _numbered(path)
    except BadLog:
        return False
    if _is_json(numbered):
        return True  # no table of accuracies either: reading it says what is read
    lines = [line for _, line in numbered]
    names = {_name(cell) for cell in _cells(lines[0], _separator(lines[0]))}
    if names & set(TRUTH) and names & set(PREDICTED):
        return True
    if {"method", "tim"} <= names:
        return False
    return has_pairs(numbered) or 2 <= len(_cells(lines[0], _separator(lines[0]))) <= 4


def read_log(path: Path) -> Log:
    """Read a log of predictions in any form that it is found in.

    A header may be there or not, quoted or not; an unnamed first column that counts the rows is no data;
    columns go by their usual names (truth, label, actual, y_true; pred, predicted, y_pred). "1" and "1.0" are
    one label.

    Raises
    ------
    BadLog
        For what is none of it, and for an empty or missing (nan) label with its line; a clip that stands
        there twice is a doubt, and so are two columns that could be meant and what was written twice.
    """
    numbered = _numbered(path)
    if _is_json(numbered):
        raise BadLog(f"{path}: JSON is not read; a log is {FORMS}")
    doubts: list[str] = []
    rows = list(_rows(numbered, path, doubts))
    if not rows:
        raise BadLog(f"{path}: there is no prediction in it")
    for row in rows:
        for what, label in (("truth", row.truth), ("prediction", row.predicted)):
            if label.lower() in NOTHING:
                raise BadLog(f"{path}, line {row.line}: the {what} is empty or no label ({label!r})")
    doubts += _heading(rows, path)
    labels = _one_alphabet({label for row in rows for label in (row.truth, row.predicted)})
    frame = pd.DataFrame(
        [(row.database, row.clip, labels[row.truth], labels[row.predicted]) for row in rows],
        columns=["database", "clip", "truth", "predicted"],
    )
    return Log(frame, (*dict.fromkeys(doubts), *_twice(frame), *_no_labels(frame)))


def _heading(rows: Sequence[Row], path: Path) -> Iterator[str]:
    """Whether names of columns that are not known were taken for the first prediction.

    Raises
    ------
    BadLog
        Where the first line is of words and all below it are numbers: this is no prediction.
    """
    first, *rest = rows
    below = {label for row in rest for label in (row.truth, row.predicted)}
    words = (first.truth, first.predicted)
    if not below or below & {*words} or any(map(_is_number, words)):
        return
    said = f"{first.truth!r} and {first.predicted!r} look like names of columns"
    if all(map(_is_number, below)):
        known = f"for the truth, {', '.join(TRUTH)}, and for the prediction, {', '.join(PREDICTED)}"
        raise BadLog(f"{path}, line {first.line}: {said}; known are, {known}")
    if len(rest) >= MANY:
        yield f"line {first.line} is scored as a clip, but {said}"


def _no_labels(frame: pd.DataFrame) -> Iterator[str]:
    """Numbers between whole ones, which may be scores, and labels that differ in their capitals alone."""
    labels = {*frame["truth"], *frame["predicted"]}
    broken = sorted(label for label in labels if _is_number(label) and not label.lstrip("+-").isdigit())
    if broken and len(broken) < len(labels):
        yield f"{', '.join(broken[:3])} stand among whole numbers or words: are these labels?"
    spelled: dict[str, set[str]] = {}
    for label in labels:
        spelled.setdefault(label.casefold(), set()).add(label)
    alike = sorted(" and ".join(sorted(each)) for each in spelled.values() if len(each) > 1)
    if alike:
        yield f"{', '.join(alike[:3])} differ in their capitals alone: each counts as a class of its own"


def _numbered(path: Path) -> list[tuple[int, str]]:
    """The lines with any text and their numbers; comments (#) and Excel's `sep=` at the top are left away."""
    try:
        data = path.read_bytes()
        utf16 = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadLog(f"{path}: cannot be read as a text file ({error})") from error
    said = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    lines = list(dropwhile(lambda each: re.match(r"\s*#|sep=.$", each[1]), said))
    if not lines:
        raise BadLog(f"{path}: there is no prediction in it")
    return lines


def _is_json(numbered: Sequence[tuple[int, str]]) -> bool:
    return "".join(line.strip() for _, line in numbered[:2]).replace(" ", "").startswith(("{", "[{"))


def _name(cell: str) -> str:
    return re.sub(r"[ -]+", "_", cell.strip().lower())


def _separator(line: str) -> str:
    """The separator of a table: the one of the first line; "" for blanks."""
    return next((each for each in ("\t", ";", ",") if each in line), "")


def _cells(line: str, separator: str) -> list[str]:
    if not separator:
        return line.split()
    return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=separator))]


def _rows(numbered: Sequence[tuple[int, str]], path: Path, doubts: list[str]) -> Iterator[Row]:
    first = numbered[0][1]
    separator = _separator(first)
    header = [_name(cell) for cell in _cells(first, separator)]
    if has_pairs(numbered):
        yield from _pairs(numbered, path)
    elif set(header) & {*TRUTH, *PREDICTED}:
        yield from _table(numbered, separator, header, path, doubts)
    elif separator:
        yield from _bare_table(numbered, separator, path)
    else:
        yield from _challenge(numbered, path)


def _table(
    numbered: Sequence[tuple[int, str]], separator: str, header: list[str], path: Path, doubts: list[str]
) -> Iterator[Row]:
    """A table with a header."""
    place = {name: i for i, name in enumerate(header)}
    truth, predicted = _first(place, TRUTH), _first(place, PREDICTED)
    if truth is None or predicted is None:
        raise BadLog(f"{path}: needs the columns truth and predicted, it has {', '.join(header)}")
    if len(numbered) > 1 and len(row := _cells(numbered[1][1], separator)) == len(header):
        truth = _of_one_alphabet(row, [place[name] for name in TRUTH if name in place], predicted)
    database, clip, subject = _first(place, DATABASES), _first(place, CLIPS), _first(place, SUBJECTS)
    for i, line in numbered[1:]:
        cells = _cells(line, separator)
        if [_name(cell) for cell in cells] == header:
            continue  # a resumed script writes its header again
        if len(cells) == len(header) + 1:
            cells = cells[1:]  # pandas writes no heading above an index where the separator is a blank
        if len(cells) != len(header):
            raise BadLog(f"{path}, line {i}: {len(cells)} cells under {len(header)} columns: {line[:60]!r}")
        doubts += _rivals(header, cells, (truth, TRUTH), (predicted, PREDICTED))
        names = [cells[at] for at in (subject, clip) if at is not None] if clip is not None else []
        home = cells[database] if database is not None and cells[database] else "all"
        yield Row(i, home, "/".join(names), cells[truth], cells[predicted])


def _of_one_alphabet(row: list[str], truths: Sequence[int], predicted: int) -> int:
    """The first column of the truth that is written as the predictions are, in numbers or in words."""
    own = _plain(row[predicted]).isdigit()
    return next((at for at in truths if _plain(row[at]).isdigit() == own), truths[0])


def _rivals(header: list[str], cells: list[str], *read: tuple[int, Sequence[str]]) -> Iterator[str]:
    """Columns that could be meant as well as the one that is read, and say something else in this row.

    Numbers beside words are two ways to say the same.
    """
    for at, names in read:
        own = _plain(cells[at])
        for other, name in enumerate(header):
            said = _plain(cells[other])
            if other != at and name in names and said != own and said.isdigit() == own.isdigit():
                yield f"the columns {header[at]} and {name} differ; {header[at]} was read"


def _first(place: dict[str, int], names: Sequence[str]) -> int | None:
    return next((place[name] for name in names if name in place), None)


def _bare_table(numbered: Sequence[tuple[int, str]], separator: str, path: Path) -> Iterator[Row]:
    """A table without header: truth and predicted, with the clip before them where there are three.

    A first column that counts the rows is left away.
    """
    table = [_cells(line, separator) for _, line in numbered]
    counted = all(
        len(cells) == 4 and cells[0] in (str(n), str(n + 1), f"{n}.0") for n, cells in enumerate(table)
    )
    for (i, line), whole in zip(numbered, table, strict=True):
        cells = whole[1:] if counted else whole
        if len(cells) not in (2, 3):
            raise BadLog(f"{path}, line {i}: {line[:60]!r} is no prediction; a log is {FORMS}")
        yield Row(i, "all", cells[0] if len(cells) == 3 else "", cells[-2], cells[-1])


def _pairs(numbered: Sequence[tuple[int, str]], path: Path) -> Iterator[Row]:
    """Lines "Predicted: ..." and "Ground Truth: ...", see `pair_lines`."""
    try:
        for i, truth, predicted in pairs(numbered):
            yield Row(i, "all", "", truth, predicted)
    except Unpaired as error:
        raise BadLog(f"{path}, {error}") from error


def _challenge(numbered: Sequence[tuple[int, str]], path: Path) -> Iterator[Row]:
    """Text of the micro-expression challenges: 'casme2 sub01', then 'EP02_01f 1 1' for its clips."""
    database, subject = "all", ""
    bare = all(len(words := line.split()) == 2 and all(map(_is_number, words)) for _, line in numbered)
    for i, line in numbered:
        words = line.split()
        if bare:
            yield Row(i, "all", "", *words)
            continue
        if len(words) == 2:
            database, subject = words
        elif len(words) == 3:
            yield Row(i, database, f"{subject}/{words[0]}".strip("/"), words[1], words[2])
        else:
            raise BadLog(
                f"{path}, line {i}: {line[:60]!r} is neither 'database subject' nor 'clip truth predicted'; "
                f"a log is {FORMS}"
            )


def _one_alphabet(labels: set[str]) -> dict[str, str]:
    """Each label as it is compared: whole numbers without decimals, so that 1.0 is 1."""
    return {label: _plain(label) for label in labels}


def _plain(label: str) -> str:
    """Whole numbers without decimals and exponents: 1.0 and 1.000000e+00, as numpy saves it, are 1."""
    if re.fullmatch(r"[+-]?\d+(\.\d*)?(e[+-]?\d{1,2})?", label, re.IGNORECASE):
        value = float(label)
        return str(int(value)) if value.is_integer() and not label.isdigit() else label
    return label


def _is_number(label: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", label, re.IGNORECASE) is not None


def _twice(frame: pd.DataFrame) -> Iterator[str]:
    """Clips that stand there more than once, by name or, where none is named, as a whole log."""
    half, rest = divmod(len(frame), 2)
    said = list(zip(frame["truth"], frame["predicted"], strict=True))
    wrong = any(truth != predicted for truth, predicted in said)
    if wrong and not rest and half >= MANY and said[:half] == said[half:] and not frame["clip"].any():
        yield f"the second {half} rows are the first {half} again: was the log written twice?"
    named = frame[frame["clip"] != ""]
    counts = Counter(zip(named["database"], named["clip"], strict=True))
    twice = [f"{database}/{clip}" for (database, clip), n in counts.items() if n > 1]
    if twice:
        more = f" and {len(twice) - 3} more" if len(twice) > 3 else ""
        yield f"{len(twice)} clips stand there more than once, each counts: {', '.join(twice[:3])}{more}"
