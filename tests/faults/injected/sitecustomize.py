"""Python imports this before anything else in every process of a run under test: it arms one fault.

BENCH_FAULT holds JSON: `at` is "fsync" (the file is being written), "replace" (it is whole, under its
temporary name), "halved" (renamed, but half of it never reached the disk) or "clock"; `match` is searched
in the final path; `nth` counts the matching calls of one process; `mark` is a file that is made when the
fault strikes, so that it does so once. The main process and the one that writes are both killed.
"""

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
    seen = []

    def strikes(path):
        if re.search(fault["match"], os.fspath(path)):
            seen.append(path)
        return len(seen) == fault["nth"] and first_time(fault["mark"])

    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        path = os.fspath(Path(f"/proc/self/fd/{descriptor}").readlink())
        if strikes(path):
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            die()
        real_fsync(descriptor)

    def replace(source, target, **options):
        struck = strikes(target)
        if struck and fault["at"] == "halved":
            real_replace(source, target, **options)
            os.truncate(target, Path(target).stat().st_size // 2)
        if struck:
            die()
        real_replace(source, target, **options)

    if fault["at"] == "fsync":
        os.fsync = fsync
    else:
        os.replace = os.rename = replace
    return None


def first_time(mark):
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def die():
    for process in (int(os.environ[MAIN]), os.getpid()):
        os.kill(process, signal.SIGKILL)
    time.sleep(60)


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
