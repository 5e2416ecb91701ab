"""The forms in which flow images are traded, each read into the same thing: `Gathered`."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from data_prep.clips import UInt8
from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.flow_images.labels import LABELS, is_label_table, labels_in, word_of
from data_prep.flow_images.names import Name, database_of, from_columns, from_stem
from data_prep.flow_images.pictures import Entry, Files, decoded_bytes, files_of

TEST, TRAIN = "u_test", "u_train"
FURTHER = ("_1", "_2", "_3")
SHARE_OF_FOUR = 0.95
_PACKED = ("x", "y", "subject", "database", "clip")


@dataclass
class Gathered:
    """What a form gave.

    Attributes
    ----------
    images
        Clip -> (height, width, 3) uint8.
    words
        Clip -> emotion word.
    findings
        What is wrong with the set without hiding a clip.
    refused
        (what, reason) of what became no clip.
    further
        Pictures of another kind that belong to the clips and are not read.
    """

    form: str
    images: dict[Name, UInt8] = field(default_factory=dict)
    words: dict[Name, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    further: int = 0


@dataclass(frozen=True)
class InTree:
    """One picture of the leave-one-subject-out tree: fold's person, part, label, file name."""

    person: str
    part: str
    label: str
    entry: Entry

    @property
    def stem(self) -> str:
        """Its name without ending and blanks."""
        return self.entry.path.stem.rstrip()


def gathered(root: Path) -> Gathered:
    """The set at a path in whichever form it lies.

    Raises
    ------
    DatabaseError
        Where there is none.
    """
    if root.suffix.lower() == ".npz" and root.is_file():
        return from_npz(Entry(PurePosixPath(root.name), root.read_bytes))
    files = files_of(root)
    tree = in_tree(files.pictures)
    leaves = {item.entry.path for item in tree}
    flat = [entry for entry in files.pictures if entry.path not in leaves]
    if flat:
        return from_flat(flat, files, tree)
    if tree:
        return from_tree(tree)
    if len(files.packed) == 1:
        return from_npz(files.packed[0])
    if len(files.archives) == 1:
        return gathered(files.archives[0])
    raise DatabaseError(
        f"{root}: no flow images: neither <subject>_<clip>.png, nor <subject>/{TEST}/<0|1|2>/*.png, nor one "
        f"zip archive of them, nor one npz file with {', '.join(_PACKED)}"
    )


def in_tree(pictures: Iterable[Entry]) -> list[InTree]:
    """The pictures that lie as <subject>/u_test/<label>/<file> or in u_train."""
    found = []
    for entry in pictures:
        parts = entry.path.parts
        if len(parts) >= 4 and parts[-3] in (TEST, TRAIN):
            found.append(InTree(parts[-4], parts[-3], parts[-2], entry))
    return found


def from_tree(tree: Sequence[InTree]) -> Gathered:
    """The test pictures of every fold, checked against their copies among the training pictures.

    Raises
    ------
    Refused
        Caught here: for a picture of one person in the fold of another.
    """
    made = Gathered("a leave-one-subject-out tree")
    seen: dict[str, UInt8] = {}
    tests, trains = ([item for item in tree if item.part == part] for part in (TEST, TRAIN))
    stems = {item.stem for item in tests}
    bases = set(with_four(stems))
    if bases:
        made.form += " with four pictures a clip"
        made.further = len(FURTHER) * len(bases)
        made.refused += _incomplete(stems, bases)
        tests, trains = ([item for item in items if item.stem in bases] for items in (tests, trains))
    for item in tests:
        try:
            name = _named(item.entry)
            if name.person != item.person:
                raise Refused(f"{item.entry.path}: {name.person} is tested in the fold of {item.person}")
            word = _word(item)
        except Refused as refused:
            made.refused.append((str(item.entry.path), str(refused)))
            continue
        _add(made, name, word, _image(item.entry, seen), item.entry)
    _check_copies(made, trains, seen)
    return made


def _check_copies(made: Gathered, trains: Iterable[InTree], seen: dict[str, UInt8]) -> None:
    missing: set[str] = set()
    for item in trains:
        try:
            name, word = _named(item.entry), _word(item)
        except Refused as refused:
            made.findings.append(str(refused))
            continue
        if name.person == item.person:
            made.findings.append(f"{item.entry.path}: the fold's own subject among its training pictures")
        if name not in made.images:
            missing.add(name.full)
        elif made.words[name] != word:
            made.findings.append(f"{item.entry.path}: {word}, but {made.words[name]} where it is tested")
        elif not np.array_equal(made.images[name], _image(item.entry, seen)):
            made.findings.append(f"{item.entry.path}: other pixels than where it is tested")
    made.refused += [(name, f"only among training pictures, in no {TEST}") for name in sorted(missing)]


def from_flat(flat: Sequence[Entry], files: Files, tree: Sequence[InTree]) -> Gathered:
    """Pictures named by subject and clip, their labels from a table or a tree in or beside the folder.

    Raises
    ------
    DatabaseError
        Where two different pictures are of one clip.
    """
    by_stem: dict[str, Entry] = {}
    made = Gathered("a flat folder")
    seen: dict[str, UInt8] = {}
    for entry in flat:
        stem = entry.path.stem.rstrip()
        if stem not in by_stem:
            by_stem[stem] = entry
        elif np.array_equal(_image(by_stem[stem], seen), _image(entry, seen)):
            made.findings.append(f"{entry.path}: the same clip and pixels as {by_stem[stem].path}")
        else:
            raise DatabaseError(
                f"{entry.path} and {by_stem[stem].path} are two different pictures of one clip: remove one"
            )
    bases = with_four(by_stem)
    if bases:
        made.form, made.further = "a flat folder with four pictures a clip", len(FURTHER) * len(bases)
        made.refused += _incomplete(by_stem, bases)
        by_stem = {stem: by_stem[stem] for stem in bases}
    words = _words_for(files, tree, by_stem)
    for stem, entry in by_stem.items():
        _take_flat(made, stem, entry, words, seen)
    absent = sorted(name.full for name in words.keys() - made.images.keys())
    made.findings += [f"{name}: has a label and no picture" for name in absent]
    return made


def _take_flat(
    made: Gathered, stem: str, entry: Entry, words: Mapping[Name, str], seen: dict[str, UInt8]
) -> None:
    try:
        name = from_stem(stem)
    except Refused as refused:
        made.refused.append((str(entry.path), str(refused)))
        return
    name = next((n for n in _spellings(name, words)), name)
    if name in words:
        _add(made, name, words[name], _image(entry, seen), entry)
    else:
        made.refused.append((name.full, "no label for it"))


def _spellings(name: Name, words: Mapping[Name, str]) -> Iterator[Name]:
    """The same file under another database, where only the table knows to which one it belongs."""
    if name in words:
        yield name
    else:
        yield from (other for other in words if other.stem == name.stem)


def with_four(stems: Iterable[str]) -> list[str]:
    """The names N beside which N_1, N_2 and N_3 lie, if nearly all pictures belong to such a four.

    The ending alone says nothing: a fifth of MEGC2019's clips are called _1, _2 or _3 themselves.
    """
    all_stems = set(stems)
    bases = sorted(stem for stem in all_stems if all(stem + end in all_stems for end in FURTHER))
    return bases if bases and 4 * len(bases) >= SHARE_OF_FOUR * len(all_stems) else []


def _incomplete(stems: Iterable[str], bases: Collection[str]) -> list[tuple[str, str]]:
    """(name, reason) of pictures that belong to no clip with all its four."""
    whole = {base + end for base in bases for end in ("", *FURTHER)}
    return [
        (stem, "one of the four pictures of its clip is not there") for stem in sorted(set(stems) - whole)
    ]


def _words_for(files: Files, tree: Sequence[InTree], by_stem: Mapping[str, Entry]) -> dict[Name, str]:
    """Labels for flat pictures: in the folder itself, then beside it; DatabaseError where there are none."""
    for table in files.tables:
        if words := labels_in(table):
            return words
    tests = [item for item in tree if item.part == TEST] or _tree_beside(files.root)
    if tests:
        return {_named(item.entry): _word(item) for item in tests}
    for path in sorted(files.root.absolute().parent.glob("*.csv")):
        if is_label_table(PurePosixPath(path.name)):
            words = labels_in(Entry(PurePosixPath(path.name), path.read_bytes))
            if words:
                return words
    folders = {stem: word_of(entry.path.parent.name) for stem, entry in by_stem.items()}
    if len(set(folders.values())) > 1 and None not in folders.values():
        return {from_stem(stem): word for stem, word in folders.items() if word is not None}
    raise DatabaseError(
        f"{files.root}: flow images without labels. Put a table beside them, lines "
        "database,subject,clip,label such as MEGC2019's combined_3class_gt.csv, or the tree "
        f"<subject>/{TEST}/<0|1|2>/ of the same files, or the files in folders named by their labels"
    )


def _tree_beside(root: Path) -> list[InTree]:
    """The test pictures of a tree in a sibling folder; their names say the labels, they are not read."""
    for folder in sorted(path for path in root.absolute().parent.iterdir() if path.is_dir()):
        tests = [path for path in folder.glob(f"*/{TEST}/*/*") if path.is_file()]
        if tests and folder != root.absolute():
            entries = [Entry(PurePosixPath(path.relative_to(folder).as_posix()), bytes) for path in tests]
            return in_tree(entries)
    return []


def from_npz(packed: Entry) -> Gathered:
    """Arrays x (n, height, width, 3) uint8 RGB, y, subject, database, clip.

    Raises
    ------
    DatabaseError
        For arrays that are missing or do not fit.
    """
    try:
        with np.load(io.BytesIO(packed.read()), allow_pickle=False) as archive:
            keys = sorted(archive)
            held: dict[str, Any] = {key: archive[key] for key in _PACKED if key in archive}
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise DatabaseError(f"{packed.path}: not a readable npz file ({error})") from error
    lacking = [key for key in _PACKED if key not in held]
    if lacking:
        raise DatabaseError(
            f"{packed.path}: it lacks {', '.join(lacking)}; it must hold {', '.join(_PACKED)} and "
            f"holds {shown(', '.join(keys))}"
        )
    x = held["x"]
    if x.ndim != 4 or x.shape[3] != 3 or x.dtype != np.uint8:
        raise DatabaseError(
            f"{packed.path}: x is {x.dtype} {x.shape}, it must be uint8 (n, height, width, 3)"
        )
    if any(held[key].shape != (len(x),) for key in _PACKED[1:]):
        raise DatabaseError(f"{packed.path}: {', '.join(_PACKED[1:])} must each have {len(x)} entries")
    made = Gathered("an npz file")
    for i in range(len(x)):
        row = {key: str(held[key][i]) for key in _PACKED[1:]}
        word = word_of(row["y"])
        if word is None:
            raise DatabaseError(f"{packed.path}, y[{i}]: {shown(row['y'])} is no label; {LABELS}")
        try:
            database = row["database"] or database_of(row["subject"])
            name = from_columns(database, row["subject"], row["clip"])
        except Refused as refused:
            raise DatabaseError(f"{packed.path}, entry {i}: {refused}") from refused
        _add(made, name, word, x[i], Entry(packed.path / f"x[{i}]", bytes))
    return made


def _named(entry: Entry) -> Name:
    try:
        return from_stem(entry.path.stem)
    except Refused as refused:
        raise Refused(f"{entry.path}: {refused}") from refused


def _word(item: InTree) -> str:
    word = word_of(item.label)
    if word is None:
        reason = f"{item.entry.path}: the folder {shown(item.label)} is no label; {LABELS}"
        raise DatabaseError(reason) if item.label.isdecimal() else Refused(reason)
    return word


def _add(made: Gathered, name: Name, word: str, image: UInt8, entry: Entry) -> None:
    if name in made.images:
        same = np.array_equal(made.images[name], image) and made.words[name] == word
        if not same:
            raise DatabaseError(
                f"{entry.path}: {name.full} is there twice, with other pixels or another label"
            )
        made.findings.append(f"{entry.path}: {name.full} is there twice")
        return
    made.images[name], made.words[name] = image, word


def _image(entry: Entry, seen: dict[str, UInt8]) -> UInt8:
    """The decoded picture; equal bytes are decoded once."""
    data = entry.read()
    key = hashlib.sha256(data).hexdigest()
    if key not in seen:
        seen[key] = decoded_bytes(data, entry.path)
    return seen[key]
