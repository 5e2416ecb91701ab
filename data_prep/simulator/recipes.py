"""Which action units an emotion shows.

`PROTOTYPES` are the combinations that the Emotional Facial Action Coding System gives. Annotated
micro-expressions are more ambiguous: AU4 alone is "others" or "disgust", AU14 "repression", "others" or
"happiness", AU12 "happiness" or "others". `VARIANTS` lists such combinations with their weights; which
combinations occur follows the published annotations, the weights are choices.
A leading L or R is one side only (the subject's left or right).
"""

from __future__ import annotations

PROTOTYPES: dict[str, str] = {
    "happiness": "6+12",
    "surprise": "1+2+5+26",
    "disgust": "9+10",
    "sadness": "1+4+15",
    "fear": "1+2+4+20",
    "anger": "4+5+7+23",
    "contempt": "L14",
    "repression": "15+17",
    "tense": "4+24",
    "others": "4+14",
}
"""Emotion to its one combination; repression, tense and others, which have none there, are choices."""

VARIANTS: dict[str, tuple[tuple[str, float], ...]] = {
    "happiness": (("12", 4), ("6+12", 5), ("12+25", 1), ("L12", 1), ("R12", 1), ("14", 1), ("12+14", 1)),
    "surprise": (("1+2", 6), ("1+2+5", 2), ("1+2+5+26", 1), ("2", 1), ("1+2+25", 1), ("5", 1), ("25+26", 1)),
    "disgust": (
        ("4", 4),
        ("9", 2),
        ("4+9", 2),
        ("10", 2),
        ("9+10", 1),
        ("4+7", 3),
        ("4+7+9", 1),
        ("7+10", 1),
    ),
    "sadness": (("1+4", 2), ("1", 1), ("15", 1), ("1+4+15", 1), ("15+17", 1), ("4+15", 1)),
    "fear": (("1+2+4", 1), ("1+4+5", 1), ("20", 1), ("1+2+4+20", 1)),
    "anger": (("4+5", 1), ("4+7", 2), ("4+5+7+23", 1), ("23", 1)),
    "contempt": (("L14", 2), ("R14", 2), ("L12+L14", 1)),
    "repression": (("14", 3), ("15", 2), ("17", 2), ("15+17", 1), ("12+15", 1), ("14+17", 1), ("24", 1)),
    "tense": (("4", 2), ("14", 2), ("24", 2), ("17", 1), ("4+24", 1), ("7", 1), ("20", 1), ("1", 1)),
    "others": (
        ("4", 5),
        ("14", 2),
        ("4+14", 1),
        ("4+7", 3),
        ("12", 1.5),
        ("17", 1),
        ("1", 1.5),
        ("7", 1),
        ("L14", 1),
    ),
}
"""Emotion to weighted combinations as annotated."""

SMIC_VARIANTS: dict[str, tuple[tuple[str, float], ...]] = {
    "positive": VARIANTS["happiness"],
    "negative": (*VARIANTS["disgust"], *VARIANTS["sadness"], *VARIANTS["anger"], *VARIANTS["fear"]),
    "surprise": VARIANTS["surprise"],
}
"""SMIC annotates three classes; negative is a mixture of all negative emotions."""

SMIC_PROTOTYPES: dict[str, str] = {"positive": "6+12", "negative": "9+10", "surprise": "1+2+5+26"}
"""The one combination of each of SMIC's classes."""


def units_of(combination: str) -> tuple[str, ...]:
    """One-sided actions of a combination: "4+L14" to ("L4", "R4", "L14")."""
    units: list[str] = []
    for part in combination.split("+"):
        units += [part] if part[0] in "LR" else [f"L{part}", f"R{part}"]
    return tuple(units)


def variants_of(emotion: str, ambiguity: float) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Combinations of an emotion and their probabilities.

    ambiguity 0 leaves the prototype alone, 1 the annotated variants with their weights.
    """
    table = SMIC_VARIANTS if emotion in SMIC_VARIANTS and emotion not in VARIANTS else VARIANTS
    prototype = SMIC_PROTOTYPES[emotion] if table is SMIC_VARIANTS else PROTOTYPES[emotion]
    total = sum(weight for _, weight in table[emotion])
    odds: dict[str, float] = {prototype: 1.0 - ambiguity}
    for combination, weight in table[emotion]:
        odds[combination] = odds.get(combination, 0.0) + ambiguity * weight / total
    kept = {name: value for name, value in odds.items() if value > 0.0}
    return tuple(kept), tuple(kept.values())
