"""Modules of the user's own that have the names of ours: `python -m` looks into the current folder first."""

from __future__ import annotations

import os
import sys
from pathlib import Path

OURS = ("basis", "benchmark", "data_prep", "features", "methods", "results")


def put_ours_first(home: Path) -> None:
    """Take the current folder off the import path if a module there would replace one of ours; says so.

    Parameters
    ----------
    home
        The folder that holds this project's packages.
    """
    here = Path.cwd()
    theirs = shadows(here)
    if not theirs or here == home:
        return
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry).absolute() != here]
    # of what is started from here with -m or -c, too
    os.environ["PYTHONSAFEPATH"] = "1"
    print(
        f"note: {', '.join(theirs)} in this folder has the name of a part of this program and is not used by "
        "it; `tlcnn-bench`, the same program, never looks here",
        file=sys.stderr,
    )


def shadows(folder: Path) -> list[str]:
    """Files and packages of a folder that an import of one of our packages would find."""
    found = [f"{name}.py" for name in OURS if (folder / f"{name}.py").is_file()]
    return found + [f"{name}/" for name in OURS if (folder / name / "__init__.py").is_file()]
