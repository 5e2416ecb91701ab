"""One run per folder, and no lock that outlives its holder."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys

import pytest

from basis.files import atomically
from benchmark.errors import in_one_line
from benchmark.folder.lock import FolderInUse, run_lock

HOLD = """
import sys, time
from pathlib import Path
from benchmark.folder.lock import run_lock

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


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_and_never_taken_for_a_run_in_progress(
    tmp_path, monkeypatch, number
):
    """A lock that is the mere existence of a file would outlive a kill, and did hold the next run up."""

    def flock(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    for _ in range(2):
        with pytest.raises(OSError, match=r"\.run\.lock") as caught, run_lock(tmp_path):
            pass
        assert "gives no locks" in in_one_line(caught.value)


def test_a_quota_that_is_used_up_is_told_from_a_full_disk():
    message = in_one_line(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/home/me/run/records/a.json"))
    assert message.startswith("/home/me/run/records/a.json: your quota") and "the disk" not in message


def test_a_write_that_fails_names_the_file_that_it_was_to_be(tmp_path):
    with pytest.raises(OSError, match="quota") as caught, atomically(tmp_path / "a.json"):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
    assert in_one_line(caught.value).startswith(str(tmp_path / "a.json"))
    assert not list(tmp_path.iterdir())
