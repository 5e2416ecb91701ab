"""Runs side by side, such as one data set under several tasks: each page leads to those of the others."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from basis.files import file_sha256, write_atomically
from results.made import MADE, read_made
from results.records.run_file import read_run_file
from results.records.store import ResultsError

BESIDE = "beside.json"
"""In a run folder: the paths of the other runs, seen from there."""

PAGE = "report.html"
START, END = "<!-- beside -->", "<!-- /beside -->"
"""Around the links in a page, so that they can change where nothing else does."""


def beside(folder: Path) -> list[Path]:
    """The other runs of the folder's group, whether they are still there or not.

    Raises
    ------
    ResultsError
        For a list that cannot be read.
    """
    path = folder / BESIDE
    if not path.exists():
        return []
    try:
        names = json.loads(path.read_bytes())
        return [Path(os.path.normpath(folder / str(name))) for name in list(names)]
    except (ValueError, TypeError) as error:
        raise ResultsError(
            f"{path} must be a list of run folders: {error}; delete it to link none"
        ) from error


def refuse_without_page(folder: Path, others: Sequence[Path]) -> None:
    """ResultsError for a run that has no page of this version, which could not lead back, or is this one."""
    for other in others:
        read_run_file(other)
        page = other / PAGE
        if other.resolve() == folder.resolve():
            raise ResultsError(f"--beside {other} is the run itself: name others")
        if not page.is_file() or START not in page.read_text(encoding="utf-8"):
            raise ResultsError(f"{other} has no page to lead to and back: report {other} first")


def put_beside(folder: Path, others: Sequence[Path]) -> None:
    """Link all of these runs, and those that they are beside already, with one another."""
    group = {each.resolve(): each for run in (folder, *others) for each in (run, *_there(run))}
    for run in group.values():
        _write(run, [each for real, each in group.items() if real != run.resolve()])
    for run in group.values():
        renew_links(run)


def take_out(folder: Path) -> None:
    """Leave the folder's group; the others stay linked with one another."""
    for other in _there(folder):
        _write(other, [each for each in beside(other) if each.resolve() != folder.resolve()])
        renew_links(other)
    _write(folder, [])


def gone(folder: Path) -> list[str]:
    """A line per run of the group that has no page any more and is not linked."""
    return [f"{run} has no page any more: not linked" for run in beside(folder) if not (run / PAGE).is_file()]


def links(folder: Path) -> Markup:
    """The line of links for the page of this run, between its two marks."""
    others = [
        Markup('<a href="{}">{}</a>').format(quote(_seen_from(folder, run / PAGE)), _words(run))
        for run in _there(folder)
    ]
    if not others:
        return Markup(START + END)
    line = Markup('<p class="chooser beside">This run: <b>{}</b> {}</p>')
    return Markup(START) + line.format(_words(folder), Markup(" ").join(others)) + Markup(END)


def renew_links(folder: Path) -> None:
    """Bring the links of a page that is there up to date; nothing else of it changes."""
    page = folder / PAGE
    if not page.is_file():
        return
    text = page.read_text(encoding="utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    renewed = before + str(links(folder)) + after
    if not (start and end) or renewed == text:
        return
    made = read_made(folder)
    kept = made is not None and made.files.get(PAGE) == file_sha256(page)
    write_atomically(page, renewed.encode())
    if made is not None and kept:
        new = replace(made, files={**made.files, PAGE: file_sha256(page)})
        write_atomically(folder / MADE, new.as_json())


def _there(folder: Path) -> list[Path]:
    return [run for run in beside(folder) if (run / PAGE).is_file()]


def _write(folder: Path, others: Sequence[Path]) -> None:
    names = [_seen_from(folder, other) for other in others]
    write_atomically(folder / BESIDE, json.dumps(names, indent=1).encode())


def _seen_from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _words(folder: Path) -> str:
    run = read_run_file(folder)
    return f"{run.task.title} ({run.name})"
