"""Pins of the libraries' arithmetic: set before numpy is loaded, handed on, said where they do not hold."""

import json
import os
import subprocess
import sys

import pytest

from basis import processor
from basis.processor import FIXED, PINS, arithmetic

ASK = """
import json, sys
{before}
from basis.processor import pin
pin()
import numpy, threadpoolctl
from numpy._core._multiarray_umath import __cpu_features__
pools = threadpoolctl.threadpool_info()
cores = [pool["architecture"] for pool in pools if pool["internal_api"] == "openblas"]
print(json.dumps([cores, __cpu_features__["X86_V4"]]))
"""


def answer(before=""):
    clean = {name: value for name, value in os.environ.items() if name not in PINS}
    words = [sys.executable, "-c", ASK.format(before=before)]
    done = subprocess.run(words, env=clean, capture_output=True, text=True, check=True)
    assert not done.stderr
    return json.loads(done.stdout)


needs_avx2 = pytest.mark.skipif(not processor.pins(), reason="this processor has no AVX2 and FMA")


@needs_avx2
@pytest.mark.parametrize("before", ["", "import numpy"])
def test_numpy_and_openblas_use_what_every_such_processor_has(before):
    """Also when numpy was loaded before: the command is then executed once more."""
    assert answer(before) == [["Haswell"], False]


@needs_avx2
def test_arithmetic_says_what_is_not_fixed(monkeypatch):
    for name, value in PINS.items():
        monkeypatch.setenv(name, value)
    assert arithmetic("cpu") == FIXED
    assert "cuda" in arithmetic("cuda:1")
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    assert "OPENBLAS_CORETYPE" in arithmetic("cpu")


def test_a_processor_without_avx2_is_not_pinned_and_says_so(monkeypatch):
    monkeypatch.setattr(processor, "_cpuinfo", lambda: ("model name : Elderly", "flags : sse2 fma"))
    processor._flags.cache_clear()
    try:
        assert processor.pins() == {}
        assert "avx2" in arithmetic("cpu")
        assert processor.model() == "Elderly"
    finally:
        monkeypatch.undo()
        processor._flags.cache_clear()
