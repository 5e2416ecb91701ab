"""From the words of the annotations to the four classes of clips and the nine of photographs."""

from __future__ import annotations

from collections.abc import Mapping

from data_prep.clips import CLASSES, EXPRESSIONS
from data_prep.databases.errors import DatabaseError, Refused, shown

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


def class_of(emotion: str, where: object, mapping: Mapping[str, str] | None = None) -> int:
    """The index in CLASSES of an emotion word, case ignored; raises Refused for an unknown word.

    `mapping` (word -> class name) is asked first.
    """
    word = emotion.strip().lower()
    own = {} if mapping is None else {key.strip().lower(): value for key, value in mapping.items()}
    name = own.get(word) or CLASS_OF.get(word)
    if name is None:
        raise Refused(f"{where}: unknown emotion {shown(emotion)}; known are {', '.join(CLASS_OF)}")
    return CLASSES.index(name)


def check_mapping(mapping: Mapping[str, str] | None) -> None:
    """Raise DatabaseError for a mapping that names classes which do not exist."""
    for word, name in (mapping or {}).items():
        if name not in CLASSES:
            raise DatabaseError(f"mapping {shown(word)} -> {shown(name)}: classes are {', '.join(CLASSES)}")


def expression_of(word: str, where: object) -> int:
    """The index in EXPRESSIONS of an emotion word, case ignored; raises Refused for an unknown word."""
    name = EXPRESSION_OF.get(word.strip().lower())
    if name is None:
        raise Refused(f"{where}: unknown emotion {shown(word)}; known are {', '.join(EXPRESSION_OF)}")
    return EXPRESSIONS.index(name)
