"""Python imports this before anything else in every process of a run under test: it arms one fault.

BENCH_FAULT holds JSON: `at` is "fsync" (the file is being written), "replace" (it is whole, under its
temporary name), "halved" (renamed, but half of it never reached the disk) or "clock"; `match` is searched
in the final path; `nth` counts the matching calls of all processes, by files named after `mark`; `then` is
"die" (the main process and the one that writes are killed), "crash" (only the latter) or "hang".
"""

import itertools
import json
import os
import re
import signal
import time
from pathlib import Path

MAIN = "BENCH_MAIN_PROCESS"


def arm(fault):
    if fault["at"] == "clock":
        return turn_clock_back()

    def strikes(path):
        matches = re.search(fault["match"], os.fspath(path))
        return matches is not None and count_up(fault["mark"]) == fault["nth"]

    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        path = os.fspath(Path(f"/proc/self/fd/{descriptor}").readlink())
        if strikes(path):
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            end(fault["then"])
        real_fsync(descriptor)

    def replace(source, target, **options):
        struck = strikes(target)
        if struck and fault["at"] == "halved":
            real_replace(source, target, **options)
            os.truncate(target, Path(target).stat().st_size // 2)
        if struck:
            end(fault["then"])
        real_replace(source, target, **options)

    if fault["at"] == "fsync":
        os.fsync = fsync
    else:
        os.replace = os.rename = replace
    return None


def count_up(mark):
    """1, 2, 3 ... over all processes: each call makes the next of the files mark.1, mark.2, mark.3 ..."""
    for number in itertools.count(1):
        try:
            os.close(os.open(f"{mark}.{number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return number


def end(how):
    if how == "die":
        os.kill(int(os.environ[MAIN]), signal.SIGKILL)
    if how != "hang":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def turn_clock_back():
    """Every reading of the wall clock is an hour before the last one."""
    readings = []
    real = time.time

    def backwards():
        readings.append(None)
        return real() - 3600.0 * len(readings)

    time.time = backwards


os.environ.setdefault(MAIN, str(os.getpid()))
if "BENCH_FAULT" in os.environ:
    arm(json.loads(os.environ["BENCH_FAULT"]))
