"""Who shows what: recipes, personal style, the mix of emotions and its controls."""

from collections import Counter

import numpy as np
import pytest

from data_prep.databases.emotions import CLASS_OF
from data_prep.simulator.casting import people_of, plan_clips
from data_prep.simulator.movement import ACTIONS
from data_prep.simulator.presets import FULL, PRESETS, SMALL
from data_prep.simulator.recipes import PROTOTYPES, VARIANTS, units_of, variants_of
from data_prep.simulator.settings import SimulatorSettings

SEEDS = range(12)


def plans(**knobs):
    knobs = SimulatorSettings(**knobs)
    return [c for name, cast in knobs.preset.casts.items() for c in plan_clips(name, cast, knobs)]


@pytest.mark.parametrize("size", PRESETS)
def test_every_preset_keeps_its_counts(size):
    for name, cast in PRESETS[size].casts.items():
        clips = plan_clips(name, cast, SimulatorSettings(size=size))
        assert Counter(c.emotion for c in clips) == dict(cast.emotions)
        assert {c.person for c in clips} == set(people_of(name, cast))
        assert len({c.key for c in clips}) == len(clips)


def test_knowing_the_database_does_not_help_in_the_small_preset():
    totals = Counter()
    for cast in SMALL.casts.values():
        classes = Counter()
        for emotion, count in cast.emotions.items():
            classes[CLASS_OF[emotion]] += count
        assert classes["negative"] == max(classes.values())
        totals += classes
    assert 0.36 <= totals["negative"] / totals.total() <= 0.40


def test_the_people_of_smic_have_their_numbers():
    assert people_of("smic", FULL.casts["smic"]) == (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)


def test_prototypes_are_those_of_emfacs():
    assert units_of(PROTOTYPES["happiness"]) == ("L6", "R6", "L12", "R12")
    assert {k: PROTOTYPES[k] for k in ("surprise", "disgust", "sadness", "fear", "anger")} == {
        "surprise": "1+2+5+26",
        "disgust": "9+10",
        "sadness": "1+4+15",
        "fear": "1+2+4+20",
        "anger": "4+5+7+23",
    }
    assert units_of(PROTOTYPES["contempt"]) == ("L14",)


@pytest.mark.parametrize("emotion", [*VARIANTS, "positive", "negative"])
def test_every_recipe_names_known_units_and_probabilities_sum_to_one(emotion):
    for ambiguity in (0.0, 0.5, 1.0):
        names, odds = variants_of(emotion, ambiguity)
        assert sum(odds) == pytest.approx(1.0)
        assert {int(unit[1:]) for name in names for unit in units_of(name)} <= set(ACTIONS)
    assert len(variants_of(emotion, 0.0)[0]) == 1
    assert len(variants_of(emotion, 1.0)[0]) > 1


def test_emotions_share_combinations_where_the_annotations_do():
    assert "4" in variants_of("disgust", 1.0)[0] and "4" in variants_of("others", 1.0)[0]
    assert "14" in variants_of("repression", 1.0)[0] and "14" in variants_of("happiness", 1.0)[0]
    assert "12" in variants_of("happiness", 1.0)[0] and "12" in variants_of("others", 1.0)[0]


def test_without_ambiguity_everybody_shows_the_prototype():
    assert {c.combination for c in plans(ambiguity=0.0) if c.emotion == "disgust"} == {"9+10"}


def most_common_share(key):
    """Mean share of each person's most frequent value among its clips, over seeds."""
    return np.mean([max(Counter(group).values()) / len(group) for group in key if len(group) > 2])


def groups(value, **knobs):
    found = {}
    for seed in SEEDS:
        for clip in plans(seed=seed, **knobs):
            found.setdefault((seed, clip.subject), []).append(value(clip))
    return found.values()


def test_style_makes_the_mix_of_classes_personal_and_its_control_does_not():
    def share(**knobs):
        return most_common_share(groups(lambda clip: CLASS_OF[clip.emotion], **knobs))

    assert share(uneven=1.0) > share() + 0.1 > share(style=0.0) + 0.15
    assert share(uneven=0.0) == pytest.approx(share(style=0.0), abs=0.03)


def test_style_makes_variants_and_strength_personal():
    def repeats(**knobs):
        by_emotion = {}
        for seed in SEEDS:
            for clip in plans(seed=seed, uneven=0.0, **knobs):
                by_emotion.setdefault((seed, clip.subject, clip.emotion), []).append(clip.combination)
        return np.mean([len(set(g)) < len(g) for g in by_emotion.values() if len(g) == 2])

    assert repeats(style=1.0) > repeats(style=0.0) + 0.2

    def spread(**knobs):
        return np.std([np.mean(np.log(g)) for g in groups(lambda c: c.peak, **knobs) if len(g) > 3])

    assert spread(style=1.0) > 1.3 * spread(style=0.0)


def test_zero_amplitude_takes_the_uneven_mix_away():
    knobs = SimulatorSettings(amplitude=0.0, style=1.0, uneven=1.0)
    assert knobs.mix_unevenness == 0.0
    assert all(clip.peak == 0.0 for clip in plans(amplitude=0.0))


def test_at_zero_amplitude_neither_person_nor_database_tells_the_class():
    """A guesser that knows every other clip of the same person stays below the majority class."""

    def right(**knobs):
        hits = []
        for seed in SEEDS:
            clips = plans(seed=seed, **knobs)
            labels = np.array([CLASS_OF[c.emotion] for c in clips])
            people = np.array([c.subject for c in clips])
            for i, label in enumerate(labels):
                others = labels[(people == people[i]) & (np.arange(len(clips)) != i)]
                guess = Counter(others.tolist()).most_common(1)
                hits.append((guess[0][0] if guess else "negative") == label)
        return np.mean(hits)

    assert right(amplitude=0.0) < 0.40
    assert right(uneven=1.0) > 0.55


def test_a_clips_plan_depends_on_its_names_alone():
    first = {c.key: c for c in plans(seed=3, style=0.0)}
    smaller = SimulatorSettings(seed=3, style=0.0)
    again = {c.key: c for c in plan_clips("smic", SMALL.casts["smic"], smaller)}
    assert again == {key: clip for key, clip in first.items() if key.startswith("smic/")}
