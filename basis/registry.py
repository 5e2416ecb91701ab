"""Tables of what can be named: literal entries of this project and those that installed packages add."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from typing import Any

from basis.names import UnknownName, one_of


class Registry(Mapping[str, str]):
    """Name to "module:attribute": a literal table, then the entry points of one group.

    Nothing is imported before `load`. An installed package registers under `group` in its own
    pyproject.toml; a name that stands in the table, or that two packages register, is refused with the
    names of the packages.

    Parameters
    ----------
    kind
        What an entry is, for messages ("method").
    table
        The literal entries.
    group
        The entry points' group.
    error
        What is raised for a name that is not there.
    """

    def __init__(
        self, kind: str, table: Mapping[str, str], *, group: str, error: type[Exception] = UnknownName
    ) -> None:
        self.kind, self.table, self.group, self.error = kind, dict(table), group, error
        self.added: dict[str, Any] = {}

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """What installed packages add, by name; raises `error` for names that are taken."""
        found: dict[str, EntryPoint] = {}
        for point in installed().get(self.group, ()):
            taken = "this project" if point.name in self.table else None
            if point.name in found:
                taken = _package(found[point.name])
            if taken:
                raise self.error(
                    f"two packages register a {self.kind} named {point.name!r}: {taken} and "
                    f"{_package(point)}; uninstall one, or give one of them another name"
                )
            found[point.name] = point
        return found

    def add(self, name: str, thing: Any) -> None:
        """Register an object of this process, such as a notebook's class; the same name again replaces it."""
        if name in self.table or name in self.plugins:
            raise self.error(f"a {self.kind} named {name!r} exists; give yours another name")
        self.added[name] = thing

    def __getitem__(self, name: str) -> str:
        if name in self.added:
            return f"{self.added[name].__module__}:{self.added[name].__qualname__}"
        if name in self.table:
            return self.table[name]
        return self.plugins[name].value

    def __iter__(self) -> Iterator[str]:
        yield from self.table
        yield from self.plugins
        yield from self.added

    def __len__(self) -> int:
        return len(self.table) + len(self.plugins) + len(self.added)

    def origin(self, name: str) -> str:
        """The package and version that registers a name, such as "their-methods 1.2"; "" for our own."""
        if name in self.added:
            return f"the module {self.added[name].__module__}"
        return "" if name in self.table else _package(self.plugins[name])

    def load(self, name: str) -> Any:
        """Import what a name stands for; `error` for an unknown name, else whatever the import raises."""
        if name in self.added:
            return self.added[name]
        module, _, attribute = self[one_of(name, self, self.kind, error=self.error)].partition(":")
        return getattr(import_module(module), attribute)


def installed() -> Mapping[str, Sequence[EntryPoint]]:
    """Group to entry points of every installed package; they are looked through once a process, for 13 ms.

    What is forked afterwards has found them already.
    """
    return _installed(tuple(sys.path))


@cache
def _installed(paths: tuple[str, ...]) -> Mapping[str, Sequence[EntryPoint]]:
    """Group to entry points of every package on these paths, each package once.

    `importlib.metadata.entry_points` hides a package whose folder begins like another's ("lab-a-1.0" and
    "lab-b-1.0" are both "lab" to it); a package that stands twice on the path counts where it is found first.
    """
    seen: set[tuple[str, str]] = set()
    found: dict[str, list[EntryPoint]] = {}
    for package in distributions(path=list(paths)):
        points = package.entry_points
        groups = points.groups
        for group in groups:
            if (package.name, group) not in seen:
                found.setdefault(group, []).extend(points.select(group=group))
        seen.update((package.name, group) for group in groups)
    return found


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
