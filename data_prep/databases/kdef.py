"""KDEF (Lundqvist et al. 1998): `KDEF/AF01/AF01ANS.JPG` = session, sex, number, emotion, angle.

The subject is sex and number: AF01 and BF01 are one woman in two sessions. Only straight views (S) are
used, 980 of 4900, as in the paper.
"""

from __future__ import annotations

import re
from pathlib import Path

from data_prep.databases.errors import Refused, shown
from data_prep.databases.photographs import ByName, Skipped
from data_prep.databases.source import Published

NAME = re.compile(
    r"([AB])([FM])(\d\d)(AF|AN|DI|HA|NE|SA|SU)(S|HL|HR|FL|FR)\.(?:jpe?g|png|bmp)", re.IGNORECASE
)
EMOTION_OF = {
    "AF": "afraid",
    "AN": "angry",
    "DI": "disgusted",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprised",
}


def parse(file: str) -> tuple[str, str, str]:
    """(subject, emotion word, name) of a file name.

    Raises
    ------
    Refused
        For a name of another form.
    Skipped
        For one that is not of the set.
    """
    match = NAME.fullmatch(file)
    if not match:
        raise Refused(f"{shown(file)} is not a KDEF name such as AF01ANS.JPG")
    _, sex, number, emotion, angle = (part.upper() for part in match.groups())
    if angle != "S":
        raise Skipped("not a straight view; only straight views are used")
    return sex + number, EMOTION_OF[emotion], Path(file).stem


SOURCE = ByName(
    "kdef",
    parse,
    "AF01/AF01ANS.JPG",
    published=Published("70 people, 7 expressions, 2 sessions, straight view", total=980, n_subjects=70),
)
