"""Expression photographs: KDEF and RaFD by their file names, TFEID and MMI through a CSV."""

from __future__ import annotations

import pytest

from data_prep.clips import EXPRESSIONS
from data_prep.databases import DatabaseError, load_stills


def reasons(database):
    return {item.clip: item.reason for item in database.set_aside}


def test_kdef_subject_is_sex_and_number_without_the_session(disk):
    for name in ("AF01AFS.JPG", "BF01ANS.JPG", "AM01DIS.jpg", "BM35SUS.PNG"):
        disk.picture(f"KDEF/{name[:4]}/{name}")
    stills = load_stills("kdef", disk.root).stills
    found = {still.name: (still.subject, still.emotion, EXPRESSIONS[still.label]) for still in stills}
    assert found == {
        "kdef/AF01AFS": ("kdef/F01", "afraid", "fear"),
        "kdef/BF01ANS": ("kdef/F01", "angry", "anger"),
        "kdef/AM01DIS": ("kdef/M01", "disgusted", "disgust"),
        "kdef/BM35SUS": ("kdef/M35", "surprised", "surprise"),
    }


def test_kdef_profiles_are_counted_and_irregular_names_reported(disk):
    for name in ("AF01AFS", "AF01AFHL", "AF01AFHR", "AF01AFFL", "AF01AFFR", "AF31V"):
        disk.picture(f"KDEF/{name[:4]}/{name}.JPG")
    database = load_stills("kdef", disk.root)
    assert len(database.stills) == 1
    found = reasons(database)
    assert found["kdef: 4 photographs"] == "not a straight view; only straight views are used"
    assert "'AF31V.JPG' is not a KDEF name" in found["kdef/'AF31V.JPG'"]


def test_rafd_names(disk):
    names = [
        "Rafd090_01_Caucasian_female_angry_frontal",
        "Rafd090_01_Caucasian_female_contemptuous_left",
        "Rafd090_67_Moroccan_male_fearful_right",
        "Rafd090_42_Kid_male_happy_frontal",
        "Rafd045_01_Caucasian_female_angry_frontal",
        "Rafd180_01_Caucasian_female_angry_frontal",
        "Rafd090_1_Caucasian_female_angry_frontal",
    ]
    for name in names:
        disk.picture(f"{name}.jpg")
    database = load_stills("rafd", disk.root)
    found = [(still.subject, EXPRESSIONS[still.label]) for still in database.stills]
    assert found == [
        ("rafd/01", "anger"),
        ("rafd/01", "contempt"),
        ("rafd/42", "happy"),
        ("rafd/67", "fear"),
    ]
    assert "rafd: 2 photographs" in reasons(database)
    assert len(database.set_aside) == 2


def test_landmark_file_beside_a_photograph(disk):
    disk.picture("AF01/AF01ANS.JPG")
    disk.picture("AF01/AF01NES.JPG")
    (disk / "AF01/AF01ANS.landmarks.json").write_text("{}")
    angry, neutral = load_stills("kdef", disk.root).stills
    assert angry.annotations == str(disk / "AF01/AF01ANS.landmarks.json")
    assert neutral.annotations is None


def test_the_same_name_in_two_folders_is_one_photograph(disk):
    disk.picture("one/AF01ANS.JPG")
    disk.picture("two/AF01ANS.JPG")
    database = load_stills("kdef", disk.root)
    assert len(database.stills) == 1
    assert "a second photograph of the name kdef/AF01ANS" in database.set_aside[0].reason


def test_no_photograph_is_an_error(disk):
    with pytest.raises(DatabaseError, match=r"no photographs.*AF01ANS\.JPG"):
        load_stills("kdef", disk.root)


@pytest.mark.parametrize("name", ["tfeid", "mmi"])
def test_mapping_csv(disk, name):
    disk.picture("faces/a1.jpg")
    disk.picture("faces/a2.png")
    rows = [
        ["path", "subject", "emotion"],
        ["faces/a1.jpg", "f01", "Happiness"],
        ["faces/a2.png", "f01", "shame"],
        ["faces/a3.png", "f01", "sad"],
        ["faces/a1.jpg", "f 02", "bored"],
        ["../a1.jpg", "f01", "sad"],
    ]
    disk.csv("mapping.csv", rows)
    database = load_stills(name, disk.root)
    found = [(still.name, still.subject, EXPRESSIONS[still.label]) for still in database.stills]
    assert found == [
        (f"{name}/faces/a1", f"{name}/f01", "happy"),
        (f"{name}/faces/a2", f"{name}/f01", "shame"),
    ]
    texts = [item.reason for item in database.set_aside]
    assert texts[0].startswith("mapping.csv, row 4, column path: 'faces/a3.png' does not exist below")
    assert texts[1].startswith("mapping.csv, row 5, column emotion: unknown emotion 'bored'")
    assert texts[2].startswith("mapping.csv, row 6, column path: '../a1.jpg' does not exist")
    elsewhere = disk.csv("lists/other.csv", rows[:2])
    assert len(load_stills(name, disk.root, mapping=elsewhere).stills) == 1


def test_mapping_is_asked_for_and_only_where_it_is_used(disk):
    with pytest.raises(DatabaseError, match=r"columns path, subject, emotion"):
        load_stills("mmi", disk.root)
    disk.picture("AF01/AF01ANS.JPG")
    with pytest.raises(DatabaseError, match="only tfeid and mmi take a mapping"):
        load_stills("kdef", disk.root, mapping=disk / "mapping.csv")
