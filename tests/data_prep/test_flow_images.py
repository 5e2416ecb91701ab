"""Sets of flow images in every form in which they are traded."""

from __future__ import annotations

import json
import zipfile

import cv2
import numpy as np
import pytest

from data_prep.databases import DatabaseError, load
from data_prep.flow_images import plan_flow_images, prepared_flow_images, report
from data_prep.flow_images.names import from_stem, person_of
from data_prep.plan import Place
from data_prep.task_table import task_named
from data_prep.tasks import UNION, TaskError, by_table

STEMS = {
    "sub01_EP02_01f": 1,
    "sub17_EP05_09": 0,
    "s02_s02_po_01": 1,
    "s09_s09_sur_02": 2,
    "006_006_1_2": 0,
    "006_006_1_3": 2,
}
LINES = (
    *("casme2,sub01,EP02_01f,1", "casme2,sub17,EP05_09,0", "smic,s02,s02_po_01,1", ""),
    *("smic,s09,s09_sur_02,2", "samm,6,006_1_2,0", "samm,6,006_1_3,2"),
)


def picture(stem, *, size=28):
    """u and v about the middle, strain dark."""
    random = np.random.default_rng(sum(stem.encode()))
    channels = random.integers(0, 256, (size, size, 3))
    channels[..., 2] //= 4
    return channels.astype(np.uint8)


def save(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", rgb[..., ::-1])
    assert done
    path.write_bytes(data.tobytes())


@pytest.fixture
def flat(tmp_path):
    root = tmp_path / "flat"
    for stem in STEMS:
        save(root / f"{stem} .png", picture(stem))
    (root / "combined_3class_gt.csv").write_text("\n".join(LINES) + "\n")
    return root


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for person in {stem.partition("_")[0] for stem in STEMS}:
        for stem, label in STEMS.items():
            part = "u_test" if stem.startswith(f"{person}_") else "u_train"
            save(root / person / part / str(label) / f"{stem} .png", picture(stem))
    return root


def found(database):
    return {clip.name: clip.emotion for clip in database.clips}


EXPECTED = {
    "casme2/01/EP02_01f": "positive",
    "casme2/17/EP05_09": "negative",
    "smic/s02/s02_po_01": "positive",
    "smic/s09/s09_sur_02": "surprise",
    "samm/006/006_1_2": "negative",
    "samm/006/006_1_3": "surprise",
}


def packed(path, stems=STEMS, **changes):
    names = [from_stem(stem) for stem in stems]
    body = {
        "x": np.stack([picture(stem) for stem in stems]),
        "y": np.array(list(stems.values())),
        "subject": np.array([name.person for name in names]),
        "database": np.array([name.database for name in names]),
        "clip": np.array([name.clip for name in names]),
    }
    np.savez(path, **{**body, **changes})
    return path


def test_a_folder_a_tree_an_archive_and_an_npz_give_the_same_clips(flat, tree, tmp_path):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for path in flat.rglob("*"):
            made.write(path, f"inner/{path.name}")
        made.writestr("__MACOSX/inner/._x.png", b"junk")
    sets = [load("flow-images", where) for where in (flat, tree, archive, packed(tmp_path / "set.npz"))]
    assert all(found(database) == EXPECTED for database in sets)
    assert len({database.sha256 for database in sets}) == 1
    assert not any(database.warnings or database.set_aside for database in sets)
    for name, image in sets[0].images.items():
        person, _, clip = name.removeprefix(name.split("/")[0] + "/").partition("/")
        assert np.array_equal(image, picture(f"{person_of(name.rsplit('/', 1)[0])}_{clip}")), person


def test_labels_come_from_a_tree_beside_the_folder(flat, tree):
    (flat / "combined_3class_gt.csv").unlink()
    assert found(load("flow-images", flat)) == EXPECTED


def test_a_header_and_words_in_the_table_are_read(flat):
    words = ("negative", "positive", "Surprise")
    lines = [line[:-1] + words[int(line[-1])] for line in LINES if line]
    (flat / "combined_3class_gt.csv").write_text("data,subject,clip,label\n" + "\n".join(lines))
    assert found(load("flow-images", flat)) == EXPECTED


def test_without_labels_the_error_names_both_ways(flat):
    (flat / "combined_3class_gt.csv").unlink()
    with pytest.raises(DatabaseError, match=r"subject,clip.*u_test"):
        load("flow-images", flat)


def test_reversed_channels_are_refused_with_the_remedy(flat):
    for stem in STEMS:
        save(flat / f"{stem} .png", picture(stem)[..., ::-1])
    with pytest.raises(DatabaseError, match=r"strain, v, u.*u as red"):
        load("flow-images", flat)


def test_four_pictures_a_clip_are_told_from_clips_that_end_in_a_number(flat):
    assert len(load("flow-images", flat).clips) == len(STEMS)  # 006_1_2 and 006_1_3 are clips
    for stem in STEMS:
        for k in (1, 2, 3):
            save(flat / f"{stem}_{k} .png", picture(f"{stem}{k}"))
    four = load("flow-images", flat)
    assert found(four) == EXPECTED and four.further == 3 * len(STEMS) and "four" in four.form


def test_copies_that_disagree_are_named(tree):
    save(tree / "s02" / "u_train" / "0" / "sub01_EP02_01f .png", picture("sub01_EP02_01f"))
    save(tree / "s09" / "u_train" / "0" / "006_006_1_2 .png", picture("another"))
    save(tree / "s09" / "u_train" / "2" / "s09_s09_sur_02 .png", picture("s09_s09_sur_02"))
    save(tree / "s09" / "u_train" / "2" / "s09_s09_sur_03 .png", picture("s09_s09_sur_03"))
    database = load("flow-images", tree)
    assert found(database) == EXPECTED
    words = "\n".join(database.warnings)
    assert "positive where it is tested" in words and "other pixels" in words
    assert "own subject among its training" in words and len(database.warnings) == 4
    assert [each.clip for each in database.set_aside] == ["smic/s09/s09_sur_03"]


def test_two_pictures_of_one_clip_are_no_set(flat):
    save(flat / "more" / "006_006_1_2.png", picture("006_006_1_2"))
    assert "same clip" in load("flow-images", flat).warnings[0]
    save(flat / "more" / "006_006_1_2.png", picture("x"))
    with pytest.raises(DatabaseError, match="two different pictures"):
        load("flow-images", flat)


def test_twins_and_clips_without_a_label_are_named(flat):
    save(flat / "sub01_EP02_01f .png", picture("006_006_1_2"))
    save(flat / "s99_s99_po_01 .png", picture("s99"))
    database = load("flow-images", flat)
    assert any("same pixels" in line for line in database.warnings)
    assert [each.clip for each in database.set_aside] == ["smic/s99/s99_po_01"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: save(root / "s01_s01_ne_01 .png", picture("a", size=30)), "several sizes"),
        (lambda root: (root / "006_006_1_2 .png").write_bytes(b"\x89PNG"), "006_006_1_2"),
        (
            lambda root: (root / "combined_3class_gt.csv").write_text("smic,s02,s02_po_01,1\nsmic,s9\n"),
            "line 2",
        ),
        (lambda root: (root / "combined_3class_gt.csv").write_text("smic,s02,a,1\nsmic,s02,a,0\n"), "line 2"),
    ],
)
def test_what_is_wrong_is_named(flat, spoil, message):
    (flat / "combined_3class_gt.csv").write_text("\n".join([*LINES, "smic,s01,s01_ne_01,0"]))
    spoil(flat)
    with pytest.raises(DatabaseError, match=message):
        load("flow-images", flat)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros((6, 28, 28), np.uint8)}, "uint8"),
        ({"y": np.array([0, 1, 2, 3, 0, 1])}, r"y\[3\]"),
        ({"clip": np.array(["a"])}, "6 entries"),
    ],
)
def test_a_wrong_npz_says_what_it_must_hold(tmp_path, changes, message):
    with pytest.raises(DatabaseError, match=message):
        load("flow-images", packed(tmp_path / "set.npz", **changes))


def test_what_is_no_set_says_which_forms_there_are(tmp_path):
    with pytest.raises(DatabaseError, match=r"<clip>\.png.*u_test.*npz"):
        load("flow-images", tmp_path)
    (tmp_path / "broken.zip").write_bytes(b"PK")
    with pytest.raises(DatabaseError, match="zip"):
        load("flow-images", tmp_path / "broken.zip")


def test_the_report_counts_beside_the_published_numbers(flat):
    found_ = report(flat)
    text = str(found_)
    assert "6 clips of 5 people, 28x28 pixels" in text and "known set: no" in text
    assert "70/51/43" in text and found_.faults == 0


def test_prepared_pictures_are_what_lay_on_disk(flat, tmp_path):
    database = load("flow-images", flat, task=task_named("megc2019"))
    plan = plan_flow_images(database, classes=UNION)
    clips = prepared_flow_images(plan, Place(tmp_path / "cache"))
    again = prepared_flow_images(plan, Place(tmp_path / "cache"))
    assert clips.holds == again.holds == "flow" and clips.shape == (1, 28, 28) and clips.classes == UNION
    assert np.array_equal(clips.labels, again.labels)
    for i, name in enumerate(clips.names):
        assert np.array_equal(clips[i][0], database.images[name]) and np.array_equal(clips[i], again[i])
        assert UNION[clips.labels[i]] == EXPECTED[name]


# ---------------------------------------------------------------- sets as a stranger may bring them


def test_a_zip_archive_inside_the_folder_and_folders_named_by_labels(flat, tmp_path):
    inside = tmp_path / "downloaded" / "set.zip"
    inside.parent.mkdir()
    with zipfile.ZipFile(inside, "w") as made:
        for path in flat.rglob("*"):
            made.write(path, path.name)
    assert found(load("flow-images", inside.parent)) == EXPECTED
    by_label = tmp_path / "by label"
    for stem, label in STEMS.items():
        save(by_label / "nested" / UNION[label] / f"{stem}.png", picture(stem))
    assert found(load("flow-images", by_label)) == EXPECTED


def test_four_pictures_a_clip_in_a_tree_and_a_clip_that_lacks_one(tree, flat):
    for path in list(tree.rglob("*.png")):
        for k in (1, 2, 3):
            stem = path.stem.rstrip()
            save(path.with_name(f"{stem}_{k} .png"), picture(f"{stem}{k}"))
    four = load("flow-images", tree)
    assert found(four) == EXPECTED and four.further == 3 * len(STEMS) and not four.warnings
    more = [f"s{i:02d}_s{i:02d}_po_01" for i in range(20, 50)]
    lines = [*LINES, *(f"smic,{stem[:3]},{stem[4:]},1" for stem in more)]
    (flat / "combined_3class_gt.csv").write_text("\n".join(lines))
    for stem in (*STEMS, *more):
        for end in ("", "_1", "_2", "_3"):
            save(flat / f"{stem}{end} .png", picture(stem + end))
    (flat / "s20_s20_po_01_2 .png").unlink()
    lacking = load("flow-images", flat)
    assert len(lacking.clips) == 35 and len(lacking.set_aside) == 3
    assert {each.reason for each in lacking.set_aside} == {
        "one of the four pictures of its clip is not there"
    }


@pytest.mark.parametrize("first", [1, 3])
def test_labels_that_count_from_one_are_refused(flat, tree, tmp_path, first):
    lines = [f"{line[:-1]}{int(line[-1]) + 1}" for line in LINES if line]
    lines.sort(key=lambda line: int(line[-1]) != first)
    (flat / "combined_3class_gt.csv").write_text("\n".join(lines))
    with pytest.raises(DatabaseError, match="count from 0"):
        load("flow-images", flat)
    for folder in sorted(tree.glob("*/u_*/*"), reverse=True):
        folder.rename(folder.with_name(str(int(folder.name) + 1)))
    with pytest.raises(DatabaseError, match="count from 0"):
        load("flow-images", tree)
    with pytest.raises(DatabaseError, match=r"y\[3\]"):
        load("flow-images", packed(tmp_path / "set.npz", y=np.array(list(STEMS.values())) + 1))


def test_labels_without_the_first_one_are_doubted(flat):
    for stem, label in STEMS.items():
        if label == 0:
            (flat / f"{stem} .png").unlink()
    assert any("counted from 1" in line for line in load("flow-images", flat).warnings)


def test_people_of_one_number_in_several_databases_stay_apart(tmp_path):
    more = {"subject": np.array([1, 6, 6, 6, 6, 2]), "y": np.array([1.0, 0.0, 1.0, 2.0, 0.0, 2.0])}
    more["database"] = np.array(["CASME II", "casme2", "smic", "SMIC-HS", "samm", "samm"])
    database = load("flow-images", packed(tmp_path / "set.npz", **more))
    people = {clip.subject for clip in database.clips}
    assert people == {"casme2/01", "casme2/06", "smic/s06", "samm/006", "samm/002"}
    assert {clip.database for clip in database.clips} == {"casme2", "smic", "samm"}
    with pytest.raises(DatabaseError, match=r"lacks subject.*holds .*person"):
        body = dict(np.load(packed(tmp_path / "set.npz")))
        body["person"] = body.pop("subject")
        np.savez(tmp_path / "other.npz", **body)
        load("flow-images", tmp_path / "other.npz")


def test_strain_in_the_middle_is_refused_and_grey_pictures_are_named(flat):
    for stem in STEMS:
        save(flat / f"{stem} .png", picture(stem)[..., [0, 2, 1]])
    with pytest.raises(DatabaseError, match="the second of 100%"):
        load("flow-images", flat)
    cv2.imwrite(str(flat / "006_006_1_2 .png"), picture("x")[..., 0])
    with pytest.raises(DatabaseError, match=r"006_006_1_2 \.png.*three channels"):
        load("flow-images", flat)


def test_an_opaque_fourth_channel_is_dropped(flat):
    stem = "006_006_1_2"
    bgra = np.dstack([picture(stem)[..., ::-1], np.full((28, 28), 255, np.uint8)])
    cv2.imwrite(str(flat / f"{stem} .png"), bgra)
    assert np.array_equal(load("flow-images", flat).images["samm/006/006_1_2"], picture(stem))


def test_a_table_with_words_of_another_task_and_with_objective_classes(flat):
    lines = ["data;subject;clip;label", *(line.replace(",", ";") for line in LINES if line)]
    words = ("bored", "keen", "V")
    lines[1:] = [line[:-1] + words[int(line[-1])] for line in lines[1:]]
    (flat / "combined_3class_gt.csv").write_text("\n".join(lines))
    database = load("flow-images", flat, task=by_table("own", {"bored": "dull", "keen": "alive"}, {}))
    assert [("dull", "alive")[clip.label] for clip in database.clips] == ["dull", "alive", "alive", "dull"]
    assert {each.clip for each in database.set_aside} == {"smic/s09/s09_sur_02", "samm/006/006_1_3"}
    with pytest.raises(TaskError, match="smic"):
        load("flow-images", flat, task=task_named("megc2018"))
    (flat / "combined_3class_gt.csv").write_text(
        "\n".join([lines[0], "samm;6;006_1_2;II", "samm;6;006_1_3;V"])
    )
    (two, five) = load("flow-images", flat, task=task_named("megc2018")).clips
    assert (two.label, five.label) == (1, 4)


def test_simulated_pictures_say_so_in_a_folder_an_archive_and_an_archive_in_a_folder(flat, tmp_path):
    assert not load("flow-images", flat).simulated
    note = {"simulated": True, "recipe": {"normalise": "minmax"}}
    (flat / "flow.json").write_text(json.dumps(note))
    inside = tmp_path / "downloaded" / "set.zip"
    inside.parent.mkdir()
    with zipfile.ZipFile(inside, "w") as made:
        for path in flat.rglob("*"):
            made.write(path, f"pictures/{path.name}")
    assert all(load("flow-images", where).simulated for where in (flat, inside, inside.parent))
