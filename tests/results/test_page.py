"""report.html in a real browser: no errors, sorting by click and key, figures, links, equal numbers."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf

from results.clip_page import CLIP_PAGE, HARDEST
from results.page import strip
from results.report import report, write_tables

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def folder(page_folder: Path) -> Path:
    return page_folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        words = "no chromium at /usr/bin/chromium: apt-get install chromium"
        if os.environ.get("TLCNN_REQUIRE_CHROMIUM") == "1":
            pytest.fail(words)
        pytest.skip(words)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def page(folder: Path, browser: Any) -> Any:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.complaints = []
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("request", lambda r: r.url.startswith("http") and opened.complaints.append(r.url))
    opened.goto((folder / "report.html").as_uri())
    return opened


def column(page: Any, name: str) -> list[str]:
    cells = page.locator("#table table").first.locator(f"tbody [data-column='{name}']")
    return [text.strip() for text in cells.all_text_contents()]


def test_nothing_is_complained_of_and_nothing_fetched(page: Any) -> None:
    assert page.complaints == []
    assert page.title().endswith("in percent")


def test_a_click_sorts_and_a_third_one_restores_the_order(page: Any) -> None:
    before = column(page, "fold1")
    head = page.locator("#table table").first.locator("th button", has_text="fold 1")
    head.click()
    assert [float(x) for x in column(page, "fold1")] == sorted(map(float, before), reverse=True)
    assert page.locator("#table th[aria-sort=descending]").count() == 1
    head.click()
    assert [float(x) for x in column(page, "fold1")] == sorted(map(float, before))
    head.click()
    assert column(page, "fold1") == before


def test_the_keyboard_sorts_and_incomplete_cells_go_last(page: Any) -> None:
    page.locator("#table table").first.locator("th button", has_text="mean").focus()
    page.keyboard.press("Enter")
    means = column(page, "mean")
    assert means[-2:] == ["4 of 5 folds", "4 of 5 folds"]
    assert [float(x) for x in means[:-2]] == sorted(map(float, means[:-2]), reverse=True)
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    assert column(page, "title")[0] == "TLCNN"


def test_every_figure_is_visible_and_its_files_are_there(page: Any, folder: Path) -> None:
    figures = page.locator("figure")
    assert figures.count() == 7
    assert page.locator("figure svg").count() < 7, "figures far below are not drawn yet"
    for i in range(figures.count()):
        figures.nth(i).scroll_into_view_if_needed()
        box = figures.nth(i).locator("svg").bounding_box()
        assert box["width"] > 300
        assert box["height"] > 100
    assert page.locator("figure a").count() == 3 * figures.count()


def test_all_links_lead_to_files_or_parts_of_the_page(page: Any, folder: Path) -> None:
    links = [a.get_attribute("href") for a in page.locator("a").all()]
    assert "metrics.csv" in links
    for link in links:
        if link.startswith("#"):
            assert page.locator(link).count() == 1, link
        else:
            assert (folder / link).is_file(), link


def test_the_link_to_all_clips_opens_a_page_with_a_column_per_row_of_the_table(page: Any) -> None:
    titles = column(page, "title")
    opened = page.context.browser.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(page.url.replace("report.html", CLIP_PAGE))
    heads = opened.locator("#head th").all_text_contents()
    assert sorted(heads[4:]) == sorted(titles)
    assert opened.locator("#body tr").count() == 90
    failing = [
        int(text.split()[0]) for text in opened.locator("#body tr td:nth-child(4)").all_text_contents()
    ]
    assert failing == sorted(failing, reverse=True)
    assert complaints == []
    opened.close()


def test_ids_are_unique(page: Any) -> None:
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_hostile_text_is_shown_and_not_run(page: Any) -> None:
    assert page.title() != "taken"
    page.locator("#left-out summary").first.click()
    text = page.locator("#left-out pre").first.text_content()
    assert "Traceback <script>document.title='taken'</script>\nValueError: a < b & c" in text
    assert "smic/s03/<b>x</b>" in page.locator("#left-out").text_content()


def test_a_phone_needs_no_sideways_scrolling_of_the_page(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    try:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        page.set_viewport_size({"width": 1280, "height": 900})


def test_dark_and_light_are_readable(page: Any) -> None:
    colours = """() => ['body', 'td', 'caption', 'figcaption', 'nav a'].map(q => {
        const s = getComputedStyle(document.querySelector(q));
        return [s.color, getComputedStyle(document.body).backgroundColor]; })"""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        for ink, ground in page.evaluate(colours):
            assert contrast(ink, ground) > 4.5, (scheme, ink, ground)


def contrast(a: str, b: str) -> float:
    """WCAG contrast of two CSS colours rgb(r, g, b)."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour[4:-1].split(",")]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


class Cells(HTMLParser):
    """Tables of a page as (table, row attributes, column, text)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], str, str]] = []
        self.table, self.row, self.column, self.text = "", {}, "", ""

    def feed(self, text: str) -> None:
        """The tables that stand in the page, and those that its script draws once they are opened."""
        super().feed(text)
        for held in re.findall(r'<script type="application/json">(.*?)</script>', text, re.S):
            table = json.loads(held)
            for cells in table["rows"]:
                own = dict(zip(table["columns"], cells, strict=True))
                row = table["where"] | {key: own[key] for key in ("title", "baseline") if key in own}
                self.found += [(table["name"], row, column, cell) for column, cell in own.items()]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "table":
            self.table = values.get("data-table", "")
        elif tag == "tr":
            self.row = {name[5:]: value for name, value in values.items() if name.startswith("data-")}
        elif tag in ("td", "th"):
            self.column, self.text = values.get("data-column", ""), ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.column:
            self.found.append((self.table, self.row, self.column, self.text.strip()))


@pytest.mark.parametrize("name", ["table3", "metrics", "baselines", "optimism", "costs"])
def test_every_number_on_the_page_is_the_one_in_the_csv(folder: Path, name: str) -> None:
    parser = Cells()
    parser.feed((folder / "report.html").read_text())
    frame = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
    if name == "metrics":
        frame = frame[(frame["selection"] == "honest") & (frame["scope"] == "pooled")]
    if name == "metrics":
        planned = json.loads((folder / "run.json").read_text())["methods"]
        frame["title"] = frame["method"].map({each["name"]: each["title"] for each in planned})
    compared = 0
    for table, row, column, text in parser.found:
        if table != name or column in ("title", "interval", "uf1_interval", "strip"):
            continue
        same = frame
        for key, value in row.items():
            same = same[same[key] == value] if key in same else same
        assert len(same) == 1
        assert same[column].iloc[0] == text, (row, column)
        compared += 1
    assert compared >= 5 * len(frame)


def test_statistics_on_the_page_are_those_in_the_csv(folder: Path) -> None:
    parser = Cells()
    parser.feed((folder / "report.html").read_text())
    frame = pd.read_csv(folder / "statistics.csv", dtype=str, keep_default_na=False)
    for column in ("a", "b", "difference", "p_holm", "p_paper_t", "wins", "verdict"):
        shown = [text for table, _, name, text in parser.found if table == "statistics" and name == column]
        assert shown == list(frame[column])


def test_the_ten_hardest_clips_are_shown_with_a_way_to_all(folder: Path) -> None:
    parser = Cells()
    text = (folder / "report.html").read_text()
    parser.feed(text)
    said = pd.read_parquet(folder / "predictions.parquet")
    said = said[~said["method"].isin(["majority", "linear"])]
    failing = 100 * (said["honest"] != said["truth"]).groupby(said["clip"]).mean()
    shown = {n: [t for table, _, name, t in parser.found if (table, name) == ("hardest", n)] for n in HARDEST}
    assert len(shown["clip"]) == 10
    assert shown["failing"] == [f"{value:.4f}" for value in failing[shown["clip"]]]
    assert shown["failing"] == [f"{value:.4f}" for value in sorted(failing, reverse=True)[:10]]
    assert f'href="{CLIP_PAGE}"' in text.partition('id="hardest"')[2]


def test_the_page_is_one_small_file_without_network(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert len(text.encode()) < 3_000_000
    assert "default-src 'none'" in text
    assert "src=" not in text.replace("default-src", "").replace("-src ", "")


def test_a_strip_is_a_bar_per_fold_and_says_its_range() -> None:
    drawn = str(strip(["0.00", "", "50.00", "100.00"]))
    assert re.findall(r"M(\d+) 20V([\d.]+)", drawn) == [("0", "20"), ("2", "10"), ("3", "0")]
    assert 'viewBox="0 0 4 20"' in drawn and "3 folds: lowest 0, median 50, highest 100 %" in drawn
    assert strip(["", ""]) == ""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, run_maker: Any) -> Path:
    """Forty methods, three TIMs, two protocols, twelve people; of the figures only what the page shows."""
    names = {f"method-{i}": f"Method {i}" for i in range(34)}
    made = tmp_path_factory.mktemp("large") / "run"
    known = run_maker.record.__globals__
    with pytest.MonkeyPatch.context() as patch:
        for name, title in names.items():
            patch.setitem(known["TITLES"], name, title)
            patch.setitem(known["SKILL"], name, 0.2)
        run = run_maker(
            made,
            methods=("tlcnn", "mdmo", "lbp-top", "stclqp", "majority", "linear", *names),
            tims=(16, 32, 64),
            protocols=("subject", "loso"),
            clips=60,
            subjects=12,
        )
        run.write()
        patch.setattr(FigureCanvasPdf, "print_pdf", lambda self, file, **more: None)
        patch.setattr(FigureCanvasAgg, "print_png", lambda self, file, **more: None)
        report(made)
    return made


@pytest.mark.slow
def test_a_large_run_stays_readable(large: Path, browser: Any) -> None:
    assert (large / "report.html").stat().st_size < 3_000_000
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.goto((large / "report.html").as_uri())
    assert opened.locator("#table .block:visible").count() == 1
    assert "1 of 6" in opened.locator("#shown").text_content()
    opened.locator("#protocol").select_option("loso")
    opened.locator("#tim").select_option("64")
    shown = opened.locator("#table .block:visible")
    assert shown.count() == 1
    assert shown.locator("tbody tr:not(.between)").count() == 40
    assert shown.locator(".strip").count() == 40
    assert opened.locator("#statistics .block:visible").count() == 1
    opened.locator("#statistics .block:visible summary").click()
    assert opened.locator("#statistics .block:visible tbody tr").count() == 40 * 39 / 2
    opened.locator("#protocol").select_option("")
    opened.locator("#tim").select_option("")
    assert opened.locator("#table .block:visible").count() == 6
    opened.close()


def test_the_same_records_are_not_reported_twice(reported: Any) -> None:
    folder = reported.folder
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name != "units")
    times = {path: path.stat().st_mtime_ns for path in files}
    again = report(folder)
    assert not again.rebuilt
    assert set(again.files) <= set(files) and folder / "report.html" in again.files
    assert {path: path.stat().st_mtime_ns for path in files} == times
    before = {path: path.read_bytes() for path in again.files}
    (folder / "units" / f"{reported.units[0]['key']}.json").unlink()
    write_tables(folder)
    reported.write()
    (folder / "figures" / "fig13-bars-clips.svg").unlink()
    renewed = report(folder)
    assert renewed.rebuilt and renewed.text == again.text
    assert {path: path.read_bytes() for path in again.files} == before


def test_the_heads_of_tables_are_plain_text_on_paper(page: Any) -> None:
    """On every page after a table's first Chromium repeats its head, but draws no button in it."""
    page.emulate_media(media="print")
    heads = page.locator("#table thead button, #metrics thead button")
    shown = heads.evaluate_all("all => all.map(each => getComputedStyle(each).display)")
    sizes = heads.evaluate_all("all => all.map(each => each.parentElement.getBoundingClientRect().height)")
    page.emulate_media(media="screen")
    assert set(shown) == {"contents"} and min(sizes) > 5


@pytest.mark.slow
def test_the_keyboard_leads_to_the_run_of_another_task_and_back(reported: Any, browser: Any) -> None:
    other = Path(shutil.copytree(reported.folder, reported.folder.with_name("run of 3 & more")))
    report(reported.folder, beside=[other])
    opened = browser.new_page()
    opened.goto((reported.folder / "report.html").as_uri())
    for address in ("**/run%20of%203%20%26%20more/report.html", "**/run/report.html"):
        opened.locator("nav .beside a").focus()
        opened.keyboard.press("Enter")
        opened.wait_for_url(address)
    opened.close()
