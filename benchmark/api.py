"""From Python: load clips, take folds, run methods of one's own beside the suite's, read the tables."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.clips import prepared_clips
from benchmark.log import Log
from benchmark.protocols import PROTOCOLS, Fold
from benchmark.settings import SettingsError, resolve
from data_prep.clips import Clips
from methods import METHODS
from methods.base import Method

if TYPE_CHECKING:
    from os import PathLike


def load(
    *,
    tim: int = 32,
    frame_size: tuple[int, int] = (163, 134),
    log: Log = print,
    settings: Mapping[str, Any] | None = None,
    **databases: str | PathLike[str],
) -> Clips:
    """Prepared clips of databases (`casme2="/data/CASME2"`), of the simulator when none is named.

    Parameters
    ----------
    tim
        Frames of every clip after temporal interpolation.
    frame_size
        (height, width) in pixels.
    log
        Takes lines for the user.
    settings
        Anything else that a settings file may hold: `{"simulator": "tiny", "task": "three", "cache": DIR}`.
    databases
        Name -> folder of each database.

    Returns
    -------
    Clips
        `clips[i]` is (tim, height, width, 3) uint8 RGB; labels, subjects, names, landmarks, classes.
    """
    given = {**(settings or {})}
    if databases:
        given["data"] = {name: str(root) for name, root in databases.items()}
    _, _, clips = prepared_clips(resolve(given), tim=tim, size=frame_size, log=log)
    return clips


def folds(clips: Clips, protocol: str = "subject", *, seed: int = 0) -> tuple[Fold, ...]:
    """The folds of a protocol on these clips: `fold.name`, `fold.train`, `fold.test` (positions, int64)."""
    return PROTOCOLS[protocol].split(clips.labels.tolist(), clips.subjects, clips.databases, seed=seed)


@dataclass(frozen=True)
class Run:
    """A run folder as data frames; a notebook shows its table.

    Attributes
    ----------
    status
        0 when every unit is done, 1 when some failed or are missing, 130 when it was interrupted.
    """

    folder: Path
    status: int = 0

    @cached_property
    def table(self) -> pd.DataFrame:
        """Table 3 of the run: a row per method, TIM and protocol."""
        return self.frame("table3")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Every tested clip of every unit with the truth and both decisions."""
        return pd.read_parquet(self.folder / "predictions.parquet")

    def frame(self, name: str) -> pd.DataFrame:
        """Any table of the run by the name of its file: per_fold, metrics, statistics, optimism, costs.

        Raises
        ------
        SettingsError
            For a table that there is not, naming those that there are.
        """
        path = self.folder / f"{name}.csv"
        if not path.is_file():
            known = ", ".join(sorted(each.stem for each in self.folder.glob("*.csv"))) or "none"
            raise SettingsError(f"{path} is not there; the tables of this run: {known}")
        return pd.read_csv(path)

    def _repr_html_(self) -> str:
        page = html.escape(str(self.folder / "report.html"))
        shown: str = self.table.to_html(index=False, float_format=lambda value: f"{value:.2f}", na_rep="")
        return f"{shown}<p>Report: <code>{page}</code></p>"


def evaluate(
    methods: Sequence[str | type[Method]] = ("all",),
    *,
    out: str | PathLike[str] | None = None,
    protocols: Iterable[str] = ("clips", "subject"),
    data: Mapping[str, str | PathLike[str]] | None = None,
    log: Log = print,
    **settings: Any,
) -> Run:
    """Run methods over the folds of protocols; the same call again does no unit twice.

    Parameters
    ----------
    methods
        Names, wildcards, "!name", and classes of your own (subclasses of `Method`, `PipelineMethod`,
        `ModuleMethod`). With a class, units run one after another in this process (engine "serial"),
        because other processes could not import what a notebook defines.
    out
        The run folder; default runs/<profile>, and for a control runs/<control>.
    protocols
        Names of protocols.
    data
        Database name -> folder; none: the simulator.
    log
        Takes lines for the user.
    settings
        Anything else that a settings file may hold: `tim=(32,)`, `seeds=(0, 1)`, `simulator="tiny"`.

    Raises
    ------
    SettingsError, UnknownName
        For what cannot be run; the message says what can.
    """
    from benchmark.run import run

    given = dict(settings)
    names = [each if isinstance(each, str) else _registered(each) for each in methods]
    if any(not isinstance(each, str) for each in methods):
        given.setdefault("engine", "serial")
    given |= {"methods": tuple(names), "protocols": tuple(protocols)}
    if data:
        given["data"] = {name: str(root) for name, root in data.items()}
    if out is not None:
        given["out"] = str(out)
    resolved = resolve({key: tuple(v) if isinstance(v, list) else v for key, v in given.items()})
    return Run(resolved.folder, run(resolved, log))


def _registered(method: type[Method]) -> str:
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise SettingsError(
            f"{method!r} is neither the name of a method nor a subclass of methods.base.Method"
        )
    own = vars(method)
    if "revision" not in own or own["revision"] == own.get("_drawn"):
        method.revision = revision_of_code(method)
        method._drawn = method.revision  # type: ignore[attr-defined]
    METHODS.add(method.name, method)
    return method.name


def revision_of_code(method: type[Method]) -> int:
    """A revision for a class that states none: another one whenever its functions or plain values change.

    So a notebook that changes a method never meets what its earlier form left in the cache or the run
    folder. What its functions call elsewhere is not seen.
    """
    whole = hashlib.sha256()
    for each in method.__mro__:
        if each.__module__.partition(".")[0] not in ("methods", "abc", "builtins"):
            for name, value in sorted(vars(each).items()):
                if isinstance(value, FunctionType):
                    whole.update(f"{name} ".encode() + _code(value.__code__))
                elif not name.startswith("_") and name != "revision":
                    whole.update(f"{name} {_in_words(value)}\n".encode())
    return int(whole.hexdigest()[:7], 16) + 2


def _code(code: CodeType) -> bytes:
    """What a function does, wherever its lines stand."""
    names = repr((code.co_names, code.co_varnames)).encode()
    return code.co_code + b"".join(map(_constant, code.co_consts)) + names


def _constant(value: Any) -> bytes:
    if isinstance(value, CodeType):
        return _code(value)
    # the order of a set differs from process to process
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value).encode()


def _in_words(value: Any) -> str:
    """A plain value as text; of anything else its kind alone, since its text may hold an address."""
    plain = (str, bytes, int, float, bool, type(None), tuple, list, dict)
    return repr(value) if isinstance(value, plain) else type(value).__name__


def open_run(folder: str | PathLike[str]) -> Run:
    """A run folder that lies there, as data frames.

    Raises
    ------
    NotARun
        For any other folder.
    """
    from results.records.run_file import read_run_file

    read_run_file(Path(folder))
    return Run(Path(folder))
