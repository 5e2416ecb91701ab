"""Freed memory is kept, and given back when that is asked for."""

import gc
import subprocess
import sys

import pytest

from basis.memory import without_collection

FAULTS = """
import resource, sys, threading
import numpy as np
from basis.memory import keep_freed_memory

def work():
    for _ in range(50):
        several = [np.ones(1_000_000, np.float32) for _ in range(4)]
        del several

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = faults()
print(keep_freed_memory(), usual, faults())
"""


def test_freed_arrays_are_not_taken_from_the_system_again():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    told, usual, kept = done.stdout.split()
    if told == "False":
        pytest.skip("no glibc, nothing to tell")
    # four times 977 pages of 4 KiB, touched anew fifty times or once
    assert int(kept) < 2 * 4 * 977 < int(usual)


GIVEN_BACK = """
import numpy as np
from basis.memory import give_back_freed_memory, keep_freed_memory

def held():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

keep_freed_memory()
several = [np.ones(250_000, np.float32) for _ in range(40)]
lasting = b"x" * 1000
del several
before = held()
print(give_back_freed_memory(), before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_arrays_are_given_back():
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=True)
    told, fallen = done.stdout.split()
    if told == "False":
        pytest.skip("no glibc, nothing to give back")
    assert int(fallen) > 30_000, "of 40 MB"


def test_collection_is_as_before_afterwards_and_after_an_error():
    assert gc.isenabled()
    with without_collection():
        assert not gc.isenabled()
        with without_collection():
            pass
        assert not gc.isenabled()
    with pytest.raises(KeyError), without_collection():
        raise KeyError
    assert gc.isenabled()
