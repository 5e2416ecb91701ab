"""How many clips and photographs the databases hold, as their tables and the papers about them count.

Only for comparison in reports: no loader depends on these numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Published:
    """Counts of one database; `source` says where they come from, `paper` what the paper used.

    emotions: by the annotation's word; subjects: clips by subject number (not all are published).
    """

    source: str
    total: int
    n_subjects: int | None = None
    emotions: Mapping[str, int] = field(default_factory=dict)
    subjects: Mapping[int, int] = field(default_factory=dict)
    paper: str = ""


def _per_subject(first: int, *counts: int) -> dict[int, int]:
    return dict(enumerate(counts, first))


PUBLISHED: Mapping[str, Published] = {
    "casme": Published(
        source="the annotation table CASME.xls",
        total=189,
        n_subjects=18,
        emotions={
            "tense": 68,
            "disgust": 45,
            "repression": 39,
            "surprise": 20,
            "happiness": 7,
            "sadness": 6,
            "contempt": 2,
            "fear": 2,
        },
        subjects=_per_subject(1, 38, 2, 5, 5, 2, 18, 26, 24, 7, 6, 1, 3, 9, 11, 3, 4, 10, 15),
        paper="the paper kept 167 of 195",
    ),
    "casme2": Published(
        source="CASME2-coding-20140508.xlsx",
        total=255,
        n_subjects=26,
        emotions={
            "others": 99,
            "disgust": 63,
            "happiness": 32,
            "repression": 27,
            "surprise": 25,
            "sadness": 7,
            "fear": 2,
        },
        subjects=_per_subject(
            1, 9, 13, 7, 5, 19, 5, 9, 3, 14, 14, 10, 12, 8, 4, 3, 4, 36, 3, 16, 11, 2, 2, 12, 10, 7, 17
        ),
        paper="the paper kept 236 of 247",
    ),
    "smic": Published(
        source="the folders of SMIC-HS",
        total=164,
        n_subjects=16,
        emotions={"negative": 70, "positive": 51, "surprise": 43},
        subjects={3: 39, 4: 19, 5: 2, 8: 13, 13: 10, 19: 2, 20: 22},
        paper="the paper kept 157 of 164",
    ),
    "smic-vis": Published(
        source="the sheet VIS of SMIC's annotation",
        total=71,
        n_subjects=8,
        emotions={"positive": 28, "negative": 24, "surprise": 19},
    ),
    "smic-e": Published(
        source="SMIC-HS-E_annotation_orig.xlsx: 162 rows, five of them with a second expression",
        total=167,
    ),
    "samm": Published(
        source="SAMM_Micro_FACS_Codes_v2.xlsx",
        total=159,
        n_subjects=29,
        emotions={
            "anger": 57,
            "other": 26,
            "happiness": 26,
            "surprise": 15,
            "contempt": 12,
            "disgust": 9,
            "fear": 8,
            "sadness": 6,
        },
    ),
    "kdef": Published(source="70 people, 7 expressions, 2 sessions, straight view", total=980, n_subjects=70),
    "rafd": Published(source="67 people, 8 expressions, 3 gaze directions, 090", total=1608, n_subjects=67),
    "tfeid": Published(source="the paper's count", total=619, n_subjects=40),
    "mmi": Published(source="the paper's count", total=176),
}
