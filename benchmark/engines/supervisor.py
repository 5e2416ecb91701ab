"""The process that forks units and watches them: time, memory, and that nothing of them is left behind.

It imports the heavy modules once, starts no thread, and forks a child per unit, which costs milliseconds.
It talks JSON lines with the process that started it, over one socket. When that process ends, however it
ends, the socket closes: the supervisor kills every unit with all that it started, and ends.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from benchmark.engines.calls import describe, limit_threads
from benchmark.engines.child import DUMP_STACK, run_child
from benchmark.engines.memory import children_of, memory_of, resource_peak_mb, tree_of

_POLL = 0.05
_DUMP_SECONDS = 0.3
_KEPT_OUTPUT = 8000
_MB = 1024 * 1024
ONCE_FOR_ALL = {"basis.compiled": "load_compiled", "basis.registry": "installed"}
"""What is called before any unit is forked, of the modules that units have; nothing is imported for it."""


@dataclass
class Unit:
    """A unit that runs: its process, pipes and limits; `stopped` says which limit it met."""

    key: str
    pid: int
    result: int
    output: int
    started: float
    timeout: float | None
    memory_mb: int | None
    told: bytearray = field(default_factory=bytearray)
    printed: bytearray = field(default_factory=bytearray)
    tree: list[int] = field(default_factory=list)
    held: float = 0.0
    peak: float = 0.0
    stopped: str | None = None
    kill_at: float | None = None
    exit_status: int | None = None


class Supervisor:
    """Forks units on request and reports how each ended; one thread, one loop."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.function = ""
        self.threads = 1
        self.units: dict[int, Unit] = {}
        self.received = bytearray()
        self.selector = selectors.DefaultSelector()
        self.selector.register(connection, selectors.EVENT_READ)
        self.woken, self.wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(self.wake, False)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self.selector.register(self.woken, selectors.EVENT_READ)

    def serve(self) -> None:
        """Work until the other side closes the socket; then end every unit."""
        try:
            with suppress(ConnectionError):
                while self._read_events():
                    self._check_limits()
                    self._collect_dead()
        finally:
            for unit in self.units.values():
                kill_tree(unit.pid, tree_of(unit.pid))
            self._kill_children()

    def _read_events(self) -> bool:
        """Wait for requests, output or the end of a unit; False once the other side is gone."""
        wait = _POLL if self.units else None
        for key, _ in self.selector.select(wait):
            if key.fileobj is self.connection:
                data = self.connection.recv(1 << 16)
                if not data:
                    return False
                self.received += data
            elif key.fd == self.woken:
                with suppress(BlockingIOError):
                    os.read(self.woken, 4096)
            else:
                self._read_pipe(key.data, key.fd)
        while b"\n" in self.received:
            line, _, rest = self.received.partition(b"\n")
            self.received = bytearray(rest)
            self._handle(json.loads(line))
        return True

    def _handle(self, request: Mapping[str, Any]) -> None:
        if "preload" in request:
            self.function, self.threads = request["function"], request["threads"]
            self._reply(preload(request["preload"]))
        else:
            self._start(request)

    def _start(self, request: Mapping[str, Any]) -> None:
        result, result_end = os.pipe()
        output, output_end = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._let_go(result, output)
                payload = {**request["payload"], "device": request["device"], "threads": self.threads}
                run_child(self.function, payload, self.threads, result_end, output_end, parent)
            finally:
                os._exit(1)
        os.close(result_end)
        os.close(output_end)
        unit = Unit(
            request["key"],
            pid,
            result,
            output,
            time.monotonic(),
            request["timeout"],
            request["memory_mb"],
        )
        self.units[pid] = unit
        for pipe in (result, output):
            os.set_blocking(pipe, False)
            self.selector.register(pipe, selectors.EVENT_READ, unit)

    def _let_go(self, *pipes: int) -> None:
        """In the child: let go of everything that belongs to the supervisor and to other units."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.connection.close()
        others = [pipe for unit in self.units.values() for pipe in (unit.result, unit.output)]
        for descriptor in (*pipes, *others, self.woken, self.wake):
            with suppress(OSError):
                os.close(descriptor)
        self.selector.close()

    def _read_pipe(self, unit: Unit, pipe: int) -> bool:
        """Take what the pipe holds now; True while more may come."""
        try:
            data = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return False
        if pipe == unit.result:
            unit.told += data
        else:
            unit.printed = (unit.printed + data)[-_KEPT_OUTPUT:]
        if not data:
            self._forget(pipe)
        return bool(data)

    def _forget(self, pipe: int) -> None:
        with suppress(KeyError):
            self.selector.unregister(pipe)

    def _check_limits(self) -> None:
        now = time.monotonic()
        orphans = [pid for pid in children_of(os.getpid()) if pid not in self.units]
        for unit in self.units.values():
            unit.tree = tree_of(unit.pid, orphans, unit.tree)
            used = sum(memory_of(pid) for pid in unit.tree) / _MB
            unit.peak = max(unit.peak, used)
            if unit.stopped is None and unit.memory_mb is not None and used > unit.memory_mb:
                unit.stopped, unit.kill_at, unit.held = "memory", now, used
            if unit.stopped is None and unit.timeout is not None and now - unit.started > unit.timeout:
                unit.stopped, unit.kill_at = "timeout", now + _DUMP_SECONDS
                with suppress(ProcessLookupError):
                    os.kill(unit.pid, DUMP_STACK)
            if unit.kill_at is not None and now >= unit.kill_at:
                kill_tree(unit.pid, unit.tree)

    def _collect_dead(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            unit = self.units.get(pid)
            if unit is not None:
                unit.exit_status = status
                unit.peak = max(unit.peak, resource_peak_mb(usage.ru_maxrss))
        for unit in [unit for unit in self.units.values() if unit.exit_status is not None]:
            self._finish(unit)

    def _finish(self, unit: Unit) -> None:
        orphans = [pid for pid in children_of(os.getpid()) if pid not in self.units]
        kill_tree(unit.pid, tree_of(unit.pid, orphans, unit.tree))
        for pipe in (unit.result, unit.output):
            while self._read_pipe(unit, pipe):
                pass
            self._forget(pipe)
            os.close(pipe)
        del self.units[unit.pid]
        if not self.units:
            self._kill_children()
        status, error = judge(unit)
        self._reply(
            {
                "key": unit.key,
                "status": status,
                "error": error,
                "seconds": time.monotonic() - unit.started,
                "peak_memory_mb": unit.peak,
                "output": unit.printed.decode(errors="replace"),
            }
        )

    def _kill_children(self) -> None:
        """Kill what is left of units: daemons that left their session are children of this process now."""
        for pid in children_of(os.getpid()):
            kill_tree(pid, tree_of(pid))

    def _reply(self, message: Mapping[str, Any]) -> None:
        self.connection.sendall(json.dumps(message).encode() + b"\n")


def judge(unit: Unit) -> tuple[str, dict[str, str] | None]:
    """Status and error of a unit whose process has ended; one that finished before it was killed counts."""
    code = os.waitstatus_to_exitcode(unit.exit_status or 0)
    if code == 0 and unit.told:
        message = json.loads(unit.told)
        return message["status"], message["error"]
    status, kind, text = "crashed", "Crash", name_of_exit(code)
    if unit.stopped == "timeout":
        status, kind, text = "timeout", "Timeout", f"stopped after its time limit of {unit.timeout:g} s"
    elif unit.stopped == "memory":
        status, kind = "memory", "MemoryLimit"
        text = f"stopped when it held {unit.held:.0f} MB, its limit is {unit.memory_mb} MB"
    return status, {"type": kind, "message": text, "traceback": unit.printed.decode(errors="replace")}


def name_of_exit(code: int) -> str:
    """What an exit code means, in words; negative codes are signals."""
    if code >= 0:
        return f"its process ended by itself with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (the kernel sends it when the machine is out of memory)" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"


def kill_tree(pid: int, tree: Sequence[int]) -> None:
    """Kill a process group and every process of `tree`, whatever session that is in."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for process in tree:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def preload(modules: Sequence[str]) -> dict[str, Any]:
    """Import modules, find plug-ins and load compiled loops before any fork; all units share them."""
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            return {"ready": False, "module": name, "error": describe(error)}
    for module, function in ONCE_FOR_ALL.items():
        if module in sys.modules:
            getattr(sys.modules[module], function)()
    limit_threads(1)
    gc.collect()
    gc.freeze()
    return {"ready": True}


def main(descriptor: int) -> None:
    """Entry point of the supervisor's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans of units come to this process
    Supervisor(socket.socket(fileno=descriptor)).serve()
