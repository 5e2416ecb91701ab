"""Dataclasses from JSON, checked entry by entry: whole, or an error that names the first wrong entry."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

WORDS: Mapping[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


class WrongShape(ValueError):
    """JSON that is not what a dataclass holds; the message names file, entry and what it must be."""


def made(kind: type[T], body: Any, where: str) -> T:
    """A dataclass from a JSON object.

    Fields may be str, int, float, bool, Any, Literal, X | None, tuple[X, ...], Mapping[str, X] and other
    dataclasses. An entry with a default may be absent.

    Raises
    ------
    WrongShape
        For an absent, unknown or wrong entry.
    """
    if not isinstance(body, Mapping):
        raise WrongShape(f"{where}: not a table")
    hints, fields = _fields_of(kind)  # type: ignore[arg-type]
    for name in body:
        if name not in fields:
            raise WrongShape(f"{where}: nothing here knows its entry {name!r}")
    values = {}
    for name, each in fields.items():
        if name in body:
            values[name] = _value(hints[name], body[name], where, name)
        elif each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING:
            raise WrongShape(f"{where}: it has no entry {name!r}")
    return kind(**values)


@cache
def _fields_of(kind: type) -> tuple[dict[str, Any], dict[str, dataclasses.Field[Any]]]:
    """The types of a dataclass's fields and the fields, by name; looked up once for thousands of units."""
    fields = {each.name: each for each in dataclasses.fields(kind)}
    return get_type_hints(kind), fields


def _value(hint: Any, value: Any, where: str, name: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return made(hint, value, f"{where}: {name}")  # type: ignore[arg-type]
    read = READERS.get(get_origin(hint) or hint)
    if read is not None:
        return read(hint, value, where, name)
    if hint in WORDS and _is(hint, value):
        return value
    if hint is Any:
        return value
    raise WrongShape(f"{where}: {name} is not {WORDS.get(hint, hint)}")


def _is(kind: type, value: Any) -> bool:
    """Whether a JSON value is of this kind; true is no number, and a whole number is a float."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _literal(hint: Any, value: Any, where: str, name: str) -> Any:
    if value not in get_args(hint):
        raise WrongShape(f"{where}: {name} is {value!r}, not one of {', '.join(map(repr, get_args(hint)))}")
    return value


def _many(hint: Any, value: Any, where: str, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise WrongShape(f"{where}: {name} is not a list")
    of = get_args(hint)[0]
    if dataclasses.is_dataclass(of):
        return tuple(made(of, item, f"{where}: {name}[{i}]") for i, item in enumerate(value))  # type: ignore[arg-type]
    return tuple(_value(of, item, where, f"{name}[{i}]") for i, item in enumerate(value))


def _table(hint: Any, value: Any, where: str, name: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise WrongShape(f"{where}: {name} is not a table")
    of = get_args(hint)[1]
    return {str(key): _value(of, item, where, f"{name}.{key}") for key, item in value.items()}


def _either(hint: Any, value: Any, where: str, name: str) -> Any:
    """X | None."""
    if value is None:
        return None
    (of,) = (each for each in get_args(hint) if each is not types.NoneType)
    return _value(of, value, where, name)


READERS: Mapping[Any, Callable[[Any, Any, str, str], Any]] = {
    Literal: _literal,
    tuple: _many,
    Mapping: _table,
    types.UnionType: _either,
}
