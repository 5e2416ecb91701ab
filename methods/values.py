"""Values from files and command lines, held against the types of the dataclass that takes them."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from basis.errors import Mendable

_ONE: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    NoneType: "nothing",
}
_MANY: dict[Any, str] = {int: "whole numbers", float: "finite numbers", str: "texts"}
_LARGEST = sys.float_info.max


class WrongKind(Mendable, ValueError):
    """A value of another kind than its setting's; the message names setting, value and the right kind."""


def hints_of(cls: type[Any]) -> dict[str, Any]:
    """Names and types of a dataclass's fields; Any where a type's name is known to type checkers only."""
    try:
        hints = get_type_hints(cls)
    except NameError:
        hints = {}
    return {field.name: hints.get(field.name, Any) for field in fields(cls)}


def typed(value: Any, hint: Any, where: str) -> Any:
    """The value as the type wants it: lists become tuples, whole numbers may stand for floats.

    Parameters
    ----------
    value
        As TOML, JSON or a flag gave it.
    hint
        Bool, int, float, str, None, tuple[...], Mapping[str, ...], some of them joined by "|", or Any; other
        types take any value.
    where
        What the value is of, for the message.

    Raises
    ------
    WrongKind
        ; neither a bool nor nan nor an infinity is a number.
    """
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):
        for each in inner:
            with suppress(WrongKind):
                return typed(value, each, where)
    elif kind is tuple:
        if isinstance(value, list | tuple):
            wanted = inner if inner and inner[-1] is not ... else (inner[:1] or (Any,)) * len(value)
            if len(value) == len(wanted):
                items = enumerate(zip(value, wanted, strict=True))
                return tuple(typed(item, each, f"{where}[{i}]") for i, (item, each) in items)
    elif isinstance(kind, type) and issubclass(kind, Mapping):
        if isinstance(value, Mapping):
            of_all = inner[1] if inner else Any
            return {name: typed(item, of_all, f"{where}.{name}") for name, item in value.items()}
    elif kind is float:
        if type(value) in (int, float) and abs(value) <= _LARGEST:
            return float(value)
    elif kind not in _ONE or type(value) is kind:
        return value
    raise WrongKind(f"{where} = {reprlib.repr(value)} must be {in_words(hint)}")


def in_words(hint: Any) -> str:
    """A type as a message names it."""
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(in_words(each) for each in inner if each is not NoneType)
    if kind is tuple and inner:
        number = "" if inner[-1] is ... else f"{len(inner)} "
        return f"a list of {number}{_MANY.get(inner[0], 'values')}"
    return _ONE.get(kind, "a list" if kind is tuple else "a table")
