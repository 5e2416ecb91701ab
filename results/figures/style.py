"""One look for all figures, set in a context of its own, and one way to save them."""

from __future__ import annotations

import hashlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import fontTools.subset
import matplotlib as mpl
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from basis.files import write_atomically
from results.figures.titles import in_lines, shortened
from results.records.run_file import RunFile
from results.table_text import one_line

INK = "#1d1d21"
PAPER = "#ffffff"
QUIET = "#6c6c75"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's palette, which colour-blind readers tell apart; the first two differ in grey as well."""
SCALE = "cividis"
"""Sequential colours, equally spaced in lightness, the same to colour-blind readers."""

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "grid.color": "#b9b9c0",
    "grid.linewidth": 0.5,
    "grid.alpha": 0.6,
    "hatch.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "tlcnn-bench",
    "pdf.fonttype": 42,
    # a title is a title: dollar signs in it are no formula
    "text.parse_math": False,
}

OTHER_SCRIPTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
)
"""Fonts that are asked, where they are installed, for what the first font does not have."""

PNG_DPI = 150

CLIP_SHEETS = "clips-"
"""How the names of contact sheets begin; they are made from pixels, not from records, and stay."""


@dataclass(frozen=True)
class Drawn:
    """A figure with its file name, its title, and what it shows in words."""

    name: str
    title: str
    words: str
    figure: Figure


Drawing = Callable[[], Drawn]
"""What draws a figure when it is called."""


@dataclass(frozen=True)
class Picture:
    """A saved figure for the page: svg is its text, files are SVG, PDF and PNG."""

    name: str
    title: str
    words: str
    svg: str
    files: tuple[Path, ...]


@dataclass
class Figures:
    """All saved figures, in the order of the page; sheets were drawn from pixels when the run was made."""

    pictures: list[Picture] = field(default_factory=list)
    sheets: list[Picture] = field(default_factory=list)

    @property
    def files(self) -> list[Path]:
        """Every file of every figure that this report drew."""
        return [path for picture in self.pictures for path in picture.files]


@contextmanager
def own_style() -> Iterator[None]:
    """The look of this project's figures; the user's matplotlib settings come back afterwards."""
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE | {"font.family": fonts()})
        log.setLevel(logging.ERROR)  # a font without a bold face is drawn as it is, without a word
        try:
            yield
        finally:
            log.setLevel(before)


@cache
def fonts() -> list[str]:
    """The first font, and those for other scripts that this machine has.

    They are named as families: of the list behind the family `sans-serif` matplotlib takes one font alone.
    """
    installed = set(font_manager.get_font_names())
    others = [name for name in OTHER_SCRIPTS if name in installed]
    return [*STYLE["font.sans-serif"], *others, STYLE["font.family"]] if others else [STYLE["font.family"]]


def file_name(*parts: str) -> str:
    """A file name of these parts: letters, digits, dots, hyphens; what is changed is told apart by a hash."""
    text = "-".join(part for part in parts if part)
    safe = re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.")
    changed = re.sub(r"[ _]", "-", text) != safe
    return f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:6]}" if changed else safe


def new_figure(width: float, height: float, title: str, subtitle: str) -> Figure:
    """An empty figure of this size in inches with a heading; axes are put below it."""
    heading, below = shortened(one_line(title), int(10 * width)), in_lines(subtitle, int(16 * width), 3)
    further = below.count("\n")
    height += 0.14 * further
    figure = Figure(figsize=(width, height), dpi=PNG_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(heading + "\n" * (1 + further), x=0.012, ha="left", fontsize=11, fontweight="bold")
    figure.text(0.012, 1 - 0.29 / height, below, ha="left", va="top", fontsize=8, color=QUIET)
    return figure


def subtitle(info: RunFile, protocol: str, tims: Sequence[int], more: str = "") -> str:
    """What every figure says of its numbers: data, n, protocol, TIM, profile."""
    tim = " and ".join(map(str, tims))
    data = f"{info.data.title}, n = {info.data.n_clips} clips"
    words = f"{data}; protocol {protocol}, TIM {tim}; {info.profile} profile"
    return f"{words}; {more}" if more else words


def tidy(axes: Axes, grid: str = "") -> None:
    """Grid on one axis only, no tick marks where there is a grid."""
    if grid:
        axes.grid(axis="x" if grid == "x" else "y")
    axes.tick_params(length=0 if grid else 2.5)


def over_powers(axes: Axes, least: float, most: float) -> None:
    """A logarithmic x axis with numbers as they are typed, also where it spans less than a decade."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if most > 10 * least else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def save(drawn: Drawn, folder: Path) -> Picture:
    """Write SVG, PDF and PNG; the same figure gives the same bytes."""
    figure = drawn.figure
    contents = {"svg": io.BytesIO(), "pdf": io.BytesIO(), "png": io.BytesIO()}
    with warnings.catch_warnings(record=True) as said, fonts_read_once():
        warnings.simplefilter("always")
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
        figure.set_layout_engine("none")
        svg, pdf, png = _canvases(figure)
        svg.print_svg(contents["svg"], metadata={"Date": None, "Title": drawn.title})
        pdf.print_pdf(contents["pdf"], metadata={"CreationDate": None, "Title": drawn.title})
        figure.dpi = PNG_DPI
        png.print_png(contents["png"], metadata={"Title": drawn.title})
    words = drawn.words + no_font_for(str(each.message) for each in said)
    files = []
    for kind, buffer in contents.items():
        path = folder / f"{drawn.name}.{kind}"
        write_atomically(path, buffer.getvalue())
        files.append(path)
    return Picture(drawn.name, drawn.title, words, contents["svg"].getvalue().decode(), tuple(files))


LAYOUT_TABLES = ("GDEF", "GPOS", "GSUB", "kern")
"""Tables of a font from which a program that sets text chooses ligatures; a PDF names its glyphs itself."""


READ_ONCE = ("cmap", "hmtx", "post")
"""Tables with an entry for each of thousands of letters; cutting a font makes new ones and leaves these."""


@cache
def _tables(path: str, number: int) -> Any:
    """A font file whose letters' codes, widths and names have been read."""
    font: Any = TTFont(path, fontNumber=number, lazy=True)
    font.getGlyphOrder()
    for table in font["cmap"].tables:
        table.ensureDecompiled()
    return font


@contextmanager
def fonts_read_once() -> Iterator[None]:
    """Fonts are embedded without `LAYOUT_TABLES` and with `READ_ONCE` from memory: most of cutting a font."""
    subset: Any = fontTools.subset
    load = subset.load_font

    def load_less(path: Any, options: Any, *args: Any, **more: Any) -> Any:
        font, read = load(path, options, *args, **more), _tables(path, options.font_number)
        for table in LAYOUT_TABLES:
            if table in font:
                del font[table]
        font.setGlyphOrder(list(read.getGlyphOrder()))
        for table in READ_ONCE:
            font[table] = copy(read[table])
        font["cmap"].tables = [copy(table) for table in font["cmap"].tables]
        return font

    subset.load_font = load_less
    try:
        yield
    finally:
        subset.load_font = load


MISSING = r"Glyph (\d+) .*missing from"
"""How matplotlib says that no font has a letter."""


def no_font_for(messages: Iterable[str]) -> str:
    """A sentence that names the letters which no font of this machine has; empty where all are drawn."""
    found = (re.search(MISSING, message) for message in messages)
    letters = "".join(dict.fromkeys(chr(int(each[1])) for each in found if each))
    if not letters:
        return ""
    return (
        f" PDF and PNG show boxes for {letters}: no font of this machine has them. Install one, such as "
        f"{OTHER_SCRIPTS[0]}, delete the figure and run `report`."
    )


def _canvases(figure: Figure) -> tuple[Any, Any, Any]:
    """The canvases themselves draw once each, where `savefig` draws twice."""
    return FigureCanvasSVG(figure), FigureCanvasPdf(figure), FigureCanvasAgg(figure)
