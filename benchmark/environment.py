"""What must stand in the environment before numerical libraries are imported; children inherit it."""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

COMPILED = {"NUMBA_CACHE_DIR": "numba", "MPLCONFIGDIR": "matplotlib"}
"""Environment variable that says where a library keeps what it made -> folder under the cache."""


def place_caches(cache: Path) -> None:
    """Say where compiled kernels and lists of fonts are kept where the installation cannot be written.

    Beside the source, as these libraries do by themselves, if that can be written; else under the user's
    cache folder, or, if that cannot be written either, in a temporary folder of the system.
    """
    if _writable(_installation()):
        return
    place = cache.expanduser().absolute()
    if not _writable(place):
        place = (
            Path(tempfile.gettempdir()) / f"tlcnn-bench-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
        )
    for variable, name in COMPILED.items():
        os.environ.setdefault(variable, str(place / name))


def _installation() -> Path:
    """The folder of the package with the compiled kernels."""
    spec = find_spec("features")
    assert spec is not None and spec.origin is not None, "features is part of this project"
    return Path(spec.origin).parent


def _writable(folder: Path) -> bool:
    """Can files be made here, or in the nearest folder above that is there?"""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return os.access(there, os.W_OK)
