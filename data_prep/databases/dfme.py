"""DFME (Zhao et al. 2023), the releases of its contest: training, test A and test B, of different people.

Trees: `DFME_train/sub0003_01/00109.png`, no folders of subjects, frames from 0 on. Tables:
training_full_with_AU.xlsx, testA_full_with_AU.xlsx, testB_full_with_AU.xlsx. The frame rate, 200, 300 or 500,
stands in each row.
"""

from __future__ import annotations

import re

from data_prep.databases.source import Published
from data_prep.databases.tabled import REQUIRED, Release

_WORDS = ("disgust", "surprise", "sadness", "fear", "happiness", "anger", "contempt")
_TABLES = {"training": "train", "testA": "test ?_?a", "testB": "test ?_?b"}


def _release(name: str, part: str, people: int, counts: tuple[int, ...]) -> Release:
    tables = {key: rf"(?:dfme[^/]*)?{word}[^/]*\.(?:xlsx?|csv)" for key, word in _TABLES.items()}
    others = "|".join(pattern for key, pattern in tables.items() if key != part)
    return Release(
        name=name,
        fps=200.0,
        clip_folder=re.compile(r"sub0*(\d{1,4})_\d{1,3}", re.IGNORECASE),
        subject=lambda number: f"sub{number:04d}",
        tables_hint=f"{part}_full_with_AU.xlsx",
        tree_hint=f"DFME_{part.lower()} with sub0003_01/00109.png",
        table=re.compile(tables[part]),
        others=re.compile(others),
        not_in=re.compile("|".join(word for key, word in _TABLES.items() if key != part)),
        required=(*REQUIRED, "Fps"),
        published=Published(
            source=f"{part}_full_with_AU.xlsx",
            total=sum(counts),
            n_subjects=people,
            emotions=dict(zip(_WORDS, counts, strict=True)),
        ),
    )


SOURCE = _release("dfme", "training", 176, (548, 298, 278, 265, 206, 161, 100))
"""Clips are named `dfme/sub0003/sub0003_01`."""

TEST_A = _release("dfme-test-a", "testA", 42, (129, 101, 46, 62, 63, 39, 34))
TEST_B = _release("dfme-test-b", "testB", 41, (58, 48, 35, 38, 42, 41, 37))
