"""A database of another package goes all the way: list, check, run, table, page; doubts go with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import openpyxl
import pytest

CODE = """
import re
from data_prep.databases.source import Published
from data_prep.databases.tabled import Release

SOURCE = Release(
    name="lab-faces",
    fps=100.0,
    subject_folder=re.compile(r"p0*(\\d+)"),
    subject=lambda number: f"{number:02d}",
    tables_hint="lab_faces*.xlsx",
    tree_hint="p01, p02, ...",
    table=re.compile(r"lab_faces.*\\.xlsx"),
    published=Published("their page", total=6),
)
"""
EMOTIONS = ("happiness", "disgust", "surprise")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The package, a tree of three people and a table elsewhere; person 3 is person 2 again."""
    place = tmp_path_factory.mktemp("lab")
    info = place / "package/lab_faces-1.2.dist-info"
    info.mkdir(parents=True)
    (place / "package/lab_faces.py").write_text(CODE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-faces\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[tlcnn_bench.databases]\nlab-faces = lab_faces:SOURCE\n")
    book = openpyxl.Workbook()
    book.active.append(["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion"])
    rng = np.random.default_rng(0)
    for person in (1, 2, 3):
        for k, emotion in enumerate(EMOTIONS):
            folder = place / f"tree/p{person:02d}/c{k}"
            folder.mkdir(parents=True)
            for i in range(1, 6):
                picture = rng.integers(0, 255, (80, 64, 3)).astype(np.uint8)
                if person < 3:
                    cv2.imwrite(str(folder / f"{i}.png"), picture)
                else:
                    twin = folder.parent.parent / f"p02/c{k}/{i}.png"
                    (folder / f"{i}.png").write_bytes(twin.read_bytes())
            book.active.append([person, f"c{k}", 1, 3, 5, emotion])
    (place / "tables").mkdir()
    book.save(place / "tables/lab_faces_v1.xlsx")
    return place


def bench(place, *words):
    environment = {**os.environ, "PYTHONPATH": str(place / "package"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_is_listed_and_checked_with_tree_and_table_apart(place):
    assert "lab-faces" in bench(place, "list")[1]
    status, text = bench(place, "check", f"lab-faces={place / 'tree'},{place / 'tables/lab_faces_v1.xlsx'}")
    assert status == 0 and "9 clips usable, 0 set aside" in text and "(their page)" in text
    assert "identity: 3 recordings lie under two people with identical frames" in text


@pytest.mark.slow
def test_it_runs_and_its_doubts_stand_in_run_json_table_and_page(place):
    settings = place / "own.toml"
    places = f"{place / 'tree'},{place / 'tables/lab_faces_v1.xlsx'}"
    settings.write_text(f'data = {{ lab-faces = "{places}" }}\nlandmarks = "template"\n')
    words = ["run", "--settings", settings, "--methods", "majority", "--protocol", "loso", "--tim", 8]
    words += ["--workers", 1, "--device", "cpu", "--cache", place / "cache", "--out", place / "run"]
    status, text = bench(place, *words)
    assert status == 1 and "warning: identity: 3 recordings" in text and "--allow-duplicates" in text
    data = json.loads((place / "run/run.json").read_text())["data"]
    assert data["name"] == "lab-faces" and "3 recordings lie under two people" in data["warnings"][0]
    for file in ("table3.md", "report.html"):
        shown = (place / "run" / file).read_text()
        assert "lab-faces" in shown and "3 recordings lie under two people" in shown
    status, text = bench(place, *words, "--allow-duplicates", "--tables-only")
    assert status == 0 and "warning: identity: 3 recordings" in text
