"""The command that was typed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

SCRIPT = "tlcnn-bench"


def command_line() -> str:
    """The command that was typed, to be pasted again."""
    typed = Path(sys.argv[0]).stem
    words = [SCRIPT] if typed == SCRIPT else [Path(sys.executable).name, "-m", "benchmark"]
    return shlex.join([*words, *sys.argv[1:]])
