"""Verbs and flags only; every verb imports what it needs when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from basis.names import UnknownName
from benchmark.engines import ENGINES
from benchmark.errors import in_one_line
from benchmark.settings import CONTROLS, PROFILES, Settings
from methods import METHODS, UnusableMethod
from methods.values import WrongKind

EXAMPLES = """examples:
  python -m benchmark run --methods all --tim 32
  python -m benchmark run --data casme=DIR casme2=DIR smic=DIR --expressions kdef=DIR rafd=DIR \\
      --methods tlcnn 'lbp*' --tim 32 64 --protocol clips subject loso --seeds 0 1 2 --profile paper
  python -m benchmark check casme2=DIR
  python -m benchmark compare runs/a table3
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; errors that a user can mend are one line on stderr and exit status 2."""
    arguments = parser().parse_args(argv)
    verb: Callable[[argparse.Namespace], int] = arguments.verb
    try:
        return verb(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except _mendable() as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        message = in_one_line(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m benchmark",
        description="Which method recognises micro-expressions best, and can the number be believed?",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = top.add_subparsers(required=True, metavar="VERB")

    run = _verb(verbs, "run", _run, "run methods over folds and report; goes on where it was stopped")
    _run_flags(run)
    prepare = _verb(verbs, "prepare", _prepare, "fill the cache for a run without running it")
    _run_flags(prepare)

    status = _verb(verbs, "status", _status, "what a run folder holds and what is missing")
    status.add_argument("run", nargs="?", default="runs/quick", type=Path)

    report = _verb(verbs, "report", _report, "rebuild tables, figures and page from the records")
    report.add_argument("run", nargs="?", default="runs/quick", type=Path)
    report.add_argument("--tables-only", action="store_true", help="no figures, no page")
    report.add_argument("--force", action="store_true", help="mix records of different stamps, and say so")

    compare = _verb(verbs, "compare", _compare, "per-fold differences of two runs, or of a run and the paper")
    compare.add_argument("run", type=Path)
    compare.add_argument("other", help='a second run folder, or "table3" for the numbers of the paper')
    compare.add_argument("--atol", type=float, default=0.0, help="largest difference that counts as equal")

    audit = _verb(verbs, "audit", _audit, "recompute what a published table or prediction log claims")
    audit.add_argument("table", nargs="?", type=Path, help="CSV like Table 3, or a log of predictions")
    audit.add_argument("--fold-size", type=int, help="clips in a test fold of the table")
    audit.add_argument("--uar", type=float, help="the published UAR of a log")
    audit.add_argument("--uf1", type=float, help="the published UF1 of a log")

    check = _verb(verbs, "check", _check, "check databases (NAME=DIR ...) or a method (its name)")
    check.add_argument("what", nargs="+", metavar="NAME=DIR|METHOD")
    check.add_argument("--decode", action="store_true", help="decode every frame, not only its header")

    look = _verb(verbs, "look", _look, "a page of a database: every clip playing, its movement magnified")
    look.add_argument("databases", nargs="*", metavar="NAME=DIR", help="default: the simulator")
    look.add_argument("--out", type=Path, default=Path("look"), metavar="DIR", help="folder of the page")
    look.add_argument("--faces", action="store_true", default=None, help="show faces of licensed databases")
    _data_flags(look)

    simulate = _verb(verbs, "simulate", _simulate, "write simulated databases in the official layouts")
    simulate.add_argument("folder", type=Path)
    simulate.add_argument("--size", default="small", help='preset: "small" or "full"')
    simulate.add_argument("--set", nargs="+", default=[], metavar="KNOB=VALUE", help="e.g. amplitude=1.5")
    simulate.add_argument("--workers", type=int, default=0)

    _model_verbs(verbs)

    speed = _verb(verbs, "speed", _speed, "measure speed against the straightforward versions")
    speed.add_argument("parts", nargs="*", help="default: all parts")
    speed.add_argument("--quick", action="store_true", help="smaller inputs, fewer repetitions")
    speed.add_argument("--csv", type=Path, help="also write the table here")

    _verb(verbs, "list", _list, "methods, protocols, databases, profiles and engines")
    return top


def _model_verbs(verbs: Any) -> None:
    fit = _verb(verbs, "fit", _fit, "train one method on all given clips and save it")
    fit.add_argument("method")
    _data_flags(fit)
    fit.add_argument("--out", required=True, type=Path, metavar="MODEL", help="folder to make")
    fit.add_argument("--tim", type=int, default=32)
    fit.add_argument("--seed", type=int, default=0)

    predict = _verb(verbs, "predict", _predict, "label a video file or a folder of frames with a saved model")
    predict.add_argument("model", type=Path)
    predict.add_argument("video", type=Path)
    predict.add_argument("--landmarks", help="back end for the face; default: the model's")
    predict.add_argument("--device", default="auto")


def _verb(
    verbs: Any, name: str, function: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    made.set_defaults(verb=function)
    return made


def _data_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("--data", nargs="+", metavar="NAME=DIR", help="default: the simulator")
    made.add_argument("--expressions", nargs="+", metavar="NAME=DIR", help="photographs for pre-training")
    made.add_argument("--task", metavar="NAME", help="classes and clips, such as megc2019; default: tlcnn4")
    made.add_argument("--mapping", metavar="CSV", help="a task of your own: emotion,class or clip,class")
    made.add_argument("--landmarks", help="file, face-alignment, facemesh or template")
    made.add_argument("--profile", choices=PROFILES, help="default: quick on CPU, paper on a GPU")
    made.add_argument("--settings", type=Path, metavar="TOML", help="a file over the profile")
    made.add_argument("--simulator", metavar="PRESET", help="small or full, when no data is named")
    made.add_argument("--set", nargs="+", default=[], metavar="KNOB=VALUE", help="a knob of the simulator")
    made.add_argument("--cache", help="default: cache")
    made.add_argument("--device", help="auto, cpu, cuda or cuda:N")
    made.add_argument("--workers", type=int, help="units side by side; 0: one per core or GPU")
    made.add_argument("--trust-cache", action="store_true", default=None, help="skip the cache's checksums")
    made.add_argument("--deterministic", action="store_true", default=None, help="bit-equal GPU runs")


def _run_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("--methods", nargs="+", metavar="NAME", help='names, wildcards, "all", "!name"')
    made.add_argument("--tim", nargs="+", type=int, help="clip lengths after interpolation")
    made.add_argument("--protocol", nargs="+", dest="protocols", metavar="NAME")
    made.add_argument("--seeds", nargs="+", type=int)
    _data_flags(made)
    made.add_argument("--out", metavar="DIR", help="run folder; default: runs/<profile>")
    made.add_argument("--engine", choices=ENGINES)
    made.add_argument("--scheduler", metavar="ADDRESS", help="of a running dask scheduler")
    made.add_argument("--threads", type=int, help="of each unit; default 1, so that workers change nothing")
    made.add_argument("--timeout", type=float, metavar="S", help="seconds a unit may take")
    made.add_argument("--memory-limit", type=int, metavar="MB", help="memory a unit may take")
    made.add_argument("--tables-only", action="store_true", default=None, help="no figures, no page yet")
    made.add_argument("--control", choices=CONTROLS, help="shuffled-labels: nothing can be learned")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Settings from the parsed flags and the settings file they name."""
    from benchmark.settings import resolve

    flags = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in vars(arguments).items()
        if key in Settings.__dataclass_fields__ and key not in ("data", "expressions")
    }
    for key in ("data", "expressions"):
        given = getattr(arguments, key)
        flags[key] = _pairs(given, f"--{key}") if given else None
    flags["simulator_settings"] = _knobs(arguments.set) or None
    return resolve(flags, settings_file=arguments.settings)


def _pairs(given: Sequence[str], flag: str) -> dict[str, str]:
    from benchmark.settings import SettingsError

    pairs = {}
    for item in given:
        name, equals, folder = item.partition("=")
        if not (name and equals and folder):
            raise SettingsError(f"{flag} {item!r} must be NAME=DIR, for example casme2=/data/CASME2")
        if name in pairs:
            raise SettingsError(f"{flag} names {name!r} twice")
        pairs[name] = folder
    return pairs


def _knobs(given: Sequence[str]) -> dict[str, Any]:
    """KNOB=VALUE words; values read as TOML, so 1.5, true and "text" keep their kinds."""
    import tomllib

    from benchmark.settings import SettingsError

    knobs: dict[str, Any] = {}
    for item in given:
        try:
            knobs |= tomllib.loads(item)
        except ValueError as error:
            raise SettingsError(f"--set {item!r} must be KNOB=VALUE, for example amplitude=1.5") from error
    return knobs


def _log(line: str) -> None:
    print(line, flush=True)


def _run(arguments: argparse.Namespace) -> int:
    from benchmark.run import run

    return run(settings_of(arguments), _log)


def _prepare(arguments: argparse.Namespace) -> int:
    from benchmark.verbs import prepare

    return prepare(settings_of(arguments), _log)


def _status(arguments: argparse.Namespace) -> int:
    from benchmark.verbs import status

    return status(arguments.run, _log)


def _report(arguments: argparse.Namespace) -> int:
    from benchmark.run import report_run

    report_run(arguments.run, _log, force=arguments.force, tables_only=arguments.tables_only)
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from benchmark.verbs import compare

    return compare(arguments.run, arguments.other, arguments.atol, _log)


def _audit(arguments: argparse.Namespace) -> int:
    from benchmark.verbs import audit

    return audit(arguments.table, arguments.fold_size, {"uar": arguments.uar, "uf1": arguments.uf1}, _log)


def _check(arguments: argparse.Namespace) -> int:
    from benchmark.verbs import check

    return check(arguments.what, arguments.decode, _log)


def _look(arguments: argparse.Namespace) -> int:
    from benchmark.look import look

    out, arguments.out = arguments.out, None
    arguments.data = [*(arguments.data or []), *arguments.databases] or None
    settings = settings_of(arguments)
    return look(settings, out, faces=arguments.faces or not settings.data, log=_log)


def _simulate(arguments: argparse.Namespace) -> int:
    from benchmark.verbs import simulate

    return simulate(arguments.folder, arguments.size, _knobs(arguments.set), arguments.workers, _log)


def _fit(arguments: argparse.Namespace) -> int:
    from benchmark.apply import fit

    out, tim, seed = arguments.out, arguments.tim, arguments.seed
    arguments.methods, arguments.tim, arguments.seeds, arguments.out = [arguments.method], [tim], [seed], None
    return fit(settings_of(arguments), out, tim=tim, seed=seed, log=_log)


def _predict(arguments: argparse.Namespace) -> int:
    from benchmark.apply import predict

    return predict(arguments.model, arguments.video, arguments.landmarks, arguments.device, _log)


def _speed(arguments: argparse.Namespace) -> int:
    from benchmark.speed import run_parts

    run_parts(arguments.parts, quick=arguments.quick, csv_path=arguments.csv)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from benchmark.protocols import PROTOCOLS
    from data_prep.databases import DATABASES, STILLS
    from data_prep.task_table import TASKS

    for title, names in (
        ("methods", METHODS),
        ("protocols", PROTOCOLS),
        ("tasks", TASKS),
        ("databases", DATABASES),
        ("expression photographs", STILLS),
        ("profiles", PROFILES),
        ("engines", ENGINES),
    ):
        print(f"{title}: {' '.join(names)}")
    return 0


def _mendable() -> tuple[type[Exception], ...]:
    """Errors whose message tells the user what to do; asked for only when something was raised."""
    kinds: list[type[Exception]] = [UnknownName, UnusableMethod, WrongKind]
    for module, names in (
        ("benchmark.settings", ("SettingsError",)),
        ("benchmark.protocols", ("ProtocolError",)),
        ("benchmark.devices", ("DeviceError",)),
        ("benchmark.engines.tasks", ("EngineError",)),
        ("data_prep.tasks", ("TaskError",)),
        ("benchmark.lock", ("FolderInUse",)),
        ("benchmark.verbs", ("VerbError",)),
        ("data_prep.databases", ("DatabaseError",)),
        ("data_prep.frames", ("FrameError",)),
        ("data_prep.landmarks", ("BackendError", "LandmarksNotFound")),
        ("data_prep.cache", ("CacheError",)),
        ("data_prep.examine", ("PreparationError",)),
        ("methods.base", ("MethodError",)),
        ("data_prep.simulator.write", ("SimulatorError",)),
        ("results.records.store", ("ResultsError",)),
    ):
        loaded = sys.modules.get(module)
        kinds += [getattr(loaded, name) for name in names if hasattr(loaded, name)]
    return tuple(kinds)
