"""Facial action units in the spellings of all releases, as one kind of value."""

from __future__ import annotations

import re

from data_prep.clips import ActionUnit

_STATIC = re.compile(r"(?:AU|AD)?\s*[LRTBA]?\d{1,2}[A-E]?\s*\(k\)", re.IGNORECASE)
_UNIT = re.compile(r"(?:AU|AD|M)?\s*([LRTBA]?)(\d{1,2})([A-E]?)", re.IGNORECASE)
_AND = re.compile(r"[+,;&，、＋]")
_OR = re.compile(r"\bor\b|/", re.IGNORECASE)


def action_units(text: str) -> tuple[ActionUnit, ...]:
    """The units of an annotation, each once, in its order; what it cannot name ("?") is left out.

    L, R, T and B say which side or lip, A that it is asymmetric, a letter A to E behind the number how
    strong; units that are marked "(k)" were there before the expression and are no part of it. Where the
    annotation names alternatives ("12 or 14") all of them are given, none as certain.

    Examples
    --------
    >>> [str(unit) for unit in action_units("AU4(k)+L7+R12B")]
    ['L7', 'R12B']
    >>> [(unit.number, unit.certain) for unit in action_units("(R6 or R12)+15")]
    [(6, False), (12, False), (15, True)]
    """
    found: dict[tuple[int, str], ActionUnit] = {}
    for part in _AND.split(_STATIC.sub("", text)):
        choices = _OR.split(part)
        doubtful = len(choices) > 1 or "ref" in part.lower() or "?" in part
        for choice in choices:
            match = _UNIT.fullmatch(re.sub(r"ref|[()?\s]", "", choice, flags=re.IGNORECASE))
            if match:
                side, number, intensity = match[1].upper(), int(match[2]), match[3].upper()
                found.setdefault((number, side), ActionUnit(number, side, intensity, not doubtful))
    return tuple(found.values())


_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}


def objective_class(text: str) -> int | None:
    """The objective class 1 to 7, written as a number or in Roman; None for anything else."""
    word = text.strip().upper()
    if word in _ROMAN:
        return _ROMAN[word]
    return int(word) if re.fullmatch(r"[1-7]", word) else None
