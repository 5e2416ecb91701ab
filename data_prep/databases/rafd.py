"""RaFD (Langner et al. 2010): `Rafd090_01_Caucasian_female_angry_frontal.jpg` = camera, model, ..., gaze.

Only the camera at 090 (straight ahead) is used, 1608 photographs with three gaze directions, as in the paper.
"""

from __future__ import annotations

import re
from pathlib import Path

from data_prep.databases.errors import Refused, shown
from data_prep.databases.photographs import ByName, Skipped
from data_prep.databases.source import Published

NAME = re.compile(
    r"Rafd(000|045|090|135|180)_(\d\d)_(?:Caucasian|Moroccan|Kid)_(?:female|male)_"
    r"(angry|contemptuous|disgusted|fearful|happy|neutral|sad|surprised)_(?:frontal|left|right)\.(?:jpe?g|png|bmp)",
    re.IGNORECASE,
)


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
        raise Refused(
            f"{shown(file)} is not a RaFD name such as Rafd090_01_Caucasian_female_angry_frontal.jpg"
        )
    camera, model, emotion = match.groups()
    if camera != "090":
        raise Skipped("not taken from straight ahead (090); only those are used")
    return model, emotion.lower(), Path(file).stem


SOURCE = ByName(
    "rafd",
    parse,
    "Rafd090_01_Caucasian_female_angry_frontal.jpg",
    published=Published("67 people, 8 expressions, 3 gaze directions, 090", total=1608, n_subjects=67),
)
