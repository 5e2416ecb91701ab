"""Names that differ only in spelling: case, leading zeros, blanks, and how Unicode composes a letter."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from data_prep.databases.errors import shown


def alike(name: str) -> str:
    """What names that a person reads as one have in common: `EP02_1F` and `ep02_01f`, `Anna ` and `anna`.

    Examples
    --------
    >>> alike("EP02_1F") == alike("ep02_01f "), alike("01") == alike("1"), alike("10") == alike("1")
    (True, True, False)
    """
    plain = unicodedata.normalize("NFKC", name).casefold().replace("ı", "i")
    words = " ".join(plain.split())
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), words)


def near_names(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that are spelled otherwise and read the same."""
    return tuple(other for other in names if other != name and alike(other) == alike(name))


def hint(name: str, names: Iterable[str]) -> str:
    """`; did you mean ...?` where a name is there in another spelling, else nothing."""
    near = near_names(name, names)
    if not near:
        return ""
    same = unicodedata.normalize("NFC", name)
    form = ", the same letters composed otherwise (NFC and NFD)"
    words = [shown(other) + (form if unicodedata.normalize("NFC", other) == same else "") for other in near]
    return f"; did you mean {' or '.join(words)}?"


def path_hint(root: str, path: str) -> str:
    """`hint` for the first part of a path below `root` that is not there."""
    folder = Path(root)
    if "\\" in path and (folder / (slashes := path.replace("\\", "/"))).exists():
        return f"; did you mean {shown(slashes)}, with / between folders?"
    for part in Path(path).parts:
        if not (folder / part).exists():
            try:
                return hint(part, sorted(os.listdir(folder)))  # noqa: PTH208
            except OSError:
                return ""
        folder /= part
    return ""
