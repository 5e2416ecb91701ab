"""Titles in figures: short ones as they are, long ones in two lines without their middle, all inside."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib import font_manager

from results.figures.labels import place_labels
from results.figures.style import OTHER_SCRIPTS, Drawn, fonts, new_figure, own_style, save
from results.figures.titles import in_lines, name_rows, shortened
from results.table_text import columns_of

LONG = "A three-stream convolutional network with temporal attention and label smoothing (2023, anew)"
TITLES = ["TLCNN", LONG, "微表情识别三流网络" * 6, "3D-CNN 2+1", "W" * 90, "ResNet50-LSTM 128x2"]


def test_a_letter_of_east_asia_takes_two_columns_and_an_accent_none():
    assert [columns_of(text) for text in ("", "3D-CNN 2+1", "微表情", "e\u0301")] == [0, 10, 6, 1]


WORDS = st.text(st.characters(exclude_characters="\N{HORIZONTAL ELLIPSIS}"), max_size=60)


@settings(max_examples=40)
@given(WORDS, st.integers(2, 40))
@example("微" * 40, 3)
def test_a_shortened_text_fits_and_keeps_both_ends(text, most):
    short = shortened(text, most)
    assert columns_of(short) <= most
    if short != text:
        head, _, tail = short.partition("\N{HORIZONTAL ELLIPSIS}")
        assert text.startswith(head) and text.endswith(tail)


@settings(max_examples=40)
@given(WORDS, st.integers(2, 40))
@example(LONG, 40)
@example(TITLES[2], 40)
def test_lines_fit_and_nothing_is_lost_where_there_is_room(text, width):
    lines = in_lines(text, width).split("\n")
    assert len(lines) <= 2 and all(columns_of(line) <= width for line in lines)
    if len(text.split()) == 1 and columns_of(text) <= width:
        assert lines == [text.split()[0]]
    if columns_of(text) * 2 <= width:
        assert lines == [" ".join(text.split())]


def test_no_word_stands_alone_below_a_full_line():
    words = "simulator, n = 560 clips; protocol loso, TIM 32; quick profile; black: pooled"
    for width in range(20, 40):
        lines = in_lines(words, width, 9).split("\n")
        assert " ".join(lines) == words and all(len(line) <= width for line in lines)
        assert len(lines[-1].split()) > 1
        for narrower in range(15, max(map(len, lines))):
            assert len(in_lines(words, narrower, 9).split("\n")) > len(lines)
    assert in_lines("one two three four", 14) == "one two\nthree four"


@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_of_rows_stay_inside_the_figure_and_apart(tmp_path: Path):
    with own_style():
        figure = new_figure(7.2, 1.3 + 0.27 * len(TITLES), LONG, f"{LONG * 3}; quick profile")
        axes = figure.add_subplot()
        axes.barh(range(len(TITLES)), 1)
        name_rows(axes, TITLES)
        save(Drawn("x", "x", "x", figure), tmp_path)
        boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
        headings = [text.get_window_extent() for text in (figure._suptitle, *figure.texts)]
    assert all(box.x0 >= 0 for box in boxes)
    assert all(upper.y0 >= lower.y1 - 1 or lower.y0 >= upper.y1 - 1 for upper, lower in pairwise(boxes))
    assert axes.bbox.width > 0.4 * figure.bbox.width and axes.bbox.height > 0.6 * figure.bbox.height
    assert all(box.x1 <= figure.bbox.x1 for box in headings)
    heading, below = (text.get_window_extent() for text in (figure._suptitle, figure.texts[-1]))
    assert figure.texts[-1].get_text().endswith("; quick profile") and len(figure.texts[-1].get_text()) > 200
    assert max(axes.bbox.y1, boxes[0].y1) < below.y0 < below.y1 < heading.y1


def test_names_beside_crowded_points_are_left_out_and_counted():
    points = pd.DataFrame({"x": [0.1, 0.9, *[0.5] * 40], "y": [0.1, 0.9, *np.linspace(0.49, 0.51, 40)]})
    with own_style():
        figure = new_figure(6, 4, "x", "y")
        axes = figure.add_subplot()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        figure.canvas.draw()
        names = [f"method {i}" for i in range(len(points))]
        without = place_labels(axes, points["x"].to_numpy(), points["y"].to_numpy(), names)
    written = [text.get_text() for text in axes.texts]
    assert len(written) + without == len(points) and without > 20
    assert {"method 0", "method 1", "method 2"} <= set(written)


@pytest.fixture
def another_font(tmp_path: Path) -> Iterator[None]:
    """A font of one letter, installed under the name of one that is asked for."""
    builder, pen = FontBuilder(1000, isTTF=True), TTGlyphPen(None)
    for move, at in zip((pen.moveTo, pen.lineTo, pen.lineTo), ((0, 0), (0, 700), (700, 0)), strict=True):
        move(at)
    pen.closePath()
    builder.setupGlyphOrder([".notdef", "wei"])
    builder.setupCharacterMap({ord("微"): "wei"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "wei": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (800, 0), "wei": (800, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": OTHER_SCRIPTS[-1], "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "wei.ttf")
    before = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(tmp_path / "wei.ttf")
    fonts.cache_clear()
    yield
    font_manager.fontManager.ttflist = before
    fonts.cache_clear()


@pytest.mark.usefixtures("another_font")
def test_a_font_of_this_machine_draws_what_the_first_one_lacks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with own_style():
        figure = new_figure(4, 2, "微 3D", "x")
        told = [save(Drawn("x", "x", "x", figure), tmp_path).words]
        figure.text(0.5, 0.5, "情")
        told.append(save(Drawn("x", "x", "x", figure), tmp_path).words)
    assert told[0] == "x" and "boxes for 情:" in told[1]
    assert caplog.text == "" and "sans-serif" in (tmp_path / "x.svg").read_text()
