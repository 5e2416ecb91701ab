"""Damaged files are found and made again; full and read-only disks end in one clear error."""

import os
import resource
import shutil
import subprocess

import pytest

from results.records.store import read_records

DAMAGED = "damaged"


def finish(laboratory, undisturbed):
    """Give the laboratory a copy of the undisturbed run and its cache, to be damaged."""
    shutil.copytree(undisturbed(laboratory).out, laboratory.out)
    shutil.copytree(undisturbed(laboratory).cache, laboratory.cache)
    return laboratory


@pytest.fixture
def finished(laboratory, undisturbed):
    return finish(laboratory, undisturbed)


def flip_one_bit(path):
    with path.open("r+b") as file:
        file.seek(path.stat().st_size * 2 // 3)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def assert_completes(laboratory, undisturbed):
    ended = laboratory.run()
    assert ended.returncode == 0, ended.printed
    assert laboratory.table() == undisturbed(laboratory).table()
    records, bad = read_records(laboratory.out)
    assert not bad and {record.status for record in records} == {"done"}
    return ended.printed


def test_one_flipped_bit_in_the_prepared_frames(finished, undisturbed, faults):
    (frames,) = finished.cache.rglob("frames.npy")
    before = frames.read_bytes()
    flip_one_bit(frames)
    for path in finished.records()[:4]:
        path.unlink()
    faults.inject("one flipped bit in frames.npy")
    printed = assert_completes(finished, undisturbed)
    assert "built again" in printed
    assert frames.read_bytes() == before
    faults.survived()


@pytest.mark.slow
def test_one_flipped_bit_in_every_feature_file(learning_laboratory, undisturbed, faults):
    finished = finish(learning_laboratory, undisturbed)
    features = list(finished.cache.rglob("features/*.npy"))
    assert features
    before = {path: path.read_bytes() for path in features}
    for path in features:
        flip_one_bit(path)
        faults.inject("one flipped bit in a feature file")
    shutil.rmtree(finished.out / "units")
    assert_completes(finished, undisturbed)
    assert {path: path.read_bytes() for path in features} == before
    faults.survived()


def test_records_cut_short_or_edited_are_listed_and_redone(finished, undisturbed, faults):
    cut, edited, emptied, renamed = finished.records()[:4]
    cut.write_bytes(cut.read_bytes()[:-20])
    edited.write_bytes(edited.read_bytes().replace(b'"chosen":0', b'"chosen":1', 1))
    emptied.write_bytes(b"")
    renamed.rename(renamed.with_name("0" * 64 + ".json"))
    faults.inject("a record cut short")
    faults.inject("a record edited by hand")
    faults.inject("an empty record")
    faults.inject("a record under another name")
    status = finished.verb("status", str(finished.out))
    assert status.returncode == 1
    for path in (cut, edited, emptied):
        assert path.name in status.stdout
    assert "0" * 64 in status.stdout
    (finished.out / "units" / ("0" * 64 + ".json")).unlink()
    assert_completes(finished, undisturbed)
    assert finished.verb("status", str(finished.out)).returncode == 0
    faults.survived()


def test_a_damaged_index_is_only_a_lost_shortcut(finished, undisturbed, faults):
    (finished.out / "index.json").write_text('{"x": [1, 2')
    faults.inject("a damaged index of the records")
    assert_completes(finished, undisturbed)
    faults.survived()


class Disk:
    """A disk of 16 MB that can be filled; without the right to mount, a limit on the size of files."""

    def __init__(self, folder):
        self.folder, self.filler = folder, folder / "filler"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
        self.mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        self.options = {}

    def leave(self, size):
        """Fill the disk until only `size` bytes are free."""
        if not self.mounted:
            self.options = {
                "preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size // 8, size // 8))
            }
            return
        with self.filler.open("wb") as file:
            free = shutil.disk_usage(self.folder).free
            file.write(b"x" * max(free - size, 0))

    def free(self):
        self.filler.unlink(missing_ok=True)
        self.options = {}

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path / "disk")
    yield disk
    disk.unmount()


LEFT = {"preparation": 60_000, "features": 8_000, "records": 8_000, "tables": 8_000}
"""Bytes that are free when the run starts, by the stage in which they run out."""


@pytest.mark.slow
@pytest.mark.parametrize("stage", LEFT)
def test_a_full_disk_is_one_clear_error(learning_laboratory, undisturbed, faults, disk, stage):
    laboratory = learning_laboratory
    laboratory.out, laboratory.cache = disk.folder / "run", disk.folder / "cache"
    if stage != "preparation":
        finish(laboratory, undisturbed)
        remove(path for path in laboratory.out.iterdir() if path.name not in ("units", "run.json"))
    if stage in ("features", "records"):
        remove(laboratory.records()[3:])
    if stage == "features":
        remove(laboratory.cache.rglob("features"))
    disk.leave(LEFT[stage])
    faults.inject(f"disk full in the {stage}")
    ended = laboratory.run(**disk.options)
    assert ended.returncode in (1, 2), ended.printed
    assert "Traceback" not in ended.printed, ended.printed
    assert "disk is full" in ended.printed or "limit on file sizes" in ended.printed, ended.printed
    disk.free()
    assert_completes(laboratory, undisturbed)
    faults.survived()


def remove(paths):
    for path in list(paths):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def read_only(tmp_path, small_data):
    """The data where nothing can be written: a read-only mount, or permissions without the right to mount."""
    place = tmp_path / "read-only"
    place.mkdir()
    bound = subprocess.run(["mount", "--bind", str(small_data), str(place)], capture_output=True, check=False)
    if bound.returncode == 0:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield place
        subprocess.run(["umount", "-l", str(place)], check=True)
        return
    shutil.copytree(small_data, place, dirs_exist_ok=True)
    folders = [place, *(path for path in place.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield place
    for folder in folders:
        folder.chmod(0o755)


def test_a_read_only_data_folder(laboratory, undisturbed, faults, read_only):
    with pytest.raises(OSError, match=r"Read-only|denied"):
        (read_only / "probe").write_text("")
    laboratory.data = read_only
    faults.inject("read-only data folder")
    assert_completes(laboratory, undisturbed)
    faults.survived()


def test_nothing_is_written_elsewhere(laboratory, small_data, tmp_path, monkeypatch):
    """Not among the data, not in the folder for temporary files, not at home but matplotlib's font list."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(elsewhere))
    before = {path: path.stat().st_mtime_ns for path in small_data.rglob("*")}
    ended = laboratory.run()
    assert ended.returncode == 0, ended.printed
    assert {path: path.stat().st_mtime_ns for path in small_data.rglob("*")} == before
    written = [path.relative_to(elsewhere) for path in elsewhere.rglob("*") if path.is_file()]
    assert [path for path in written if path.parts[0] != "matplotlib"] == []
    assert {path.name for path in laboratory.folder.iterdir()} == {"run", "cache", "elsewhere"}
