"""The verbs beside `run`, one file for each or for two of a kind; their functions return the exit status."""

from __future__ import annotations

from basis.errors import Mendable


class VerbError(Mendable, ValueError):
    """A verb called with what it cannot take; the message says what it can."""
