"""What other people's files and packages do to a command, and what it says of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark import environment
from benchmark.cli import sigterm_interrupts
from benchmark.shadows import shadows

HOUSE = Path(__file__).resolve().parents[2]


def bench(*words, cwd=None, **environment):
    paths = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(HOUSE)])
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("name", ["features.py", "methods/__init__.py", "basis.py"])
def test_a_module_of_the_users_own_does_not_replace_ours(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise SystemExit('this is not the benchmark')\n")
    done = bench("list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "lbp-top" in done.stdout
    (line,) = done.stderr.splitlines()
    assert name.partition("/")[0] in line and "tlcnn-bench" in line


def test_only_what_an_import_would_find_is_a_clash(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "features.txt").touch()
    assert shadows(tmp_path) == []
    (tmp_path / "results" / "__init__.py").touch()
    assert shadows(tmp_path) == ["results/"]


def test_a_terminal_that_is_not_utf8_ends_nothing(tmp_path):
    done = bench("check", f"manifest={tmp_path / '张'}.csv", PYTHONIOENCODING="latin-1")
    assert done.returncode == 2
    assert "\\u5f20" in done.stderr and "Traceback" not in done.stderr


def test_sigterm_ends_like_ctrl_c():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("read_only", "kept_in"),
    [((), None), (("installation",), "cache/numba"), (("installation", "cache"), "tmp")],
)
def test_kernels_are_kept_where_something_can_be_written(read_only, kept_in, tmp_path, monkeypatch):
    closed = {tmp_path / name for name in read_only}
    monkeypatch.setattr(environment, "_installation", lambda: tmp_path / "installation")
    monkeypatch.setattr(environment, "_writable", lambda folder: folder not in closed)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    environment.place_caches(tmp_path / "cache")
    found = os.environ.get("NUMBA_CACHE_DIR")
    for name in environment.COMPILED:
        monkeypatch.delenv(name, raising=False)
    if kept_in == "tmp":
        assert found and not found.startswith(str(tmp_path / "cache"))
    else:
        assert found == (kept_in and str(tmp_path / kept_in))


SPINS = """
import threading
from methods.majority import Majority

threading.Thread(target=threading.Event().wait, name="guest", daemon=True).start()


class Guest(Majority):
    name = title = "spins"
"""
BAD_GUESTS = {
    "leaves": ("import sys; sys.exit(5)", "SystemExit: 5"),
    "drops": ("import os; os._exit(7)", "status 7"),
    "spins": (SPINS, "threads while it is imported (guest)"),
}


@pytest.mark.parametrize("name", sorted(BAD_GUESTS))
def test_check_names_a_method_whose_import_exits_or_starts_threads(name, install):
    source, words = BAD_GUESTS[name]
    install(f"guest_{name}", source, methods={name: f"guest_{name}:Guest"})
    done = bench("check", name)
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert name in done.stdout + done.stderr and f"guest_{name}" in done.stdout + done.stderr


def test_run_names_a_method_before_it_is_imported(install, tmp_path):
    source, _ = BAD_GUESTS["drops"]
    install("guest_drops", source, methods={"drops": "guest_drops:Guest"})
    done = bench("run", "--methods", "drops", "--out", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "method drops is of guest_drops 1.0"
    assert "importing it ends the process with status 7" in done.stderr
