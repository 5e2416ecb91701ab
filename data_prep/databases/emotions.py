"""From the words of the annotations to the four classes of clips and the nine of photographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from basis.packed import Packed
from data_prep.clips import CLASSES, EXPRESSIONS, Clip, Database, SetAside
from data_prep.databases.errors import DatabaseError, Refused, one_line, shown
from data_prep.tasks import NotInTask, Task, by_word

CLASS_OF: Mapping[str, str] = {
    "happiness": "positive",
    "happy": "positive",
    "positive": "positive",
    "disgust": "negative",
    "sadness": "negative",
    "sad": "negative",
    "fear": "negative",
    "afraid": "negative",
    "anger": "negative",
    "angry": "negative",
    "contempt": "negative",
    "pain": "negative",
    "helpless": "negative",
    "negative": "negative",
    "surprise": "surprise",
    "repression": "others",
    "tense": "others",
    "others": "others",
    "other": "others",
}
"""The paper's four classes. Contempt, which the paper does not place, is counted as negative."""

EXPRESSION_OF: Mapping[str, str] = {
    **{name: name for name in EXPRESSIONS},
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "ashamed": "shame",
    "contemptuous": "contempt",
}
"""Words of the photograph databases to the nine expressions."""


def paper_task(mapping: Mapping[str, str] | None = None) -> Task:
    """The paper's four classes; a mapping, emotion word -> class name, is asked first.

    Raises
    ------
    DatabaseError
        For a mapping to a class that is not there.
    """
    for word, name in (mapping or {}).items():
        if name not in CLASSES:
            given = f"mapping {shown(word)} -> {shown(name)}"
            raise DatabaseError(f"{given}: classes are {', '.join(CLASSES)}")
    own = {word.strip().lower(): name for word, name in (mapping or {}).items()}
    words = {**CLASS_OF, **own}
    title = "the TLCNN paper's four classes"
    return Task("tlcnn4", title, CLASSES, "accuracy", by_word(words), words=tuple(words))


def with_known_words(database: Database, task: Task) -> Database:
    """The database without clips of an emotion word that nobody knows: a mistyped one is not "in no class".

    A word is known if the task places it or the paper does; clips without a word, or with several, are the
    task's business.
    """
    known = dict.fromkeys([*CLASS_OF, *task.words])
    kept: Packed[Clip] = Packed()
    aside: list[SetAside] = []
    for clip in database.clips:
        if not clip.emotion or clip.marks or clip.emotion.strip().lower() in known or _placed(clip, task):
            kept.append(clip)
        else:
            reason = f"{clip.row}: unknown emotion {shown(clip.emotion)}; known are {', '.join(known)}"
            aside.append(SetAside(clip.database, clip.name, "load", one_line(reason)))
    return replace(database, clips=kept, set_aside=(*database.set_aside, *aside))


def _placed(clip: Clip, task: Task) -> bool:
    try:
        task.label(clip)
    except NotInTask:
        return False
    return True


def expression_of(word: str, where: object) -> int:
    """The index in EXPRESSIONS of an emotion word, case ignored.

    Raises
    ------
    Refused
        For an unknown word.
    """
    name = EXPRESSION_OF.get(word.strip().lower())
    if name is None:
        raise Refused(f"{where}: unknown emotion {shown(word)}; known are {', '.join(EXPRESSION_OF)}")
    return EXPRESSIONS.index(name)
