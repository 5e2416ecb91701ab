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
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
SETS = (
    "64bit avx avx2 bmi bmi2 cmov cx16 cx8 f16c fma fsgsbase fxsr lzcnt mmx movbe pclmul popcnt sahf "
    "sse sse2 sse3 sse4.1 sse4.2 ssse3 xsave xsaveopt"
)
COMPILED_FOR_AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name in SETS.split()),
}

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


@cache
def natively():
    return fingerprints()


@pytest.fixture(scope="session")
def compiled_for_avx2(tmp_path_factory):
    """The environment in which numba keeps and finds code for AVX2 processors."""
    return {**COMPILED_FOR_AVX2, "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("numba"))}


@pytest.fixture(scope="session")
def pinned(compiled_for_avx2):
    """What this machine computes with code for AVX2 alone; what it compiled an emulated one need not."""
    return fingerprints(**AVX2, **compiled_for_avx2)


@pytest.mark.slow
def test_this_machine_computes_what_is_stored():
    found = natively()
    found = {name: value for name, value in found.items() if name != "control/torch"}
    assert found == STORED, REFRESH


@pytest.mark.slow
def test_two_threads_compute_the_same():
    names = ("network/*", "method/stclqp", "method/lbp-top")
    found = fingerprints(*names, FINGERPRINT_THREADS="2", OMP_NUM_THREADS="2")
    assert found == {name: STORED[name] for name in found}, REFRESH


@pytest.mark.slow
def test_pinned_to_avx2_the_same_but_not_torchs_own_kernels(pinned):
    found = {name: value for name, value in pinned.items() if name != "control/torch"}
    assert found == STORED, REFRESH
    if "avx512f" in Path("/proc/cpuinfo").read_text():
        assert pinned["control/torch"] != natively()["control/torch"]


@pytest.mark.slow
@pytest.mark.skipif(QEMU is None, reason="qemu-x86_64-static (Debian: qemu-user-static) is not installed")
@pytest.mark.parametrize("processor", ["EPYC-Milan", "Haswell"])
@pytest.mark.usefixtures("pinned")
def test_emulated_processors_compute_the_same_but_not_torchs_own_kernels(processor, compiled_for_avx2):
    """The code for AVX2 was compiled natively; an emulated processor would take twenty times as long."""
    names = ("control/*", "network/*", "method/linear", "method/mdmo", "simulated/few", "registered")
    names += ("method/ststnet", "method/rcn-a", "method/flow-logreg", "method/bi-woof")
    found = fingerprints(*names, before=(QEMU, "-cpu", processor), **compiled_for_avx2)
    assert found.pop("control/torch") != natively()["control/torch"]
    assert found == {name: STORED[name] for name in found}, REFRESH
