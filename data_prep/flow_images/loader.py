"""The database `flow-images`: clips with their picture instead of frames."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.clips import UNLABELLED, Clip, Database, SetAside, UInt8
from data_prep.databases.errors import DatabaseError
from data_prep.databases.source import Source
from data_prep.flow_images.forms import Gathered, gathered
from data_prep.flow_images.names import Name
from data_prep.flow_images.pictures import MAX_FILE_BYTES
from data_prep.frames.sources import ImageFrames
from data_prep.tasks import OBJECTIVE, UNION

if TYPE_CHECKING:
    from data_prep.databases.trees import Tree

DATABASE = "flow-images"
VOTES = 2 / 3
_NO_FRAMES = ImageFrames(())


@dataclass(frozen=True)
class FlowDatabase(Database):
    """A database whose clips have no frames: `images` holds one (height, width, 3) uint8 array a clip.

    The channels are u, v and strain.

    Attributes
    ----------
    form
        In words.
    simulated
        Made of simulated frames, as the verb `flow` notes; warnings: what is wrong with the set without
        hiding a clip.
    further
        Pictures that belong to the clips and are not read.
    sha256
        Of all pictures as they lie, sorted by file name, by which known sets are recognised.
    """

    images: Mapping[str, UInt8] = field(default_factory=dict)
    form: str = ""
    simulated: bool = False
    further: int = 0
    sha256: str = ""


def load(root: Path) -> FlowDatabase:
    """Read a set of flow images; clips are named as those of frames are, `casme2/01/EP02_01f`.

    Raises
    ------
    DatabaseError
        For a path without flow images or without labels, for pictures of several sizes, and for channels that
        lie in another order than u, v, strain.
    """
    found = gathered(root)
    if not found.images:
        reasons = "".join(f"; {what}: {reason}" for what, reason in found.refused[:1])
        raise DatabaseError(f"{root}: none of the pictures can be used{reasons}")
    _require_one_size(root, found)
    names = sorted(found.images, key=lambda name: name.stem)
    about = _about(root)
    if about.get("normalise") != "symmetric":
        found.findings += _order(root, [found.images[name] for name in names])
    found.findings += _twins(names, found)
    found.findings += _counted_from_one(found)
    clips = [_clip(name, found.words[name]) for name in names]
    aside = [SetAside(DATABASE, what, "load", reason) for what, reason in found.refused]
    return FlowDatabase(
        DATABASE,
        str(root),
        tuple(clips),
        tuple(aside),
        tuple(found.findings),
        {name.full: found.images[name] for name in names},
        found.form,
        bool(about.get("simulated")),
        found.further,
        hashlib.sha256(b"".join(found.images[name].tobytes() for name in names)).hexdigest(),
    )


@dataclass(frozen=True)
class FlowSource(Source):
    """The source of the database `flow-images`: a folder, a zip archive or an npz file."""

    def read(self, root: Path | str | Sequence[Path]) -> FlowDatabase:
        """What `load` gives.

        Raises
        ------
        DatabaseError
            For several places.
        """
        if not isinstance(root, Path | str):
            raise DatabaseError(f"{DATABASE}: one folder, archive or npz file, not {len(root)} places")
        return load(Path(root).expanduser())

    def load(self, tree: Tree, table: Path | None) -> FlowDatabase:
        """What `load` gives for the folder of a tree."""
        return load(table or Path(tree.root))


SOURCE = FlowSource(DATABASE)


def _about(root: Path) -> dict[str, Any]:
    """What the note of the verb `flow` beside the pictures says; nothing without one."""
    try:
        note = json.loads(_note(root))
        return {"simulated": note["simulated"], "normalise": note["recipe"]["normalise"]}
    except (OSError, ValueError, KeyError, TypeError, StopIteration, zipfile.BadZipFile):
        return {}


def _note(root: Path) -> bytes:
    """The bytes of flow.json in a folder, or in the archive that the path is or that lies alone in it."""
    archives = [root] if root.is_file() else [] if (root / "flow.json").exists() else [*root.rglob("*.zip")]
    if len(archives) != 1:
        return (root / "flow.json").read_bytes()
    with zipfile.ZipFile(archives[0]) as archive:
        name = next(name for name in archive.namelist() if name.rpartition("/")[2] == "flow.json")
        with archive.open(name) as file:
            return file.read(MAX_FILE_BYTES)


def _clip(name: Name, word: str) -> Clip:
    objective = OBJECTIVE.index(word.upper()) + 1 if word.upper() in OBJECTIVE else None
    return Clip(
        *(name.database, name.subject, name.full, "" if objective else word, UNLABELLED, 0.0, 0, None, 0),
        _NO_FRAMES,
        objective=objective,
    )


def _counted_from_one(found: Gathered) -> list[str]:
    """A doubt about labels of which none is the first one."""
    words = set(found.words.values())
    if words == set(UNION[1:]):
        return [f"no picture has the label 0 ({UNION[0]}): were the labels counted from 1?"]
    return []


def _require_one_size(root: Path, found: Gathered) -> None:
    shapes = Counter(image.shape[:2] for image in found.images.values())
    if len(shapes) > 1:
        odd = next(
            n for n, image in found.images.items() if image.shape[:2] == min(shapes, key=shapes.__getitem__)
        )
        sizes = ", ".join(f"{w}x{h} ({n})" for (h, w), n in shapes.most_common())
        raise DatabaseError(f"{root}: pictures of several sizes: {sizes}; one of the fewest is {odd.full}")


def _order(root: Path, images: Sequence[UInt8]) -> list[str]:
    """Nothing where strain is the third channel; DatabaseError where it is another one.

    Strain is never negative and mostly near nothing, so after scaling to 0..255 its mean is the lowest.
    """
    means = np.stack([image.mean(axis=(0, 1)) for image in images])
    votes = np.bincount(means.argmin(axis=1), minlength=3) / len(images)
    if votes[2] >= VOTES:
        return []
    for place, words in (
        (0, "strain, v, u: the darkest one is the first"),
        (1, "not u, v, strain: the darkest one is the second"),
    ):
        if votes[place] >= VOTES:
            raise DatabaseError(
                f"{root}: the channels are {words} of {votes[place]:.0%} of the pictures. Save them with u "
                "as red, v as green and strain as blue (cv2.imwrite of (strain, v, u))"
            )
    return [
        "no channel is the darkest of most pictures: which one is strain cannot be told, the third is assumed"
    ]


def _twins(names: Sequence[Name], found: Gathered) -> list[str]:
    """Clips whose pictures are equal, which no two recordings are."""
    first: dict[bytes, Name] = {}
    twins = []
    for name in names:
        other = first.setdefault(found.images[name].tobytes(), name)
        if other is not name:
            twins.append(f"{other.full} and {name.full} have the same pixels")
    return twins
