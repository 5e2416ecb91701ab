"""The cache under faults: killed builders, full disks, damaged files, several builders at once."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from basis.files import file_sha256
from data_prep import cache as cache_module
from data_prep.cache import CacheDamaged, CacheError, Journal, Parts, read_set, write_set
from data_prep.clips import Clips, prepared_set
from data_prep.landmarks import MEAN_SHAPE

BUILDER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from data_prep.clips import Clip, Database
    from data_prep.frames.sources import ImageFrames
    from data_prep.prepare import Place, plan_data, prepared

    def database(root):
        clips = []
        for folder in sorted(Path(root).glob("sub*/EP*")):
            frames = tuple(sorted(str(path) for path in folder.glob("*.png")))
            name = f"toy/{folder.parent.name}/{folder.name}"
            clips.append(Clip("toy", f"toy/{folder.parent.name}", name, "happiness", 0, 100.0, 1, 2,
                              len(frames), ImageFrames(frames), str(folder / "landmarks.json")))
        return Database("toy", str(root), tuple(clips))

    def build(root, cache, workers=2, tim=12, size=(60, 48)):
        say = lambda line: print(line, flush=True)
        place = Place(Path(cache), workers, say)
        plan = plan_data([database(root)], place, landmarks="file", wanted=[(tim, size)])
        return prepared(plan, place, tim=tim, size=size)
    """
)
RUN = BUILDER + "\nclips = build(*sys.argv[1:3])\nprint('built', len(clips), clips.digest)\n"


def build(root: Path, cache: Path) -> Clips:
    names: dict[str, object] = {}
    exec(BUILDER, names)
    clips = names["build"](root, cache)  # type: ignore[operator]
    assert isinstance(clips, Clips)
    return clips


def builder(root: Path, cache: Path, *, code: str = RUN) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root), str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 clips of 12 frames on disk."""
    root = tmp_path_factory.mktemp("source")
    points = (np.asarray(MEAN_SHAPE) * (70, 80) + (40, 40)).tolist()
    for i in range(40):
        folder = root / f"sub{i % 5:02d}" / f"EP{i:02d}"
        folder.mkdir(parents=True)
        rng = np.random.default_rng(i)
        base = cv2.resize(rng.integers(0, 240, (30, 40, 3), dtype=np.uint8), (160, 140))
        for k in range(12):
            cv2.imwrite(str(folder / f"img{k:02d}.png"), base + np.uint8(k))
        (folder / "landmarks.json").write_text(json.dumps({"points": points}))
    return root


@pytest.fixture(scope="module")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return build(source, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def read_only_safe(tmp_path: Path) -> Iterator[Path]:
    """A folder whose modes are restored so that pytest can remove it."""
    yield tmp_path
    for path in tmp_path.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def same_files(a: Clips, b: Clips) -> bool:
    assert prepared_set(a).folder is not None
    assert prepared_set(b).folder is not None
    names = ("frames.npy", "meta.json")
    return all(
        (prepared_set(a).folder / name).read_bytes() == (prepared_set(b).folder / name).read_bytes()
        for name in names
    )


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_only_clips_in_flight(
    source: Path, undisturbed: Clips, tmp_path: Path
) -> None:
    """Killed again and again, each time after a little more work; then built to the end, byte for byte."""
    parts, finished = tmp_path / "toy" / "parts", 0
    for goal in (3, 12, 25, 39):
        process = builder(source, tmp_path)
        while process.poll() is None and len(list(parts.glob("*.part"))) < goal:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not list((tmp_path / "toy").glob("*/meta.json")) or process.returncode == 0
        left = len(list(parts.glob("*.part")))
        assert left >= finished, "a restart must not throw finished clips away"
        finished = left
    assert finished > 0
    assert same_files(build(source, tmp_path), undisturbed)
    assert not list(parts.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["frames", "meta", "journal", "part"])
def test_kill_9_inside_a_write(source: Path, undisturbed: Clips, tmp_path: Path, moment: str) -> None:
    """The builder kills itself in the middle of writing one kind of file."""
    middle = {
        "frames": """
            import data_prep.prepare as p
            original = p._rows
            def rows(*a):
                for i, row in enumerate(original(*a)):
                    if i == 20: os.kill(os.getpid(), 9)
                    yield row
            p._rows = rows
            """,
        "meta": """
            import data_prep.cache as c
            c.write_signed = lambda path, body: (
                path.with_name(".meta.json.tmp").write_text('{"schema"'), os.kill(os.getpid(), 9))
            """,
        "journal": """
            import data_prep.cache as c
            original, count = c._write_all, []
            def write(handle, data):
                count.append(1)
                if len(count) == 10:
                    os.write(handle, data[: len(data) // 2])
                    os.kill(os.getpid(), 9)
                original(handle, data)
            c._write_all = write
            """,
        "part": """
            import data_prep.cache as c
            original, count = c.hashlib.sha256, []
            def write(self, key, array):
                count.append(1)
                if len(count) == 10:
                    (self.folder / f".{key}.1.2.tmp").write_bytes(b"half")
                    os.kill(os.getpid(), 9)
                return kept(self, key, array)
            kept, c.Parts.write = c.Parts.write, write
            """,
    }[moment]
    process = builder(source, tmp_path, code="import os\n" + textwrap.dedent(middle) + RUN)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, output
    again = build(source, tmp_path)
    assert same_files(again, undisturbed)
    assert prepared_set(again).folder is not None
    assert sorted(path.name for path in prepared_set(again).folder.iterdir()) == ["frames.npy", "meta.json"]
    assert not list((tmp_path / "toy" / "parts").iterdir())


def test_full_disk_is_one_clear_error_and_goes_on_afterwards(
    source: Path, undisturbed: Clips, tmp_path: Path
) -> None:
    """A limit on file sizes makes the joined file fail as a full disk does; single clips still fit."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n"
    process = builder(source, tmp_path, code=limit + RUN)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.search(
        r"CacheError: .*limit on file sizes is reached.*free space and run the same command again", output
    )
    assert not list((tmp_path / "toy").glob("*/frames.npy"))
    assert not list((tmp_path / "toy").glob("*/*.tmp"))
    assert len(list((tmp_path / "toy" / "parts").glob("*.part"))) == 40
    process = builder(source, tmp_path)
    output, _ = process.communicate(timeout=60)
    assert "clips prepared" not in output, "finished clips are not made again"
    assert same_files(build(source, tmp_path), undisturbed)


def test_full_disk_while_the_journal_is_written(source: Path, tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**12, 2**12))\n"
    output, _ = builder(source, tmp_path, code=limit + RUN).communicate(timeout=60)
    assert "CacheError" in output
    assert "limit on file sizes" in output
    assert len(build(source, tmp_path)) == 40


def test_too_little_space_is_said_before_the_work(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = os.statvfs(tmp_path)
    monkeypatch.setattr(
        cache_module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000, "of": usage})()
    )
    with pytest.raises(CacheError, match=r"needed.* 0\.00 GiB"):
        build(source, tmp_path)


def test_two_processes_build_once(source: Path, undisturbed: Clips, tmp_path: Path) -> None:
    processes = [builder(source, tmp_path) for _ in range(3)]
    outputs = [process.communicate(timeout=90)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert sum("40/40" in output for output in outputs) == 1
    assert same_files(build(source, tmp_path), undisturbed)


def test_damaged_part_is_made_again(source: Path, undisturbed: Clips, tmp_path: Path) -> None:
    process = builder(source, tmp_path)
    parts = tmp_path / "toy" / "parts"
    while process.poll() is None and len(list(parts.glob("*.part"))) < 10:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    for path in list(parts.glob("*.part"))[:5]:
        data = bytearray(path.read_bytes())
        data[100] ^= 4
        path.write_bytes(data)
    assert same_files(build(source, tmp_path), undisturbed)


def test_source_and_finished_cache_may_be_read_only(source: Path, read_only_safe: Path) -> None:
    """As a user without any right to write (the tests may run as root, who has them all)."""
    cache = read_only_safe / "cache"
    digest = build(source, cache).digest
    closed = read_only_safe / "closed"
    closed.mkdir()
    for path in sorted(read_only_safe.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for folder in {source, *source.parents, read_only_safe, *read_only_safe.parents}:
        if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o005)
    drop = "\nimport os\nif os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    everything_imported = f"\nbuild(sys.argv[1], {str(cache)!r})"
    run = BUILDER + everything_imported + drop + RUN.removeprefix(BUILDER)
    output, _ = builder(source, cache, code=run).communicate(timeout=60)
    assert f"built 40 {digest}" in output
    output, _ = builder(source, closed, code=run).communicate(timeout=60)
    assert "CacheError" in output
    assert "choose another cache folder" in output


def test_journal_survives_torn_and_altered_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "clips.jsonl")
    journal.add("a", {"x": [1.5, 2]})
    journal.add("b", {"x": None})
    with journal.path.open("ab") as file:
        file.write(b'0123456789abcdef ["c",')
    again = Journal(journal.path)
    assert (again.get("a"), again.get("b"), again.get("c")) == ({"x": [1.5, 2]}, {"x": None}, None)
    again.add("d", 4)
    assert Journal(journal.path).get("d") == 4
    journal.path.write_bytes(journal.path.read_bytes().replace(b"1.5", b"2.5"))
    assert Journal(journal.path).get("a") is None
    assert Journal(journal.path).get("d") == 4


def test_journal_sees_what_others_add(tmp_path: Path) -> None:
    one, two = Journal(tmp_path / "j.jsonl"), Journal(tmp_path / "j.jsonl")
    one.add("a", 1)
    assert two.get("a") is None
    two.reload()
    assert two.get("a") == 1
    two.add("b", 2)
    one.reload()
    assert one.get("b") == 2


def _append(path: Path, who: int) -> None:
    journal = Journal(path)
    for i in range(50):
        journal.add(f"{who}-{i}", "x" * 3000)


def test_journal_takes_lines_from_several_processes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(tmp_path / "j.jsonl", k)) for k in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    journal = Journal(tmp_path / "j.jsonl")
    assert all(journal.get(f"{k}-{i}") == "x" * 3000 for k in range(3) for i in range(50))


def test_parts_are_checked_when_read(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    parts.write("k", array)
    assert parts.has("k", 24)
    assert not parts.has("k", 25)
    assert parts.read("k") == array.tobytes()
    os.truncate(tmp_path / "k.part", 40)
    assert parts.read("k") is None
    assert not parts.has("k", 24)
    assert parts.read("absent") is None


def test_parts_that_nobody_joined_are_swept_after_a_week(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    for key in ("old", "new"):
        parts.write(key, np.zeros(3, np.uint8))
    (tmp_path / ".k.1.2.tmp").write_bytes(b"half")
    os.utime(tmp_path / "old.part", (0, 0))
    parts.sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["new.part"]


def test_a_set_is_a_plain_npy_with_its_sha256(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 4, 3), dtype=np.uint8)
    write_set(tmp_path / "set", frames.shape, (row.tobytes() for row in frames), {"digest": "d"})
    np.testing.assert_array_equal(np.load(tmp_path / "set" / "frames.npy", allow_pickle=False), frames)
    meta = json.loads((tmp_path / "set" / "meta.json").read_text())
    data = (tmp_path / "set" / "frames.npy").read_bytes()
    assert meta["frames_sha256"] == hashlib.sha256(data).hexdigest()
    opened, _ = read_set(tmp_path / "set", expected="d")
    np.testing.assert_array_equal(opened, frames)


def test_a_verified_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.zeros((2, 1, 4, 4, 3), np.uint8)
    write_set(tmp_path / "set", frames.shape, (row.tobytes() for row in frames), {"digest": "d"})
    calls: list[object] = []
    original = hashlib.file_digest

    def counting(*arguments: object) -> object:
        calls.append(arguments)
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(cache_module.hashlib, "file_digest", counting)
    read_set(tmp_path / "set", expected="d")
    assert len(calls) == 0, "the writer knows the hash"
    os.utime(tmp_path / "set" / "frames.npy")
    read_set(tmp_path / "set", expected="d")
    read_set(tmp_path / "set", expected="d")
    assert len(calls) == 1


def test_what_one_process_verified_another_believes_until_the_file_is_touched(tmp_path, monkeypatch):
    frames = np.zeros((2, 1, 4, 4, 3), np.uint8)
    write_set(tmp_path / "set", frames.shape, (row.tobytes() for row in frames), {"digest": "d"})
    known = cache_module.verified(tmp_path / "set")
    assert len(known) == 1

    def elsewhere(known):
        """Opened by a process that knows this of it; how often it computes the hash, whether it is whole."""
        hashed = []
        monkeypatch.setattr(cache_module, "_verified", {})
        monkeypatch.setattr(
            cache_module, "file_sha256", lambda path: hashed.append(path) or file_sha256(path)
        )
        cache_module.believe(known)
        try:
            read_set(tmp_path / "set", expected="d")
        except CacheDamaged:
            return len(hashed), False
        return len(hashed), True

    assert elsewhere({}) == (1, True)
    assert elsewhere(known) == (0, True)
    path = tmp_path / "set" / "frames.npy"
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\1")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert elsewhere(known) == (1, False), "length and time are as before"
    monkeypatch.setattr(cache_module, "_verified", {})
    assert cache_module.verified(tmp_path / "set") == {}
