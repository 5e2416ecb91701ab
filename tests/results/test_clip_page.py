"""clips.html: the decisions of every method on every clip, equal to the records and to counting by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from results.clip_page import findings, groups, hardest, picture_name, write_clip_page
from results.numbers.tables import tested
from results.numbers.unit_tables import predictions_frame
from results.records.runs import Results, load_results

METHODS = ("mdmo", "lbp-top", "majority", "linear")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Any:
    made = request.getfixturevalue("run_maker")(
        tmp_path_factory.mktemp("clips") / "run",
        methods=METHODS,
        protocols=("clips", "subject"),
        seeds=(0, 1),
    )
    made.write()
    return made


@pytest.fixture(scope="module")
def results(run: Any) -> Results:
    return load_results(run.folder)


def by_hand(results: Results, protocol: str, method: str) -> dict[str, list[bool]]:
    """Clip -> right or not, one entry per seed, from the raw records."""
    found: dict[str, list[bool]] = {}
    for place, record in results.records.items():
        if place[0] == method and place[2] == protocol:
            said = record.scores[record.chosen].argmax(axis=1)
            for name, decided, truth in zip(record.names, said, record.truth, strict=True):
                found.setdefault(name, []).append(bool(decided == truth))
    return found


def test_shares_of_right_seeds_are_those_of_the_records(results: Results) -> None:
    for group in groups(results, predictions_frame(results, tested(results))):
        for method in METHODS:
            counted = by_hand(results, group.protocol, method)
            for clip, share in group.right[method].items():
                assert share == sum(counted[clip]) / len(counted[clip])


def test_baselines_do_not_count_among_the_methods_that_fail(results: Results) -> None:
    group = groups(results, predictions_frame(results, tested(results)))[0]
    clip = group.frame.index[0]
    shares = [sum(by_hand(results, group.protocol, m)[clip]) / 2 for m in ("mdmo", "lbp-top")]
    assert group.frame.loc[clip, "failing"] == 1 - sum(shares) / 2
    assert group.frame["failing"].is_monotonic_decreasing


def test_findings_count_what_nobody_gets(results: Results) -> None:
    group = groups(results, predictions_frame(results, tested(results)))[0]
    right = {m: by_hand(results, group.protocol, m) for m in METHODS}
    missed = [c for c in group.frame.index if not any(right["mdmo"][c]) and not any(right["lbp-top"][c])]
    lines = findings(results, group)
    assert lines[0].startswith(f"{len(missed)} of 90 ")
    alone = sum(all(right["linear"][c]) for c in missed)
    assert any(line.startswith(f"{alone} ") and "Linear on flow" in line for line in lines[1:]) or not alone


def test_the_hardest_are_ten_per_protocol_and_say_what_was_said_instead(results: Results) -> None:
    frame = hardest(results, predictions_frame(results, tested(results)))
    assert frame.groupby("protocol").size().to_dict() == {"clips": 10, "subject": 10}
    assert frame["failing"].between(0, 1).all()
    for row in frame.itertuples():
        assert row.truth not in row.said.split(" ")[0::2]


def test_pictures_are_linked_where_they_lie_and_faces_only_where_they_may_be(
    results: Results, run: Any, tmp_path: Path
) -> None:
    clip = run.names[0]
    (tmp_path / "clips").mkdir()
    for kind in ("face", "difference"):
        (tmp_path / "clips" / f"{picture_name(clip)}-{kind}.webp").write_bytes(b"")
    for faces, count in ((True, 2), (False, 1)):
        path = write_clip_page(tmp_path, results, predictions_frame(results, tested(results)), faces=faces)
        data = json.loads(re.search(r"const groups = (\[.*\]);\n", path.read_text()).group(1))
        pictures = {row["clip"]: row["pictures"] for row in data[0]["rows"]}
        assert len(pictures[clip]) == count
        assert not any(files for name, files in pictures.items() if name != clip)
        assert faces or "face" not in pictures[clip][0].rpartition("-")[2]
