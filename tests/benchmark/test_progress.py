"""What a run says while it runs."""

import pytest

from benchmark.engines import Outcome
from benchmark.progress import Progress, duration
from benchmark.unit import Unit


def unit(method, fold):
    return Unit(
        method=method,
        revision=1,
        tim=32,
        protocol="clips",
        fold=f"fold{fold}",
        seed=0,
        control="none",
        data="d",
        stills=None,
        settings={},
    )


def outcome(seconds, status="done"):
    error = None if status == "done" else {"type": "ValueError", "message": "no face\nat all"}
    return Outcome("key", status, error, seconds, 1.0)


def test_time_left_is_that_of_the_units_to_come_not_of_those_gone():
    """By hand: A's units take 2 s but for the first, which computed the features; B's take 10 s."""
    units = [unit(method, fold) for fold in range(1, 6) for method in "AB"]
    lines = []
    with Progress(units, 2, lines.append) as progress:
        for done, seconds in zip(units[:6], (100, 10, 2, 10, 2, 10), strict=True):
            progress.advance(done, outcome(seconds))
        assert progress.left == pytest.approx((2 * 2 + 2 * 10) / 2)
    assert lines[-1] == "[6/10] B tim 32 clips fold3 seed 0: 10.0 s; about 12 s left"


def test_a_method_not_seen_yet_is_expected_to_take_what_the_others_do():
    units = [unit("A", 1), unit("B", 1), unit("B", 2), unit("B", 3)]
    with Progress(units, 2, lambda line: None) as progress:
        progress.advance(units[0], outcome(8))
        assert progress.left == pytest.approx(3 * 8 / 2)


def test_the_last_unit_keeps_one_worker_busy_and_then_nothing_is_left():
    units = [unit("A", 1), unit("A", 2)]
    with Progress(units, 16, lambda line: None) as progress:
        progress.advance(units[0], outcome(7))
        assert progress.left == pytest.approx(7)
        progress.advance(units[1], outcome(7))
        assert progress.left == 0


def test_a_failure_is_a_line_with_its_reason():
    lines = []
    with Progress([unit("A", 1)], 1, lines.append) as progress:
        progress.advance(unit("A", 1), outcome(3, "timeout"))
    assert lines == ["timeout: A tim 32 clips fold1 seed 0: no face"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (5969, "99 min"), (7200, "2.0 h")]
)
def test_durations_for_people(seconds, words):
    assert duration(seconds) == words
