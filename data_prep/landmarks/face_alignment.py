"""Landmarks by face-alignment (FAN, Bulat and Tzimiropoulos 2017), with its weight files under control.

The library downloads weights at first use and never checks them. Here the two files are looked for in a
folder given by the caller or by TLCNN_BENCH_WEIGHTS, else in torch's own cache; what is missing there is
downloaded (which is said first), and each file's sha256 must begin as its name says.

Notes
-----
The landmarks are whole pixels of a 256-pixel face crop, an error of 1 to 1.5 pixels on a 280-pixel face:
good enough for the first frame's rectangle and regions, not for movement from frame to frame.
"""

from __future__ import annotations

import os
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from basis.files import file_sha256
from data_prep.landmarks.base import (
    Backend,
    BackendError,
    Float32,
    LandmarksNotFound,
    Log,
    Options,
    Sidecar,
    UInt8,
    any_over,
    drop_inner_corners,
    installed_version,
)

SOURCE = "https://www.adrianbulat.com/downloads/python-fan"
ALIGNER = "2DFAN4-11f355bf06.pth.tar"
DETECTOR = "s3fd-619a316812.pth"
WEIGHTS = {ALIGNER: "11f355bf06", DETECTOR: "619a316812"}
FOLDER_VARIABLE = "TLCNN_BENCH_WEIGHTS"

_lock = threading.Lock()
_networks: dict[tuple[str, str], Any] = {}


def identity() -> str:
    """Name, installed version and weight files.

    Raises
    ------
    BackendError
        Where the library is missing.
    """
    missing = "face-alignment is not installed: pip install face-alignment"
    version = installed_version("face-alignment", missing)
    return f"face-alignment/{version}/{'+'.join(WEIGHTS)}"


def weights_folder(options: Options) -> Path:
    """Where the weight files are looked for: the caller's folder, the environment's, torch's cache."""
    if options.weights is not None:
        return options.weights
    if os.environ.get(FOLDER_VARIABLE):
        return Path(os.environ[FOLDER_VARIABLE])
    import torch.hub

    return Path(torch.hub.get_dir()) / "checkpoints"


def ready(options: Options, log: Log) -> None:
    """Make sure that both weight files are there and whole; download what is missing, saying so first.

    Raises
    ------
    BackendError
        If a file is damaged, or missing where no download is possible; the message names both files and the
        folder that they belong in.
    """
    folder = weights_folder(options)
    for name, prefix in WEIGHTS.items():
        path = folder / name
        if not path.exists():
            log(f"face-alignment: downloading {SOURCE}/{name} to {folder}")
            _download(name, path)
        found = file_sha256(path)
        if not found.startswith(prefix):
            raise BackendError(
                f"{path}: its sha256 begins with {found[:10]}, it must begin with {prefix}; the file is "
                "damaged or another one: delete it and put the right one there"
            )


def find(frame: UInt8, sidecar: Sidecar | None, options: Options) -> list[Float32]:
    """(66, 2) float32 of every face in an (H, W, 3) uint8 RGB frame.

    Raises
    ------
    LandmarksNotFound
        Where there is none.
    """
    with _lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No faces were detected")
        faces = _network(options).get_landmarks_from_image(frame)
    if not faces:
        raise LandmarksNotFound(
            f"face-alignment found no face in the frame ({frame.shape[1]}x{frame.shape[0]} pixels)"
        )
    return [drop_inner_corners(points) for points in faces]


def shows(frame: UInt8, points: Float32, options: Options) -> bool:
    """Whether a face is found where the points are."""
    try:
        return any_over(find(frame, None, options), points)
    except LandmarksNotFound:
        return False


def _download(name: str, path: Path) -> None:
    import torch.hub

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(f"{SOURCE}/{name}", str(path), WEIGHTS[name], progress=False)
    except (OSError, RuntimeError) as error:
        files = "\n".join(f"    {SOURCE}/{each}" for each in WEIGHTS)
        raise BackendError(
            f"face-alignment needs two weight files; {name} cannot be downloaded ({error}). Fetch\n"
            f"{files}\n"
            f"on a machine with a network and put both into {path.parent}, or set {FOLDER_VARIABLE} to the "
            "folder that holds them. Without them: --landmarks facemesh, which works offline."
        ) from error


def _network(options: Options) -> Any:
    """The loaded networks, once per folder and device."""
    import torch
    from face_alignment import FaceAlignment, LandmarksType

    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    folder = weights_folder(options)
    if (str(folder), device) not in _networks:
        with _torch_cache(folder):
            _networks[str(folder), device] = FaceAlignment(
                LandmarksType.TWO_D,
                device=device,
                flip_input=False,
                compile=False,
                face_detector="sfd",
                face_detector_kwargs={"path_to_detector": str(folder / DETECTOR)},
            )
    return _networks[str(folder), device]


@contextmanager
def _torch_cache(folder: Path) -> Iterator[None]:
    """Let the library, which knows torch's cache only, find the aligner in this folder."""
    import torch.hub

    before = torch.hub.get_dir()
    with tempfile.TemporaryDirectory() as temporary:
        checkpoints = Path(temporary) / "checkpoints"
        checkpoints.mkdir()
        (checkpoints / ALIGNER).symlink_to((folder / ALIGNER).resolve())
        torch.hub.set_dir(temporary)
        try:
            yield
        finally:
            torch.hub.set_dir(before)


BACKEND = Backend(find, identity, ready, shows)
