"""What a run folder holds, through damage."""

import json
import os

import numpy as np
import pytest

from benchmark.folder.ledger import survey
from results.records.store import BadRecord, Record, read_record, write_record


def record(key, status="done"):
    scores = np.array([[[0.1, 0.9], [0.6, 0.4]], [[0.8, 0.2], [0.7, 0.3]]], np.float32)
    return Record(
        key=key,
        unit={"method": "majority", "tim": 32},
        profile="quick",
        status=status,
        classes=("a", "b"),
        names=("x", "y"),
        subjects=("d/1", "d/2"),
        databases=("d", "d"),
        truth=(0, 0),
        candidates=({"c": 1}, {"c": 2}),
        scores=scores,
        step_decisions=np.zeros((2, 2, 3), np.int16),
    )


def test_a_record_survives_the_disk(tmp_path):
    path = write_record(tmp_path, record("ab" * 32))
    back = read_record(path)
    assert back.truth == (0, 0) and back.candidates == ({"c": 1}, {"c": 2})
    assert back.scores.dtype == np.float32 and np.array_equal(back.scores, record("x").scores)
    assert back.step_decisions.shape == (2, 2, 3)


def test_honest_is_the_chosen_candidate_and_paper_style_the_best_on_the_test_fold():
    one = record("x")
    assert one.honest.tolist() == [1, 0]
    assert one.paper_style_candidate == 1
    assert one.paper_style.tolist() == [0, 0]


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def damage_edit(path):
    body = json.loads(path.read_text())
    body["truth"] = [1, 1]
    path.write_text(json.dumps(body))


def damage_rename(path):
    path.rename(path.with_name("cd" * 32 + ".json"))


@pytest.mark.parametrize("damage", [damage_cut, damage_edit, damage_rename])
def test_a_damaged_record_is_named_and_not_done(tmp_path, damage):
    path = write_record(tmp_path / "units", record("ab" * 32))
    assert survey(tmp_path).done("ab" * 32)
    damage(path)
    found = survey(tmp_path)
    assert not found.done("ab" * 32)
    assert len(found.bad) == 1 and str(tmp_path) in found.bad[0]


def test_a_failed_record_is_not_done_and_a_new_one_is_seen(tmp_path):
    write_record(tmp_path / "units", record("ab" * 32, status="failed"))
    assert not survey(tmp_path).done("ab" * 32)
    write_record(tmp_path / "units", record("ab" * 32))
    assert survey(tmp_path).done("ab" * 32)


@pytest.mark.parametrize("index", ["", "[1, 2]", '{"x.json": 3}', "{"])
def test_a_broken_index_is_only_a_lost_shortcut(tmp_path, index):
    write_record(tmp_path / "units", record("ab" * 32))
    (tmp_path / "index.json").write_text(index)
    assert survey(tmp_path).done("ab" * 32)


def test_temporary_files_of_a_killed_writer_are_not_records(tmp_path):
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / (".%s.json.x.tmp" % ("ab" * 32))).write_text("{")
    found = survey(tmp_path)
    assert not found.statuses and not found.bad


def test_an_unknown_record_file_is_named(tmp_path):
    write_record(tmp_path / "units", record("ab" * 32))
    os.link(tmp_path / "units" / ("ab" * 32 + ".json"), tmp_path / "units" / "copy.json")
    with pytest.raises(BadRecord, match="its name says copy"):
        read_record(tmp_path / "units" / "copy.json")
