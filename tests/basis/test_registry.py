"""Tables that installed packages add to: what is found, and what is refused."""

from __future__ import annotations

import sys

import pytest

from basis.names import UnknownName
from basis.registry import Registry


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package with entry points of the group "odd.things" on the path."""

    def package(name, *points, version="1.0", place=""):
        folder = tmp_path / (place or f"{name}-{version}")
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(
            "[odd.things]\n" + "".join(f"{p} = json:loads\n" for p in points)
        )
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])

    return package


def registry(**table):
    return Registry("thing", table, group="odd.things")


def test_own_entries_come_first_and_packages_are_named(install):
    install("theirs", "b", version="2.5")
    found = registry(z="json:dumps")
    assert list(found) == ["z", "b"]
    assert (found.origin("z"), found.origin("b")) == ("", "theirs 2.5")
    assert found.load("b")("[1]") == [1]


@pytest.mark.parametrize("names", [("lab-a", "lab-b"), ("lab-b", "lab-a"), ("one", "two")])
def test_a_name_that_two_packages_register_is_refused_with_both(install, names):
    for name in names:
        install(name, "mine")
    with pytest.raises(UnknownName, match=f"{names[1]}.*{names[0]}"):
        list(registry())


def test_a_name_of_ours_is_refused(install):
    install("theirs", "z")
    with pytest.raises(UnknownName, match="this project"):
        list(registry(z="json:dumps"))


def test_a_package_that_stands_twice_on_the_path_counts_where_it_is_found_first(install):
    install("theirs", "old", version="1.0")
    install("theirs", "new", version="2.0")
    assert list(registry()) == ["new"]
