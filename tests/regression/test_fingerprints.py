"""The same bits on every machine: stored hashes, two threads, pinned and emulated processors."""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from basis.processor import PINS, capability, model, pins

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
OTHER_MAKER = "EPYC-Milan" if "Intel" in model() else "Haswell"
"""Emulated: a processor that the maker of this one did not make."""
EMULATED = ("control/torch", "network/tlcnn", "method/ststnet", "method/flow-logreg", "registered")
"""Trainings with and without Adam, sums of features, pictures: what libraries could compute by processor.

Compiled loops ask for none: an emulated processor runs those that the pinned process compiled for AVX2.
"""

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
"""All but the files of whole databases: tests/benchmark/test_controls.py compares what comes of them."""


@cache
def natively(*names):
    return fingerprints(*names)


@pytest.fixture(scope="session")
def compiled_for_avx2(tmp_path_factory):
    """The environment in which numba keeps and finds code for AVX2 processors."""
    return {**COMPILED_FOR_AVX2, "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("numba"))}


@pytest.fixture(scope="session")
def pinned(compiled_for_avx2):
    """What two threads compute with code for AVX2; an emulated processor finds it compiled."""
    return fingerprints(**AVX2, **TWO_THREADS, **compiled_for_avx2)


@pytest.mark.slow
@pytest.mark.skipif(QEMU is None, reason="qemu-x86_64-static (Debian: qemu-user-static) is not installed")
@pytest.mark.usefixtures("pinned")
def test_a_processor_of_another_make_computes_the_same_but_not_torchs_own_kernels(compiled_for_avx2):
    found = fingerprints(*EMULATED, before=(QEMU, "-cpu", OTHER_MAKER), **compiled_for_avx2)
    control = found.pop("control/torch")
    if "avx512f" in capability():
        assert control != natively("control/torch")["control/torch"]
    assert found == {name: STORED[name] for name in EMULATED if name != "control/torch"}, REFRESH


@pytest.mark.slow
@pytest.mark.skipif(
    "TLCNN_README_RUN" in os.environ, reason="the README's run is compared instead, fold by fold"
)
def test_this_machine_computes_what_is_stored():
    found = {name: value for name, value in natively(*NATIVE).items() if name != "control/torch"}
    assert found == {name: value for name, value in STORED.items() if name != "simulated"}, REFRESH


@pytest.mark.slow
def test_two_threads_held_to_avx2_compute_the_same_but_not_torchs_own_kernels(pinned):
    found = {name: value for name, value in pinned.items() if name != "control/torch"}
    assert found == STORED, REFRESH
    if "avx512f" in capability():
        assert pinned["control/torch"] != natively("control/torch")["control/torch"]
