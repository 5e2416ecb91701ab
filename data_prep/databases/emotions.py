"""From the words of the annotations to the four classes of clips and the nine of photographs."""

from __future__ import annotations

from collections.abc import Mapping

from data_prep.clips import CLASSES, EXPRESSIONS, Clip
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


class PaperClasses:
    """The paper's four classes by the emotion's word, case ignored.

    mapping: word -> class name, asked first; raises DatabaseError for one that names no class.
    """

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        for word, name in (mapping or {}).items():
            if name not in CLASSES:
                raise DatabaseError(
                    f"mapping {shown(word)} -> {shown(name)}: classes are {', '.join(CLASSES)}"
                )
        own = {word.strip().lower(): name for word, name in (mapping or {}).items()}
        self._class_of = {**CLASS_OF, **own}
        self.classes = CLASSES

    def class_of(self, clip: Clip) -> str:
        """The class of a clip; raises Refused for a word that is not known."""
        name = self._class_of.get(clip.emotion.strip().lower())
        if name is None:
            raise Refused(
                f"{clip.row}: unknown emotion {shown(clip.emotion)}; known are {', '.join(self._class_of)}"
            )
        return name


def expression_of(word: str, where: object) -> int:
    """The index in EXPRESSIONS of an emotion word, case ignored; raises Refused for an unknown word."""
    name = EXPRESSION_OF.get(word.strip().lower())
    if name is None:
        raise Refused(f"{where}: unknown emotion {shown(word)}; known are {', '.join(EXPRESSION_OF)}")
    return EXPRESSIONS.index(name)
