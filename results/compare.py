"""Two runs side by side, unit by unit, or a run beside the paper's Table 3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from results.numbers.cells import accuracy
from results.numbers.tables import table3_frame, tested
from results.records.run_file import Place, Repetition
from results.records.runs import Results, conditions, load_results, place_of

COLUMNS = [
    "method",
    "tim",
    "protocol",
    "fold",
    "seed",
    "draw",
    "a",
    "b",
    "difference",
    "clips",
    "clips_decided_otherwise",
]


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs.

    Attributes
    ----------
    units
        One row per unit that both have: honest accuracies a and b (0 to 1), b minus a, and how many clips got
        another decision (missing when the clips are not the same).
    only_a, only_b
        Units of one run only.
    failed
        Units of either run that did not finish.
    conditions
        One line per setting, version or digest that is not the same.
    same_data
        Whether both runs are of the same clips.
    atol
        The largest difference that is taken for equal.
    """

    units: pd.DataFrame
    only_a: tuple[Place, ...]
    only_b: tuple[Place, ...]
    failed: tuple[Place, ...]
    conditions: tuple[str, ...]
    same_data: bool
    atol: float

    @property
    def beyond(self) -> pd.DataFrame:
        """The units whose accuracies differ by more than atol, or of which one run has no clip."""
        return self.units[~(self.units["difference"].abs() <= self.atol)]

    @property
    def otherwise(self) -> int:
        """How many decisions differ, over all units of the same clips."""
        return int(self.units["clips_decided_otherwise"].sum())

    @property
    def faults(self) -> list[str]:
        """Why the runs are not the same, one line each; empty when they are."""
        found = [] if self.same_data else ["the runs are of other data"]
        found += [] if len(self.units) else ["the runs have no finished unit in common"]
        found += [f"did not finish: {_place(place)}" for place in self.failed]
        for name, only in (("first", self.only_a), ("second", self.only_b)):
            found += [f"only in the {name} run: {_place(place)}" for place in only]
        for _, row in self.beyond.iterrows():
            again = Repetition(row["seed"], row["draw"])
            where = _place((row["method"], row["tim"], row["protocol"], row["fold"], again))
            found.append(f"{where}: {row['a']:.4f} and {row['b']:.4f}, difference {row['difference']:+.4f}")
        if self.otherwise and self.atol == 0:
            found.append(f"{self.otherwise} decisions are not the same")
        return found

    @property
    def exit_status(self) -> int:
        """0 when both runs are of the same data, finished, and have the same units and decisions; else 1.

        With an atol above 0 accuracies need only agree within it, and decisions may differ.
        """
        return int(bool(self.faults))

    @property
    def text(self) -> str:
        """For a terminal: conditions first, then the units that differ."""
        lines = [f"not the same: {line}" for line in self.conditions] or ["same settings, data and versions"]
        same, decisions = len(self.units) - len(self.beyond), int(self.units["clips"].sum())
        lines += self.faults
        lines.append(f"{same} of {len(self.units)} common units agree within {self.atol:g}")
        lines.append(f"{self.otherwise} of {decisions} decisions differ")
        return "\n".join(lines)


@dataclass(frozen=True)
class PaperComparison:
    """A run beside the paper.

    Attributes
    ----------
    table
        Columns method, title, tim, protocol, folds, mean, low, high, paper, difference, all in percent.
    text
        The same for a terminal, with what is not comparable.
    """

    table: pd.DataFrame
    text: str


def compare(run_a: Path, run_b: Path, *, atol: float = 0.0) -> Comparison:
    """Compare the finished units of two run folders by method, TIM, protocol, fold, seed and draw.

    Parameters
    ----------
    run_a, run_b
        Run folders.
    atol
        In accuracy, 0 to 1.

    Raises
    ------
    NotARun
        For a folder that holds none.
    MixedRecords
        Where records of different conditions would share a table.
    """
    a, b = load_results(run_a), load_results(run_b)
    common = [place for place in a.records if place in b.records]
    units = pd.DataFrame([_unit(a, b, place) for place in common], columns=COLUMNS)
    units["clips_decided_otherwise"] = units["clips_decided_otherwise"].astype("Int64")
    return Comparison(
        units=units,
        only_a=tuple(place for place in a.records if place not in b.records),
        only_b=tuple(place for place in b.records if place not in a.records),
        failed=tuple(dict.fromkeys(place_of(record.unit) for record in (*a.failed, *b.failed))),
        conditions=tuple(_differing(_conditions(a), _conditions(b))),
        same_data=a.info.data.digest == b.info.data.digest,
        atol=atol,
    )


def compare_with_paper(run: Path) -> PaperComparison:
    """Lay the means of a run beside Table 3, for the methods, TIM and protocol that the paper has."""
    results = load_results(run)
    frame = table3_frame(tested(results), results.info.task)
    table = frame[["method", "title", "tim", "protocol", "folds", "mean", "low", "high"]].copy()
    table["paper"] = frame["published"]
    table["difference"] = table["mean"] - table["paper"]
    table = table[table["paper"].notna()].reset_index(drop=True)
    shown = table.drop(columns=["method", "protocol"])
    info = results.info
    lines = [
        f"{info.name}, {info.profile} profile, {info.data.title}, beside the paper's Table 3 (percent)",
        "",
        shown.to_string(index=False, na_rep="-", float_format="{:.2f}".format)
        if len(table)
        else "this run has no method, TIM and protocol in common with Table 3",
        "",
        "The paper's numbers are on CASME, CASME II and SMIC with candidates picked on the test folds, and",
        "some are counted per frame (see `audit`): a difference is no verdict on a method.",
    ]
    return PaperComparison(table, "\n".join(lines))


def _unit(a: Results, b: Results, place: Place) -> tuple[Any, ...]:
    first, second = a.records[place], b.records[place]
    x, y = accuracy(first, "honest"), accuracy(second, "honest")
    difference = 0.0 if first.names == second.names == () else y - x
    same_clips = (first.names, first.truth, first.classes) == (second.names, second.truth, second.classes)
    otherwise = int((first.honest != second.honest).sum()) if same_clips else None
    return (*place[:4], *place[4], x, y, difference, len(first.names), otherwise)


def _place(place: Place) -> str:
    method, tim, protocol, fold, again = place
    return f"{method} TIM {tim} {protocol} {fold} {again}"


def _conditions(results: Results) -> dict[str, str]:
    """What a run was made with: profile, data, versions, the run's settings, each method's settings."""
    found: dict[str, str] = {"profile": results.info.profile}
    for name, value in results.info.settings.items():
        found |= _flat(f"setting {name}", value)
    for record in results.records.values():
        found |= conditions(record)
        method = record.unit["method"]
        found[f"revision of {method}"] = str(record.unit.get("revision"))
        found |= _flat(f"{method}", record.unit.get("settings", {}))
    return found


def _flat(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {key: text for inner, v in value.items() for key, text in _flat(f"{name} {inner}", v).items()}
    return {name: json.dumps(value, sort_keys=True)}


PLACES = tuple(
    f"setting {name}"
    for name in (
        *("out", "cache", "data", "expressions", "engine", "scheduler", "workers", "timeout"),
        *("memory_limit", "trust_cache"),
    )
)
"""Settings that change where and how fast a run is made, not its numbers."""


def _differing(a: Mapping[str, str], b: Mapping[str, str]) -> list[str]:
    names = [name for name in dict.fromkeys([*a, *b]) if not name.startswith(PLACES)]
    return [
        f"{name}: {a.get(name, 'nothing')} and {b.get(name, 'nothing')}"
        for name in names
        if a.get(name) != b.get(name)
    ]
