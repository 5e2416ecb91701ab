"""What the cache keeps: damage is noticed, nothing is decoded twice, a replaced file is seen."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from basis.canonical import canonical, digest_of
from data_prep import prepare
from data_prep.cache import CacheDamaged, CacheError, CacheMissing
from data_prep.clips import Database, prepared_set

SIZE = (48, 40)


def test_open_prepared_checks_what_it_opens(world) -> None:
    plan = world.plan(world.database(2))
    clips = world.prepared(plan)
    assert prepared_set(clips).folder is not None
    assert prepare.open_prepared(prepared_set(clips).folder, expected=clips.digest).names == clips.names
    with pytest.raises(CacheDamaged, match="is expected"):
        prepare.open_prepared(prepared_set(clips).folder, expected="0" * 64)
    with pytest.raises(CacheMissing):
        prepare.open_prepared(world.cache / "nowhere", expected=clips.digest)


def flip(path: Path, position: int) -> None:
    with path.open("r+b") as file:
        file.seek(position, os.SEEK_END if position < 0 else os.SEEK_SET)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def landmark_in(folder: Path) -> int:
    return (folder / "meta.json").read_bytes().index(b'"landmarks":"') + 40


Damage = Callable[[Path], None]
DAMAGES: dict[str, Damage] = {
    "flipped byte": lambda folder: flip(folder / "frames.npy", -1000),
    "flipped header": lambda folder: flip(folder / "frames.npy", 20),
    "cut short": lambda folder: os.truncate(folder / "frames.npy", 5000),
    "empty": lambda folder: os.truncate(folder / "frames.npy", 0),
    "no frames": lambda folder: (folder / "frames.npy").unlink(),
    "flipped landmark": lambda folder: flip(folder / "meta.json", landmark_in(folder)),
    "meta cut short": lambda folder: os.truncate(folder / "meta.json", 100),
    "other shape": lambda folder: np.save(folder / "frames.npy", np.zeros((1, 2, 3, 4, 3), np.uint8)),
    "other type": lambda folder: np.save(folder / "frames.npy", np.zeros((2, 6, *SIZE, 3), np.int16)),
    "pickled": lambda folder: np.save(folder / "frames.npy", np.array([None]), allow_pickle=True),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_set_is_refused_and_rebuilt_with_a_warning(world, damage: str) -> None:
    plan = world.plan(world.database(2))
    clips = world.prepared(plan)
    folder, frames, digest = prepared_set(clips).folder, prepared_set(clips).frames.copy(), clips.digest
    assert folder is not None
    (folder / "features").mkdir()
    (folder / "features" / "old.npy").write_bytes(b"computed from who knows what")
    del clips
    DAMAGES[damage](folder)
    with pytest.raises(CacheError):
        prepare.open_prepared(folder, expected=digest)
    world.lines.clear()
    again = world.prepared(plan)
    np.testing.assert_array_equal(prepared_set(again).frames, frames)
    assert any(line.startswith("warning: ") and "built again" in line for line in world.lines)
    assert not (folder / "features").exists()


def test_trust_skips_the_hash_only(world) -> None:
    plan = world.plan(world.database(2))
    clips = world.prepared(plan)
    assert prepared_set(clips).folder is not None
    flip(prepared_set(clips).folder / "frames.npy", -1)
    trusted = prepare.open_prepared(prepared_set(clips).folder, expected=clips.digest, trust=True)
    assert prepared_set(trusted).frames.shape == prepared_set(clips).frames.shape
    with pytest.raises(CacheDamaged):
        prepare.open_prepared(prepared_set(clips).folder, expected=clips.digest)
    os.truncate(prepared_set(clips).folder / "frames.npy", 4000)
    with pytest.raises(CacheDamaged):
        prepare.open_prepared(prepared_set(clips).folder, expected=clips.digest, trust=True)


def test_a_set_of_other_data_is_not_used(world) -> None:
    plan = world.plan(world.database(2))
    own, other = world.prepared(plan), world.prepared(plan, 3)
    assert prepared_set(own).folder is not None
    assert prepared_set(other).folder is not None
    expected = prepared_set(own).frames.copy()
    shutil.rmtree(prepared_set(own).folder)
    shutil.copytree(prepared_set(other).folder, prepared_set(own).folder)
    again = world.prepared(plan)
    np.testing.assert_array_equal(prepared_set(again).frames, expected)
    assert any("is expected" in line for line in world.lines)


def named(database: Database, name: str, clips: slice) -> Database:
    """Some of its clips as another database."""
    chosen = tuple(type(clip)(**{**clip.__dict__, "database": name}) for clip in database.clips[clips])
    return Database(name, database.root, chosen)


def by_name(clips):
    """Clip name -> its prepared frames."""
    return {name: clips[i].copy() for i, name in enumerate(clips.names)}


def test_adding_a_database_decodes_the_others_not_again(world, decoded):
    database = world.database(4)
    one, other = named(database, "one", slice(0, 3)), named(database, "other", slice(3, 4))
    wanted = [(6, SIZE), (4, SIZE)]

    def both_sets(databases):
        plan = prepare.plan_data(databases, world.place, landmarks="file", wanted=wanted)
        return [by_name(world.prepared(plan, tim)) for tim, _ in wanted]

    alone = both_sets([one])
    assert len(decoded) == 3
    decoded.clear()
    together = both_sets([one, other])
    assert decoded == [other.clips[0].frames.paths[0]]
    for before, after in zip(alone, together, strict=True):
        assert len(after) == 4
        assert all(np.array_equal(after[name], frames) for name, frames in before.items())
    decoded.clear()
    for before, after in zip(together, both_sets([named(database, "one", slice(0, 2)), other]), strict=True):
        assert len(after) == 3
        assert all(np.array_equal(before[name], frames) for name, frames in after.items())
    assert decoded == []


def test_clips_of_a_damaged_set_are_not_taken_over(world, decoded):
    clips = world.prepared(world.plan(world.database(2)))
    expected = by_name(clips)
    flip(prepared_set(clips).folder / "frames.npy", -1000)
    decoded.clear()
    more = by_name(world.prepared(world.plan(world.database(3))))
    assert all(np.array_equal(more[name], frames) for name, frames in expected.items())
    assert len(decoded) == 1 + 3, "one examined, and all of them prepared from their files"


def test_a_file_replaced_by_one_of_equal_length_and_time_is_noticed(world):
    """Two frames swapped by renaming, both of one time stamp, as an archive gives them."""
    clip = world.write_clip(0)
    database = Database("toy", str(world.root), (clip,))
    first, second = (Path(path) for path in clip.frames.paths[:2])
    for path in (first, second):
        path.write_bytes(path.read_bytes().ljust(40_000, b"\0"))
        os.utime(path, ns=(10**18, 10**18))
    before = world.plan(database)
    first.rename(first.with_suffix(".tmp"))
    second.rename(first)
    first.with_suffix(".tmp").rename(second)
    assert first.stat().st_mtime_ns == second.stat().st_mtime_ns == 10**18
    after = world.plan(database)
    assert before.contents != after.contents
    first.write_bytes(first.read_bytes()[:-1] + b"\1")
    os.utime(first, ns=(10**18, 10**18))
    assert world.plan(database).contents != after.contents


def test_a_set_whose_landmarks_are_lists_is_read_as_it_is(world) -> None:
    """Sets of the schema before, so that nobody's clips are decoded again for a shorter file."""
    clips = world.prepared(world.plan(world.database(2)))
    path = prepared_set(clips).folder / "meta.json"
    body = json.loads(path.read_text())
    del body["sha256"]
    body |= {"schema": 1, "landmarks": clips.landmarks.tolist()}
    path.write_bytes(canonical({**body, "sha256": digest_of(body)}))
    again = prepare.open_prepared(path.parent, expected=clips.digest)
    np.testing.assert_array_equal(again.landmarks, clips.landmarks)
    np.testing.assert_array_equal(again[1], clips[1])
