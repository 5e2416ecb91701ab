"""Compiled loops: what one process compiled another one loads before its first call."""

import os
import subprocess
import sys

SOURCE = """
from basis.compiled import compiled, load_compiled

@compiled
def doubled(x):
    return x + x

@compiled
def never_called(x):
    return x
"""
CODE = "import loops; print(loops.load_compiled(), len(loops.doubled.signatures), loops.doubled(2.5))"


def test_what_was_compiled_before_is_loaded_before_the_first_call(tmp_path):
    (tmp_path / "loops.py").write_text(SOURCE)
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(**more):
        return subprocess.check_output([sys.executable, "-c", CODE], env={**environment, **more}, text=True)

    assert run().split() == ["0", "0", "5.0"]
    assert run().split() == ["1", "1", "5.0"]
    assert run(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="").split()[0] == "0", "code of another processor"
