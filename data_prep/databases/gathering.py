"""What a loader collects: clips, what was set aside and why, and what a user should know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from basis.packed import Packed
from data_prep.clips import Clip, Database, SetAside
from data_prep.databases.errors import Refused, one_line


@dataclass
class Gathering:
    """Clips and what was set aside, as a loader collects them."""

    database: str
    clips: Packed[Clip] = field(default_factory=Packed)
    set_aside: list[SetAside] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def take(self, clip: str, where: object, make: Callable[[], Clip]) -> None:
        """Add what `make` gives; a Refused, or a name that was there before, sets the clip aside."""
        try:
            made = make()
            if made.name in self._names:
                raise Refused(f"{where}: repeats the clip {made.name}")
        except Refused as refused:
            self.reject(clip, str(refused))
        else:
            self._names.add(made.name)
            self.clips.append(made)

    def reject(self, clip: str, reason: str, stage: str = "load") -> None:
        """Set a clip aside."""
        self.set_aside.append(SetAside(self.database, one_line(clip, 150), stage, one_line(reason)))

    def note(self, warning: str) -> None:
        """Keep what a user should know although the clips are usable."""
        self.warnings.append(one_line(warning))

    def finished(self, root: str) -> Database:
        """The database, in the order of reading."""
        return Database(self.database, root, self.clips, tuple(self.set_aside), tuple(self.warnings))
