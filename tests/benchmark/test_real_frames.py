"""Photographed frames laid out as CASME II, through check, prepare and run with the offline back end."""

import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data

EMOTIONS = ("happiness", "disgust", "surprise", "others")


def video_of_a_face(person, emotion, n=12):
    """Frames of a real photograph, zoomed per person, whose mouth corners or brows rise and fall."""
    face = skimage.data.astronaut()[0:260, 100:340]
    size = 300 + 10 * person
    face = cv2.resize(face, (size * 240 // 260, size), interpolation=cv2.INTER_CUBIC)
    face = np.clip(face * (0.9 + 0.05 * person), 0, 255).astype(np.uint8)
    rows, columns = np.mgrid[0 : face.shape[0], 0 : face.shape[1]].astype(np.float32)
    centre = face.shape[0] * (0.32 + 0.12 * EMOTIONS.index(emotion))
    bump = np.exp(-((rows - centre) ** 2) / (2 * 18**2)).astype(np.float32)
    for t in range(n):
        push = 2.0 * np.sin(np.pi * t / (n - 1))
        yield cv2.remap(
            face, columns, rows + np.float32(push) * bump, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )


@pytest.fixture(scope="module")
def casme2(tmp_path_factory):
    """A folder in CASME II's layout with an official-looking table; one row has '/' as its apex."""
    root = tmp_path_factory.mktemp("real") / "CASME2"
    rows = []
    for person in range(1, 4):
        for i, emotion in enumerate(EMOTIONS):
            name = f"EP0{i + 1}_0{person}f"
            folder = root / "CASME2_RAW_selected" / f"sub{person:02d}" / name
            folder.mkdir(parents=True)
            for t, frame in enumerate(video_of_a_face(person, emotion), start=40):
                cv2.imwrite(str(folder / f"img{t}.jpg"), frame[..., ::-1])
            apex = "/" if (person, i) == (2, 3) else 45
            rows.append((f"{person:02d}", name, None, 40, apex, 51, None, "4+L10", emotion))
    columns = ["Subject", "Filename", "Unnamed: 2", "OnsetFrame", "ApexFrame", "OffsetFrame", "Unnamed: 6",
               "Action Units", "Estimated Emotion"]  # fmt: skip
    pd.DataFrame(rows, columns=columns).to_excel(root / "CASME2-coding-20140508.xlsx", index=False)
    return root


@pytest.mark.facemesh
@pytest.mark.slow
def test_check_prepare_and_run(casme2, tmp_path, command):
    checked = command("check", f"casme2={casme2}", check=False).stdout
    assert "12 clips usable" in checked, checked
    words = ("--data", f"casme2={casme2}", "--landmarks", "facemesh", "--cache", tmp_path / "cache")
    prepared = command("prepare", "--methods", "lbp-top", *words).stdout
    assert "ready: 12 clips of 32 frames" in prepared, prepared
    printed = command(
        "run",
        "--methods",
        "majority",
        "linear",
        "lbp-top",
        *words,
        "--tables-only",
        "--out",
        tmp_path / "run",
    ).stdout
    assert "casme2, 12 clips" in printed and "simulated" not in printed
    table = pd.read_csv(tmp_path / "run" / "per_fold.csv")
    assert (table[table["method"] == "lbp-top"]["n_test"]).sum() == 12 + 12


@pytest.mark.facemesh
@pytest.mark.slow
def test_a_frame_without_a_face_sets_its_clip_aside(casme2, tmp_path, command):
    broken = tmp_path / "CASME2"
    shutil.copytree(casme2, broken)
    for path in (broken / "CASME2_RAW_selected" / "sub01" / "EP01_01f").iterdir():
        cv2.imwrite(str(path), np.full((300, 277, 3), 90, np.uint8))
    words = ("--data", f"casme2={broken}", "--landmarks", "facemesh", "--cache", tmp_path / "cache")
    printed = command("prepare", "--methods", "majority", *words).stdout
    assert "ready: 11 clips" in printed
    assert "set aside (landmarks)" in printed and "EP01_01f" in printed
