"""What learns: one file per method; importing this package imports none of them.

A method of one's own is one file and one line: in the table here, or, from another package, an entry point
in the group `tlcnn_bench.methods` whose name is the method's and whose value is "module:Class".
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from basis.errors import Mendable
from basis.moved import Moved
from basis.names import UnknownName, one_of
from basis.registry import Registry
from methods.values import hints_of, typed

if TYPE_CHECKING:
    from methods.base import Method

_OURS = {
    "tlcnn": "methods.tlcnn:TLCNN",
    "tlcnn-e": "methods.tlcnn:TLCNNWithoutE",
    "tlcnn-em": "methods.tlcnn:TLCNNWithoutEM",
    "c5-svm": "methods.c5_svm:C5SVM",
    "3d-cnn": "methods.cnn3d:CNN3D",
    "mdmo": "methods.mdmo:MDMO",
    "fdm": "methods.fdm:FDM",
    "lbp-top": "methods.lbp_top:LBPTOP",
    "stlbp-ip": "methods.stlbp_ip:STLBPIP",
    "stclqp": "methods.stclqp:STCLQP",
    "tlcnn-d": "methods.tlcnn:TLCNNOnDifferences",
    "bi-woof": "methods.bi_woof:BiWOOF",
    "ststnet": "methods.ststnet:STSTNetMethod",
    "off-apexnet": "methods.off_apexnet:OFFApexNetMethod",
    "rcn-a": "methods.rcn_a:RCNAMethod",
    "htnet": "methods.htnet:HTNetMethod",
    "majority": "methods.majority:Majority",
    "person-prior": "methods.person_prior:PersonPrior",
    "database-prior": "methods.database_prior:DatabasePrior",
    "linear": "methods.linear:Linear",
    "flow-logreg": "methods.flow_logreg:FlowLogreg",
}

METHODS = Registry("method", _OURS, group="tlcnn_bench.methods")
"""Name to "module:Class": Table 3's order, our own, the baselines, then what installed packages add."""

Moved({"methods.one_vs_one": "methods.svm", "methods.per_clip": "methods.cached"}).install()
"""What descriptors written for version 0.1.0 import."""


class UnusableMethod(Mendable, ValueError):
    """A registered method that cannot be loaded; the message says from where, why and what to do."""


def load_method(name: str) -> type[Method]:
    """The class behind a name; imports its module.

    Raises
    ------
    UnknownName
        For a name that there is not.
    UnusableMethod
        Where its package does not import, or what it names is no method.
    """
    from methods.base import Method

    where = METHODS[one_of(name, METHODS, "method")]
    try:
        loaded = METHODS.load(name)
    except (Exception, SystemExit) as error:  # a package of somebody else's may raise anything
        raise _unusable(name, where, f"{type(error).__name__}: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Method)):
        raise _unusable(name, where, "it is not a subclass of methods.base.Method")
    lacking = sorted(loaded.__abstractmethods__)
    lacking += [each for each in ("name", "title", "Settings") if not hasattr(loaded, each)]
    if lacking:
        raise _unusable(name, where, f"it lacks {', '.join(lacking)}")
    return loaded


def _unusable(name: str, where: str, why: str) -> UnusableMethod:
    return UnusableMethod(
        f"method {name!r} cannot be loaded from {where} ({why}); mend it, remove the package that registers "
        f"it, or leave it out with '!{name}'"
    )


def select(patterns: Sequence[str]) -> tuple[str, ...]:
    """Names for names, wildcards, "all" and "!name" (taken away), in the table's order; errors if none.

    Raises
    ------
    UnknownName
        For a name that there is not, and where no method is left.
    """
    chosen: set[str] = set()
    if all(pattern.startswith("!") for pattern in patterns):
        chosen = set(METHODS)
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        matches = METHODS if wanted == "all" else fnmatch.filter(METHODS, wanted)
        if not matches:
            one_of(wanted, METHODS, "method")
        chosen = chosen - set(matches) if pattern.startswith("!") else chosen | set(matches)
    if not chosen:
        raise UnknownName(f"{' '.join(patterns)!r} leaves no method; there are {', '.join(METHODS)}")
    return tuple(name for name in METHODS if name in chosen)


def make_settings(method: type[Method], overrides: Mapping[str, Any]) -> Any:
    """The method's settings with these values instead of its defaults; lists become tuples.

    Raises
    ------
    UnknownName
        For a setting it does not have.
    WrongKind
        For a value of another kind.
    """
    hints = hints_of(method.Settings)
    for key in overrides:
        one_of(key, hints, f"setting of {method.name}")
    values = {key: typed(value, hints[key], f"{method.name}.{key}") for key, value in overrides.items()}
    return method.Settings(**values)
