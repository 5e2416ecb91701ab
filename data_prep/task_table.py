"""The tasks that the field reports on; packages add theirs through entry points.

Counts are those of the official annotation tables and of MEGC2019's list of labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from basis.registry import Registry
from data_prep.clips import CLASSES, Clip
from data_prep.databases.emotions import CLASS_OF
from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.databases.tables import read_table
from data_prep.tasks import (
    OBJECTIVE,
    UNION,
    NotInTask,
    Task,
    TaskError,
    by_objective,
    by_table,
    by_word,
    except_for,
)

_SYNONYMS = {"other": "others", "happy": "happiness", "sad": "sadness"}
_OF_FOLDERS = {"repression": "others"}
"""MMEW's folders say repression where its table says others."""
_VALENCE = {word: name for word, name in CLASS_OF.items() if name in UNION}


def _by_emotion(
    name: str, title: str, database: str, counts: Mapping[str, int], synonyms: Mapping[str, str] = _SYNONYMS
) -> Task:
    """Classes that are words of one database's annotation."""
    words = {word: word for word in counts} | {w: s for w, s in synonyms.items() if s in counts}
    return Task(
        name, title, tuple(counts), "uf1-uar", by_word(words), (database,), published={database: counts}
    )


def _by_valence(name: str, title: str, published: Mapping[str, Mapping[str, int]]) -> Task:
    """Negative, positive, surprise and, where they are counted, others."""
    classes = tuple(next(iter(published.values())))
    words = {word: value for word, value in CLASS_OF.items() if value in classes}
    return Task(name, title, classes, "uf1-uar", by_word(words), tuple(published), published=published)


def _valences(*counts: int) -> dict[str, int]:
    return dict(zip((*UNION, "others"), counts, strict=False))


_OF_VALENCE = by_word({**_VALENCE, "repression": "negative"})


def _megc2019(clip: Clip) -> str:
    if clip.database == "casme2" and clip.emotion.strip().lower() in ("sadness", "fear"):
        raise NotInTask(f"{clip.emotion!r} of CASME II is not in the list of MEGC2019")
    return _OF_VALENCE(clip)


_MEGC2019_LACKS = {
    "casme2/04/EP12_01f": "the list of MEGC2019 lacks it; its table gives no apex",
    "casme2/05/EP09_05f": "the list of MEGC2019 lacks it; its apex is its onset",
}

TLCNN4 = Task("tlcnn4", "the TLCNN paper's four classes", CLASSES, "accuracy", by_word(CLASS_OF))
THREE = Task("three", "three classes", UNION, "uf1-uar", by_word(_VALENCE))
MEGC2019 = Task(
    "megc2019",
    "MEGC2019",
    UNION,
    "uf1-uar",
    except_for(_MEGC2019_LACKS, _megc2019),
    ("smic", "casme2", "samm"),
    whole=True,
    published={
        "smic": _valences(70, 51, 43),
        "casme2": _valences(88, 32, 25),
        "samm": _valences(92, 26, 15),
    },
)
MEGC2018 = Task(
    "megc2018",
    "MEGC2018",
    OBJECTIVE[:5],
    "uf1-uar",
    by_objective(OBJECTIVE[:5]),
    ("casme2", "samm"),
    whole=True,
    published={
        "casme2": dict(zip(OBJECTIVE, (25, 15, 99, 26, 20), strict=False)),
        "samm": dict(zip(OBJECTIVE, (24, 13, 20, 8, 3), strict=False)),
    },
)
CASME2_5 = _by_emotion(
    "casme2-5",
    "CASME II, five classes",
    "casme2",
    {"happiness": 32, "disgust": 63, "repression": 27, "surprise": 25, "others": 99},
)
SAMM_5 = _by_emotion(
    "samm-5",
    "SAMM, five classes",
    "samm",
    {"anger": 57, "contempt": 12, "happiness": 26, "surprise": 15, "others": 26},
)
CASME3_3 = _by_valence("casme3-3", "CAS(ME)^3, three classes", {"casme3": _valences(457, 55, 187)})
CASME3_4 = _by_valence("casme3-4", "CAS(ME)^3, four classes", {"casme3": _valences(457, 55, 187, 161)})
CASME3_7 = _by_emotion(
    "casme3-7",
    "CAS(ME)^3, seven classes",
    "casme3",
    {
        **{"disgust": 250, "surprise": 187, "others": 161, "fear": 86},
        **{"anger": 64, "sadness": 57, "happiness": 55},
    },
)
_MMEW = {"happiness": 36, "surprise": 89, "disgust": 72, "anger": 8, "fear": 16, "sadness": 13}
MMEW_3 = _by_valence("mmew-3", "MMEW, three classes", {"mmew": _valences(109, 36, 89)})
MMEW_4 = _by_valence("mmew-4", "MMEW, four classes", {"mmew": _valences(109, 36, 89, 66)})
MMEW_6 = _by_emotion("mmew-6", "MMEW, six classes", "mmew", _MMEW)
MMEW_7 = _by_emotion(
    "mmew-7", "MMEW, seven classes", "mmew", {**_MMEW, "others": 66}, {**_SYNONYMS, **_OF_FOLDERS}
)
_DFME = ("disgust", "surprise", "sadness", "fear", "happiness", "anger", "contempt")
_DFME_COUNTS = {
    "dfme": (548, 298, 278, 265, 206, 161, 100),
    "dfme-test-a": (129, 101, 46, 62, 63, 39, 34),
    "dfme-test-b": (58, 48, 35, 38, 42, 41, 37),
}
DFME_3 = _by_valence(
    "dfme-3",
    "DFME, three classes",
    {
        "dfme": _valences(1352, 206, 298),
        "dfme-test-a": _valences(310, 63, 101),
        "dfme-test-b": _valences(209, 42, 48),
    },
)
DFME_7 = Task(
    "dfme-7",
    "DFME, seven classes",
    _DFME,
    "uf1-uar",
    by_word({word: word for word in _DFME}),
    tuple(_DFME_COUNTS),
    published={name: dict(zip(_DFME, counts, strict=True)) for name, counts in _DFME_COUNTS.items()},
)

TASKS = Registry(
    "task",
    {
        task.name: f"{__name__}:{task.name.upper().replace('-', '_')}"
        for task in (
            *(TLCNN4, THREE, MEGC2019, MEGC2018, CASME2_5, SAMM_5, CASME3_3, CASME3_4, CASME3_7),
            *(MMEW_3, MMEW_4, MMEW_6, MMEW_7, DFME_3, DFME_7),
        )
    },
    group="tlcnn_bench.tasks",
    error=TaskError,
)
"""Name to "module:attribute" of a `Task`."""


def task_named(name: str) -> Task:
    """The task of this name.

    Raises
    ------
    TaskError
        With the near names, or if a package's entry is no Task.
    """
    task = TASKS.load(name)
    if not isinstance(task, Task):
        raise TaskError(
            f"task {name!r}, {TASKS[name]} of {TASKS.origin(name)}, is not a data_prep.tasks.Task"
        )
    return task


def task_from_csv(path: Path) -> Task:
    """A task of one's own from a CSV with the columns emotion, class or clip, class.

    The classes are in the order of their first line.

    Raises
    ------
    TaskError
        For a file that cannot be read, a line without a class and a word or clip that stands twice.
    """
    words: dict[str, str] = {}
    clips: dict[str, str] = {}
    columns = {name: (name,) for name in ("emotion", "clip", "class")}
    try:
        for row in read_table(path, columns, required=("class",)).rows:
            table, key = (clips, row.get("clip")) if row.get("clip") else (words, row.get("emotion").lower())
            if not key:
                raise TaskError(f"{row}: neither an emotion nor a clip stands beside the class")
            if key in table:
                raise TaskError(f"{row}: {shown(key)} has a class already: {table[key]}")
            table[key] = row.text("class")
    except (DatabaseError, Refused) as error:
        raise TaskError(str(error)) from error
    return by_table(path.stem, words, clips)
