"""Who is on a flow image and what it is called: the naming of the public sets, both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data_prep.databases.errors import Refused, checked_name, shown

_PEOPLE = {
    "casme2": re.compile(r"sub\d\d"),
    "smic": re.compile(r"s\d\d"),
    "samm": re.compile(r"\d{3}"),
    "casme3": re.compile(r"spNO\.\d+"),
}
_SHORT = {
    "casme2": (re.compile(r"(?:sub)?0*(\d{1,2})"), "sub{:02d}"),
    "smic": (re.compile(r"s?0*(\d{1,2})"), "s{:02d}"),
    "samm": (re.compile(r"0*(\d{1,3})"), "{:03d}"),
}
"""How tables shorten the names of people, and how file names have them."""

_SPELLINGS = {"casmeii": "casme2", "casme2": "casme2", "smichs": "smic"}
UNKNOWN = "flow-images"
"""The database of people whose names follow none of the known patterns."""


@dataclass(frozen=True, order=True)
class Name:
    """One clip: its database, its person as the file names have it ("sub01"), its own name."""

    database: str
    person: str
    clip: str

    @property
    def subject(self) -> str:
        """The person as the loaders of frames call it: casme2/01 for sub01 of CASME II."""
        short = self.person.removeprefix("sub") if self.database == "casme2" else self.person
        return f"{self.database}/{short}"

    @property
    def full(self) -> str:
        """Unique within a run, and equal to the name of the clip of frames."""
        return f"{self.subject}/{self.clip}"

    @property
    def stem(self) -> str:
        """The file name without its ending, by which the public sets are sorted."""
        return f"{self.person}_{self.clip}"


def from_stem(stem: str) -> Name:
    """The clip of a file name such as "sub01_EP02_01f " (a blank before the ending is ignored).

    Raises
    ------
    Refused
        For a name without both parts.
    """
    person, underscore, clip = stem.rstrip().partition("_")
    if not (underscore and person and clip):
        raise Refused(f"{shown(stem)}: a flow image is named <subject>_<clip>.png")
    return Name(database_of(person), checked_name(person, "subject"), checked_name(clip, "clip"))


def database_of(person: str) -> str:
    """The database whose people are named like this."""
    return next((name for name, pattern in _PEOPLE.items() if pattern.fullmatch(person)), UNKNOWN)


def from_columns(database: str, subject: str, clip: str) -> Name:
    """The clip of a line of a table: MEGC2019's list writes samm,6,006_1_2 for 006_006_1_2.

    Raises
    ------
    Refused
        For names that are none.
    """
    database = database.strip().lower()
    database = _SPELLINGS.get(re.sub(r"[\W_]", "", database), database)
    person = subject.strip()
    pattern, form = _SHORT.get(database, (re.compile("(?!)"), ""))
    if match := pattern.fullmatch(person):
        person = form.format(int(match[1]))
    return Name(
        checked_name(database, "database"), checked_name(person, "subject"), checked_name(clip, "clip")
    )


def person_of(subject: str) -> str:
    """The person as file names have it, from a subject of the loaders: "sub01" for "casme2/01"."""
    database, _, person = subject.partition("/")
    return f"sub{person}" if database == "casme2" and person.isdigit() else person
