"""clips.html: the decisions of every method on every clip, equal to the records and to counting by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from results.clip_page import Group, findings, groups, hardest, picture_name, write_clip_page
from results.numbers import tables
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


def inlined(path: Path) -> Any:
    """What the page's script is given."""
    return json.loads(re.search(r"const groups = (\[.*\]);\n", path.read_text()).group(1))


def groups_of(results: Results) -> list[Group]:
    return groups(results, predictions_frame(results, tables.tested(results)))


@pytest.fixture(scope="module")
def found(results: Results) -> list[Group]:
    return groups_of(results)


def by_hand(results: Results, protocol: str, method: str) -> dict[str, list[bool]]:
    """Clip -> right or not, one entry per seed, from the raw records."""
    found: dict[str, list[bool]] = {}
    for place, record in results.records.items():
        if place[0] == method and place[2] == protocol:
            said = record.scores[record.chosen].argmax(axis=1)
            for name, decided, truth in zip(record.names, said, record.truth, strict=True):
                found.setdefault(name, []).append(bool(decided == truth))
    return found


def test_shares_of_right_seeds_are_those_of_the_records(results: Results, found: list[Group]) -> None:
    for group in found:
        for method in METHODS:
            counted = by_hand(results, group.protocol.name, method)
            for clip, share in group.right[method].items():
                assert share == sum(counted[clip]) / len(counted[clip])


def test_baselines_do_not_count_among_the_methods_that_fail(results: Results, found: list[Group]) -> None:
    group = found[0]
    clip = group.frame.index[0]
    shares = [sum(by_hand(results, group.protocol.name, m)[clip]) / 2 for m in ("mdmo", "lbp-top")]
    assert group.frame.loc[clip, "failing"] == 1 - sum(shares) / 2
    assert group.frame["failing"].is_monotonic_decreasing


def test_findings_count_what_nobody_gets(results: Results, found: list[Group]) -> None:
    group = found[0]
    right = {m: by_hand(results, group.protocol.name, m) for m in METHODS}
    missed = [c for c in group.frame.index if not any(right["mdmo"][c]) and not any(right["lbp-top"][c])]
    lines = findings(group)
    assert f": {len(missed)} of 90 clips;" in lines[0]
    alone = sum(all(right["linear"][c]) for c in missed)
    assert any(f"Linear on flow {alone}" in line for line in lines[1:]) or not alone


def test_the_hardest_are_ten_per_protocol_and_say_what_was_said_instead(found: list[Group]) -> None:
    frame = hardest(found)
    assert frame.groupby("protocol").size().to_dict() == {"clips": 10, "subject": 10}
    assert frame["failing"].between(1, 100).all()
    for row in frame.itertuples():
        assert row.truth not in row.said.split(" ")[0::2]


def test_pictures_are_linked_where_they_lie_and_faces_only_where_they_may_be(
    found: list[Group], run: Any, tmp_path: Path
) -> None:
    clip = run.names[0]
    (tmp_path / "clips").mkdir()
    for kind in ("face", "difference"):
        (tmp_path / "clips" / f"{picture_name(clip)}-{kind}.webp").write_bytes(b"")
    for faces, count in ((True, 2), (False, 1)):
        path = write_clip_page(tmp_path, "run", found, faces=faces)
        data = inlined(path)
        pictures = {row["clip"]: row["pictures"] for row in data[0]["rows"]}
        assert len(pictures[clip]) == count
        assert not any(files for name, files in pictures.items() if name != clip)
        assert faces or "face" not in pictures[clip][0].rpartition("-")[2]


def test_one_method_under_two_settings_is_two_columns(fake_run: Any, tmp_path: Path) -> None:
    run = fake_run(methods=("lbp-top", "linear"), seeds=(0, 1))
    for unit in run.units:
        if unit["method"] == "lbp-top" and unit["seed"] == 1:
            unit["settings"] = {"C": 8.0}
    results = load_results(run.write())
    (group,) = groups_of(results)
    for row, seed in zip(group.rows, (0, 1), strict=False):
        records = [r for place, r in results.records.items() if place[0] == "lbp-top" and place[4] == seed]
        for record in records:
            right = record.scores[record.chosen].argmax(axis=1) == record.truth
            assert list(group.right.loc[list(record.names), row.method]) == list(right.astype(float))
    (shown,) = inlined(write_clip_page(tmp_path, "run", [group], faces=False))
    titles = [method["title"] for method in shown["methods"]]
    assert titles == ["LBP-TOP [C 1.0]", "LBP-TOP [C 8.0]", "Linear on flow"]


def test_a_clip_that_baselines_alone_tested_is_neither_hard_nor_lost(fake_run: Any, tmp_path: Path) -> None:
    run = fake_run(methods=("lbp-top", "linear"))
    left_out = run.units[0]
    assert left_out["method"] == "lbp-top"
    (group,) = groups_of(load_results(run.write(but=lambda unit: unit is left_out)))
    alone = set(group.right.index[group.right["lbp-top"].isna()])
    assert alone and not alone & set(hardest([group], n=90)["clip"])
    (shown,) = inlined(write_clip_page(tmp_path, "run", [group], faces=False))
    assert {row["clip"] for row in shown["rows"] if row["failing"] == -1} == alone


def test_a_run_without_any_record_has_no_group(fake_run: Any) -> None:
    assert groups_of(load_results(fake_run(methods=METHODS).write(but=lambda unit: True))) == []
