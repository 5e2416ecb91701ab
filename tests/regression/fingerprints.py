"""Hashes of what the suite computes on its way to a number, to be compared between machines.

    python tests/regression/fingerprints.py [GLOB ...]              print them as JSON
    python tests/regression/fingerprints.py --store "why they moved"  write fingerprints.json

The clips are made of whole numbers, so that nothing but what is hashed can differ. `control/torch` is a
training with torch's own kernels: it is not stored, it shows that two machines really compute differently.
"""

import argparse
import fnmatch
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np

from basis.processor import pin

STORED = Path(__file__).with_suffix(".json")
STAGES = {
    "frame_size": (52, 52), "crop": 49, "width": 0.05, "inner_share": 0.2, "evaluations": 2,
    "e_batch": 12, "e_rate": 0.01, "e_iterations": 6, "e_drop_every": 4,
    "m_batch": 12, "m_rates": (0.01, 0.005), "m_iterations": (6, 2), "m_drop_every": 4,
}  # fmt: skip
JOINT = {
    "hidden": 8, "candidates": 1, "joint_batch": 3, "joint_rates": (0.01, 0.005),
    "joint_iterations": (4, 2), "joint_drop_every": 3, "clip_norm": 1.0,
}  # fmt: skip
NETWORKS = {
    "tlcnn": {**STAGES, **JOINT},
    "tlcnn-em": {**STAGES, **JOINT},
    "3d-cnn": {"frame_size": (36, 36), "crop": 32, "width": 0.07, "iterations": 4, "batch": 3,
               "evaluations": 2, "candidates": 2, "clip_norm": 1.0, "inner_share": 0.2},
    "c5-svm": {**STAGES, "C": (0.125, 8.0)},
}  # fmt: skip


def main() -> None:
    """Print or store the fingerprints whose names match."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["*"])
    parser.add_argument("--store", metavar="REASON", help="write them all, with the reason for the change")
    arguments = parser.parse_args()
    pin()
    wanted = [name for name in jobs() if any(fnmatch.fnmatch(name, glob) for glob in arguments.names)]
    found = {name: jobs()[name]() for name in wanted}
    if arguments.store:
        found.pop("control/torch")
        found = {"reason": arguments.store, "fingerprints": found}
        STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    else:
        print(json.dumps(found))


@cache
def jobs() -> dict[str, Callable[[], str]]:
    """What is hashed, by name."""
    from methods import METHODS

    networks = {f"network/{name}": partial(network, name) for name in NETWORKS}
    others = [name for name in METHODS if name not in NETWORKS and name != "tlcnn-e"]
    described = {f"method/{name}": partial(method, name) for name in others}
    return {
        "control/torch": torch_control,
        **networks,
        **described,
        "simulated": simulated,
        "simulated/few": few,
        "registered": registered,
    }


def digest(parts: Iterator[bytes]) -> str:
    """sha256 of all parts, cut to 20 digits."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()[:20]


def clips_of(height: int, width: int, frames: int = 16, n: int = 16):
    """Faces of four subjects whose bands move with the class, from whole numbers alone.

    One clip of each subject and class has no annotated apex, so that it is spotted.
    """
    from data_prep.clips import Clips
    from data_prep.landmarks import mean_shape

    random = np.random.default_rng(5)
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.empty((n, frames, height, width, 3), np.uint8)
    for i in range(n):
        label, person = i % 4, i // 4
        texture = random.integers(0, 24, (height, width))
        for quarter in range(4):
            push = quarter * (np.abs(y * 8 // height - 2 * label) < 2)
            wave = np.abs((x * (3 + person) + 5 * (y + push)) % 64 - 32)
            shown = (60 + 3 * wave + texture)[..., None] + np.array([8, 0, -8])
            pixels[i, quarter * frames // 4 : (quarter + 1) * frames // 4] = shown.astype(np.uint8)
    points = np.float32(np.round(mean_shape(height, width)))
    people = [f"toy/{i // 4}" for i in range(n)]
    apex = [float("nan") if i % 5 == 0 else 0.5 for i in range(n)]
    labels = np.arange(n) % 4
    return Clips.from_arrays(pixels, np.repeat(points[None], n, 0), labels, subjects=people, apex=apex)


def stills_of(size: tuple[int, int], n: int = 36):
    """Photographs from whole numbers: nine classes, four subjects."""
    from data_prep.clips import EXPRESSIONS, Stills

    labels = np.arange(n) % len(EXPRESSIONS)
    noise = np.random.default_rng(0).integers(0, 60, (n, *size, 3))
    frames = (noise + 20 * labels[:, None, None, None]).astype(np.uint8)
    return Stills(frames, labels, tuple(f"toy/{i // 9}" for i in range(n)), tuple(map(str, range(n))), "toy")


def fitted(name: str, settings):
    """The method fitted on half of the people, and its scores of the others."""
    from methods import load_method, make_settings
    from methods.base import Context

    kind = load_method(name)
    made = kind(make_settings(kind, settings or kind.trial), Context(stills=stills_of, threads=threads()))
    clips = clips_of(*made.frame_size)
    made.fit(clips.select(np.arange(8)), seed=0)
    return made, made.predict(clips.select(np.arange(8, 16)).without_labels())


def threads() -> int:
    """As many as the environment says."""
    import os

    return int(os.environ.get("FINGERPRINT_THREADS", "1"))


def network(name: str) -> str:
    """Weights of every candidate, curves and scores of a short training."""
    from methods.training import loop

    loop.COUNTED_FROM = float("inf")  # for a note, not for a hash; counted under emulation it takes seconds
    made, prediction = fitted(name, NETWORKS[name])
    candidates = getattr(made, "candidates", [])
    weights = [weights[key].numpy().tobytes() for _, weights in candidates for key in sorted(weights)]
    curves = [json.dumps([name, list(curve.values)]).encode() for name, curve in sorted(made.curves.items())]
    return digest(iter([*weights, *curves, prediction.scores.tobytes()]))


def method(name: str) -> str:
    """Scores of all candidates and the chosen one, under the method's trial settings."""
    _, prediction = fitted(name, None)
    return digest(iter([prediction.scores.tobytes(), str(prediction.chosen).encode()]))


def simulated() -> str:
    """Every file of the tiny simulated databases, and the frames and landmarks prepared from them."""
    from benchmark.cli import main as command

    with tempfile.TemporaryDirectory() as folder:
        words = ["--simulator", "tiny", "--methods", "lbp-top", "--tim", "16", "--workers", "1"]
        stdout, sys.stdout = sys.stdout, sys.stderr
        try:
            assert command(["prepare", *words, "--cache", folder, "--device", "cpu"]) == 0
        finally:
            sys.stdout = stdout
        return digest(_contents(Path(folder)))


def few() -> str:
    """Frames of one simulated clip of two databases as files, and the clip prepared from them.

    In this process alone: an emulated one would start others that are not emulated.
    """
    from itertools import islice

    import cv2

    from data_prep.crop import crop, face_box
    from data_prep.interpolation import resample
    from data_prep.simulator.likeness import cast_of
    from data_prep.simulator.looks import draw_looks
    from data_prep.simulator.render import draw_neutral, movement_of, render
    from data_prep.simulator.settings import SimulatorSettings
    from data_prep.simulator.shape import KEPT_66
    from data_prep.simulator.write import encode

    settings, parts = SimulatorSettings(size="tiny"), []
    for database, name in (("casme2", "img1.jpg"), ("smic", "image1.bmp")):
        plan = cast_of(settings, [database])[0]
        neutral = draw_neutral(
            draw_looks(settings.seed, plan.subject), settings.preset.frame, settings.preset.face_width
        )
        pictures = list(islice(render(plan, neutral, movement_of(plan, neutral, settings), settings), 12))
        files = [encode(picture, name, settings.jpeg) for picture in pictures]
        frames = [cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR) for file in files]
        box = face_box(neutral.landmarks[KEPT_66], neutral.shape)
        stack = np.stack([crop(frame, box, (64, 54)) for frame in frames])
        parts += [*files, resample(stack, 16).tobytes()]
    return digest(iter(parts))


def registered() -> str:
    """A picture of whole numbers that shifts by half pixels: where a head is found, and the frames laid."""
    from data_prep.crop import face_box
    from data_prep.landmarks import mean_shape
    from data_prep.registration.head import Head

    random = np.random.default_rng(3)
    spots = [
        np.kron(random.integers(0, 64, (192 // n, 160 // n, 3)), np.ones((n, n, 1), int)) for n in (4, 8, 16)
    ]
    first = sum(np.roll(sum(spots), (y, x), (0, 1)) for y in range(3) for x in range(3)) // 9
    points = mean_shape(192, 160) * np.float32(0.5) + np.float32((40, 60))
    head, parts = Head(first.astype(np.uint8), points, face_box(points, (192, 160))), []
    for k in range(4):
        later = (np.roll(first, (k, -k), (0, 1)) + np.roll(first, (k, 1 - k), (0, 1))) // 2
        parts.append(head.laid(later.astype(np.uint8)).tobytes())
    assert not head.notes()
    return digest(iter([*parts, np.array(head.places).tobytes()]))


def _contents(cache: Path) -> Iterator[bytes]:
    from data_prep.opened import landmarks_of

    for path in sorted((cache / "simulated").rglob("*")):
        if path.is_file():
            yield path.read_bytes()
    for path in sorted(cache.rglob("frames.npy")):
        yield path.read_bytes()
        kept = json.loads((path.parent / "meta.json").read_text())["landmarks"]
        yield json.dumps(landmarks_of(kept).tolist()).encode()


def torch_control() -> str:
    """Ten steps of a small net of torch's own layers."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(3, 12, 5), nn.ReLU(), nn.Conv2d(12, 20, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4))
    )
    x = torch.randn(8, 3, 20, 20, generator=generator)
    net(x)
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0, 0.05, generator=generator)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(net(x), torch.arange(8) % 4))
        optimizer.step()
    return digest(parameter.detach().numpy().tobytes() for parameter in net.parameters())


if __name__ == "__main__":
    main()
