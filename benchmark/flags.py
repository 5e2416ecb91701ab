"""The verbs and their flags, and what a typed command asks for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.engines import ENGINES
from benchmark.settings import CONTROLS, PROFILES, Settings, SettingsError, knobs_of, resolve
from benchmark.stamp import version_of
from data_prep.registration import REGISTRATIONS

EXAMPLES = """examples:
  python -m benchmark run --methods all --tim 32
  python -m benchmark run --data casme=DIR casme2=DIR smic=DIR --expressions kdef=DIR rafd=DIR \\
      --methods tlcnn 'lbp*' --tim 32 64 --protocol clips subject loso --seeds 0 1 2 --profile paper
  python -m benchmark check casme2=DIR
  python -m benchmark compare runs/a table3
"""


VERBS: Mapping[str, tuple[str, str]] = {
    "run": ("benchmark.run:run", "run methods over folds and report; goes on where it was stopped"),
    "prepare": ("benchmark.verbs.prepare:prepare", "fill the cache for a run without running it"),
    "status": ("benchmark.verbs.status:status", "what a run folder holds and what is missing"),
    "report": ("benchmark.verbs.report:report", "rebuild tables, figures and page from the records"),
    "compare": (
        "benchmark.verbs.compare:compare",
        "per-fold differences of two runs, or a run and the paper",
    ),
    "audit": ("benchmark.verbs.audit:audit", "recompute what a published table or prediction log claims"),
    "check": ("benchmark.verbs.check:check", "check databases (NAME=DIR ...) or a method (its name)"),
    "look": ("benchmark.look:look", "a page of a database: every clip playing, its movement magnified"),
    "flow": ("benchmark.verbs.flow:flow", "write the field's onset-apex flow images from frames"),
    "simulate": ("benchmark.verbs.simulate:simulate", "write simulated databases in the official layouts"),
    "fit": ("benchmark.verbs.fit:fit", "train one method on all given clips and save it"),
    "predict": (
        "benchmark.verbs.predict:predict",
        "label a video or a folder of frames with a saved model",
    ),
    "speed": ("benchmark.verbs.speed:speed", "measure speed against the straightforward versions"),
    "list": ("benchmark.verbs.list:names", "all that can be named: methods, protocols, databases ..."),
}
"""Name to the function that does it, "module:function", and its line of help."""


def parser() -> argparse.ArgumentParser:
    """The whole command line; each verb names the function that does it, which takes its flags by name."""
    top = argparse.ArgumentParser(
        prog="python -m benchmark",
        description="Which method recognises micro-expressions best, and can the number be believed?",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=version_of("tlcnn-bench") or "not installed")
    verbs = top.add_subparsers(required=True, metavar="VERB")
    _run_verbs(verbs)
    _result_verbs(verbs)
    _data_verbs(verbs)
    _model_verbs(verbs)
    _json_flag(_verb(verbs, "list"))
    return top


def _run_verbs(verbs: Any) -> None:
    run = _verb(verbs, "run")
    _run_flags(run)
    prepare = _verb(verbs, "prepare")
    _run_flags(prepare)

    status = _verb(verbs, "status")
    _json_flag(status)
    status.add_argument("run", nargs="?", default="runs/quick", type=place)

    speed = _verb(verbs, "speed")
    speed.add_argument("parts", nargs="*", help="default: all parts")
    speed.add_argument("--quick", action="store_true", help="smaller inputs, fewer repetitions")
    speed.add_argument("--csv", type=place, help="also write the table here")


FACES = "embed pictures of people in the pages; default: of the simulator's alone"


def _result_verbs(verbs: Any) -> None:
    report = _verb(verbs, "report")
    report.add_argument("run", nargs="?", default="runs/quick", type=place)
    report.add_argument("--tables-only", action="store_true", help="no figures, no page")
    report.add_argument("--faces", action=argparse.BooleanOptionalAction, help=FACES)
    report.add_argument(
        "--beside",
        nargs="*",
        type=place,
        metavar="RUN",
        help="other runs, such as of other tasks: all pages lead to one another; none named: this one alone",
    )
    report.add_argument("--force", action="store_true", help="mix records of different stamps, and say so")

    compare = _verb(verbs, "compare")
    _json_flag(compare)
    compare.add_argument("run", type=place)
    compare.add_argument("other", help='a second run folder, or published numbers: "table3", "megc2019"')
    compare.add_argument("--atol", type=float, default=0.0, help="largest difference that counts as equal")

    audit = _verb(verbs, "audit")
    _json_flag(audit)
    audit.add_argument(
        "table", nargs="?", type=place, help="CSV like Table 3, a log of predictions, or megc2019"
    )
    audit.add_argument("--fold-size", type=int, help="clips in a test fold of the table")
    audit.add_argument("--uar", metavar="N", help="the published UAR of a log, with all decimals in print")
    audit.add_argument("--uf1", metavar="N", help="the published UF1 of a log")
    audit.add_argument("--accuracy", metavar="N", help="the published accuracy of a log")
    audit.add_argument("--expect", metavar="TASK", help="its list of clips, such as megc2019: are all there?")


def _data_verbs(verbs: Any) -> None:
    check = _verb(verbs, "check")
    _json_flag(check)
    check.add_argument("what", nargs="+", metavar="NAME=DIR|METHOD")
    check.add_argument("--decode", action="store_true", help="decode every frame, not only its header")
    check.add_argument("--task", metavar="NAME", help="also say which clips are in it, such as megc2019")
    check.add_argument("--mapping", metavar="CSV", help="the same of a task of your own")

    look = _verb(verbs, "look", own=("out", "faces"))
    look.add_argument("databases", nargs="*", metavar="NAME=DIR", help="default: the simulator")
    look.add_argument("--out", type=place, default=Path("look"), metavar="DIR", help="folder of the page")
    look.add_argument("--faces", action=argparse.BooleanOptionalAction, help=FACES)
    _data_flags(look)

    flow = _verb(verbs, "flow", own=("out", "tim"))
    _data_flags(flow)
    flow.add_argument("--out", required=True, type=place, metavar="DIR", help="folder to fill")
    flow.add_argument("--algorithm", default="auto", help="of the flow; auto: TV-L1 if it is installed")
    flow.add_argument("--normalise", default="minmax", help="minmax, as the public sets, or symmetric")
    flow.add_argument("--spotter", default="steady", help="of an apex not annotated; or largest, divide")
    flow.add_argument("--tim", type=int, default=32, help="frames of a clip after interpolation")

    simulate = _verb(verbs, "simulate")
    simulate.add_argument("folder", type=place)
    simulate.add_argument("--size", default="small", help="preset: tiny, small, medium or full")
    simulate.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="KNOB=VALUE", help="e.g. amplitude=1.5"
    )
    simulate.add_argument(
        "--layout",
        dest="layouts",
        action="extend",
        nargs="+",
        default=[],
        metavar="DATABASE",
        help="write these instead, such as samm casme3 dfme",
    )
    simulate.add_argument("--workers", type=int, default=0)


def _model_verbs(verbs: Any) -> None:
    fit = _verb(verbs, "fit", own=("method", "out", "tim", "seed"))
    fit.add_argument("method")
    _data_flags(fit)
    fit.add_argument("--out", required=True, type=place, metavar="MODEL", help="folder to make")
    fit.add_argument("--tim", type=int, default=32)
    fit.add_argument("--seed", type=int, default=0)

    predict = _verb(verbs, "predict")
    predict.add_argument("model", type=place)
    predict.add_argument("video", type=place)
    predict.add_argument("--onset", type=int, help="first frame: the number in its name, or counted from 1")
    predict.add_argument("--offset", type=int, help="last frame; default: all that is there")
    predict.add_argument("--landmarks", help="back end for the face; default: the model's")
    predict.add_argument("--device", default="auto")
    predict.add_argument("--page", type=place, metavar="HTML", help="also write what was seen, for a browser")


def _verb(verbs: Any, name: str, *, own: tuple[str, ...] = ()) -> argparse.ArgumentParser:
    """The parser of one verb.

    own: flags that its function takes itself although a setting of a run has the same name.
    """
    function, text = VERBS[name]
    made: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    made.set_defaults(verb=function, own=own)
    made.add_argument("--quiet", action="store_true", help="say nothing but warnings and failures, on stderr")
    return made


def _json_flag(made: argparse.ArgumentParser) -> None:
    made.add_argument("--json", action="store_true", dest="as_json", help="one JSON object, nothing else")


def place(text: str) -> Path:
    """A path as typed, with ~ for the home: `--out=~/x` is not the shell's to expand."""
    return Path(text).expanduser()


def _data_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("--data", action="extend", nargs="+", metavar="NAME=DIR", help="default: the simulator")
    made.add_argument(
        "--expressions", action="extend", nargs="+", metavar="NAME=DIR", help="photographs for pre-training"
    )
    made.add_argument("--task", metavar="NAME", help="classes and clips, such as megc2019; default: tlcnn4")
    made.add_argument("--mapping", metavar="CSV", help="a task of your own: emotion,class or clip,class")
    made.add_argument(
        "--allow-duplicates",
        action="store_true",
        default=None,
        help="clips or people that are there twice are meant",
    )
    made.add_argument("--landmarks", help="file, face-alignment, facemesh or template")
    made.add_argument(
        "--registration",
        choices=REGISTRATIONS,
        help="rigid: lay each frame's head on the first's before it is cut; default: none, as the paper",
    )
    made.add_argument("--profile", choices=PROFILES, help="default: quick on CPU, paper on a GPU")
    made.add_argument("--settings", type=place, metavar="TOML", help="a file over the profile")
    made.add_argument(
        "--simulator", metavar="PRESET", help="tiny, small, medium or full, when no data is named"
    )
    made.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="KNOB=VALUE", help="a knob of the simulator"
    )
    made.add_argument("--cache", help="default: cache")
    made.add_argument("--device", help="auto, cpu, cuda or cuda:N")
    made.add_argument("--workers", type=int, help="units side by side; 0: one per core or GPU")
    made.add_argument("--trust-cache", action="store_true", default=None, help="skip the cache's checksums")
    made.add_argument("--deterministic", action="store_true", default=None, help="bit-equal GPU runs")


def _run_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--methods", action="extend", nargs="+", metavar="NAME", help='names, wildcards, "all", "!name"'
    )
    made.add_argument("--tim", action="extend", nargs="+", type=int, help="clip lengths after interpolation")
    made.add_argument("--protocol", action="extend", nargs="+", dest="protocols", metavar="NAME")
    made.add_argument("--seeds", action="extend", nargs="+", type=int, help="each deals the folds anew")
    made.add_argument("--draws", type=int, metavar="N", help="trainings of each network on each fold")
    _data_flags(made)
    made.add_argument(
        "--out", metavar="DIR", help="run folder; default: runs/<profile>, of a control runs/<control>"
    )
    made.add_argument("--engine", choices=ENGINES)
    made.add_argument("--scheduler", metavar="ADDRESS", help="of a running dask scheduler")
    made.add_argument("--threads", type=int, help="of each unit; default 1, so that workers change nothing")
    made.add_argument("--timeout", type=float, metavar="S", help="seconds a unit may take")
    made.add_argument("--memory-limit", type=int, metavar="MB", help="memory a unit may take")
    made.add_argument("--faces", action=argparse.BooleanOptionalAction, help=FACES)
    made.add_argument("--tables-only", action="store_true", default=None, help="no figures, no page yet")
    made.add_argument("--redo", action="store_true", default=None, help="redo records of other versions")
    made.add_argument(
        "--control",
        choices=CONTROLS,
        help="shuffled-labels: nothing can be learned; movement: every method should",
    )


def asked(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the verb's function is called with: its flags by name, those of a run as one `settings`."""
    given = {key: value for key, value in vars(arguments).items() if key not in ("verb", "own", "quiet")}
    if "data" not in given:
        return given
    of_a_run = {*Settings.__dataclass_fields__, "settings", "set", "databases"} - set(arguments.own)
    others = {key: value for key, value in given.items() if key not in of_a_run}
    return {"settings": settings_of(arguments), **others}


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Settings from the parsed flags and the settings file they name."""
    flags = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in vars(arguments).items()
        if key in Settings.__dataclass_fields__ and key not in ("data", "expressions", *arguments.own)
    }
    for key in ("data", "expressions"):
        given = [
            *(getattr(arguments, key) or ()),
            *(getattr(arguments, "databases", ()) if key == "data" else ()),
        ]
        flags[key] = _pairs(given, f"--{key}") if given else None
    flags["simulator_settings"] = knobs_of(arguments.set) or None
    return resolve(flags, settings_file=arguments.settings)


def _pairs(given: Sequence[str], flag: str) -> dict[str, str]:
    pairs = {}
    for item in given:
        name, equals, folder = item.partition("=")
        if not (name and equals and folder):
            raise SettingsError(f"{flag} {item!r} must be NAME=DIR, for example casme2=/data/CASME2")
        if name in pairs:
            raise SettingsError(f"{flag} names {name!r} twice")
        pairs[name] = folder
    return pairs
