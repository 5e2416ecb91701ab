"""What sets rows of one method apart: settings, revision, and the package that brought it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from basis.canonical import digest_of
from results.records.runs import Results
from results.records.store import Record

CONDITIONS = ("settings", "revision", "origin", "stills")
"""Entries of a unit that two units of one cell must share. None has an origin today (its record's stamp says
which package brought a method); the name stays, since run folders keep digests made with it."""


def variant_of_unit(unit: Mapping[str, Any]) -> str:
    """A short name for the conditions of a unit; numbers of two of them are never averaged."""
    return digest_of({name: unit.get(name) for name in CONDITIONS})[:12]


def variant_of(record: Record) -> str:
    """The variant of a record."""
    return variant_of_unit(record.unit)


def words_of_variants(results: Results) -> dict[tuple[str, str], str]:
    """(method, variant) -> what sets it apart from the others of its method; absent where there is one.

    A variant without any record cannot be told in words and is named by its digest.
    """
    samples: dict[str, dict[str, Mapping[str, Any] | None]] = {}
    for unit in results.info.units:
        samples.setdefault(unit.method, {}).setdefault(unit.variant, None)
    for record in (*results.records.values(), *results.failed):
        samples.setdefault(str(record.unit["method"]), {})[variant_of(record)] = record.unit
    found = {}
    for method, units in samples.items():
        if len(units) > 1:
            flat = {variant: _flat(unit) for variant, unit in units.items() if unit is not None}
            for variant in units:
                found[method, variant] = _words(flat, variant) or f"settings {variant[:6]}"
    return found


def _flat(unit: Mapping[str, Any]) -> dict[str, str]:
    settings = {str(name): _short(value) for name, value in dict(unit.get("settings") or {}).items()}
    return settings | {name: _short(unit.get(name)) for name in CONDITIONS[1:]}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= 24 else f"{text[:21]}..."


def _words(flat: Mapping[str, Mapping[str, str]], variant: str) -> str:
    """The entries of one variant that are not the same in all."""
    if variant not in flat:
        return ""
    names = dict.fromkeys(name for each in flat.values() for name in each)
    differing = [name for name in names if len({each.get(name) for each in flat.values()}) > 1]
    return ", ".join(f"{name} {flat[variant].get(name, 'not stated')}" for name in differing)
