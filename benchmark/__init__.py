"""The programme, and what a script or a notebook needs of it.

>>> import benchmark
>>> clips = benchmark.load(casme2="/data/CASME2")  # doctest: +SKIP
>>> run = benchmark.evaluate(["lbp-top", "majority"], out="runs/mine")  # doctest: +SKIP

Nothing heavy is imported before a name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api import Run, evaluate, folds, load, open_run
    from methods.own.module import ModuleMethod
    from methods.own.pipeline import PipelineMethod

_NAMES = {
    "Run": "benchmark.api",
    "evaluate": "benchmark.api",
    "folds": "benchmark.api",
    "load": "benchmark.api",
    "open_run": "benchmark.api",
    "ModuleMethod": "methods.own.module",
    "PipelineMethod": "methods.own.pipeline",
}

__all__ = ["ModuleMethod", "PipelineMethod", "Run", "evaluate", "folds", "load", "open_run"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'benchmark' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
