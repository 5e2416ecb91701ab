"""What produced these numbers: versions, source, hardware, command."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from basis.cores import cores
from basis.processor import capability, model

PACKAGES = (
    "tlcnn-bench",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-image",
    "opencv-python",
    "numba",
    "pandas",
)


@cache
def stamp() -> dict[str, Any]:
    """Plain JSON: package versions, git commit (with "+changes" if edited), hardware, command line."""
    return {
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        "git": _git(),
        "hardware": {
            "machine": platform.machine(),
            "system": platform.system(),
            "processor": model(),
            "capability": capability(),
            "cores": cores(),
        },
        "argv": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def unit_stamp(packages: Mapping[str, str]) -> dict[str, Any]:
    """The stamp of a unit's record, with the packages that brought its method, protocol and data."""
    return {**stamp(), "packages": dict(packages)}


def conditions(stamp: Mapping[str, Any]) -> dict[str, str]:
    """Of a stamp, in words, what two records of one method and protocol that share a table have alike."""
    versions = {name: str(found) for name, found in stamp.get("versions", {}).items()}
    return {
        **versions,
        **{f"package of {what}": str(package) for what, package in stamp.get("packages", {}).items()},
        "arithmetic": str(stamp.get("arithmetic", "not stated")),
    }


def version_of(package: str) -> str | None:
    """The version of an installed package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git() -> str | None:
    """The commit this source tree is at, None outside a checkout or without git."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return None
    try:
        commit = _run_git(here, "rev-parse", "HEAD")
        return commit + ("+changes" if _run_git(here, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _run_git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
