"""What the last report of a run folder wrote: so that it is renewed, and nothing else is ever deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from basis.files import file_sha256, write_atomically
from results.records.from_json import WrongShape, made

MADE = ".report.json"
PAGES = ("report.html", "clips.html")
OLD = (
    '<p role="status" style="margin:0;padding:.6rem 1rem;background:#a83a00;color:#fff">This page is older '
    "than the tables beside it: <code>report</code> makes it anew.</p>"
)


@dataclass(frozen=True)
class Made:
    """A report.

    Attributes
    ----------
    digest
        Of what it was made from.
    text
        The table for the terminal.
    files
        Path below the run folder -> sha256.
    """

    digest: str
    text: str
    files: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, digest: str, text: str, written: Iterable[Path]) -> Made:
        """What was just written."""
        files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in written}
        return cls(digest, text, files)

    def as_json(self) -> bytes:
        """The content of the file that keeps it."""
        return json.dumps(asdict(self), indent=1).encode()

    def paths(self, folder: Path) -> tuple[Path, ...]:
        """The files of the report."""
        return tuple(folder / name for name in self.files)

    def whole(self, folder: Path) -> bool:
        """Whether every file is there as it was written: neither damaged nor edited."""
        return all(_sha256(folder / name) == sha256 for name, sha256 in self.files.items())

    def outdated(self, folder: Path, written: Iterable[Path]) -> bool:
        """Whether any of these files is not what the report left."""
        names = [path.relative_to(folder).as_posix() for path in written]
        return any(self.files.get(name) != _sha256(folder / name) for name in names)

    def remove_what_is_not_in(self, new: Made, folder: Path) -> None:
        """Delete the files that the new report has no more; one that somebody changed since stays."""
        for name, sha256 in self.files.items():
            if name not in new.files and _sha256(folder / name) == sha256:
                (folder / name).unlink()


def _sha256(path: Path) -> str:
    return file_sha256(path) if path.is_file() else ""


def read_made(folder: Path) -> Made | None:
    """The last report of a run folder, None where there is none that can be read."""
    path = folder / MADE
    try:
        return made(Made, json.loads(path.read_bytes()), str(path))
    except (FileNotFoundError, ValueError, WrongShape):
        return None


def mark_as_old(folder: Path, last: Made) -> list[str]:
    """Write into the pages of the last report that they are older than the tables; the pages' names."""
    old = [name for name in PAGES if name in last.files and (folder / name).is_file()]
    for name in old:
        text = (folder / name).read_text(encoding="utf-8")
        if OLD not in text:
            write_atomically(folder / name, text.replace("<body>", f"<body>{OLD}", 1).encode())
    return old
