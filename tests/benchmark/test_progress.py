"""What a run says while it runs."""

import heapq
import io
import time

import numpy as np
import pytest
from rich.console import Console

from benchmark.engines import Outcome
from benchmark.terminal.bar import Bar
from benchmark.terminal.progress import Progress, duration
from benchmark.units.running import say_stage, stages_of
from benchmark.units.unit import Unit


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


def test_time_left_is_that_of_the_units_to_come_not_of_those_gone(tmp_path):
    """By hand: A's units take 2 s but for the first, which computed the features; B's take 10 s. Of the two
    that run, A's has just begun and B's a second ago."""
    units = [unit(method, fold) for fold in range(1, 6) for method in "AB"]
    lines, now = [], [0.0]
    with Progress(units, 2, lines.append, clock=lambda: now[0], folder=tmp_path) as progress:
        for done, seconds in zip(units[:6], (100, 10, 2, 10, 2, 10), strict=True):
            now[0] += 1
            progress.advance(done, outcome(seconds))
        assert progress.left == pytest.approx((2 * 2 + 2 * 10 - 1) / 2)
    assert lines[-1] == "[6/10] B tim 32 clips fold3 seed 0: 10.0 s; about 12 s left"


def test_a_method_not_seen_yet_is_expected_to_take_what_the_others_do(tmp_path):
    units = [unit("A", 1), unit("B", 1), unit("B", 2), unit("B", 3)]
    with Progress(units, 2, lambda line: None, clock=lambda: 0.0, folder=tmp_path) as progress:
        progress.advance(units[0], outcome(8))
        assert progress.left == pytest.approx(3 * 8 / 2)


def test_what_the_first_unit_of_a_method_does_once_is_not_expected_again(tmp_path):
    """Features, the opening of the cache, and the stages that it made; a stage that it found cost nothing."""
    units = [unit("A", fold) for fold in range(1, 5)]
    made = {"prepare": 1.0, "features": 20.0, "fit": 40.0, "predict": 1.0, "stage E, once": 30.0}
    for fit, expected in ((40.0, 62 - 1 - 20 - 30), (10.0, 32 - 1 - 20)):
        with Progress(units, 1, lambda line: None, clock=lambda: 0.0, folder=tmp_path) as progress:
            progress.advance(units[0], outcome(22 + fit), {**made, "fit": fit})
            assert progress.left == pytest.approx(3 * expected)
            progress.advance(units[1], outcome(3), {"fit": 3.0})
            assert progress.left == pytest.approx(2 * 3)


def test_what_runs_counts_by_what_it_has_left(tmp_path):
    """A's second unit began with its first and is waited for; B's are taken to be like A until one ended."""
    units, now = [unit("A", 1), unit("A", 2), unit("B", 1), unit("B", 2)], [0.0]
    with Progress(units, 2, lambda line: None, clock=lambda: now[0], folder=tmp_path) as progress:
        for now[0], number, seconds, left in ((20, 0, 60, 80), (21, 2, 1, 39), (22, 3, 1, 38)):
            progress.advance(units[number], outcome(seconds))
            assert progress.left == pytest.approx(left)
        now[0] = 30
        assert progress.left == pytest.approx(30)
        now[0] = 90
        assert progress.left == 0


def test_the_last_unit_keeps_one_worker_busy_and_then_nothing_is_left(tmp_path):
    units = [unit("A", 1), unit("A", 2)]
    with Progress(units, 16, lambda line: None, clock=lambda: 0.0, folder=tmp_path) as progress:
        progress.advance(units[0], outcome(7))
        assert progress.left == pytest.approx(7)
        progress.advance(units[1], outcome(7))
        assert progress.left == 0


def test_a_failure_is_a_line_with_its_reason(tmp_path):
    lines = []
    with Progress([unit("A", 1)], 1, lines.append, folder=tmp_path) as progress:
        progress.advance(unit("A", 1), outcome(3, "timeout"))
    assert lines == ["timeout: A tim 32 clips fold1 seed 0: no face"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (5969, "99 min"), (7200, "2.0 h")]
)
def test_durations_for_people(seconds, words):
    assert duration(seconds) == words


def test_plain_lines_are_at_most_one_a_second_and_the_last_is_said(tmp_path):
    units = [unit("A", fold) for fold in range(1, 9)]
    lines, now = [], [0.0]
    with Progress(units, 1, lines.append, clock=lambda: now[0], folder=tmp_path) as progress:
        for each, now[0] in zip(units, (0.0, 0.4, 0.8, 1.1, 1.2, 1.3, 1.4, 1.6), strict=True):
            progress.advance(each, outcome(1))
    assert [line.split("]")[0] for line in lines] == ["[1/8", "[4/8", "[8/8"]


def test_a_network_says_how_fast_it_trains(tmp_path):
    lines = []
    printed = "iteration 40: loss 1.2; 82 images/s\n150 iterations in 9.9 s, 37 images/s, 3% of 14 GFLOP/s"
    with Progress([unit("A", 1)], 1, lines.append, folder=tmp_path) as progress:
        progress.advance(unit("A", 1), outcome(3, output=printed))
    assert lines == ["[1/1] A tim 32 clips fold1 seed 0: 3.0 s, 37 images/s; about 0 s left"]


RECORDED = (20.0, 13.0, 17.5, 1.6, 6.7, 6.0, 8.3, 3.7, 3.1, 6.2, 22.3, 1.5, 5.2, 5.3, 5.6, 11.5, 0.1, 5.2)
"""Seconds of a unit of eighteen methods of the quick profile, as a run measured them."""


ONCE = (2.0, 9.0, 0.0, 9.0, 9.1, 2.0, 2.6, 13.6, 6.2, 1.7, 9.0, 1.6, 0.1, 0.1, 1.6, 0.1, 4.6, 0.1)
"""What of the first unit of each of them is done once: features and pre-training."""


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("cached", [False, True], ids=["first run", "features are there"])
def test_time_left_is_right_within_a_factor_of_two_from_the_tenth_unit_on(tmp_path, seed, cached):
    """Two workers take the units of ten folds in order; a unit's seconds scatter by 15 %."""
    random = np.random.default_rng(seed)
    units = [unit(f"m{i}", fold) for fold in range(1, 11) for i in range(len(RECORDED))]
    running, ended = [], []
    for number, each in enumerate(units):
        method, now = int(each.method[1:]), 0.0
        extra = 0.0 if cached or number >= len(RECORDED) else ONCE[method]
        seconds = RECORDED[method] * random.lognormal(0, 0.15) + extra
        if len(running) == 2:
            now, *_ = ended_now = heapq.heappop(running)
            ended.append(ended_now)
        parts = {"features": extra, "fit": seconds - extra}
        heapq.heappush(running, (now + seconds, number, each, seconds, parts))
    ended += sorted(running)
    now = [0.0]
    with Progress(units, 2, lambda line: None, clock=lambda: now[0], folder=tmp_path) as progress:
        for count, (now[0], _, each, seconds, parts) in enumerate(ended, 1):
            progress.advance(each, outcome(seconds), parts)
            left = ended[-1][0] - now[0]
            assert count < 10 or left < 5 or 0.5 < progress.left / left < 2


def test_what_a_unit_says_stands_below_the_bar_cut_at_the_edge(tmp_path):
    """Five units run, one has ended; nothing is wider than the terminal."""
    units = [unit("tlcnn", fold) for fold in range(1, 8)]
    with Progress(units, 5, lambda line: None, folder=tmp_path) as progress:
        for each in units[:5]:
            say_stage(tmp_path, each.key, "stage M: 40 of 300 iterations, 82 images/s, and much more of it")
        say_stage(tmp_path, "of another run", "never seen")
        screen = io.StringIO()
        console = Console(file=screen, force_terminal=True, width=80, height=30)
        bar = Bar(len(units), lambda: "about 5 min left, 1 failed", progress.running, console)
        with bar:
            bar.show(1, "tlcnn tim 32 clips fold7 seed 0: 3.0 s, 37 images/s")
        console.print(bar.get_renderable())
    shown = [line.rstrip() for line in screen.getvalue().splitlines()][-6:]
    assert sum("stage M: 40 of 300" in line for line in shown) == 4
    assert "and 1 more" in shown[-2] and "ended: tlcnn tim 32 clips fold7" in shown[-1]
    assert "never seen" not in screen.getvalue()


def test_without_a_terminal_a_long_silence_is_broken_by_what_runs(tmp_path):
    lines, units = [], [unit("tlcnn", fold) for fold in (1, 2)]
    with Progress(units, 2, lines.append, folder=tmp_path, silence=0.02):
        say_stage(tmp_path, units[0].key, "joint: 20 of 60 iterations, 31 images/s")
        for _ in range(200):
            if lines:
                break
            time.sleep(0.01)
    assert lines[0] == "running: tlcnn tim 32 clips fold1: joint: 20 of 60 iterations, 31 images/s"


def test_what_ended_units_said_is_forgotten_and_their_checkpoints_stay(tmp_path):
    units = [unit("tlcnn", fold) for fold in (1, 2)]
    with Progress(units, 2, lambda line: None, folder=tmp_path) as progress:
        for each in units:
            say_stage(tmp_path, each.key, "fit")
        (tmp_path / "scratch" / units[1].key / "joint").mkdir()
        progress.advance(units[0], outcome(1))
        assert list(stages_of(tmp_path, progress.open)) == [units[1].key]
    assert [path.name for path in (tmp_path / "scratch").rglob("*")] == [units[1].key, "joint"]
