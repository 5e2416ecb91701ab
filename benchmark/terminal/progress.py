"""Progress of a run: a bar and what runs now on a terminal, plain lines elsewhere."""

from __future__ import annotations

import itertools
import math
import re
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmark.engines.tasks import Outcome
from benchmark.log import Log, only_trouble
from benchmark.units.running import forget_stages, shortened, stages_of
from benchmark.units.unit import Unit


def duration(seconds: float) -> str:
    """For people: "50 s", "12 min", "3.5 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


ONCE = ", once"
"""Ends the name of a stage in a record's seconds, which are those of the unit that made it."""

SPEED = re.compile(r"(\d+) images/s")
"""How a network says how fast it trains; the last one that a unit printed is its speed."""


def once(parts: Mapping[str, float]) -> float:
    """Seconds of a method's first unit that its later ones find done: features, and stages that it made."""
    stages = math.fsum(seconds for name, seconds in parts.items() if name.endswith(ONCE))
    made = stages if stages <= parts.get("fit", 0.0) else 0.0
    return parts.get("prepare", 0.0) + parts.get("features", 0.0) + made


class Progress:
    """Counts finished units and says how long the others will take; a failure is a line of its own.

    Parameters
    ----------
    units
        Those that are to be run.
    workers
        How many of them run side by side.
    log
        Takes the plain lines, at most one a second but for failures; on a terminal a bar stands instead.
    folder
        The run's, where units say what they do now.
    clock
        Seconds of a clock that never goes back.
    silence
        Seconds without a plain line after which what runs now is said.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        workers: int,
        log: Log,
        *,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        silence: float = 60.0,
    ) -> None:
        self.total, self.workers, self.log, self.clock = len(units), max(workers, 1), log, clock
        self.folder, self.silence = folder, silence
        self.open = {unit.key: unit for unit in units}
        self.heard, self.ended, self.lock = threading.Event(), False, threading.Lock()
        self.done = self.failed = 0
        self.waiting = Counter(unit.method for unit in units)
        self.first: dict[str, float] = {}
        self.later: defaultdict[str, list[float]] = defaultdict(list)
        self.begun: dict[str, float] = {}
        self.bar: Any = None
        self.said = -math.inf
        self.speed = ""

    def __enter__(self) -> Progress:
        self._begin()
        forget_stages(self.folder)
        if sys.stderr.isatty() and self.log is not only_trouble:
            from benchmark.terminal.bar import Bar

            self.bar = Bar(self.total, self.in_words, self.running)
            self.bar.start()
        else:
            self.talk = threading.Thread(target=self._break_silence, daemon=True)
            self.talk.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
        else:
            self.ended = True
            self.heard.set()
            self.talk.join()
        forget_stages(self.folder)

    def advance(self, unit: Unit, outcome: Outcome, parts: Mapping[str, float] | None = None) -> None:
        """Count one outcome; `parts` are the seconds of the unit's parts, as its record has them."""
        with self.lock:
            self._count(unit, outcome.seconds, parts or {})
        speeds = SPEED.findall(outcome.output)
        self.speed = f", {speeds[-1]} images/s" if speeds else ""
        what = f"{_named(unit)} seed {unit.seed}"
        if outcome.status != "done":
            self.failed += 1
            reason = (outcome.error or {}).get("message", "")
            self._line(f"{outcome.status}: {what}: {reason.splitlines()[0] if reason else ''}")
        last = f"{what}: {outcome.seconds:.1f} s{self.speed}"
        if self.bar is not None:
            self.bar.show(self.done, last)
        elif outcome.status == "done" and (self.clock() - self.said >= 1 or self.done == self.total):
            self.said = self.clock()
            self.heard.set()
            self.log(f"[{self.done}/{self.total}] {last}; about {duration(self.left)} left")

    def _count(self, unit: Unit, seconds: float, parts: Mapping[str, float]) -> None:
        self.done += 1
        self.open.pop(unit.key, None)
        self.begun.pop(unit.key, None)
        self._begin()
        self.waiting[unit.method] -= 1
        if unit.method in self.first:
            self.later[unit.method].append(seconds)
        else:
            self.first[unit.method] = max(seconds - once(parts), 0.0)

    @property
    def left(self) -> float:
        """Seconds the other units will take, less what those that run have run already.

        A unit is taken to need what its method's later ones did in the median; where only the first is known,
        what that took but for what is done once; of a method not seen yet, the mean of the others.
        """
        costs = {**self.first, **{method: statistics.median(taken) for method, taken in self.later.items()}}
        if not costs:
            return 0.0
        unseen, now = statistics.fmean(costs.values()), self.clock()
        whole = math.fsum(n * costs.get(method, unseen) for method, n in self.waiting.items())
        running = {key: costs.get(self.open[key].method, unseen) for key in self.begun}
        gone = math.fsum(min(now - self.begun[key], cost) for key, cost in running.items())
        longest = max((cost - (now - self.begun[key]) for key, cost in running.items()), default=0.0)
        return max((whole - gone) / min(self.workers, max(self.waiting.total(), 1)), longest, 0.0)

    def in_words(self) -> str:
        """What stands beside the bar."""
        with self.lock:
            failed = f", {self.failed} failed" if self.failed else ""
            return f"about {duration(self.left)} left{failed}" if self.done else ""

    def _begin(self) -> None:
        """Units are begun in their order, so many side by side as there are workers."""
        now = self.clock()
        for key in itertools.islice(self.open, self.workers):
            self.begun.setdefault(key, now)

    def running(self) -> list[str]:
        """What each unit that runs says of itself, a line each."""
        units = dict(self.open)
        return [f"{_named(units[key])}: {words}" for key, words in stages_of(self.folder, units).items()]

    def _break_silence(self) -> None:
        """Say what runs whenever no unit has ended for long; the first of them stand for all."""
        while not self.ended:
            heard = self.heard.wait(self.silence)
            self.heard.clear()
            now = [] if heard else self.running()
            for line in shortened(now, 4):
                self.log(f"running: {line}")

    def _line(self, text: str) -> None:
        if self.bar is not None:
            self.bar.console.print(text, markup=False, highlight=False)
        else:
            self.log(text)


def _named(unit: Unit) -> str:
    return f"{unit.method} tim {unit.tim} {unit.protocol} {unit.fold}"
