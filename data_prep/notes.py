"""Notes: what the user should know of clips that are used nevertheless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Notes = list[tuple[str, str]]
"""(kind, particulars) of one clip; a kind is the same words for every clip."""


@dataclass(frozen=True)
class Note:
    """One note of a clip: one of a few kinds, and this clip's particulars."""

    clip: str
    kind: str
    detail: str


def note_lines(notes: Sequence[Note], n: int) -> list[str]:
    """One line for each kind: how many of n clips, and one of them."""
    kinds: dict[str, list[Note]] = {}
    for note in notes:
        kinds.setdefault(note.kind, []).append(note)
    return [
        f"{kind}: {len(same)} of {n}, for example {same[0].clip} ({same[0].detail})"
        for kind, same in sorted(kinds.items())
    ]
