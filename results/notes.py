"""What methods noted while they ran, in as few lines as it takes to say it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"(?<!\S)\d+(?:\.\d+)?(?=%?[,;.)]?(?:\s|$))")
"""A number that stands alone; one within a word or a path is part of a name."""


def in_few_lines(notes: Iterable[str]) -> list[tuple[str, int]]:
    """Each note, and how many there are of it; notes that differ in numbers alone are one, with their ranges.

    Examples
    --------
    >>> in_few_lines(["2 of 9 fits stopped", "slow", "5 of 9 fits stopped"])
    [('2 to 5 of 9 fits stopped', 2), ('slow', 1)]
    """
    alike: defaultdict[str, list[list[str]]] = defaultdict(list)
    for note in notes:
        alike[_NUMBER.sub("\0", note)].append(_NUMBER.findall(note))
    lines = []
    for words, numbers in sorted(alike.items()):
        pieces, ranges = words.split("\0"), map(_range, zip(*numbers, strict=True))
        line = pieces[0] + "".join(number + piece for number, piece in zip(ranges, pieces[1:], strict=True))
        lines.append((line, len(numbers)))
    return lines


def _range(numbers: Sequence[str]) -> str:
    least, most = min(numbers, key=float), max(numbers, key=float)
    return least if float(least) == float(most) else f"{least} to {most}"
