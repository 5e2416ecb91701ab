"""What the units of a run are doing now: each leaves the name of its stage in its scratch folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from basis.files import atomically

_STAGE = "stage.txt"


def say_stage(run: Path, key: str, words: str) -> None:
    """Put down what a unit does now; a disk that takes no word costs no unit."""
    with suppress(OSError), atomically(run / "scratch" / key / _STAGE, flushed=False) as file:
        file.write(words.encode())


def stages_of(run: Path, keys: Collection[str]) -> dict[str, str]:
    """Unit -> what it said last, of those of `keys` that run."""
    told: dict[str, str] = {}
    for path in sorted((run / "scratch").glob(f"*/{_STAGE}")):
        if path.parent.name in keys:
            with suppress(OSError):  # it has just ended
                told[path.parent.name] = path.read_text(encoding="utf-8")
    return told


def forget_stages(run: Path) -> None:
    """Remove what units that have ended, or were cut, left behind, and the folders that it leaves empty."""
    scratch = run / "scratch"
    for path in scratch.glob(f"*/{_STAGE}"):
        path.unlink(missing_ok=True)
        with suppress(OSError):  # it holds a checkpoint
            path.parent.rmdir()
    with suppress(OSError):
        scratch.rmdir()


def shortened(lines: Sequence[str], most: int) -> Iterator[str]:
    """The first lines, and how many more there are."""
    yield from lines[:most]
    if len(lines) > most:
        yield f"and {len(lines) - most} more"
