"""Errors that a user can mend."""

from __future__ import annotations


class Mendable(Exception):
    """The message tells the user what was wrong and what would be right: shown as one line, no traceback.

    A mix-in: `class SettingsError(Mendable, ValueError)`.
    """
