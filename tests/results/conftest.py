"""Run folders full of random records: numbers that are made up, for tests of what is done with numbers."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf

from results.made import MADE
from results.numbers.variants import variant_of_unit
from results.records.run_file import RUN_SCHEMA
from results.records.store import Record, write_record
from results.report import report

CLASSES = ("positive", "negative", "surprise", "others")
TITLES = {
    "tlcnn": "TLCNN",
    "tlcnn-e": "TLCNN(E)",
    "tlcnn-em": "TLCNN(EM)",
    "c5-svm": "C5+SVM",
    "3d-cnn": "3D-CNN",
    "mdmo": "MDMO",
    "fdm": "FDM",
    "lbp-top": "LBP-TOP",
    "stlbp-ip": "STLBP-IP",
    "stclqp": "STCLQP",
    "majority": "Majority class",
    "linear": "Linear on flow",
}
HOSTILE = "Traceback <script>document.title='taken'</script>\nValueError: a < b & c"
CURVES = {"stage E": "Pre-training on photographs", "joint": "Joint training"}
PROTOCOLS = {
    name: {
        "name": name,
        "title": f"the split {name}",
        "grouped": name != "clips",
        "unit": "subject" if name == "loso" else "fold",
        "headline": "pooled" if name == "loso" else "mean",
        "leaks": f"what leaks under {name}",
        "published": name == "clips",
    }
    for name in ("clips", "subject", "loso")
}
SKILL = dict(zip(TITLES, (0.45, 0.43, 0.4, 0.35, 0.3, 0.28, 0.1, 0.38, 0.42, 0.43, 0.0, 0.2), strict=True))
N_CANDIDATES = {"mdmo": 101, "fdm": 15, "lbp-top": 5, "stlbp-ip": 5, "stclqp": 5, "tlcnn": 8}
STAMP = {
    "versions": {"python": "3.11.9", "numpy": "2.4.6"},
    "git": "0123456789abcdef",
    "hardware": {"machine": "x86_64", "cores": 2},
    "argv": ["benchmark", "run"],
}


class FakeRun:
    """A plan over random clips, whose records can be written, left out, failed or changed."""

    def __init__(
        self,
        folder: Path,
        *,
        methods: tuple[str, ...] = tuple(TITLES),
        tims: tuple[int, ...] = (32,),
        protocols: tuple[str, ...] = ("clips",),
        seeds: tuple[int, ...] = (0,),
        clips: int = 90,
        databases: tuple[str, ...] = ("casme", "casme2", "smic"),
        subjects: int = 24,
        seed: int = 0,
        profile: str = "quick",
    ) -> None:
        self.folder, self.profile, self.methods = folder, profile, methods
        random = np.random.default_rng(seed)
        self.truth = random.choice(4, clips, p=[0.16, 0.32, 0.14, 0.38])
        person = random.integers(subjects, size=clips)
        self.databases = [databases[p % len(databases)] for p in person]
        self.subjects = [f"{d}/sub{p:02d}" for d, p in zip(self.databases, person, strict=True)]
        self.names = [f"{s}/EP{i:03d}" for i, s in enumerate(self.subjects)]
        self.difficulty = random.normal(size=clips)
        self.units = [
            self._unit(method, tim, protocol, fold, s)
            for protocol in protocols
            for tim in tims
            for method in methods
            for fold in self._folds(protocol)
            for s in seeds
        ]

    def _folds(self, protocol: str) -> dict[str, np.ndarray]:
        n = len(self.truth)
        if protocol == "loso":
            return {s: np.flatnonzero(np.array(self.subjects) == s) for s in sorted(set(self.subjects))}
        order = np.random.default_rng(7).permutation(n) if protocol == "clips" else np.argsort(self.subjects)
        return {f"fold{i + 1}": np.sort(part) for i, part in enumerate(np.array_split(order, 5))}

    def _unit(self, method: str, tim: int, protocol: str, fold: str, seed: int) -> dict[str, Any]:
        unit = {"method": method, "revision": 1, "tim": tim, "protocol": protocol, "fold": fold}
        unit |= {"seed": seed, "control": "none", "settings": {"C": 1.0}, "data": "d" * 64}
        key = hashlib.sha256(json.dumps([unit, self.profile], sort_keys=True).encode()).hexdigest()
        return {"key": key, **unit}

    def record(self, unit: dict[str, Any], **changes: Any) -> Record:
        """A finished record of a unit, its scores drawn from a generator seeded by its key."""
        random = np.random.default_rng(int(unit["key"][:12], 16))
        test = self._folds(unit["protocol"])[unit["fold"]]
        truth, method = self.truth[test], unit["method"]
        count = N_CANDIDATES.get(method, 1)
        centre = np.linspace(-1, 1, count)[:, None]
        skill = 2 * SKILL[method] * (1 - 0.5 * (centre - 0.3) ** 2) * (1 + 0.3 * self.difficulty[test])
        shared = random.normal(size=(len(test), 4))
        scores = 0.8 * shared + 0.35 * random.normal(size=(count, len(test), 4))
        scores += [0.0, 0.35, 0.0, 0.5]
        scores[:, np.arange(len(test)), truth] += 1.6 * skill
        if method == "majority":
            scores[:] = np.eye(4)[3]
        candidates: list[dict[str, Any]] = [{"C": 2.0**i} for i in range(count)]
        if method == "mdmo":
            candidates = [{"lambda": round(i / 100, 2), "degree": 2} for i in range(count)]
        if method == "fdm":
            candidates = [{"grid": g, "depth": d} for g in (4, 6, 8, 12, 16) for d in (3, 6, 10)]
        values: dict[str, Any] = {
            "key": unit["key"],
            "unit": {name: value for name, value in unit.items() if name != "key"},
            "profile": self.profile,
            "status": "done",
            "classes": CLASSES,
            "names": tuple(self.names[i] for i in test),
            "subjects": tuple(self.subjects[i] for i in test),
            "databases": tuple(self.databases[i] for i in test),
            "truth": tuple(int(t) for t in truth),
            "n_train": len(self.truth) - len(test),
            "candidates": tuple(candidates),
            "scores": scores.astype(np.float32),
            "chosen": int(random.integers(count)) if count > 1 else 0,
            "seconds": {"prepare": 0.1, "features": 2.0, "fit": 1.0 + 9 * SKILL[method], "predict": 0.3},
            "peak_memory_mb": 300.0 + 1000 * SKILL[method],
            "stamp": STAMP,
        }
        if method.startswith("tlcnn"):
            values |= {"curves": self._curves(random), "n_parameters": 80_000_000}
            values["step_decisions"] = np.repeat(
                scores.argmax(axis=2)[:, :, None], unit["tim"], axis=2
            ).astype(np.int16)
        return Record(**(values | changes))

    @staticmethod
    def _curves(random: np.random.Generator) -> dict[str, dict[str, list[float]]]:
        steps = np.arange(0, 2000, 50)
        rise = 1 - np.exp(-steps / 500)
        noise = random.normal(scale=0.02, size=(4, len(steps)))

        def curve(values: np.ndarray) -> dict[str, list[float]]:
            return {"steps": [float(s) for s in steps], "values": [float(v) for v in values]}

        shared = np.random.default_rng(5).normal(scale=0.02, size=(4, len(steps)))
        return {
            "stage E loss": curve(2.2 - 1.9 * rise + shared[0]),
            "stage E training accuracy": curve(0.1 + 0.87 * rise + shared[1]),
            "stage E validation accuracy": curve(0.1 + 0.84 * rise + shared[2]),
            "joint loss": curve(1.4 - 1.0 * rise + noise[0]),
            "joint validation loss": curve(1.4 - 0.6 * rise + noise[1]),
            "joint training accuracy": curve(0.25 + 0.6 * rise + noise[2]),
            "joint validation accuracy": curve(0.25 + 0.4 * rise + noise[3]),
        }

    def plan(self) -> dict[str, Any]:
        """The content of run.json."""
        counts = {
            d: {
                c: int(np.sum((self.truth == i) & (np.array(self.databases) == d)))
                for i, c in enumerate(CLASSES)
            }
            for d in sorted(set(self.databases))
        }
        keep = ("key", "method", "tim", "protocol", "fold", "seed", "draw")
        return {
            "schema": RUN_SCHEMA,
            "name": self.folder.name,
            "profile": self.profile,
            "settings": {"tim": [32], "method_settings": {"lbp-top": {"C": [1, 2]}}, "control": "none"},
            "stamp": STAMP,
            "methods": [self._method(name) for name in TITLES if name in self.methods],
            "protocols": [PROTOCOLS[name] for name in dict.fromkeys(u["protocol"] for u in self.units)],
            "task": {"name": "four", "title": "four classes", "classes": list(CLASSES)},
            "units": [
                {name: unit[name] for name in keep if name in unit} | self._variant(unit)
                for unit in self.units
            ],
            "set_aside": [
                {
                    "database": "smic",
                    "clip": "smic/s03/<b>x</b>",
                    "stage": "landmarks",
                    "reason": "no face found",
                }
            ],
            "data": {
                "name": "simulator",
                "digest": "d" * 64,
                "n_clips": len(self.truth),
                "class_counts": counts,
                "subjects": len(set(self.subjects)),
                "landmarks": "file",
            },
            "command": "python -m benchmark run",
        }

    @staticmethod
    def _variant(unit: dict[str, Any]) -> dict[str, str]:
        return {"variant": variant_of_unit(unit)}

    @staticmethod
    def _method(name: str) -> dict[str, Any]:
        role = "baseline" if name in ("majority", "linear") else "paper"
        curves = CURVES if name.startswith("tlcnn") else {}
        told = {"name": name, "title": TITLES[name], "role": role, "revision": 1, "curves": curves}
        return told | {"blind": name == "majority"}

    def write(self, *, but: Callable[[dict[str, Any]], bool] = lambda unit: False, **changes: Any) -> Path:
        """Write run.json and all records except those of the units for which `but` is true."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "run.json").write_text(json.dumps(self.plan()))
        for unit in self.units:
            if not but(unit):
                write_record(self.folder / "units", self.record(unit, **changes))
        return self.folder

    def empty(self, unit: dict[str, Any]) -> None:
        """Write a finished record of a unit of which the method can use no test clip."""
        nothing: dict[str, Any] = dict.fromkeys(("names", "subjects", "databases", "truth"), ())
        nothing |= {"candidates": ({},), "chosen": 0, "step_decisions": None, "curves": {}}
        nothing["scores"] = np.zeros((1, 0, 4), np.float32)
        write_record(self.folder / "units", self.record(unit, **nothing))

    def fail(self, unit: dict[str, Any], status: str = "failed", traceback: str = "ValueError: no") -> None:
        """Write a record of a unit that did not finish."""
        record = Record(
            key=unit["key"],
            unit={name: value for name, value in unit.items() if name != "key"},
            profile=self.profile,
            status=status,  # type: ignore[arg-type]
            error={"type": "ValueError", "message": "no", "traceback": traceback},
            stamp=STAMP,
        )
        write_record(self.folder / "units", record)


@pytest.fixture(scope="session")
def run_maker() -> type[FakeRun]:
    """FakeRun itself, for fixtures that live longer than a test."""
    return FakeRun


@pytest.fixture
def fake_run(tmp_path: Path) -> Callable[..., FakeRun]:
    """Makes FakeRun objects below the test's temporary folder."""

    def make(name: str = "run", **options: Any) -> FakeRun:
        return FakeRun(tmp_path / name, **options)

    return make


@pytest.fixture
def page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures as the page shows them; their PDF and PNG, half of a report's cost, stay empty."""
    for canvas, name in ((FigureCanvasPdf, "print_pdf"), (FigureCanvasAgg, "print_png")):
        monkeypatch.setattr(canvas, name, lambda self, file, **more: None)


def reported_for_all(folder: Path, write: Callable[[], object]) -> None:
    """Write a run and its report, unless another test process has done so."""
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.parent / "lock"):
        if not (folder / MADE).exists():
            write()
            report(folder)


@pytest.fixture(scope="session")
def page_folder(shared_root: Path) -> Path:
    """A reported run with a missing unit and a failed one; tests read it and change nothing."""
    methods = ("tlcnn", "mdmo", "lbp-top", "stclqp", "majority", "linear")
    run = FakeRun(shared_root / "page" / "run", methods=methods)

    def write() -> None:
        run.write(but=lambda unit: unit["key"] in (run.units[2]["key"], run.units[9]["key"]))
        run.fail(run.units[2], traceback=HOSTILE)

    reported_for_all(run.folder, write)
    return run.folder


@pytest.fixture(scope="session")
def reported_once(shared_root: Path) -> FakeRun:
    """A small whole run with its report."""
    run = FakeRun(shared_root / "reported" / "run", methods=("majority", "linear"))
    reported_for_all(run.folder, run.write)
    return run


@pytest.fixture
def reported(reported_once: FakeRun, tmp_path: Path) -> FakeRun:
    """A copy of it that the test may change."""
    run = copy.copy(reported_once)
    run.folder = Path(shutil.copytree(reported_once.folder, tmp_path / "run"))
    return run
