"""One run per folder, and no lock that outlives its holder."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from benchmark.lock import FolderInUse, run_lock

HOLD = """
import sys, time
from pathlib import Path
from benchmark.lock import run_lock

with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_message_names_the_other_process_and_host(tmp_path, holder):
    who = f"process {holder.pid} on host {socket.gethostname()}"
    with pytest.raises(FolderInUse, match=who), run_lock(tmp_path):
        pass


def test_a_killed_holder_leaves_nothing_in_the_way(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with run_lock(tmp_path):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path):
    with pytest.raises(KeyError), run_lock(tmp_path):
        raise KeyError
    with run_lock(tmp_path / "new" / "folder"), run_lock(tmp_path):
        pass


def test_a_damaged_note_of_the_holder_does_no_harm(tmp_path, holder):
    (tmp_path / ".run.json").write_text("{")
    with pytest.raises(FolderInUse, match="another process"), run_lock(tmp_path):
        pass
