"""Figures: what they draw is what the tables hold; files, bytes, and the user's matplotlib settings."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from fontTools import subset, ttLib
from matplotlib import font_manager
from matplotlib.backends import _backend_pdf_ps as of_pdf
from sklearn.metrics import f1_score

from results.figures import drawings, figures_beside, saved_beside
from results.figures.clips import ClipPictures, contact_sheet
from results.figures.style import LAYOUT_TABLES, Drawn, fonts_read_once, new_figure, own_style, save
from results.figures.sweeps import sweeps
from results.figures.tables import bars, dumbbells, heat_map
from results.numbers import tables
from results.numbers.cells import cells
from results.records.runs import load_results
from results.report import all_frames

Make = Callable[..., Any]
METHODS = ("tlcnn", "tlcnn-e", "mdmo", "lbp-top", "majority")


@pytest.fixture
def made(fake_run: Make) -> tuple[Any, Any]:
    results = load_results(fake_run(methods=METHODS, tims=(32, 64)).write())
    return results, all_frames(results)


def test_bars_dots_and_ticks_are_the_numbers_of_table_3(made: tuple[Any, Any]) -> None:
    results, frames = made
    table = frames["table3"]
    with own_style():
        axes = bars(results.info, table, "clips").figure.axes[0]
    widths = [patch.get_width() for patch in axes.patches]
    np.testing.assert_allclose(widths, [*table[table.tim == 32]["mean"], *table[table.tim == 64]["mean"]])
    ticks = [line.get_xdata() for line in axes.lines if line.get_marker() == "|"]
    marks = np.concatenate([np.atleast_1d(found) for found in ticks])
    np.testing.assert_array_equal(np.sort(marks), np.sort(table["published"]))
    dots = [line.get_xdata() for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots[0], table[table.tim == 32]["fold1"])
    intervals = [segment[:, 0] for segment in axes.collections[0].get_segments()]
    np.testing.assert_allclose(intervals, table[table.tim == 32][["low", "high"]])


def test_an_incomplete_cell_has_no_bar_and_says_so(fake_run: Make) -> None:
    run = fake_run(methods=METHODS)
    results = load_results(run.write(but=lambda unit: unit["key"] == run.units[0]["key"]))
    frames = all_frames(results)
    with own_style():
        axes = bars(results.info, frames["table3"], "clips").figure.axes[0]
        heat = heat_map(results.info, frames["table3"], "clips", 32).figure.axes[0]
    assert axes.patches[0].get_width() == 0
    assert "4 of 5 folds" in [text.get_text() for text in axes.texts]
    assert "missing" in [text.get_text() for text in heat.texts]


def drawn_by(*made: Any) -> Iterator[Any]:
    """Every figure, one after the other."""
    return (draw() for draw in drawings(*made))


def test_dumbbells_join_honest_and_paper_style(made: tuple[Any, Any]) -> None:
    results, frames = made
    optimism = frames["optimism"].query("candidates > 1 and tim == 32")
    with own_style():
        axes = dumbbells(results.info, frames["optimism"], "clips").figure.axes[0]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), optimism["honest"])
    np.testing.assert_allclose(axes.lines[1].get_xdata(), optimism["paper_style"])


def test_the_sweep_is_the_mean_accuracy_over_lambda(made: tuple[Any, Any]) -> None:
    results, _ = made
    with own_style():
        (draw,) = sweeps(results.info, cells(results), "clips")
        drawn = draw()
    records = [r for place, r in results.records.items() if place[:2] == ("mdmo", 32)]
    expected = np.mean([(r.scores.argmax(2) == np.array(r.truth)).mean(1) for r in records], axis=0)
    line = drawn.figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), 100 * expected)
    np.testing.assert_allclose(line.get_xdata(), np.arange(101) / 100)


@pytest.fixture
def judged_by_uf1(fake_run: Make) -> Any:
    run = fake_run(methods=("mdmo", "lbp-top", "linear"), protocols=("loso",), clips=40, subjects=8)
    folder = run.write()
    plan = json.loads((folder / "run.json").read_text())
    plan["task"]["headline"] = "uf1-uar"
    (folder / "run.json").write_text(json.dumps(plan))
    return load_results(folder)


def test_uf1_over_the_candidates_with_both_choices(judged_by_uf1: Any) -> None:
    found = tables.tested(judged_by_uf1)
    with own_style():
        drawn = {each.name: each for each in drawn_by(judged_by_uf1, all_frames(judged_by_uf1), found)}
    assert not [name for name in drawn if name.startswith("sweep")]
    figure = drawn["uf1-over-lambda-loso-tim32"]
    records = [r for place, r in judged_by_uf1.records.items() if place[0] == "mdmo"]
    truth = np.concatenate([r.truth for r in records])

    def uf1_of(decided: list[np.ndarray]) -> float:
        return float(f1_score(truth, np.concatenate(decided), average="macro"))

    expected = [uf1_of([r.decisions()[i] for r in records]) for i in range(101)]
    best = uf1_of([r.paper_style for r in records])
    axes = figure.figure.axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["one lambda for all folds"].get_ydata(), expected)
    np.testing.assert_allclose(lines["best on test, fold by fold"].get_ydata(), best)
    assert lines["best single lambda"].get_ydata() == pytest.approx(max(expected))
    assert any(str(label).startswith("baseline: Linear") for label in lines)
    assert f"best on the test data fold by fold {best:.4f}" in figure.words
    row = all_frames(judged_by_uf1)["optimism"].set_index("method").loc["mdmo"]
    assert row["uf1_best_single"] == pytest.approx(100 * max(expected))
    assert row["uf1_best_candidate"] == f"lambda {int(np.argmax(expected)) / 100}"
    assert row["uf1_paper_style"] == pytest.approx(100 * best)
    assert row["uf1_optimism_low"] < row["uf1_optimism"] < row["uf1_optimism_high"]


def test_every_figure_says_data_n_protocol_and_profile(made: tuple[Any, Any]) -> None:
    with own_style():
        names = []
        for drawn in drawn_by(*made, tables.tested(made[0])):
            words = " ".join(text.get_text() for text in drawn.figure.texts)
            assert "simulator, n = 90 clips; protocol clips, TIM" in words, drawn.name
            assert "quick profile" in words
            names.append(drawn.name)
    beginnings = {re.split(r"-clips|-tim", name)[0] for name in names}
    assert beginnings == {
        *("fig13-bars", "optimism", "confusion", "heatmap", "cost", "sweep-mdmo"),
        *("training-stage-E", "training-joint"),
    }


def test_files_are_the_same_each_time_and_those_of_others_stay(reported: Any) -> None:
    results, folder = load_results(reported.folder), reported.folder / "figures"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    frames, before = all_frames(results), dict(mpl.rcParams)
    (folder / "of-the-user.svg").write_text("own")
    (folder / "clips-smic.svg").write_text("<svg><title>Clips of a &amp; b</title></svg>")
    with figures_beside(folder, results, frames, tables.tested(results)) as drawn:
        figures = drawn()
    (sheet,) = figures.sheets
    assert (sheet.name, sheet.title) == ("clips-smic", "Clips of a & b")
    assert first == {path.name: path.read_bytes() for path in figures.files}
    assert {name.rpartition(".")[2] for name in first} == {"svg", "pdf", "png"}
    assert (folder / "of-the-user.svg").read_text() == "own"
    assert (folder / "clips-smic.svg").exists()
    assert dict(mpl.rcParams) == before


def clip_pictures(flow: np.ndarray) -> ClipPictures:
    picture = np.random.default_rng(1).integers(0, 255, (60, 50, 3)).astype(np.uint8)
    return ClipPictures(
        *("smic/s1/c1", "surprise", picture, picture, picture, picture),
        landmarks=np.full((66, 2), 20, np.float32),
        crop=(5, 5, 40, 50),
        flow=flow,
        regions=[np.array([[1, 1], [9, 1], [9, 9]])],
    )


def test_a_contact_sheet_shows_flow_at_a_stated_scale(tmp_path: Path) -> None:
    flow = np.zeros((60, 50, 2), np.float32)
    flow[:30, :, 0] = 0.5
    sheets = [
        partial(contact_sheet, [clip_pictures(flow)], database=name, source="made up", profile="quick")
        for name in ("smic", "casme")
    ]
    with saved_beside(sheets, tmp_path) as saved:
        picture, second = saved()
    assert second.title == "Clips of casme"
    assert [path.name for path in picture.files] == ["clips-smic.svg", "clips-smic.pdf", "clips-smic.png"]
    drawn = contact_sheet([clip_pictures(flow)], database="smic", source="made up", profile="quick")
    words = " ".join(text.get_text() for text in drawn.figure.texts)
    assert "n = 1 clips shown; quick profile; flow up to 0.50 px, arrows magnified 10 times" in words
    arrows = drawn.figure.axes[4].collections[0]
    np.testing.assert_allclose(arrows.U.reshape(20, -1)[:10], 5.0, atol=1e-6)
    np.testing.assert_allclose(arrows.U.reshape(20, -1)[10:], 0.0)
    with pytest.raises(ValueError, match="at least one clip"):
        contact_sheet([], database="smic", source="made up", profile="quick")


def test_a_clip_that_does_not_move_has_a_sheet_too() -> None:
    still = clip_pictures(np.zeros((60, 50, 2), np.float32))
    drawn = contact_sheet([still], database="smic", source="made up", profile="quick")
    assert "magnified 1 times" in " ".join(text.get_text() for text in drawn.figure.texts)


def test_letters_that_no_font_has_are_named_and_nothing_is_printed(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    cuneiform = chr(0x12345)
    with own_style():
        for title, named in ((f"of {cuneiform} and {cuneiform}", True), ("of Müller", False)):
            picture = save(Drawn("drawn", title, "What it is.", new_figure(3, 2, title, "")), tmp_path)
            assert picture.words.startswith("What it is.")
            assert (f"boxes for {cuneiform}: " in picture.words) == named
    assert [each.message for each in recwarn] == []


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_fonts_that_are_read_once_are_cut_as_if_they_were_read_each_time(
    weight: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = font_manager.fontManager._find_fonts_by_props(  # the type that the PDF canvas asks with
        font_manager.FontProperties(family="DejaVu Sans", weight=weight)
    )[0]
    wanted = [set(range(30, 60)), {3, 71, 200, 1200}, set(range(30, 60))]

    def cut() -> list[bytes]:
        made = []
        for letters in wanted:
            with of_pdf.get_glyphs_subset(path, letters) as found:
                made.append(of_pdf.font_as_file(found.font).getvalue())
        return made

    with fonts_read_once():
        ours = cut()
    load = subset.load_font

    def without_layout(*args: Any, **more: Any) -> Any:
        font: ttLib.TTFont = load(*args, **more)
        for table in LAYOUT_TABLES:
            font.reader.tables.pop(table, None)
        return font

    monkeypatch.setattr(subset, "load_font", without_layout)
    assert ours == cut() and len(set(ours)) == 2
