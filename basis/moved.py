"""Modules that moved: other packages that import them by their old names still load, and are told."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Moved(MetaPathFinder, Loader):
    """Finds modules of a table, old name to new, that Python finds nowhere else."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self.table = dict(table)

    def install(self) -> None:
        """Look here after everywhere else."""
        sys.meta_path.append(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an old name, None for any other."""
        return ModuleSpec(fullname, self) if fullname in self.table else None

    def exec_module(self, module: ModuleType) -> None:
        """Give the old module the new one's names; AttributeError, which says where it lies, for another."""
        old = module.__name__
        new = import_module(self.table[old])

        def of_new(name: str) -> Any:
            if name.startswith("__") or not hasattr(new, name):
                raise AttributeError(f"module {old!r} has no attribute {name!r}; it moved to {new.__name__}")
            warnings.warn(f"{old} moved: import {name} from {new.__name__}", DeprecationWarning, stacklevel=2)
            return getattr(new, name)

        module.__getattr__ = of_new  # type: ignore[method-assign]
