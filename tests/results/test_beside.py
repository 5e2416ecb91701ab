"""Runs beside one another: every page leads to every other one, for good, and nothing else is done again."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from benchmark.log import silent
from benchmark.verbs.report import report as report_verb
from results.beside import BESIDE, beside
from results.records.store import ResultsError
from results.report import report


@pytest.fixture
def three(reported: Any) -> list[Path]:
    """Copies of a reported run, two of them in other folders."""
    parts = ("run of 3 & more", "deeper/<b>x</b>")
    others = [reported.folder.parent / part for part in parts]
    return [reported.folder, *(Path(shutil.copytree(reported.folder, other)) for other in others)]


def led_to(run: Path) -> dict[Path, str]:
    """Pages that a page's links between its two marks lead to, and their words."""
    text = (run / "report.html").read_text(encoding="utf-8")
    assert text.count("<!-- beside -->") == text.count("<!-- /beside -->") == 1
    inside = text.partition("<!-- beside -->")[2].partition("<!-- /beside -->")[0]
    found = re.findall(r'<a href="([^"]*)">([^<]*)</a>', inside)
    return {(run / unquote(address)).resolve(): unescape(words) for address, words in found}


def pages(*runs: Path) -> set[Path]:
    return {(run / "report.html").resolve() for run in runs}


def test_all_pages_lead_to_one_another_and_none_is_made_anew(three):
    first, second, third = three
    assert not report(first, beside=[second]).rebuilt
    assert led_to(first).keys() == pages(second) and led_to(second).keys() == pages(first)
    report(third, beside=[second])
    for run in three:
        assert led_to(run).keys() == pages(*three) - pages(run)
        before = (run / "report.html").read_bytes()
        assert not report(run).rebuilt
        assert (run / "report.html").read_bytes() == before
    told = json.loads((second / "run.json").read_text())
    assert set(led_to(first).values()) == {f"four classes ({told['name']})"}


def test_links_outlive_a_new_page_and_a_move_of_all_folders(three, tmp_path):
    first, second, _ = three
    report(first, beside=[second])
    (first / "report.html").unlink()
    assert report(first).rebuilt
    assert led_to(first).keys() == pages(second)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    a, b = (Path(shutil.move(run, moved / run.name)) for run in (first, second))
    report(a)
    assert led_to(a).keys() == pages(b) and led_to(b).keys() == pages(a)


def test_a_run_can_stand_alone_again_and_the_others_stay_together(three):
    first, second, third = three
    report(first, beside=[second, third])
    report(second, beside=[])
    assert led_to(second) == {} and beside(second) == []
    assert led_to(first).keys() == pages(third) and led_to(third).keys() == pages(first)


def test_a_run_that_is_gone_is_named_and_not_linked(three):
    first, second, third = three
    report(first, beside=[second, third])
    shutil.rmtree(second)
    assert f"{second} has no page any more" in report(first).text
    assert led_to(first).keys() == pages(third)


def test_what_cannot_lead_back_is_refused_and_nothing_is_written(three):
    first, second, third = three
    (second / "report.html").write_text("<html>of another version</html>")
    (third / "report.html").unlink()
    for other, words in ((second, "report .* first"), (third, "report .* first"), (first, "itself")):
        with pytest.raises(ResultsError, match=words):
            report(first, beside=[other])
    with pytest.raises(ResultsError, match="--tables-only"):
        report_verb(first, silent, force=False, tables_only=True, faces=None, beside=[second])
    assert not (first / BESIDE).exists() and led_to(first) == {}


@pytest.mark.parametrize("text", ["{", "3"])
def test_a_list_that_cannot_be_read_is_named(three, text):
    (three[0] / BESIDE).write_text(text)
    with pytest.raises(ResultsError, match=f"{BESIDE}.*delete"):
        report(three[0])
