"""Units that end in every way there is; the engines call them by name."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def well(payload):
    Path(payload["out"]).write_text(f"{payload['device']} {payload['threads']}")


def raises(payload):
    raise ValueError("the flow of casme2/sub01/EP02_01f has no frames")


def exits(payload):
    os._exit(7)


def quits(payload):
    raise SystemExit(3)


def killed(payload):
    os.kill(os.getpid(), signal.SIGKILL)


def segfaults(payload):
    ctypes.string_at(0)


def hangs(payload):
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(payload["out"]).write_text(str(grandchild.pid))
    time.sleep(600)


def hangs_in_another_session(payload):
    grandchild = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    Path(payload["out"]).write_text(str(grandchild.pid))
    time.sleep(600)


def leaves_a_daemon(payload):
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(payload["out"]).write_text(str(grandchild.pid))


def eats(payload):
    kept = []
    while True:
        kept.append(bytearray(b"x") * 20_000_000)
        time.sleep(0.01)


def grandchild_eats(payload):
    eater = "kept = []\nwhile True: kept.append(bytearray(b'x') * 20_000_000)"
    subprocess.run([sys.executable, "-c", eater], check=False)


def maps_a_file(payload):
    """Touch every page of a mapped file that is larger than the memory limit of the test."""
    import numpy as np

    mapped = np.load(payload["file"], mmap_mode="r")
    Path(payload["out"]).write_text(str(int(mapped.sum())))


def runs_out(payload):
    raise MemoryError("Unable to allocate 1. TiB")


def prints(payload):
    print("one line of the unit")
    print("x" * 100_000)
    raise RuntimeError("after printing")


def counts_threads(payload):
    import cv2
    import numba
    import threadpoolctl
    import torch

    pools = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    numbers = pools | {torch.get_num_threads(), cv2.getNumThreads(), numba.get_num_threads()}
    Path(payload["out"]).write_text(" ".join(map(str, sorted(numbers))))


def notes_its_device(payload):
    """Write down the time in which this device was in use."""
    begin = time.monotonic()
    time.sleep(0.1)
    Path(payload["out"]).write_text(f"{payload['device']} {begin} {time.monotonic()}")


def kills_who_watches_once(payload):
    """Kill the process that runs the supervisor (worker or job), but only the first time."""
    mark = Path(payload["out"] + ".tried")
    if mark.exists():
        Path(payload["out"]).write_text("second time")
        return
    mark.write_text("")
    supervisor = os.getppid()
    parent = int(Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    time.sleep(60)


def kills_who_watches(payload):
    Path(payload["out"] + ".tried").unlink(missing_ok=True)
    kills_who_watches_once(payload)


def kills_supervisor(payload):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def counts_supervisor_threads(payload):
    Path(payload["out"]).write_text(str(len(list(Path(f"/proc/{os.getppid()}/task").iterdir()))))


def mixed(payload):
    """The unit that the payload names."""
    globals()[payload["does"]](payload)
