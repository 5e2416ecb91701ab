"""Looking into a database folder without leaving it: listings, the search for tables and trees, frames.

Links are followed only where they stay below the root; loops end because every real folder is visited
once and the search has a fixed depth.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.databases.alike import path_hint
from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.frames.reading import PICTURES
from data_prep.frames.sources import ImageFrames

NOTHING = re.compile(r"(?!)")
"""The pattern that no name has."""

MAX_DEPTH = 5
MAX_FOLDERS = 20_000
MAX_ENTRIES = 500_000
MAX_CLIP_FRAMES = 100_000
TABLES = (".xlsx", ".xls", ".csv")
NOT_OF_THE_DATABASE = frozenset(
    {
        *("__MACOSX", "@eaDir", "@__thumb", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot"),
        *("$RECYCLE.BIN", "System Volume Information", "lost+found", "Network Trash Folder"),
        *("Temporary Items", "__pycache__"),
    }
)
"""Folders that archivers, network drives and systems put between a user's own; those with a dot as well."""

_NUMBERED = re.compile(r"(.*?)(\d{1,9})\.[^.]+", re.DOTALL)


Numbered = Mapping[int, Sequence[str]]
"""Frame number -> picture files of that number."""


@dataclass(frozen=True)
class Listing:
    """What lies in one folder, name -> path; `refused` holds name -> why an entry is not used."""

    folders: Mapping[str, str]
    files: Mapping[str, str]
    refused: Mapping[str, str]


@dataclass(frozen=True)
class Survey:
    """Annotation tables near the root and `homes`: folders that hold subject folders."""

    tables: tuple[str, ...]
    homes: tuple[str, ...]


MOST_FOLDERS = 64
"""So many folders of pictures are remembered."""


@dataclass
class Tree:
    """A database's folder, or folders; every path that it gives lies below one of `roots`.

    Attributes
    ----------
    roots
        Absolute paths without links, the first of which is `root`.
    corrections
        The user's own CSV of corrections, where one was named beside the folders.
    """

    roots: tuple[str, ...]
    corrections: Path | None = None
    _listings: dict[str, Listing] = field(default_factory=dict)
    _frames: dict[str, dict[str, dict[int, list[str]]]] = field(default_factory=dict)

    @classmethod
    def at(cls, *roots: Path) -> Tree:
        """The tree at one or several folders.

        Raises
        ------
        DatabaseError
            Where there is no such folder.
        """
        return cls(tuple(dict.fromkeys(map(_real_folder, roots))))

    @property
    def root(self) -> str:
        """The first folder."""
        return self.roots[0]

    def list(self, folder: str) -> Listing:
        """The entries of a folder, sorted by name; read once, or again after many folders of pictures."""
        if folder not in self._listings:
            self._listings[folder] = self._read(folder)
        return self._listings[folder]

    def inside(self, path: str) -> str:
        """The real path of a path below the root.

        Raises
        ------
        Refused
            If it leaves the roots or is missing.
        """
        try:
            real = os.path.realpath(os.path.join(self.root, path), strict=True)  # noqa: PTH118
        except FileNotFoundError as error:
            near = path_hint(self.root, path)
            raise Refused(f"{shown(path)} does not exist below {self.root}{near}") from error
        except (OSError, ValueError) as error:
            raise Refused(f"{shown(path)} cannot be followed ({error})") from error
        if self._root_of(real) is None:
            raise Refused(
                f"{shown(path)} leaves the database folder {self.root}; only files below it are read"
            )
        return real

    def relative(self, path: str) -> str:
        """A path as messages show it: below its root's own name."""
        return os.path.relpath(path, str(Path(self._root_of(path) or self.root).parent))

    def _root_of(self, path: str) -> str | None:
        return next(
            (root for root in self.roots if path == root or path.startswith(root.rstrip(os.sep) + os.sep)),
            None,
        )

    def frames(self, folder: str) -> Numbered:
        """The pictures of a folder by number: those of its one name pattern, or of its most frequent one.

        The number is the last one in a name, padded or not; the pattern is what stands before it.

        Raises
        ------
        Refused
            For a folder that cannot be listed, and where two patterns are equally frequent.
        """
        patterns = sorted(self._patterns(folder).items(), key=lambda item: (-len(item[1]), item[0]))
        if len(patterns) > 1 and len(patterns[0][1]) == len(patterns[1][1]):
            raise Refused(self._two_patterns(folder, [numbered for _, numbered in patterns]))
        return patterns[0][1] if patterns else {}

    def span(self, folder: str, onset: int, offset: int) -> ImageFrames:
        """The frames onset..offset of a folder, all of one name pattern.

        Raises
        ------
        Refused
            If one is missing, lies there twice, or all are there under two patterns: a gap is not filled by a
            mask or a frame of another clip.
        """
        if offset - onset >= MAX_CLIP_FRAMES:
            raise Refused(f"frames {onset} to {offset}: more than {MAX_CLIP_FRAMES}")
        wanted = range(onset, offset + 1)
        whole = [each for each in self._patterns(folder).values() if all(n in each for n in wanted)]
        if len(whole) > 1:
            raise Refused(self._two_patterns(folder, whole))
        if not whole:
            raise Refused(self._why_missing(folder, onset, offset))
        for n in wanted:
            if len(whole[0][n]) > 1:
                names = ", ".join(shown(Path(path).name) for path in whole[0][n])
                times = len(whole[0][n])
                raise Refused(f"{self.relative(folder)}: frame {n} lies there {times} times: {names}")
        return ImageFrames(tuple(whole[0][n][0] for n in wanted))

    def _patterns(self, folder: str) -> Mapping[str, Numbered]:
        """What stands before the number (capitals do not count) -> number -> pictures of that number."""
        if folder in self._frames:
            self._frames[folder] = self._frames.pop(folder)
        else:
            try:
                files = self.list(folder).files
            except DatabaseError as error:
                raise Refused(str(error)) from error
            found: dict[str, dict[int, list[str]]] = {}
            for name, path in files.items():
                match = _NUMBERED.fullmatch(name)
                if match and name.lower().endswith(PICTURES):
                    numbered = found.setdefault(match[1].casefold(), {})
                    numbered.setdefault(int(match[2]), []).append(path)
            self._frames[folder] = found
            self._forget_all_but(MOST_FOLDERS)
        return self._frames[folder]

    def _forget_all_but(self, most: int) -> None:
        """Of folders of pictures only the last ones are remembered: thousands of frames take much memory."""
        for folder in list(self._frames)[:-most]:
            del self._frames[folder]
            self._listings.pop(folder, None)

    def _two_patterns(self, folder: str, patterns: Sequence[Numbered]) -> str:
        names = " and ".join(shown(Path(each[min(each)][0]).name) for each in patterns[:2])
        return (
            f"{self.relative(folder)}: pictures of {len(patterns)} name patterns, such as {names}; keep one"
        )

    def sidecar(self, folder: str, first_frame: str) -> str | None:
        """The landmark file of a clip: `<first frame>.landmarks.json`, else `landmarks.json`, or None."""
        files = self.list(folder).files
        name = first_frame.rpartition(os.sep)[2]
        own = files.get(f"{name.rpartition('.')[0] or name}.landmarks.json")
        return own or files.get("landmarks.json")

    def _why_missing(self, folder: str, onset: int, offset: int) -> str:
        patterns = self._patterns(folder)
        numbers: Numbered = max(patterns.values(), key=len, default={})
        missing = [n for n in range(onset, offset + 1) if n not in numbers]
        listed = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        text = f"{self.relative(folder)}: {len(missing)} of frames {onset} to {offset} missing ({listed})"
        for name, reason in self.list(folder).refused.items():
            match = _NUMBERED.fullmatch(name)
            if match and int(match[2]) in missing:
                return f"{text}; {shown(name)} {reason}"
        for others in patterns.values():
            if others is not numbers and missing[0] in others:
                stray = shown(Path(others[missing[0]][0]).name)
                return f"{text}; {stray} is of another name pattern"
        return text + (
            f"; it has {min(numbers)} to {max(numbers)}" if numbers else "; it has no numbered pictures"
        )

    def _read(self, folder: str) -> Listing:
        folders: dict[str, str] = {}
        files: dict[str, str] = {}
        refused: dict[str, str] = {}
        try:
            with os.scandir(folder) as entries:
                for i, entry in enumerate(entries):
                    if i == MAX_ENTRIES:
                        raise DatabaseError(f"{folder}: more than {MAX_ENTRIES} entries in one folder")
                    self._sort_in(entry, folders, files, refused)
        except OSError as error:
            raise DatabaseError(f"{folder}: cannot be listed ({error.strerror})") from error
        return Listing(*(dict(sorted(part.items())) for part in (folders, files, refused)))

    def _sort_in(
        self, entry: os.DirEntry[str], folders: dict[str, str], files: dict[str, str], refused: dict[str, str]
    ) -> None:
        name, path = entry.name, entry.path
        if name.startswith(".") or name in NOT_OF_THE_DATABASE:
            return
        try:
            name.encode()
            if entry.is_symlink():
                path = self.inside(path)
            if entry.is_dir():
                folders[name] = path
            elif entry.is_file():
                files[name] = path
            else:
                refused[name] = "is neither a file nor a folder"
        except UnicodeEncodeError:
            refused[name] = "has a name that is not UTF-8"
        except (OSError, Refused) as error:
            refused[name] = f"is a link: {error}"


def survey(tree: Tree, subject_folder: re.Pattern[str]) -> Survey:
    """Tables and homes of subject folders at most `MAX_DEPTH` below the root, subject folders not entered."""
    tables: list[str] = []
    homes: list[str] = []
    for folder, listing in walk(tree, subject_folder):
        tables += [path for name, path in listing.files.items() if is_table(name)]
        if any(subject_folder.fullmatch(name) for name in listing.folders):
            homes.append(folder)
    return Survey(tuple(tables), tuple(homes))


def pictures_below(tree: Tree) -> list[tuple[str, str]]:
    """(name, path) of all pictures at most `MAX_DEPTH` folders below the root, by folder and name."""
    found = (listing.files.items() for _, listing in walk(tree, NOTHING))
    return [item for items in found for item in items if item[0].lower().endswith(PICTURES)]


def walk(tree: Tree, not_entered: re.Pattern[str]) -> Iterator[tuple[str, Listing]]:
    """Folders level by level, each real folder once.

    Raises
    ------
    DatabaseError
        Where there are too many.
    """
    seen = set(tree.roots)
    level = list(tree.roots)
    entries = 0
    for _ in range(MAX_DEPTH):
        below: list[str] = []
        for folder in level:
            listing = tree.list(folder)
            yield folder, listing
            fresh = [
                path
                for name, path in listing.folders.items()
                if path not in seen and not not_entered.fullmatch(name)
            ]
            seen.update(fresh)
            below += fresh
            entries += len(listing.files)
            if len(seen) > MAX_FOLDERS or entries > MAX_ENTRIES:
                raise DatabaseError(
                    f"{tree.root}: more than {MAX_FOLDERS} folders or {MAX_ENTRIES} files; "
                    "give the folder of the database itself"
                )
        level = below


def _real_folder(root: Path) -> str:
    try:
        real = root.resolve(strict=True)
        str(real).encode()
    except (OSError, RuntimeError, ValueError) as error:
        near = path_hint(root.absolute().anchor, str(root.absolute().relative_to(root.absolute().anchor)))
        raise DatabaseError(f"{shown(root, 300)}: no such folder ({error}){near}") from error
    if not real.is_dir():
        raise DatabaseError(f"{root}: not a folder")
    return str(real)


def is_table(name: str) -> bool:
    """Whether a file of this name is a table, and not the lock that an office program leaves beside one."""
    return name.lower().endswith(TABLES) and not name.startswith("~$")
