"""Errors that a user can mend."""

from __future__ import annotations

import errno


class Mendable(Exception):
    """The message tells the user what was wrong and what would be right: shown as one line, no traceback.

    A mix-in: `class SettingsError(Mendable, ValueError)`.
    """


FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EFBIG: "a limit on file sizes is reached",
    errno.EDQUOT: "your quota of this file system is used up",
}
"""Numbers of system errors that leave no room to write, and what each means."""


def no_room(error: OSError) -> str:
    """What to tell a user of an error of `FULL`."""
    what = f"{FULL[error.errno or 0]} ({error.strerror})"
    return f"{what}. What is finished is kept: free space and run the same command again"
