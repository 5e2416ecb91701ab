"""Whole runs on simulated databases, as a user would start them."""

import json
import shutil

import pandas as pd
import pytest

from results.clip_page import picture_name

FAST = ("majority", "lbp-top")


@pytest.fixture
def benchmark(command):
    return command


@pytest.fixture(scope="module")
def finished(simulated_cache, tmp_path_factory, command):
    """A run of the fast methods with one worker, and what it printed."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    done = run_fast(command, simulated_cache, folder, "--workers", 1)
    return folder, done.stdout


def run_fast(command, cache, folder, *words, methods=FAST, check=True):
    always = ("--simulator", "tiny", "--cache", cache, "--out", folder)
    return command("run", "--methods", *methods, *always, *words, check=check)


@pytest.mark.slow
def test_a_run_leaves_everything_a_reader_needs(finished):
    folder, printed = finished
    for name in ("run.json", "table3.csv", "per_fold.csv", "predictions.parquet", "report.html"):
        assert (folder / name).stat().st_size > 0, name
    assert "LBP-TOP" in printed and "Majority class" in printed
    assert "quick" in printed
    predictions = pd.read_parquet(folder / "predictions.parquet")
    body = json.loads((folder / "run.json").read_text())
    assert len(predictions) == len(FAST) * 2 * body["data"]["n_clips"]


@pytest.mark.slow
def test_every_clip_of_a_simulated_run_has_its_moving_pictures(finished):
    folder, _ = finished
    names = set(pd.read_parquet(folder / "predictions.parquet")["clip"])
    shown = {path.name for path in (folder / "clips").iterdir()}
    wanted = {f"{picture_name(name)}-{kind}.webp" for name in names for kind in ("face", "difference")}
    assert shown == wanted
    page = (folder / "clips.html").read_text()
    assert all(f"clips/{name}" in page for name in wanted)


@pytest.mark.slow
def test_every_fold_accuracy_can_be_recomputed_from_the_predictions(finished):
    folder, _ = finished
    predictions = pd.read_parquet(folder / "predictions.parquet")
    stated = pd.read_csv(folder / "per_fold.csv").set_index(["method", "protocol", "fold_name"])
    for selection, column in (("honest", "correct"), ("paper_style", "paper_style_correct")):
        right = predictions["truth"] == predictions[selection]
        recomputed = right.groupby([predictions[name] for name in ("method", "protocol", "fold")]).sum()
        assert recomputed.to_dict() == stated[column].to_dict()
        assert (stated["paper_style_correct"] >= stated["correct"]).all()


@pytest.mark.slow
def test_running_again_does_no_unit_and_changes_nothing(finished, simulated_cache, benchmark):
    folder, _ = finished
    before = {path: path.read_bytes() for path in folder.glob("*.csv")}
    records = {path: path.stat().st_mtime_ns for path in (folder / "units").iterdir()}
    printed = run_fast(benchmark, simulated_cache, folder).stdout
    assert "20 planned, 20 already done" in printed
    assert {path: path.read_bytes() for path in before} == before
    assert {path: path.stat().st_mtime_ns for path in (folder / "units").iterdir()} == records


@pytest.mark.slow
def test_the_serial_engine_gives_the_numbers_of_one_worker(finished, simulated_cache, tmp_path, benchmark):
    folder, _ = finished
    done = run_fast(benchmark, simulated_cache, tmp_path / "serial", "--engine", "serial", "--tables-only")
    assert "limits of time and memory are not enforced" in done.stdout
    assert (tmp_path / "serial" / "table3.csv").read_bytes() == (folder / "table3.csv").read_bytes()


@pytest.mark.slow
def test_two_workers_give_the_numbers_of_one(finished, simulated_cache, tmp_path, benchmark):
    folder, _ = finished
    run_fast(benchmark, simulated_cache, tmp_path / "two", "--workers", 2, "--tables-only")
    assert (tmp_path / "two" / "table3.csv").read_bytes() == (folder / "table3.csv").read_bytes()
    compared = benchmark("compare", folder, tmp_path / "two")
    assert "20 of 20 common units agree" in compared.stdout


@pytest.mark.slow
def test_a_run_of_registered_heads_says_so_and_shares_no_table_with_others(
    simulated_cache, tmp_path, benchmark
):
    folder, words = tmp_path / "held", ("--tables-only", "--protocol", "clips")
    held = ("--registration", "rigid", *words)
    printed = run_fast(benchmark, simulated_cache, folder, *held, methods=("lbp-top",)).stdout
    body = json.loads((folder / "run.json").read_text())
    assert body["data"]["registration"] == body["settings"]["registration"] == "rigid"
    assert "heads registered (rigid)" in printed
    assert "heads registered (rigid)" in (folder / "table3.md").read_text()
    refused = run_fast(benchmark, simulated_cache, folder, *words, methods=("lbp-top",), check=False)
    assert refused.returncode == 2 and "cannot stand in one table" in refused.stderr
    plain = run_fast(benchmark, simulated_cache, tmp_path / "plain", *words, methods=("lbp-top",)).stdout
    assert "heads registered" not in plain


@pytest.mark.slow
def test_a_deleted_record_is_missed_by_status_and_run_again(finished, simulated_cache, tmp_path, benchmark):
    folder, _ = finished
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    victim = sorted((copy / "units").glob("*.json"))[0]
    victim.unlink()
    status = benchmark("status", copy, check=False)
    assert status.returncode == 1 and "missing: 1" in status.stdout
    benchmark("report", copy, "--tables-only")
    assert "4 of 5 folds" in (copy / "table3.csv").read_text()
    assert "20 planned, 19 already done" in run_fast(benchmark, simulated_cache, copy, "--tables-only").stdout
    assert (copy / "table3.csv").read_bytes() == (folder / "table3.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("--set", "seed=5"), ("--control", "shuffled-labels"), ("--profile", "paper")]
)
def test_a_run_of_other_conditions_is_not_mixed_into_a_folder(words, finished, simulated_cache, benchmark):
    folder, _ = finished
    before = (folder / "run.json").read_bytes()
    done = run_fast(benchmark, simulated_cache, folder, *words, check=False)
    assert done.returncode == 2
    assert f"give another --out, such as {folder}-2" in done.stderr
    assert (folder / "run.json").read_bytes() == before


@pytest.mark.slow
def test_a_method_that_fails_costs_only_itself_and_is_tried_again(
    simulated_cache, tiny_folder, tmp_path, benchmark
):
    """TLCNN without photographs has nothing to pre-train on: its units fail, the others are done."""
    roots = [f"{path.name}={path}" for path in tiny_folder.iterdir() if path.name in ("casme2", "smic")]
    words = ("run", "--methods", "majority", "tlcnn", "--protocol", "paper", "--draws", 1, "--data", *roots)
    words += ("--landmarks", "file", "--cache", simulated_cache, "--out", tmp_path / "run", "--tables-only")
    done = benchmark(*words, check=False)
    assert done.returncode == 1
    assert "--expressions" in done.stdout
    assert "5 units failed" in done.stdout
    statuses = benchmark("status", tmp_path / "run", check=False).stdout
    assert "done: 5" in statuses and "failed: 5" in statuses
    table = (tmp_path / "run" / "table3.csv").read_text()
    assert "0 of 5 folds" in table
    assert "Majority" in table or "majority" in table


@pytest.mark.slow
@pytest.mark.parametrize("method", ["linear", "lbp-top"])
def test_a_model_is_saved_and_labels_a_folder_of_frames(
    method, simulated_cache, tiny_folder, tmp_path, benchmark
):
    words = ("fit", method, "--simulator", "tiny", "--cache", simulated_cache, "--out", tmp_path / "model")
    benchmark(*words)
    clip = next((tiny_folder / "casme2").rglob("landmarks.json"))
    printed = benchmark("predict", tmp_path / "model", clip.parent, "--landmarks", "file").stdout
    shares = [float(line.split()[1]) for line in printed.splitlines()[1:5]]
    assert abs(sum(shares) - 1) < 0.01
    assert benchmark(*words, check=False).returncode == 2
    weights = next((tmp_path / "model").glob("*.npz"))
    weights.write_bytes(weights.read_bytes()[:-100])
    damaged = benchmark("predict", tmp_path / "model", clip.parent, "--landmarks", "file", check=False)
    assert damaged.returncode == 2 and f"{weights} is missing or damaged" in damaged.stderr
