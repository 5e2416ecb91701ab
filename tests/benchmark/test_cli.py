"""The command line: quick to answer, errors in one line."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from benchmark.cli import main
from benchmark.flags import parser, settings_of
from benchmark.log import only_trouble
from benchmark.terminal.answers import KEYS
from results.records.run_file import (
    DataInfo,
    MethodInfo,
    PlannedUnit,
    ProtocolInfo,
    RunFile,
    TaskInfo,
    write_run_file,
)
from results.records.store import Record, write_record

LIGHT = """
import sys
from benchmark.cli import main
try:
    main({argv!r})
except SystemExit:
    pass
heavy = [name for name in ("torch", "sklearn", "cv2", "numba", "pandas", "matplotlib") if name in sys.modules]
sys.exit(",".join(heavy) or 0)
"""


@pytest.mark.parametrize("argv", [["--help"], ["list"], ["run", "--help"]])
def test_help_and_list_import_nothing_heavy(argv):
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.format(argv=argv)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_list_names_everything_that_can_be_asked_for(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for name in ("tlcnn-em", "lbp-top", "majority", "cross-database", "casme2", "kdef", "slurm", "manifest"):
        assert name in printed


def test_the_design_command_line_parses():
    words = (
        "run --data casme=A casme2=B --expressions kdef=C --methods tlcnn lbp* --tim 32 64 "
        "--protocol clips subject loso --seeds 0 1 2 --profile paper --engine dask --workers 8"
    )
    settings = settings_of(parser().parse_args(words.split()))
    assert settings.data == {"casme": "A", "casme2": "B"}
    assert settings.expressions == {"kdef": "C"}
    assert settings.methods == ("tlcnn", "lbp-top")
    assert settings.tim == (32, 64)
    assert settings.protocols == ("clips", "subject", "loso")
    assert settings.seeds == (0, 1, 2)
    assert (settings.profile, settings.engine, settings.workers) == ("paper", "dask", 8)


def test_check_fails_for_what_is_broken_and_not_for_what_is_left_out_by_design(tmp_path, capsys):
    for name in ("AF01AFS", "AF01ANS", "AF01ANHL"):
        cv2.imwrite(str(tmp_path / f"{name}.JPG"), np.full((12, 16, 3), 90, np.uint8))
    assert main(["check", f"kdef={tmp_path}"]) == 0
    printed = capsys.readouterr().out
    assert "2 photographs usable" in printed and "1 photographs [by design] not a straight view" in printed
    (tmp_path / "AF01ANS.JPG").write_bytes(b"")
    assert main(["check", f"kdef={tmp_path}"]) == 1


def test_a_database_without_a_usable_clip_is_not_in_order(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text("database,subject,clip,emotion,fps,onset,apex,offset,frames\n")
    assert main(["check", f"manifest={path}"]) == 1
    assert "0 clips usable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "--methods", "tlcn"], "'tlcn' is not a method; did you mean tlcnn"),
        (["run", "--data", "casme2"], "must be NAME=DIR"),
        (["run", "--data", "a=1", "a=2"], "names 'a' twice"),
        (["run", "--set", "amplitude"], "must be KNOB=VALUE"),
        (["run", "--data", "casme2=/nowhere", "--set", "amplitude=1"], "--data leaves unused"),
        (["status", "/nowhere"], "no run folder"),
        (["check", "lbptop"], "did you mean lbp-top"),
        (["run", "--protocol", "losso"], "did you mean loso"),
        (["predict", "/nowhere", "video.avi"], "is not a model"),
        (["check", "casme2="], "names no folder"),
        (["compare", "/nowhere", "paper", "--atol", "0.1"], "--atol is of two runs"),
        (["run", "--data", "kdef=/nowhere"], "database of photographs (--expressions)"),
        (["check", "manifest=/nowhere.csv"], "nowhere.csv"),
        (["audit", "--fold-size", "0"], "a test fold has at least one clip"),
        (["audit", "--uar", "0.5"], "against a log of predictions"),
        (["run", "--seeds", "-1"], "seeds = -1 must lie in 0..2147483647"),
        (["run", "--tim", "100000000"], "tim = 100000000 must lie in 2..4096"),
        (["run", "--timeout", "nan"], "timeout = nan must be a number of seconds above 0"),
        (["run", "--scheduler", "tcp://there:1"], "add --engine dask"),
        (["run", "--data", "casme2=/nowhere", "--simulator", "full"], "--data leaves unused"),
        (["fit", "linear", "--seed", "-1", "--out", "OUT"], "seeds = -1 must lie in 0..2147483647"),
        (["fit", "linear", "--tim", "1", "--out", "OUT"], "tim = 1 must lie in 2..4096"),
        (["fit", "*lbp*", "--out", "OUT"], "fit trains one method, 2 are named: lbp-top, stlbp-ip"),
        (["fit", "all", "--out", "OUT"], "fit trains one method, "),
        (["simulate", "OUT", "--workers", "-2"], "workers = -2 must lie in 0..4096"),
        (["simulate", "OUT", "--set", "amplitude=nan"], "amplitude = nan must be a finite number"),
        (["simulate", "OUT", "--set", "amplitude=true"], "amplitude = True must be a finite number"),
        (["simulate", "OUT", "--set", "drift=1e9"], "drift must lie in 0..230"),
        (["simulate", "OUT", "--set", "jpeg=90.5"], "jpeg = 90.5 must be a whole number"),
        (["simulate", "OUT", "--set", 'seed="a"'], "seed = 'a' must be a whole number"),
        (["simulate", "OUT", "--set", 'size="small"'], "'size' is not a knob"),
        (["speed", "fooo"], "'fooo' is not a part of the speed table; did you mean flow"),
        (["compare", "a", "b", "--atol", "nan"], "--atol nan: a difference of accuracies lies in 0..1"),
        (["compare", "a", "b", "--atol", "-1"], "--atol -1.0: a difference"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(argv, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.startswith("error: ") and "Traceback" not in printed
    assert not (tmp_path / "OUT").exists()


def test_cuda_without_a_gpu_says_what_to_do(capsys):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert main(["run", "--methods", "majority", "--device", "cuda"]) == 2
    assert "sees no GPU; use --device cpu" in capsys.readouterr().err


ANSWERS = [
    ["list"],
    ["audit"],
    pytest.param(["audit", "megc2019"], marks=pytest.mark.slow),
    ["check", "kdef=HERE"],
    pytest.param(["check", "majority"], marks=pytest.mark.slow),
    ["status", "HERE/run"],
    ["compare", "HERE/run", "table3"],
    ["compare", "HERE/run", "HERE/run"],
]


@pytest.mark.parametrize("argv", ANSWERS, ids=str)
def test_json_is_one_object_with_the_documented_keys_and_the_same_status(argv, stored_run, capsys):
    argv = [word.replace("HERE", str(stored_run)) for word in argv]
    status = main(argv)
    said = capsys.readouterr().out
    assert main([*argv, "--json"]) == status
    found = json.loads(capsys.readouterr().out)
    assert list(found) == list(KEYS[argv[0]])
    if "ok" in found:
        assert found["ok"] == (status == 0)
    assert said and not said.startswith("{")


@pytest.mark.parametrize("argv", ANSWERS, ids=str)
def test_a_verb_that_answers_ends_with_what_can_be_done_next(argv, stored_run, capsys):
    main([word.replace("HERE", str(stored_run)) for word in argv])
    assert "python -m benchmark " in capsys.readouterr().out.splitlines()[-1]


@pytest.fixture(scope="module")
def stored_run(tmp_path_factory):
    """A folder with one photograph of KDEF and, in `run`, a run of one finished unit."""
    folder = tmp_path_factory.mktemp("stored")
    for name in ("AF01AFS", "AF01ANS"):
        cv2.imwrite(str(folder / f"{name}.JPG"), np.full((12, 16, 3), 90, np.uint8))
    task, data = TaskInfo("t", "T", ("a", "b")), DataInfo("d", "d" * 64, 2, {}, 1, "file")
    place = {"method": "linear", "tim": 8, "protocol": "clips", "fold": "fold1", "seed": 0}
    method = MethodInfo("linear", "Linear", "baseline", 1)
    protocol = ProtocolInfo("clips", "over clips", False, "fold", "mean", "")
    unit = PlannedUnit("0" * 64, "linear", 8, "clips", "fold1", 0, "")
    plan = RunFile("run", "quick", {}, {}, (method,), (protocol,), task, data, (unit,), (), "python run")
    write_run_file(folder / "run", plan)
    place |= {"revision": 1, "data": "d" * 64, "settings": {}, "control": "none"}
    record = Record(
        "0" * 64, place, "quick", "done",
        classes=("a", "b"), names=("x", "y"), subjects=("p", "q"), databases=("d", "d"), truth=(0, 1),
        n_train=1, candidates=({},), scores=np.eye(2, dtype=np.float32)[None], chosen=0,
    )  # fmt: skip
    write_record(folder / "run" / "units", record)
    return folder


def test_quiet_leaves_the_exit_status_and_warnings(capsys, tmp_path):
    assert main(["list", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    only_trouble("warning: two people are one")
    assert capsys.readouterr() == ("", "warning: two people are one\n")
    assert main(["list", "--quiet", "--json"]) == 0
    assert capsys.readouterr().out.startswith("{")


def test_a_flag_of_several_values_that_is_given_again_adds_to_them():
    words = (
        "run --data casme2=a --data samm=b c=d --methods linear --methods mdmo --tim 8 --tim 16 "
        "--seeds 0 --seeds 1 --protocol loso --protocol clips"
    )
    given = parser().parse_args(words.split())
    assert given.data == ["casme2=a", "samm=b", "c=d"]
    assert (given.methods, given.tim, given.seeds) == (["linear", "mdmo"], [8, 16], [0, 1])
    assert given.protocols == ["loso", "clips"]
    assert parser().parse_args(["simulate", "x", "--set", "a=1", "--set", "b=2"]).set == ["a=1", "b=2"]
    assert parser().parse_args(["simulate", "x"]).set == []
