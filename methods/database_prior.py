"""A baseline that knows where a clip is from and nothing else: what that database mostly showed."""

from __future__ import annotations

from collections.abc import Sequence

from data_prep.clips import Clips
from methods.person_prior import GroupPrior


class DatabasePrior(GroupPrior):
    """Names the class that the training clips of this database show most."""

    name = "database-prior"
    title = "Database prior"

    @staticmethod
    def groups(clips: Clips) -> Sequence[str]:
        """The database of each clip."""
        return clips.databases
