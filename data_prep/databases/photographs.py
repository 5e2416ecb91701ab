"""What the databases of expression photographs share: gathering stills from names or from a mapping CSV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data_prep.clips import BY_DESIGN, SetAside, Still, StillDatabase
from data_prep.databases.emotions import expression_of
from data_prep.databases.errors import DatabaseError, Refused, checked_name, one_line, shown
from data_prep.databases.source import StillSource
from data_prep.databases.tables import Columns, Row, stream_csv
from data_prep.databases.trees import Tree, pictures_below
from data_prep.frames.reading import PICTURES

COLUMNS: Columns = {"path": ("path",), "subject": ("subject",), "emotion": ("emotion",)}
MAX_STILLS = 200_000


class Skipped(Exception):
    """A picture that does not belong to the set, for instance a profile view; counted, not listed."""


@dataclass
class StillGathering:
    """Photographs, what was set aside, and how many were skipped for which reason."""

    database: str
    stills: list[Still] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def take(self, label: str, make: Callable[[], Still]) -> None:
        """Add what `make` gives, or set it aside with the reason.

        Raises
        ------
        Refused
            Caught here: for a second photograph of one name.
        """
        try:
            still = make()
            if still.name in self._names:
                raise Refused(f"{still.path}: a second photograph of the name {still.name}")
        except Skipped as skipped:
            self.skipped[str(skipped)] = self.skipped.get(str(skipped), 0) + 1
        except Refused as refused:
            self.set_aside.append(SetAside(self.database, one_line(label, 150), "load", str(refused)))
        else:
            self._names.add(still.name)
            self.stills.append(still)

    def finished(self, root: str) -> StillDatabase:
        """The database; one line of what was set aside tells how many photographs were skipped."""
        counted = [
            SetAside(self.database, f"{self.database}: {count} photographs", BY_DESIGN, reason)
            for reason, count in self.skipped.items()
        ]
        return StillDatabase(self.database, root, tuple(self.stills), (*counted, *self.set_aside))


@dataclass(frozen=True)
class ByName(StillSource):
    """Photographs whose file names say everything.

    Attributes
    ----------
    parse
        A name to (subject, emotion word, name).
    hint
        An example of a name.

    Raises
    ------
    Refused
        For a name that it does not know.
    Skipped
        For one that is not of the set.
    """

    parse: Callable[[str], tuple[str, str, str]]
    hint: str

    def load(self, root: Path, mapping: Path | None) -> StillDatabase:
        """All pictures below `root`.

        Raises
        ------
        DatabaseError
            Where there is none.
        """
        return load_by_name(self.name, root, self.parse, self.hint)


@dataclass(frozen=True)
class ByMapping(StillSource):
    """Photographs that a CSV of the user names: path, subject, emotion; by default `root/mapping.csv`."""

    mapped: bool = field(default=True, kw_only=True)

    def load(self, root: Path, mapping: Path | None) -> StillDatabase:
        """All pictures of the CSV.

        Raises
        ------
        DatabaseError
            Where it is missing or unreadable.
        """
        return load_by_mapping(self.name, root, mapping)


def load_by_name(
    database: str, root: Path, parse: Callable[[str], tuple[str, str, str]], hint: str
) -> StillDatabase:
    """Read all pictures below `root` whose names `parse` turns into (subject, emotion word, name).

    `parse` refuses (Refused) a name that it does not know and skips (Skipped) one that is not of the set.

    Raises
    ------
    DatabaseError
        Where there is no picture at all.
    """
    tree = Tree.at(root)
    found = pictures_below(tree)
    if not found:
        raise DatabaseError(f"{root}: no photographs; looked for {hint}")
    gathering = StillGathering(database)
    for name, path in found:
        gathering.take(f"{database}/{shown(name)}", partial(_by_name, database, tree, name, path, parse))
    return gathering.finished(tree.root)


def load_by_mapping(database: str, root: Path, mapping: Path | None) -> StillDatabase:
    """Read the photographs that a CSV names: path (relative to `root`), subject, emotion.

    The CSV is `mapping`, else `mapping.csv` below `root`.

    Raises
    ------
    DatabaseError
        For a CSV that is missing, unreadable or longer than `MAX_STILLS`.
    """
    tree = Tree.at(root)
    table = mapping or root / "mapping.csv"
    if not table.is_file():
        raise DatabaseError(
            f"{table}: no such file. {database} is read through a CSV with the columns path, subject, emotion"
        )
    gathering = StillGathering(database)
    for row in stream_csv(table, COLUMNS, required=tuple(COLUMNS), at_most=MAX_STILLS):
        gathering.take(f"{database}/row {row.number}", partial(_by_row, database, tree, row))
    return gathering.finished(tree.root)


def _by_name(
    database: str, tree: Tree, name: str, path: str, parse: Callable[[str], tuple[str, str, str]]
) -> Still:
    try:
        subject, emotion, stem = parse(name)
    except Refused as refused:
        raise Refused(f"{tree.relative(path)}: {refused}") from refused
    return Still(
        database=database,
        subject=f"{database}/{subject}",
        name=f"{database}/{stem}",
        emotion=emotion,
        label=expression_of(emotion, name),
        path=path,
        annotations=_sidecar(tree, path),
    )


def _by_row(database: str, tree: Tree, row: Row) -> Still:
    subject = checked_name(row.get("subject"), f"{row}: subject")
    emotion = row.text("emotion")
    label = expression_of(emotion, f"{row}, column emotion")
    try:
        path = tree.inside(row.text("path"))
    except Refused as refused:
        raise Refused(f"{row}, column path: {refused}") from refused
    if not path.lower().endswith(PICTURES) or not Path(path).is_file():
        raise Refused(
            f"{row}, column path: {shown(row.get('path'))} is not a picture ({', '.join(PICTURES)})"
        )
    name = Path(path).relative_to(tree.root).with_suffix("").as_posix()
    return Still(
        database, f"{database}/{subject}", f"{database}/{name}", emotion, label, path, _sidecar(tree, path)
    )


def _sidecar(tree: Tree, path: str) -> str | None:
    return tree.list(str(Path(path).parent)).files.get(f"{Path(path).stem}.landmarks.json")
