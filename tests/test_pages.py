"""Every page in a real Chromium, on a phone and a wide screen, dark and light.

No complaint, no request, the keyboard reaches everything, every animation plays, every row of a table can be
seen, axe-core finds no serious fault.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
VIEWS = [(width, scheme) for width in (360, 1440) for scheme in ("dark", "light")]
PAGES = ("report.html", "clips.html", "look/index.html", "seen.html")
REACHABLE = "a[href], button, select, input, summary, textarea, [tabindex='0']"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory, simulated_cache, command) -> Path:
    """A tiny run with its pages, a page of `look` and one of `predict`, in one folder."""
    out = tmp_path_factory.mktemp("pages") / "run"
    data = ("--simulator", "tiny", "--cache", simulated_cache)
    command("run", *data, "--methods", "lbp-top", "mdmo", "majority", "--protocol", "subject", "--out", out)
    command("look", *data, "--out", out / "look")
    command("fit", "lbp-top", *data, "--out", out / "model")
    video = next(simulated_cache.glob("simulated/tiny-*/casme2/CASME2_RAW_selected/sub01/*"))
    command("predict", out / "model", video, "--page", out / "seen.html")
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    require = pytest.fail if os.environ.get("TLCNN_REQUIRE_CHROMIUM") == "1" else pytest.skip
    if not Path(CHROMIUM).exists():
        require("no chromium at /usr/bin/chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module", params=PAGES)
def address(request, folder) -> str:
    return (folder / request.param).as_uri()


@pytest.fixture(scope="module", params=VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
def page(request, browser, address) -> Iterator[Any]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    opened.complaints = []
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("requestfailed", lambda request: opened.complaints.append(f"failed: {request.url}"))
    opened.on("request", lambda r: r.url.startswith(("file:", "data:")) or opened.complaints.append(r.url))
    opened.goto(address)
    opened.wait_for_load_state()
    yield opened
    context.close()


def open_everything(page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.wait_for_timeout(200)  # tables are drawn when they are opened
    for button in page.locator("#body button").all()[:3]:
        if button.get_attribute("aria-expanded") == "false":
            button.click()


def test_nothing_is_complained_of_and_nothing_is_asked_for(page):
    open_everything(page)
    last = page.evaluate("document.documentElement.scrollHeight")
    for y in range(0, last, 800):
        page.evaluate(f"scrollTo(0, {y})")
        page.wait_for_timeout(30)
    assert page.complaints == []


def test_the_page_itself_needs_no_sideways_scrolling(page):
    open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("page", [(1440, "light")], indirect=True, ids=str)
def test_the_first_table_is_seen_whole_on_a_wide_screen(page):
    boxes = page.evaluate(
        "[...document.querySelectorAll('[data-table=table3]')].map(t => t.closest('.scroll'))"
        ".filter(b => b && b.clientWidth).map(b => [b.scrollWidth, b.clientWidth])"
    )
    assert bool(boxes) == page.url.endswith("report.html")
    assert all(wide <= seen for wide, seen in boxes)


def test_the_keyboard_reaches_everything(page):
    open_everything(page)
    wanted = page.evaluate(
        f"""() => [...document.querySelectorAll("{REACHABLE}")].filter(each => each.checkVisibility()
            && !each.disabled).map((each, number) => {{ each.dataset.reach = number; return number; }})"""
    )
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reached = set()
    for _ in range(len(wanted) + 2):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.reach ?? ''"))
    missed = [number for number in wanted if str(number) not in reached]
    assert not [page.locator(f"[data-reach='{n}']").first.evaluate("e => e.outerHTML") for n in missed[:5]]


def test_axe_finds_no_serious_fault(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra [test] is not there")
    open_everything(page)
    found = axe.Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in serious]


def test_every_row_of_every_table_can_be_seen(page):
    open_everything(page)
    hidden = page.evaluate(
        """() => [...document.querySelectorAll('tbody tr')].filter(row => !row.hidden && row.cells.length)
            .filter(row => {
                row.scrollIntoView({block: 'center', behavior: 'instant'});
                const box = row.cells[0].getBoundingClientRect();
                const edge = (row.closest('.scroll') ?? document.body).getBoundingClientRect().left;
                const at = document.elementFromPoint(Math.max(box.left, edge) + 4, box.top + box.height / 2);
                return !(at && row.contains(at));
            }).map(row => row.textContent.trim().slice(0, 80))"""
    )
    assert hidden == []


def test_a_table_of_forty_rows_is_shown_whole(page):
    open_everything(page)
    cut = page.evaluate(
        """() => [...document.querySelectorAll('table')].filter(table => table.rows.length <= 40)
            .filter(table => {
                const box = table.closest('.scroll');
                return box && box.scrollHeight > box.clientHeight + 1;
            })
            .map(table => table.textContent.trim().slice(0, 80))"""
    )
    assert cut == []


@pytest.mark.parametrize("page", [(360, "dark"), (1440, "light")], indirect=True, ids=str)
def test_every_animation_plays(page):
    open_everything(page)
    kind = "img[src*='webp']"
    count, y, playing, seen = page.locator(kind).count(), 0, set(), set()
    assert (count == 0) == page.url.endswith("report.html")
    if not count:
        return
    height = 3 * page.viewport_size["height"]
    page.set_viewport_size({**page.viewport_size, "height": height})
    while y < page.evaluate("document.documentElement.scrollHeight"):
        page.evaluate(f"scrollTo(0, {y})")
        page.wait_for_timeout(150)
        boxes = page.evaluate(
            f"""() => [...document.querySelectorAll("{kind}")].map(each => {{
                const box = each.getBoundingClientRect();
                return [box.left, box.top, box.right, box.bottom].map(Math.round);
            }})"""
        )
        shots = [picture(page) for _ in range(3) if page.wait_for_timeout(170) is None]
        for number, (left, top, right, bottom) in enumerate(boxes):
            if right > left and top >= 0 and bottom <= height:
                seen.add(number)
                cut = [shot[top:bottom, max(left, 0) : right] for shot in shots]
                if any((cut[0] != other).any() for other in cut[1:]):
                    playing.add(number)
        y += height // 2
    visible = {n for n in range(count) if page.locator(kind).nth(n).is_visible()}
    assert seen >= visible
    assert playing >= visible, [page.locator(kind).nth(n).get_attribute("alt") for n in visible - playing]


def test_a_page_of_a_thousand_clips_loads_what_is_looked_at(browser, folder, tmp_path):
    text = (folder / "look" / "index.html").read_text()
    held = re.search(r"const clips = (\[.*?\]), height", text, re.S)
    clips = json.loads(held.group(1))
    many = [
        {**clips[i % len(clips)], "name": f"db/p{i % 50}/c{i}", "subject": f"p{i % 50}"} for i in range(1000)
    ]
    for number, clip in enumerate(many):
        clip["files"] = {kind: f"clips/{number}-{kind}.webp" for kind in clip["files"]}
    (tmp_path / "index.html").write_text(text.replace(held.group(1), json.dumps(many)))
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    asked = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((tmp_path / "index.html").as_uri())
    opened.wait_for_timeout(500)
    assert opened.locator("#count").text_content() == "1000 of 1000 shown"
    assert 10 < sum(url.endswith(".webp") for url in asked) < 300
    opened.locator("#subject").select_option("p7")
    assert opened.locator(".card:visible").count() == 20
    opened.close()


def picture(page) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.screenshot(animations="allow"))).convert("L"), np.int16)
