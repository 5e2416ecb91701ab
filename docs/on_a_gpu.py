"""Ten minutes on a GPU: how fast a step is, how equal to the CPU, do nets learn, what would Table 3 cost.

    python docs/on_a_gpu.py --out on-a-gpu.json             on a machine with a GPU, at the paper's size
    python docs/on_a_gpu.py --device cpu --tiny             the same path on CPU tensors, nets of a second

The parts can be named (steps equal control cost); what is done is printed and written at once, so that an
interrupted run leaves what was measured.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from basis.files import write_atomically
from benchmark.plan import settings_for
from benchmark.protocols import PROTOCOLS
from benchmark.settings import resolve
from benchmark.sources import assemble
from data_prep.clips import Clips
from methods import load_method, make_settings
from methods.base import Context
from methods.cnn3d import CNN3D
from methods.tlcnn import TLCNN
from methods.training.devices import Execution, execution_for
from methods.training.loop import train
from methods.training.schedule import Round, Schedule
from methods.training.settings import SequenceSettings
from methods.training.stages import new_cnn
from methods.training.windows import training_footage

METHODS = ("tlcnn", "3d-cnn")
CONTROL: Mapping[str, Mapping[str, Any]] = {"tlcnn*": {"e_iterations": 600, "e_drop_every": 0}}
"""movement.toml cuts the other stages; E would take its 10,000 iterations."""

TINY: Mapping[str, Mapping[str, Any]] = {name: dict(load_method(name).trial) for name in METHODS}
FOLDS = 5
TOLERANCE = 1e-3
"""Largest relative difference of a tensor of weights after ten iterations in float32."""

Found = dict[str, Any]


def settings_of(name: str, tiny: bool) -> Any:
    """The method's settings at the paper's size, or for nets of a second."""
    kind = load_method(name)
    return make_settings(kind, TINY[name] if tiny else {})


def noise(size: tuple[int, int], length: int = 32) -> Clips:
    """Eight clips of noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, length, *size, 3), dtype=np.uint8)
    return Clips.from_arrays(pixels, np.zeros((8, 66, 2), np.float32), np.arange(8) % 4)


def trainings(tiny: bool) -> dict[str, tuple[Callable[[], Any], Schedule, tuple[int, int], float]]:
    """Name to net, schedule, frame size and iterations of one fold, for each training of TLCNN and 3D-CNN."""
    tlcnn: SequenceSettings = settings_of("tlcnn", tiny)
    cnn3d = settings_of("3d-cnn", tiny)
    made = {
        "stage E": (lambda: new_cnn(tlcnn, 9, seed=0), tlcnn.schedule_e(), tlcnn.frame_size),
        "stage M": (lambda: new_cnn(tlcnn, 4, seed=0), tlcnn.schedule_m(), tlcnn.frame_size),
        "joint": (lambda: TLCNN(tlcnn).new_net(4, 32, 0), tlcnn.schedule_joint(), tlcnn.frame_size),
        "3D-CNN": (lambda: CNN3D(cnn3d).new_net(4, 32, 0), CNN3D(cnn3d).schedule(32), cnn3d.frame_size),
    }
    return {
        name: (net, schedule, (size[0], size[1]), sum(each.iterations for each in schedule.rounds))
        for name, (net, schedule, size) in made.items()
    }


def cut(schedule: Schedule, iterations: int) -> Schedule:
    """The schedule's first iterations, at a rate that throws nothing off."""
    rounds = (Round(1e-4, iterations),)
    return replace(schedule, rounds=rounds, evaluations=3, candidates=0, settled=None)


def steps(device: str, tiny: bool) -> Found:
    """Seconds of one iteration of each training, as a run does it; the fastest third of 30 iterations."""
    found: Found = {}
    for name, (net, schedule, size, _) in trainings(tiny).items():
        execution = execution_for(Context(device=device))
        footage = training_footage(noise(size), range(2), execution.device)
        short = cut(schedule, 6 if tiny else 30)
        trained = train(net(), footage, (range(8), []), short, execution, seed=0)
        found[name] = schedule.batch * schedule.view.length / max(trained.rates)
    return found


def equal(device: str, tiny: bool) -> Found:
    """Largest relative difference of a tensor of weights, CPU against device: ten iterations in float32."""
    torch.backends.cudnn.allow_tf32 = False
    found: Found = {"tolerance": TOLERANCE}
    for name, (net, schedule, size, _) in trainings(True).items():
        weights = []
        for each in ("cpu", device):
            execution = Execution(torch.device(each), deterministic=True)
            footage = training_footage(noise(size), range(2), execution.device)
            trained = train(net(), footage, (range(8), []), cut(schedule, 10), execution, seed=0)
            weights.append(trained.weights)
        found[name] = max(_difference(weights[1][key], weights[0][key]) for key in weights[0])
    found["within"] = all(value <= TOLERANCE for key, value in found.items() if key != "tolerance")
    return found


def _difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.cpu() - b).norm() / b.norm().clamp_min(1e-12))


def control(device: str, tiny: bool, cache: Path) -> Found:
    """One fold over people of the positive control: accuracy on unseen people beside the majority class."""
    profile, preset = ("quick", "tiny") if tiny else ("paper", "small")
    asked = {"control": "movement", "methods": METHODS, "protocols": ("subject",), "simulator": preset}
    asked |= {"cache": str(cache), "device": device, "method_settings": TINY if tiny else CONTROL}
    settings = resolve(asked, profile=profile)
    assembled, found = assemble(settings, print), Found()
    for spec in assembled.specs:
        kind = load_method(spec.name)
        clips = assembled.clips(32, spec.frame_size, print)
        fold = PROTOCOLS["subject"].split(clips.labels.tolist(), clips.subjects, clips.databases, seed=0)[0]
        context = Context(device=device, grouped=True, stills=lambda size: assembled.stills(size, print))
        table = settings_for(spec.name, settings.method_settings)
        method, began = kind(make_settings(kind, table), context), time.perf_counter()
        method.fit(clips.select(fold.train), seed=0)
        prediction = method.predict(clips.select(fold.test).without_labels())
        truth = clips.labels[fold.test]
        right = float((prediction.scores[prediction.chosen].argmax(1) == truth).mean())
        majority = int(np.bincount(clips.labels[fold.train]).argmax())
        found[spec.name] = {"accuracy": right, "majority": float((truth == majority).mean())}
        found[spec.name] |= {"clips": len(truth), "seconds": round(time.perf_counter() - began, 1)}
    return found


def cost(measured: Mapping[str, float], tiny: bool) -> Found:
    """Hours of Table 3's two networks at the measured steps: one TIM, five folds, one draw; E once."""
    planned = {name: iterations for name, (*_, iterations) in trainings(tiny).items()}
    hours = {name: measured[name] * planned[name] / 3600 for name in planned}
    fold = hours["stage M"] + hours["joint"]
    return {
        "iterations of a fold": planned,
        "TLCNN, hours": hours["stage E"] + FOLDS * fold,
        "3D-CNN, hours": FOLDS * hours["3D-CNN"],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that are asked for and write what each found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["steps", "equal", "control", "cost"])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="nets of a second, tiny databases")
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--out", type=Path, default=Path("on-a-gpu.json"))
    given = parser.parse_args(arguments)
    found: Found = {"device": given.device, "torch": torch.__version__, "tiny": given.tiny}
    if given.device.startswith("cuda"):
        found["name"] = torch.cuda.get_device_name(given.device)
    for part in given.parts:
        began = time.perf_counter()
        if part == "control":
            found[part] = control(given.device, given.tiny, given.cache)
        elif part == "cost":
            found[part] = cost(found["steps"], given.tiny)
        else:
            found[part] = {"steps": steps, "equal": equal}[part](given.device, given.tiny)
        found.setdefault("seconds", {})[part] = round(time.perf_counter() - began, 1)
        print(json.dumps({part: found[part]}, indent=1))
        write_atomically(given.out, json.dumps(found, indent=1).encode())


if __name__ == "__main__":
    main()
