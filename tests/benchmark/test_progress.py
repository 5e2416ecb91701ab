"""What a run says while it runs."""

import heapq
import itertools

import numpy as np
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


def outcome(seconds, status="done", output=""):
    error = None if status == "done" else {"type": "ValueError", "message": "no face\nat all"}
    return Outcome("key", status, error, seconds, 1.0, output)


def test_time_left_is_that_of_the_units_to_come_not_of_those_gone():
    """By hand: A's units take 2 s but for the first, which computed the features; B's take 10 s."""
    units = [unit(method, fold) for fold in range(1, 6) for method in "AB"]
    lines = []
    with Progress(units, 2, lines.append, clock=itertools.count().__next__) as progress:
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


def test_plain_lines_are_at_most_one_a_second_and_the_last_is_said():
    units = [unit("A", fold) for fold in range(1, 9)]
    lines, clock = [], iter([0.0, 0.0, 0.4, 0.8, 1.1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.6])
    with Progress(units, 1, lines.append, clock=clock.__next__) as progress:
        for each in units:
            progress.advance(each, outcome(1))
    assert [line.split("]")[0] for line in lines] == ["[1/8", "[4/8", "[8/8"]


def test_a_network_says_how_fast_it_trains():
    lines = []
    printed = "iteration 40: loss 1.2; 82 images/s\n150 iterations in 9.9 s, 37 images/s, 3% of 14 GFLOP/s"
    with Progress([unit("A", 1)], 1, lines.append) as progress:
        progress.advance(unit("A", 1), outcome(3, output=printed))
    assert lines == ["[1/1] A tim 32 clips fold1 seed 0: 3.0 s, 37 images/s; about 0 s left"]


RECORDED = (20.0, 13.0, 17.5, 1.6, 6.7, 6.0, 8.3, 3.7, 3.1, 6.2, 22.3, 1.5, 5.2, 5.3, 5.6, 11.5, 0.1, 5.2)
"""Seconds of a unit of eighteen methods of the quick profile, as a run measured them."""


@pytest.mark.parametrize("seed", range(5))
def test_time_left_is_right_within_a_factor_of_two_from_the_tenth_unit_on(seed):
    """Two workers take the units of ten folds in order; a unit's seconds scatter by 15 %."""
    random = np.random.default_rng(seed)
    units = [unit(f"m{i}", fold) for fold in range(1, 11) for i in range(len(RECORDED))]
    waiting = [(each, RECORDED[int(each.method[1:])] * random.lognormal(0, 0.15)) for each in units]
    running, ended = [], []
    for number, (each, seconds) in enumerate(waiting):
        now = 0.0
        if len(running) == 2:
            now, *_ = ended_now = heapq.heappop(running)
            ended.append(ended_now)
        heapq.heappush(running, (now + seconds, number, each, seconds))
    ended += sorted(running)
    with Progress(units, 2, lambda line: None) as progress:
        for count, (now, _, each, seconds) in enumerate(ended, 1):
            progress.advance(each, outcome(seconds))
            left = ended[-1][0] - now
            assert count < 10 or left < 10 or 0.5 < progress.left / left < 2
