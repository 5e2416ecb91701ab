"""Files in the place of folders, folders in the place of files: one line that names the place."""

import errno
import shutil

import pytest

from benchmark.cli import main
from benchmark.errors import in_one_line

RUN = ("--methods", "majority", "--simulator", "tiny", "--tim", "8", "--protocol", "paper", "--tables-only")
A_FILE = "a file stands where a folder is needed"
A_FOLDER = "a folder stands where a file is needed"


@pytest.fixture(scope="module")
def finished(command, simulated_cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    command("run", *RUN, "--cache", simulated_cache, "--out", folder)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A finished run to break."""
    return shutil.copytree(finished, tmp_path / "run")


def refused(capsys, *words):
    """The one line with which a verb refuses."""
    assert main([str(word) for word in words]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and printed.count("\n") == 1
    return printed


@pytest.mark.parametrize(
    "words",
    [
        ("run", *RUN, "--out", "FILE"),
        ("run", *RUN, "--out", "FILE/run"),
        ("run", *RUN, "--cache", "FILE", "--out", "OUT"),
        ("prepare", *RUN, "--cache", "FILE/c"),
        ("simulate", "FILE", "--size", "tiny"),
        ("simulate", "FILE/sub", "--size", "tiny"),
        ("status", "FILE"),
        ("report", "FILE"),
        ("compare", "FILE", "paper"),
        ("fit", "majority", "--simulator", "tiny", "--cache", "CACHE", "--out", "FILE/m"),
    ],
)
def test_a_file_in_the_place_of_a_folder_is_named(words, tmp_path, capsys):
    file = tmp_path / "file"
    file.touch()
    places = {"FILE": str(file), "OUT": str(tmp_path / "out"), "CACHE": str(tmp_path / "cache")}
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    assert f"error: {file}: {A_FILE}" in refused(capsys, *words)
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_made_is_named(capsys):
    assert "/proc/foo: is not there, and cannot be made" in refused(capsys, "run", *RUN, "--out", "/proc/foo")


@pytest.mark.parametrize("verb", ["status", "report", "run"])
@pytest.mark.parametrize("name", ["run.json", "units/*.json"])
def test_a_folder_in_the_place_of_a_file_of_the_run_is_named(verb, name, folder, simulated_cache, capsys):
    path = next(iter(folder.glob(name)))
    path.unlink()
    path.mkdir()
    words = ("run", *RUN, "--cache", simulated_cache, "--out") if verb == "run" else (verb,)
    assert f"error: {path}: {A_FOLDER}" in refused(capsys, *words, folder)


@pytest.mark.parametrize("verb", ["status", "report", "compare", "run"])
def test_a_run_file_of_the_right_schema_without_its_entries_is_named(verb, folder, simulated_cache, capsys):
    (folder / "run.json").write_text('{"schema": 2}')
    words = {"run": (*RUN, "--cache", simulated_cache, "--out"), "compare": (folder,)}
    said = refused(capsys, verb, *words.get(verb, ()), folder)
    assert f"{folder / 'run.json'}: it has no entry 'name'; delete run.json and run again" in said


def test_a_folder_in_the_place_of_the_caches_journal_is_named(simulated_cache, tmp_path, capsys):
    (tmp_path / "cache" / "clips.jsonl").mkdir(parents=True)
    (tmp_path / "cache" / "simulated").symlink_to(simulated_cache / "simulated")
    words = ("run", *RUN, "--cache", tmp_path / "cache", "--out", tmp_path / "out")
    assert f"clips.jsonl: {A_FOLDER}" in refused(capsys, *words)


def test_a_file_in_the_place_of_the_figures_is_named(folder, capsys):
    (folder / "figures").touch()
    assert f"error: {folder / 'figures'}: {A_FILE}" in refused(capsys, "report", folder)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "no", "/a/b"), "/a/b: permission denied"),
        (OSError(errno.EROFS, "no", "/a/b"), "/a/b: lies on a read-only file system"),
        (IsADirectoryError(errno.EISDIR, "no", "/a/.b.tmp", None, "/a/b"), f"/a/b: {A_FOLDER}"),
        (OSError(errno.ENOSPC, "no space"), "the disk is full"),
        (OSError(errno.ENAMETOOLONG, "no", "/a"), "/a: the name is too long"),
    ],
)
def test_what_the_system_refuses_names_the_place_and_the_remedy(error, message):
    assert in_one_line(error).startswith(message)


@pytest.mark.parametrize(
    "error",
    [OSError("no number"), ConnectionResetError(errno.ECONNRESET, "reset"), OSError(errno.EIO, "", "a")],
)
def test_an_error_of_no_path_stays_a_traceback(error):
    assert in_one_line(error) is None
