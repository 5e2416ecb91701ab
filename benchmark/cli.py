"""From the typed command to an exit status: calls the verb's function, says in one line what went wrong."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from basis.errors import Mendable
from benchmark.environment import place_caches
from benchmark.errors import in_one_line
from benchmark.flags import asked, parser
from benchmark.log import only_trouble, show
from benchmark.settings import Settings
from benchmark.terminal.command import command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; errors that a user can mend are one line on stderr and exit status 2."""
    show_every_letter()
    arguments = parser().parse_args(argv)
    try:
        with sigterm_interrupts():
            module, _, function = arguments.verb.partition(":")
            given = asked(arguments)
            place_caches(Path(given["settings"].cache if "settings" in given else Settings().cache))
            log = only_trouble if arguments.quiet and not given.get("as_json") else show
            return int(getattr(import_module(module), function)(**given, log=log))
    except KeyboardInterrupt:
        print(f"interrupted; go on with: {command_line()}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except Mendable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        message = in_one_line(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return 2


def show_every_letter() -> None:
    """A terminal or log file that is not UTF-8 shows what it lacks as escapes; it never ends a run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM, which schedulers and containers send, ends a verb as Ctrl-C does.

    Raises
    ------
    KeyboardInterrupt
        At SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
