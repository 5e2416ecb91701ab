"""Landmark back ends: files, template, face mesh, and face-alignment without its network."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from urllib.error import URLError

import cv2
import numba
import numpy as np
import pytest
import torch

from data_prep.crop import Box, face_box
from data_prep.landmarks import (
    MEAN_SHAPE,
    BackendError,
    LandmarksNotFound,
    Options,
    Sidecar,
    backend_named,
    drop_inner_corners,
    find_face,
    find_landmarks,
    read_landmark_file,
)
from data_prep.landmarks import face_alignment as fan
from data_prep.landmarks import facemesh as landmarks_facemesh

GREY = np.full((120, 100, 3), 128, np.uint8)
MIRROR = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1)]


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    """A frontal face of a real person that scikit-image carries in its wheel, (512, 512, 3) uint8 RGB."""
    from skimage import data

    return np.asarray(data.astronaut())


@pytest.fixture(scope="module")
def mesh_points(photograph: np.ndarray) -> np.ndarray:
    return find_landmarks("facemesh", photograph, None)


def write(path: Path, body: object) -> Path:
    path.write_text(json.dumps(body))
    return path


def test_sidecar_of_66_and_of_68_points(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 100, (68, 2)).round(3)
    points[48:, 1] += 100  # the mouth below the eyes
    kept = np.delete(points, [60, 64], axis=0)
    long = write(tmp_path / "a.json", {"points": points.tolist()})
    short = write(tmp_path / "b.json", {"points": kept.tolist(), "frame": "img1.jpg"})
    np.testing.assert_allclose(find_landmarks("file", GREY, str(long)), kept, atol=1e-5)
    np.testing.assert_array_equal(read_landmark_file(long), read_landmark_file(short))
    assert read_landmark_file(short).dtype == np.float32


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[" * 100_000, b"\xff\xfe"),
        b'{"other": 1}',
        b'{"points": 3}',
        b'{"points": [[1, 2]]}',
        b'{"points": [[1], [1, 2]]}',
        b'{"points": null}',
        b"[1, 2]",
        json.dumps({"points": [["a", 1]] * 66}).encode(),
        json.dumps({"points": [[float("nan"), 1]] * 66}).encode(),
        json.dumps({"points": [[10**400, 1]] * 66}).encode(),
        b" " * (2**20 + 1),
    ],
)
def test_a_bad_sidecar_names_itself(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "landmarks.json"
    path.write_bytes(content)
    with pytest.raises(LandmarksNotFound, match=r"landmarks\.json"):
        find_landmarks("file", GREY, str(path))


def test_a_missing_sidecar_names_the_other_back_ends(tmp_path: Path) -> None:
    with pytest.raises(LandmarksNotFound, match="facemesh"):
        find_landmarks("file", GREY, None)
    with pytest.raises(LandmarksNotFound, match=r"nowhere\.json"):
        find_landmarks("file", GREY, str(tmp_path / "nowhere.json"))


def test_unknown_back_end_lists_the_known_ones() -> None:
    with pytest.raises(BackendError, match=r"did you mean.*facemesh"):
        find_landmarks("face-mesh", GREY, None)
    with pytest.raises(BackendError, match=r"face-alignment.*template"):
        find_landmarks("dlib", GREY, None)


def test_mean_shape_is_symmetric_and_fills_its_rectangle() -> None:
    shape = np.asarray(MEAN_SHAPE)
    assert shape.shape == (66, 2)
    np.testing.assert_array_equal(shape.min(axis=0), [0, 0])
    np.testing.assert_array_equal(shape.max(axis=0), [1, 1])
    mirrored = shape[MIRROR[:60]] * (-1, 1) + (1, 0)
    np.testing.assert_allclose(shape[:60], mirrored, atol=0.002)


@pytest.mark.parametrize("size", [(120, 100), (340, 280), (64, 64), (227, 227)])
def test_template_takes_the_whole_frame_as_the_face(size: tuple[int, int]) -> None:
    frame = np.zeros((*size, 3), np.uint8)
    assert face_box(find_landmarks("template", frame, None), size) == Box(0, 0, size[1], size[0])


@pytest.mark.facemesh
def test_facemesh_finds_a_real_face_offline(mesh_points: np.ndarray) -> None:
    points = mesh_points
    assert points.shape == (66, 2)
    assert points.dtype == np.float32
    eyes = {"right": points[36:42].mean(axis=0), "left": points[42:48].mean(axis=0)}
    np.testing.assert_allclose(eyes["right"], (203, 101), atol=4)
    np.testing.assert_allclose(eyes["left"], (247, 103), atol=4)
    np.testing.assert_allclose(points[30], (223, 126), atol=5)
    assert points[8, 1] == points[:, 1].max()


@pytest.mark.facemesh
def test_facemesh_has_the_order_of_300w(mesh_points: np.ndarray) -> None:
    """Mirrored lists of the jaw are in circulation: here left is left, and every pair is a pair."""
    x, y = mesh_points.T
    assert (np.diff(x[:17]) > -1.5).all()
    assert (np.diff(x[17:27]) > 0).all()
    assert (np.diff(y[27:31]) > 0).all()
    assert (np.diff(x[31:36]) > 0).all()
    assert (np.diff(x[48:55]) > 0).all()
    assert (np.diff(x[54:60]) < 0).all()
    assert y[17:27].max() < y[36:48].min() + 1
    assert y[60:63].mean() < y[63:66].mean()
    middle = x[27:31].mean()
    for i in range(48):
        if MIRROR[i] != i:
            assert (x[i] - middle) * (x[MIRROR[i]] - middle) < 0, f"landmarks {i} and {MIRROR[i]}"


@pytest.mark.facemesh
def test_facemesh_moves_with_the_picture(photograph: np.ndarray, mesh_points: np.ndarray) -> None:
    """A known shift and scale of the picture moves the landmarks the same way."""
    matrix = np.array([[0.8, 0, 30], [0, 0.8, 45]])
    moved = cv2.warpAffine(photograph, matrix, (400, 460), borderMode=cv2.BORDER_REPLICATE)
    expected = mesh_points @ matrix[:, :2].T + matrix[:, 2]
    error = np.linalg.norm(find_landmarks("facemesh", moved, None) - expected, axis=1)
    distance = np.linalg.norm(expected[36] - expected[45])
    assert np.median(error) < 0.03 * distance


@pytest.mark.facemesh
def test_facemesh_finds_a_tightly_cropped_face(photograph: np.ndarray, mesh_points: np.ndarray) -> None:
    box = face_box(mesh_points, (512, 512))
    cut = np.ascontiguousarray(photograph[box.top : box.bottom, box.left : box.right])
    points = find_landmarks("facemesh", cut, None)
    error = np.linalg.norm(np.add(points, box[:2]) - mesh_points, axis=1)
    assert np.median(error) < 0.05 * np.linalg.norm(mesh_points[36] - mesh_points[45])


@pytest.mark.facemesh
@pytest.mark.parametrize(("left", "top"), [(0, 0), (400, 0), (800, 0), (0, 700)])
def test_facemesh_finds_a_small_face_in_a_long_frame(
    photograph: np.ndarray, mesh_points: np.ndarray, left: int, top: int
) -> None:
    below, right = (700 - top, 0) if top else (0, 800 - left)
    frame = cv2.copyMakeBorder(photograph, top, below, left, right, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    error = np.linalg.norm(find_landmarks("facemesh", frame, None) - np.add(mesh_points, (left, top)), axis=1)
    assert np.median(error) < 0.05 * np.linalg.norm(mesh_points[36] - mesh_points[45])


@pytest.mark.facemesh
def test_template_is_near_a_real_cropped_face(photograph: np.ndarray, mesh_points: np.ndarray) -> None:
    box = face_box(mesh_points, (512, 512))
    cut = photograph[box.top : box.bottom, box.left : box.right]
    error = np.linalg.norm(np.add(find_landmarks("template", cut, None), box[:2]) - mesh_points, axis=1)
    assert np.median(error) < 0.15 * np.linalg.norm(mesh_points[36] - mesh_points[45])


@pytest.mark.facemesh
@pytest.mark.slow
def test_facemesh_finds_simulated_faces(simulated_cache: Path) -> None:
    """Against the simulator's true landmarks: 10 % of the eye distance at most, for nine faces in ten."""
    found, sidecars = [], sorted(simulated_cache.rglob("casme2/**/landmarks.json"))[:12]
    for sidecar in sidecars:
        truth = read_landmark_file(sidecar)
        name = json.loads(sidecar.read_text())["frame"]
        frame = cv2.imread(str(sidecar.parent / name))[..., ::-1]
        try:
            points = find_landmarks("facemesh", np.ascontiguousarray(frame), None)
        except LandmarksNotFound:
            continue
        error = np.median(np.linalg.norm(points - truth, axis=1))
        found.append(error < 0.1 * np.linalg.norm(truth[36] - truth[45]))
    assert sidecars
    assert sum(found) >= 0.9 * len(sidecars)


@pytest.mark.facemesh
@pytest.mark.parametrize("frame", [GREY, np.zeros((40, 30, 3), np.uint8)])
def test_facemesh_without_a_face(frame: np.ndarray) -> None:
    with pytest.raises(LandmarksNotFound, match="no face"):
        find_landmarks("facemesh", frame, None)


def test_missing_mediapipe_is_an_error_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe.python.solutions.face_mesh", None)
    monkeypatch.setattr(landmarks_facemesh, "_models", {})
    with pytest.raises(BackendError, match=r"pip install.*offline\.txt"):
        find_landmarks("facemesh", GREY, None)

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(BackendError, match=r"pip install.*offline\.txt"):
        backend_named("facemesh").identity()
    with pytest.raises(BackendError, match="pip install face-alignment"):
        backend_named("face-alignment").identity()


@pytest.mark.facemesh
def test_back_ends_import_nothing_heavy_until_they_are_used() -> None:
    code = (
        "import sys; from data_prep.landmarks import BACKENDS, backend_named;"
        "[backend_named(name).identity() for name in BACKENDS];"
        "sys.exit(any(name in sys.modules for name in ('torch', 'mediapipe', 'face_alignment')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_network_and_no_weights_says_what_to_fetch_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    def offline(url: str, *more: object, **options: object) -> None:
        assert any(url in line and "downloading" in line for line in lines), "not said before it happens"
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("TLCNN_BENCH_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(BackendError) as caught:
        backend_named("face-alignment").ready(Options(), lines.append)
    for needed in ("2DFAN4-11f355bf06.pth.tar", "s3fd-619a316812.pth", str(tmp_path / "weights"), "facemesh"):
        assert needed in str(caught.value)
    assert list((tmp_path / "weights").iterdir()) == []


def test_a_weight_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    for name in fan.WEIGHTS:
        (tmp_path / name).write_bytes(b"cut short")
    with pytest.raises(BackendError, match=r"2DFAN4.*11f355bf06"):
        backend_named("face-alignment").ready(Options(weights=tmp_path), print)


def test_weights_are_looked_for_in_the_callers_then_the_environments_then_torchs_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TLCNN_BENCH_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert fan.weights_folder(Options()) == tmp_path / "torch" / "hub" / "checkpoints"
    monkeypatch.setenv("TLCNN_BENCH_WEIGHTS", str(tmp_path / "env"))
    assert fan.weights_folder(Options()) == tmp_path / "env"
    assert fan.weights_folder(Options(weights=tmp_path)) == tmp_path


@pytest.mark.slow
def test_face_alignment_runs_from_a_local_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library with random weights in place of the real ones: loading, calling and the 66 points."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)  # its helpers would compile for half a minute
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    torch.manual_seed(0)
    torch.save(FAN(4).state_dict(), tmp_path / fan.ALIGNER)
    torch.save(s3fd().state_dict(), tmp_path / fan.DETECTOR)
    hashes = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()[:10] for name in fan.WEIGHTS}
    monkeypatch.setattr(fan, "WEIGHTS", hashes)
    monkeypatch.setattr(fan, "_networks", {})
    before = torch.hub.get_dir()
    options = Options(device="cpu", weights=tmp_path)
    backend_named("face-alignment").ready(options, pytest.fail)
    network = fan._network(options)
    assert torch.hub.get_dir() == before
    boxes = [[20.0, 20.0, 90.0, 100.0, 0.99]]
    monkeypatch.setattr(network.face_detector, "detect_from_image", lambda image: boxes)
    (points,) = backend_named("face-alignment").faces(GREY, None, options)
    assert points.shape == (66, 2)
    monkeypatch.setattr(network.face_detector, "detect_from_image", lambda image: [])
    with pytest.raises(LandmarksNotFound, match="no face"):
        find_landmarks("face-alignment", GREY, None, options)


def test_largest_of_several_faces_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = np.insert(np.asarray(MEAN_SHAPE), [60, 63], 0.5, axis=0)
    faces = [shape * 50, shape * 80 + 100, shape * 20]

    class Network:
        def get_landmarks_from_image(self, image: np.ndarray) -> list[np.ndarray]:
            return faces

    monkeypatch.setattr(fan, "_network", lambda options: Network())
    found = find_face("face-alignment", GREY)
    np.testing.assert_allclose(found.points, drop_inner_corners(faces[1]))
    assert found.others == 2


@pytest.mark.parametrize("turn", [0, 40, -40, 80, 150, 180, -90])
def test_a_face_on_its_side_or_upside_down_is_refused_by_its_geometry(tmp_path: Path, turn: int) -> None:
    """Every back end goes through the same check; here it is the one that reads files."""
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (np.asarray(MEAN_SHAPE) - 0.5) @ rotation.T * 80 + 60
    sidecar = write(tmp_path / "a.json", {"points": points.tolist()})
    if abs(turn) < 60:
        assert find_landmarks("file", GREY, str(sidecar)).shape == (66, 2)
    else:
        with pytest.raises(LandmarksNotFound, match="upside down" if abs(turn) > 120 else "on its side"):
            find_landmarks("file", GREY, str(sidecar))


@pytest.mark.facemesh
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_facemesh_does_not_fit_an_upright_face_into_a_turned_one(
    photograph: np.ndarray, quarters: int
) -> None:
    turned = np.ascontiguousarray(np.rot90(photograph[:300, 80:380], quarters))
    with pytest.raises(LandmarksNotFound, match="upside down" if quarters == 2 else "side|no face"):
        find_landmarks("facemesh", turned, None)


@pytest.mark.facemesh
@pytest.mark.parametrize("left", [True, False])
def test_facemesh_takes_the_larger_of_two_people_on_either_side(photograph: np.ndarray, left: bool) -> None:
    face = photograph[:300, 80:380]
    scene = np.full((320, 620, 3), 150, np.uint8)
    near, far = (0, 420) if left else (320, 0)
    scene[10:310, near : near + 300] = face
    scene[10:190, far : far + 180] = cv2.resize(face[:, ::-1], (180, 180), interpolation=cv2.INTER_AREA)
    found = find_face("facemesh", scene)
    assert found.others == 1
    assert near + 75 < found.points[:, 0].mean() < near + 225


@pytest.mark.facemesh
def test_facemesh_is_where_the_mirrored_picture_mirrors_it(photograph: np.ndarray) -> None:
    """A constant offset of the points would show twice between a picture and its mirror image."""
    face = np.ascontiguousarray(photograph[:300, 80:380])
    here = find_landmarks("facemesh", face, None)[:48]
    there = find_landmarks("facemesh", np.ascontiguousarray(face[:, ::-1]), None)[MIRROR[:48]]
    offset = (here[:, 0] + there[:, 0] - (face.shape[1] - 1)) / 2
    assert abs(np.mean(offset)) < 0.5


@pytest.mark.parametrize(
    ("named", "wanted", "fits"),
    [
        ("img1.png", "img1.png", True),
        ("img1", "img1.png", True),
        ("sub01/EP1/img1.png", "img1.png", True),
        ("img1.png", "img61.png", False),
        ("img61.png", "img1.png", False),
        (7, 7, True),
        ("7", 7, True),
        (7, 8, False),
        (None, "img1.png", True),
    ],
)
def test_a_sidecar_that_names_its_frame_holds_for_that_frame_only(
    tmp_path: Path, named: str | int | None, wanted: str | int, fits: bool
) -> None:
    points = (np.asarray(MEAN_SHAPE) * 50).tolist()
    path = write(tmp_path / "landmarks.json", {"points": points, "frame": named})
    if fits:
        assert find_face("file", GREY, Sidecar(path, wanted)).points.shape == (66, 2)
    else:
        with pytest.raises(LandmarksNotFound, match=f"{named}.*{wanted}"):
            find_face("file", GREY, Sidecar(path, wanted))


def test_mediapipes_own_chatter_is_left_out_and_its_errors_are_not(capfd):
    said = b"W0000 00:00:1 1 a.cc:1] no matter\nINFO: Created a delegate\n\nE0000 00:00:1 1 a.cc:1] broken\n"
    with pytest.raises(ValueError, match="through"), landmarks_facemesh._without_chatter():
        os.write(2, said)
        raise ValueError("through")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "E0000 00:00:1 1 a.cc:1] broken\nafter\n"
