"""The local engine: a supervisor process on this machine forks one child per unit."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from basis.processor import pins
from benchmark.engines.calls import THREAD_VARIABLES
from benchmark.engines.tasks import Engine, EngineError, Limits, Options, Outcome, Task, crash

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from benchmark.engines.supervisor import main; main(int(sys.argv[2]))"
)
_GRACE_SECONDS = 20.0


class SupervisorDied(EngineError):
    """The process that watches the units ended; its units ended with it."""


class Nursery:
    """A supervisor and the way to talk to it; closing it ends all its units.

    Not for use by several threads at once.
    """

    def __init__(self, function: str, limits: Limits, preload: Sequence[str] = ()) -> None:
        if sys.platform == "win32":
            raise EngineError("units are forked, which Windows cannot do; use --engine serial, or WSL")
        self.limits = limits
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._received = bytearray()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, json.dumps(sys.path), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=_environment(limits.threads_per_unit),
            )
        try:
            modules = [*preload, function.partition(":")[0]]
            self._send({"preload": modules, "function": function, "threads": limits.threads_per_unit})
            ready = self._receive()
        except BaseException:
            self.close()
            raise
        if ready is not None and not ready["ready"]:
            self.close()
            raise EngineError(f"cannot import {ready['module']}:\n{ready['error']['traceback']}")

    def start(self, task: Task, device: str) -> None:
        """Start a unit; its outcome comes from `wait`."""
        self._send(
            {
                "key": task.key,
                "payload": dict(task.payload),
                "device": device,
                "timeout": self.limits.timeout,
                "memory_mb": self.limits.memory_mb,
            }
        )

    def wait(self, seconds: float | None = None) -> Outcome | None:
        """The next outcome; None if none came within `seconds`; SupervisorDied if none can come."""
        message = self._receive(seconds)
        return None if message is None else Outcome(**message)

    def close(self) -> None:
        """End all units and the supervisor; returns when they are gone."""
        self._socket.close()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except ConnectionError as error:
            raise SupervisorDied("the process that watches the units ended") from error

    def _receive(self, seconds: float | None = None) -> dict[str, Any] | None:
        """The next message of the supervisor; None if it has said nothing within `seconds`."""
        while b"\n" not in self._received:
            self._socket.settimeout(seconds)
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except ConnectionError:
                data = b""
            finally:
                self._socket.settimeout(None)
            if not data:
                raise SupervisorDied("the process that watches the units ended")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


def run_local(function: str, tasks: Iterable[Task], limits: Limits, options: Options) -> Iterator[Outcome]:
    """Run units on this machine, `limits.workers` at a time (fewer if there are fewer devices).

    When the supervisor itself is killed, the units in flight count as crashed and a new one goes on.
    """
    queue = iter(tasks)
    last: Task | None = None
    while True:
        flight = _Flight(limits)
        with Nursery(function, limits, options.preload) as nursery:
            try:
                yield from flight.run(nursery, queue, last)
                return
            except SupervisorDied:
                last = flight.unstarted
        for key in flight.devices:
            yield crash(key, "the process that watches the units ended")


LOCAL = Engine(run_local)


class _Flight:
    """Units in flight and the devices they hold."""

    def __init__(self, limits: Limits) -> None:
        self.free = list(reversed(limits.slots))
        self.devices: dict[str, str] = {}
        self.unstarted: Task | None = None

    def run(self, nursery: Nursery, queue: Iterator[Task], first: Task | None) -> Iterator[Outcome]:
        """Keep all slots busy until the queue is empty; SupervisorDied leaves what was in flight here."""
        self.unstarted = first
        while True:
            while self.free and (self.unstarted or self._take(queue)):
                self._start(nursery)
            if not self.devices:
                return
            outcome = nursery.wait()
            if outcome is not None:
                self.free.append(self.devices.pop(outcome.key))
                yield outcome

    def _take(self, queue: Iterator[Task]) -> Task | None:
        self.unstarted = next(queue, None)
        return self.unstarted

    def _start(self, nursery: Nursery) -> None:
        task = self.unstarted
        assert task is not None
        if task.key in self.devices:
            raise ValueError(f"two units of the same key {task.key} in one run")
        nursery.start(task, self.free[-1])
        self.devices[task.key] = self.free.pop()
        self.unstarted = None


def _environment(threads: int) -> dict[str, str]:
    """The supervisor's: pinned, without threads before the fork (pyarrow's memory has one), equal hashes.

    Freed memory is kept for the next batch: by default glibc hands every large array back to the system
    and takes it again, page by page, which cost the networks an eighth of their time.
    """
    environment = {**os.environ, **pins()}
    environment.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    environment["NUMBA_NUM_THREADS"] = str(threads)
    environment["JE_ARROW_MALLOC_CONF"] = "background_thread:false"
    environment.setdefault("PYTHONHASHSEED", "0")
    environment.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 30))
    environment.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 30))
    return environment
