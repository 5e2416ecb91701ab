"""From a folder of records to everything a reader sees: tables, figures and the page."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import get_terminal_size

import pandas as pd

from basis.files import file_sha256, write_atomically
from results.beside import gone, put_beside, refuse_without_page, renew_links, take_out
from results.made import MADE, Made, mark_as_old, read_made
from results.numbers import tables, unit_tables
from results.numbers.baselines import baselines_frame
from results.numbers.entries import Tested
from results.numbers.metrics_table import metrics_frame, optimism_frame
from results.numbers.statistics_table import statistics_frame
from results.records.run_file import read_run_file, run_file_bytes
from results.records.runs import Results, load_results
from results.records.store import record_paths
from results.table_text import csv_text, render_table3, table3_csv, table3_latex, table3_markdown, title


@dataclass(frozen=True)
class ReportPaths:
    """What a report wrote; text is the table for the terminal, rebuilt says whether anything was new."""

    folder: Path
    files: tuple[Path, ...]
    text: str
    rebuilt: bool

    @property
    def page(self) -> Path:
        """The page of this run."""
        return self.folder / "report.html"


def report(
    run_folder: Path, *, force: bool = False, faces: bool | None = None, beside: Sequence[Path] | None = None
) -> ReportPaths:
    """Write all tables, figures and report.html of a run folder, atomically, from its records alone.

    The same records give the same bytes. Nothing is redone when nothing changed since the last report and all
    its files are as it left them; of older files only those go that an earlier report wrote.

    Parameters
    ----------
    run_folder, force
        With run.json and units; mixes records of different conditions and says so in the tables.
    faces
        Embed pictures of people in the pages; by default not those of databases whose licence forbids it.
    beside
        Folders of other runs, such as of other tasks: their pages and this one lead to one another from now
        on. Empty: the run stands alone again. None: as before.

    Raises
    ------
    NotARun
        For a folder that holds none.
    MixedRecords
        Where records of different conditions would share a table.
    ResultsError
        For a run beside this one that has no page.
    """
    refuse_without_page(run_folder, beside or ())
    made = _written(run_folder, force, faces)
    if beside is not None:
        put_beside(run_folder, beside) if beside else take_out(run_folder)
    renew_links(run_folder)
    return replace(made, text="\n".join([made.text, *gone(run_folder)]))


def _written(run_folder: Path, force: bool, faces: bool | None) -> ReportPaths:
    """Everything that is out of date, but for the links to other runs."""
    made = read_made(run_folder)
    digest = _digest(run_folder, force, faces)
    if made is not None and made.digest == digest and made.whole(run_folder):
        return ReportPaths(run_folder, made.paths(run_folder), made.text, rebuilt=False)
    results = load_results(run_folder, force=force)
    shown = not results.info.data.private if faces is None else faces
    written, text = _write_all(run_folder, results, shown)
    new = Made.of(run_folder, digest, text, written)
    if made is not None:
        made.remove_what_is_not_in(new, run_folder)
    write_atomically(run_folder / MADE, new.as_json())
    return ReportPaths(run_folder, tuple(written), text, rebuilt=True)


def _write_all(folder: Path, results: Results, faces: bool) -> tuple[list[Path], str]:
    """Files, and the table for the terminal; figures are drawn while what needs none of them is written."""
    from results.clip_page import groups, write_clip_page
    from results.figures import FRAMES_OF_FIGURES, figures_beside
    from results.page import write_page

    tested = tables.tested(results)
    first = {name: FRAMES[name](results, tested) for name in FRAMES_OF_FIGURES}
    with figures_beside(folder / "figures", results, first, tested, faces=faces) as drawn:
        frames = {name: first[name] if name in first else FRAMES[name](results, tested) for name in FRAMES}
        predictions = unit_tables.predictions_frame(results, tested)
        written = _write_tables(folder, results, frames, predictions)
        clips = groups(results, predictions)
        clip_page = write_clip_page(folder, results.info.name, clips, faces=faces)
        figures = drawn()
    page = write_page(folder, results, frames, clips, figures, faces=faces)
    return [*written, *figures.files, clip_page, page], _text(results, frames)


def write_tables(run_folder: Path, *, force: bool = False) -> ReportPaths:
    """The tables alone; pages of an earlier report that are older than they are marked as such."""
    results = load_results(run_folder, force=force)
    tested = tables.tested(results)
    frames = all_frames(results, tested)
    predictions = unit_tables.predictions_frame(results, tested)
    written = _write_tables(run_folder, results, frames, predictions)
    text = _text(results, frames)
    made = read_made(run_folder)
    if made is not None and made.outdated(run_folder, written):
        old = mark_as_old(run_folder, made)
        text += "".join(f"\n{name} is older than these tables: `report` makes it anew" for name in old)
    return ReportPaths(run_folder, tuple(written), text, rebuilt=True)


def all_frames(results: Results, tested: Tested | None = None) -> dict[str, pd.DataFrame]:
    """Every table of a run by the name of its file; each number is computed here and nowhere else."""
    tested = tables.tested(results) if tested is None else tested
    return {name: frame(results, tested) for name, frame in FRAMES.items()}


FRAMES: dict[str, Callable[[Results, Tested], pd.DataFrame]] = {
    "table3": lambda results, tested: tables.table3_frame(tested, results.info.task),
    "per_fold": unit_tables.per_fold_frame,
    "metrics": metrics_frame,
    "baselines": lambda results, tested: baselines_frame(tested, results.info.task),
    "statistics": lambda _, tested: statistics_frame(tested),
    "optimism": lambda _, tested: optimism_frame(tested),
    "costs": lambda _, tested: unit_tables.costs_frame(tested),
    "confusion": unit_tables.confusion_frame,
}
"""Name of a table to what computes it."""


def _write_tables(
    folder: Path, results: Results, frames: Mapping[str, pd.DataFrame], predictions: pd.DataFrame
) -> list[Path]:
    texts = {f"{name}.csv": csv_text(frame) for name, frame in frames.items()}
    texts["table3.csv"] = table3_csv(frames["table3"])
    texts["table3.md"] = table3_markdown(frames["table3"], results)
    texts["table3.tex"] = table3_latex(frames["table3"], results)
    contents: dict[str, bytes] = {name: text.encode() for name, text in texts.items()}
    parquet = io.BytesIO()
    predictions.to_parquet(parquet, index=False)
    contents["predictions.parquet"] = parquet.getvalue()
    for name, data in contents.items():
        _write_if_changed(folder / name, data)
    return [folder / name for name in contents]


def _write_if_changed(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        write_atomically(path, data)


def _text(results: Results, frames: Mapping[str, pd.DataFrame]) -> str:
    width = get_terminal_size().columns if sys.stdout.isatty() else 0
    table = render_table3(frames["table3"], results.info, title(results.info, results.mixed), width=width)
    failures = [f"{len(results.failed)} units failed: see the page"] if results.failed else []
    lines = [table, "", *results.info.data.warnings, *results.warnings, *results.mixed, *failures]
    return "\n".join(lines).rstrip()


def _digest(folder: Path, force: bool, faces: bool | None) -> str:
    """Of the records, of the plan and of this package's own code; not of the command that was typed."""
    run = read_run_file(folder)
    plan = run_file_bytes(replace(run, stamp={**run.stamp, "argv": None}, command=""))
    whole = hashlib.sha256(f"{force} {faces}\n".encode() + plan)
    sources = sorted(p for p in Path(__file__).parent.rglob("*") if p.suffix in (".py", ".html", ".csv"))
    sheets = sorted((folder / "figures").glob("clips-*.svg"))
    for file in (*sources, *sheets, *record_paths(folder)):
        whole.update(f"{file.name}\n".encode() + file_sha256(file).encode())
    return whole.hexdigest()
