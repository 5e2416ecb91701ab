"""The same bits on every machine: stored hashes, two threads, pinned and emulated processors."""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from basis.processor import PINS, pins

PROGRAM = Path(__file__).with_name("fingerprints.py")
STORED = json.loads(PROGRAM.with_suffix(".json").read_text())["fingerprints"]
QEMU = shutil.which("qemu-x86_64-static")
REFRESH = f"if it is meant to change: python tests/regression/{PROGRAM.name} --store 'why'"
TWO_THREADS = {"FINGERPRINT_THREADS": "2", "OMP_NUM_THREADS": "2"}
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
SETS = (
    "64bit avx avx2 bmi bmi2 cmov cx16 cx8 f16c fma fsgsbase fxsr lzcnt mmx movbe pclmul popcnt sahf "
    "sse sse2 sse3 sse4.1 sse4.2 ssse3 xsave xsaveopt"
)
COMPILED_FOR_AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name in SETS.split()),
}
EMULATED = {
    "EPYC-Milan": (
        *("control/torch", "network/tlcnn", "network/3d-cnn", "network/c5-svm", "method/mdmo"),
        *("method/ststnet", "method/rcn-a", "method/flow-logreg", "method/bi-woof"),
        *("simulated/few", "registered"),
    ),
    "Haswell": ("network/tlcnn-em", "method/linear", "registered"),
}
"""What each of the two vendors computes: a joint training and a logistic regression on either."""

pytestmark = pytest.mark.skipif(not pins(), reason="this processor has no AVX2 and FMA: its bits may differ")


def fingerprints(*names, before=(), **environment):
    """What the program prints for these names, in a process of its own."""
    done = subprocess.run(
        [*before, sys.executable, str(PROGRAM), *names],
        env={**os.environ, **PINS, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


NATIVE = ("control/*", "network/*", "method/*", "simulated/few", "registered")
"""All but the files of whole databases: tests/benchmark/test_controls.py compares a native run on them."""


@cache
def natively():
    return fingerprints(*NATIVE)


@pytest.fixture(scope="session")
def compiled_for_avx2(tmp_path_factory):
    """The environment in which numba keeps and finds code for AVX2 processors."""
    return {**COMPILED_FOR_AVX2, "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("numba"))}


@pytest.fixture(scope="session")
def pinned(compiled_for_avx2):
    """What two threads compute with code for AVX2; an emulated processor finds it compiled."""
    return fingerprints(**AVX2, **TWO_THREADS, **compiled_for_avx2)


@pytest.mark.slow
def test_this_machine_computes_what_is_stored():
    found = {name: value for name, value in natively().items() if name != "control/torch"}
    assert found == {name: value for name, value in STORED.items() if name != "simulated"}, REFRESH


@pytest.mark.slow
def test_two_threads_held_to_avx2_compute_the_same_but_not_torchs_own_kernels(pinned):
    found = {name: value for name, value in pinned.items() if name != "control/torch"}
    assert found == STORED, REFRESH
    if "avx512f" in Path("/proc/cpuinfo").read_text():
        assert pinned["control/torch"] != natively()["control/torch"]


@pytest.mark.slow
@pytest.mark.skipif(QEMU is None, reason="qemu-x86_64-static (Debian: qemu-user-static) is not installed")
@pytest.mark.parametrize("processor", EMULATED)
@pytest.mark.usefixtures("pinned")
def test_emulated_processors_compute_the_same_but_not_torchs_own_kernels(processor, compiled_for_avx2):
    """The code for AVX2 was compiled natively; an emulated processor would take twenty times as long."""
    before = (QEMU, "-cpu", processor)
    found = fingerprints(*EMULATED[processor], before=before, **compiled_for_avx2)
    assert set(found) == set(EMULATED[processor])
    if control := found.pop("control/torch", None):
        assert control != natively()["control/torch"]
    assert found == {name: STORED[name] for name in found}, REFRESH
