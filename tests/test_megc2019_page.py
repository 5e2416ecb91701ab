"""The numbers on MEGC2019 in docs/megc2019.md and the README are those of the stored tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def writer(of_docs):
    return of_docs("write_megc2019")


@pytest.mark.parametrize(
    ("page", "mark"),
    [("docs/megc2019.md", "table"), ("docs/megc2019.md", "best"), ("docs/megc2019.md", "parts"),
     ("README.md", "megc2019")],
)  # fmt: skip
def test_what_is_printed_is_what_is_stored(writer, page, mark):
    text = (ROOT / page).read_text(encoding="utf-8")
    printed = re.search(rf"<!-- {mark} -->\n(.*?)\n<!-- /{mark} -->", text, re.S).group(1)
    assert printed == "\n".join(writer.TABLES[mark](*writer.stored()))


def test_the_known_answers_hold(writer):
    """Deterministic rows, to the four digits that anybody finds on these pictures."""
    metrics, _ = writer.stored()
    honest = metrics[metrics["selection"] == "honest"].set_index(["method", "database"])
    for name, part, uf1, uar in (
        ("majority", "all", 0.2408, 0.3333),
        ("flow-logreg", "all", 0.7270, 0.7506),
        ("flow-logreg", "smic", 0.6532, 0.6643),
        ("flow-logreg", "casme2", 0.9027, 0.9242),
        ("flow-logreg", "samm", 0.6019, 0.6443),
    ):
        assert tuple(honest.loc[(name, part), ["uf1", "uar"]]) == (uf1, uar)


def test_no_network_is_clearly_above_the_logistic_regression_by_its_honest_number(writer):
    """What the two pages say in words; by the epochs of the test people each of them is above it."""
    metrics, optimism = writer.stored()
    honest = metrics.query("selection == 'honest' and database == 'all'").set_index("method")
    networks = list(optimism[optimism["candidates"].astype(int) > 1]["method"])
    regression = honest.loc["flow-logreg", "uf1"]
    assert len(networks) >= 3
    assert honest.loc[networks, "uf1_low"].lt(regression).all()
    assert honest.loc[networks, "uf1_high"].gt(regression).all()
    best = optimism.set_index("method").loc[networks, "uf1_paper_style"].astype(float) / 100
    assert (best > regression).all()
