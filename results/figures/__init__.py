"""All figures of a run, drawn from the frames of its tables and saved as SVG, PDF and PNG."""

from __future__ import annotations

import base64
import gc
import html
import io
import itertools
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pandas as pd
from PIL import Image

from basis.cores import cores
from results.figures import curves as figures_curves
from results.figures import sweeps as figures_sweeps
from results.figures import tables as figures_tables
from results.figures.style import CLIP_SHEETS, Drawing, Figures, Picture, own_style, save
from results.numbers.entries import Tested
from results.numbers.statistics_table import ranks
from results.records.runs import Results

MOST_SAVERS = 4
"""So many processes at most draw figures side by side."""

FRAMES_OF_FIGURES = ("table3", "optimism", "confusion", "costs")
"""The tables that figures are drawn from."""

SHEET_WIDTH = 1200
"""Pixels of a contact sheet on the page; its files have all of them."""


@contextmanager
def figures_beside(
    folder: Path,
    results: Results,
    frames: Mapping[str, pd.DataFrame],
    cells_tested: Tested,
    *,
    faces: bool = True,
) -> Iterator[Callable[[], Figures]]:
    """Draw and save every figure that the records allow, beside what the caller does in the block.

    Yields a function that waits for them; contact sheets are embedded if faces may be. Figures are drawn in
    forked processes, which have libraries and numbers: drawing is pure Python for the most part, so threads
    would not help. Where there is no fork they are drawn here, once they are asked for.
    """
    with saved_beside(list(drawings(results, frames, cells_tested)), folder) as saved:

        def wait() -> Figures:
            pictures = saved()
            return Figures(
                pictures, [_sheet(path, faces) for path in sorted(folder.glob(f"{CLIP_SHEETS}*.svg"))]
            )

        yield wait


@contextmanager
def saved_beside(jobs: Sequence[Drawing], folder: Path) -> Iterator[Callable[[], list[Picture]]]:
    """Save what these draw, side by side and beside the block; yields what waits for the pictures."""
    with own_style(), ExitStack() as stack:
        if jobs and "fork" in multiprocessing.get_all_start_methods():
            yield partial(list, stack.enter_context(_saved_by_forks(jobs, folder)))
        else:
            yield lambda: [save(job(), folder) for job in jobs]


@contextmanager
def _saved_by_forks(jobs: Sequence[Drawing], folder: Path) -> Iterator[Iterator[Picture]]:
    """The saved figures, in order, as they are finished.

    What is there when they fork is left out of the collection of garbage: it stays, and looking through all
    records takes as long as drawing.
    """
    workers = min(MOST_SAVERS, cores(), len(jobs))
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=fork, initializer=_hold, initargs=(jobs,)) as pool:
        yield pool.map(_save_held, range(len(jobs)), itertools.repeat(folder))


_held: list[Drawing] = []
"""What is drawn, in a process that draws some of it."""


def _hold(jobs: Sequence[Drawing]) -> None:
    gc.freeze()
    _held[:] = jobs


def _save_held(number: int, folder: Path) -> Picture:
    """Draw and save one figure; what it leaves, some 10 MB of objects that know one another, goes at once."""
    picture = save(_held[number](), folder)
    gc.collect()
    return picture


def _sheet(path: Path, faces: bool) -> Picture:
    """A contact sheet that is there already; on the page it is a JPEG, since photographs in SVG are large."""
    with path.open(encoding="utf-8") as file:
        head = file.read(4096)
    title = html.unescape(head.partition("<title>")[2].partition("</title>")[0])
    files = tuple(path.with_suffix(kind) for kind in (".svg", ".pdf", ".png"))
    words = f"{title}: onset, apex, offset, landmarks, crop, flow and regions of some clips."
    png = path.with_suffix(".png")
    picture = _as_jpeg(png, title) if faces and png.exists() else ""
    return Picture(path.stem, title, words, picture, tuple(file for file in files if file.exists()))


def _as_jpeg(path: Path, title: str) -> str:
    """An SVG element that holds the picture, at most SHEET_WIDTH pixels wide."""
    with Image.open(path) as picture:
        width = min(picture.width, SHEET_WIDTH)
        height = round(picture.height * width / picture.width)
        small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=82, optimize=True)
    data = base64.b64encode(packed.getvalue()).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(title)}"><image width="{width}" height="{height}" '
        f'href="data:image/jpeg;base64,{data}"/></svg>'
    )


def drawings(results: Results, frames: Mapping[str, pd.DataFrame], cells_tested: Tested) -> Iterator[Drawing]:
    """What draws each figure, in the order of the page."""
    info, table = results.info, frames["table3"]
    if not len(results.records):
        return
    protocols = list(dict.fromkeys(table["protocol"]))
    groups = list(dict.fromkeys(zip(table["protocol"], table["tim"], strict=True)))
    titles = dict(zip(table["method"], table["title"], strict=True))
    for protocol in protocols:
        yield partial(figures_tables.bars, info, table, protocol)
        optimism = frames["optimism"]
        if ((optimism["protocol"] == protocol) & (optimism["candidates"] > 1)).any():
            yield partial(figures_tables.dumbbells, info, optimism, protocol)
    for protocol, tim in groups:
        yield partial(figures_tables.confusions, info, frames["confusion"], titles, protocol, tim)
        yield partial(figures_tables.heat_map, info, table, protocol, tim)
        found = ranks(cells_tested, protocol, tim)
        if not isinstance(found, str):
            yield partial(figures_tables.critical_difference, info, *found, protocol, tim)
    for protocol in protocols:
        if table.loc[table["protocol"] == protocol, "pooled"].notna().any():
            yield partial(figures_tables.cost_accuracy, info, table, frames["costs"], protocol)
    all_cells = [cell for cell, _ in cells_tested]
    for protocol in protocols:
        if info.task.headline == "uf1-uar":
            yield from figures_sweeps.over_candidates(info, cells_tested, protocol)
        else:
            yield from figures_sweeps.sweeps(info, all_cells, protocol)
    yield from figures_curves.curves(info, all_cells)
