"""What is in a set of flow images, and whether it is one that is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.flow_images.loader import FlowDatabase, load
from data_prep.messages import one_line
from data_prep.task_table import MEGC2019
from data_prep.tasks import UNION

KNOWN = {
    "a43b6ce8d810e09c7762659a23f16689db2980d4ad5acc2435eb1cee5627347c": (
        "the 442 images of MEGC2019 that the repositories of STSTNet and HTNet share"
    )
}
"""sha256 of all RGB arrays in the order of their file names -> which set it is."""

_SHOWN = 20


@dataclass(frozen=True)
class FlowReport:
    """A set as `check` prints it; faults: how many things are wrong with it."""

    database: FlowDatabase

    @property
    def faults(self) -> int:
        """Findings, and pictures that became no clip."""
        return len(self.database.warnings) + len(self.database.set_aside)

    def __str__(self) -> str:
        return "\n".join(one_line(line) for line in self._lines())

    def _lines(self) -> Iterator[str]:
        d = self.database
        images = np.stack(list(d.images.values()))
        height, width = images.shape[1:3]
        people = len({clip.subject for clip in d.clips})
        yield f"flow-images: {d.root}"
        yield f"  {d.form}: {len(d.clips)} clips of {people} people, {width}x{height} pixels, 8 bits"
        yield f"  known set: {KNOWN.get(d.sha256, 'no')} (sha256 {d.sha256[:16]})"
        yield "  channels, lowest to highest value and mean:"
        for i, name in enumerate(("u (red)", "v (green)", "strain (blue)")):
            channel = images[..., i]
            yield f"    {name:<14} {channel.min():>3}..{channel.max():<3}  {channel.mean():.1f}"
        whole = float(((images.min(axis=(1, 2)) == 0) & (images.max(axis=(1, 2)) == 255)).all(axis=1).mean())
        yield f"  every channel spans 0..255 in {whole:.1%} of the images"
        if d.further:
            yield f"  {d.further} further pictures beside them (apex to offset, directions) are not read"
        yield from self._counts()
        yield from _listed("wrong with the set", list(d.warnings))
        yield from _listed("set aside", [f"{item.clip}: {item.reason}" for item in d.set_aside])

    def _counts(self) -> Iterator[str]:
        words = sorted({clip.emotion for clip in self.database.clips})
        counts = Counter((clip.database, clip.emotion) for clip in self.database.clips)
        known = set(words) <= set(UNION)
        heading = "".join(f"{word:>10}" for word in words) + ("   MEGC2019" if known else "")
        yield f"  {'database':<12}{'people':>7}{heading}"
        for name in sorted({database for database, _ in counts}):
            people = len({clip.subject for clip in self.database.clips if clip.database == name})
            row = "".join(f"{counts[name, word]:>10}" for word in words)
            published = MEGC2019.published.get(name)
            beside = "/".join(str(published[each]) for each in UNION) if published and known else ""
            yield f"  {name:<12}{people:>7}{row}   {beside}".rstrip()


def report(root: Path) -> FlowReport:
    """Read a set and describe it.

    Raises
    ------
    DatabaseError
        Where nothing can be read.
    """
    return FlowReport(load(root))


def _listed(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"  {title} ({len(lines)}):"
        yield from (f"    {line}" for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            yield f"    and {len(lines) - _SHOWN} more"
