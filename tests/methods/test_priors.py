"""The priors: what knowing the person or the database alone gives, on counts made by hand."""

import numpy as np
import pytest

from data_prep.clips import Clips
from methods.database_prior import DatabasePrior
from methods.person_prior import PersonPrior

PEOPLE = ("a/s1", "a/s1", "a/s1", "a/s2", "a/s2", "b/s1", "b/s1")
LABELS = (2, 2, 1, 0, 1, 1, 1)


def clips(people: tuple[str, ...], labels: tuple[int, ...] | None, value: int = 0) -> Clips:
    frames = np.full((len(people), 2, 4, 4, 3), value, np.uint8)
    databases = [person.partition("/")[0] for person in people]
    return Clips.from_arrays(
        frames, np.zeros((len(people), 66, 2)), labels, subjects=people, databases=databases
    )


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # s1 of a shows 2 most; s2 shows 0 and 1 once, all clips together 1 most; the same bare name in b is
        # somebody else; a new person gets what all clips show most
        (PersonPrior, {"a/s1": 2, "a/s2": 1, "b/s1": 1, "b/new": 1}),
        (DatabasePrior, {"a/new": 1, "b/new": 1, "c/new": 1}),
    ],
)
def test_a_prior_names_what_its_group_shows_most(method, expected, tmp_path):
    fitted = method()
    fitted.fit(clips(PEOPLE, LABELS), seed=0)
    made = fitted.predict(clips(tuple(expected), None))
    assert made.scores[0].argmax(axis=1).tolist() == list(expected.values())
    fitted.save(tmp_path)
    again = method()
    again.load(tmp_path)
    np.testing.assert_array_equal(again.predict(clips(tuple(expected), None)).scores, made.scores)


def test_a_prior_does_not_look_at_frames():
    dark, light = PersonPrior(), PersonPrior()
    dark.fit(clips(PEOPLE, LABELS, 0), seed=0)
    light.fit(clips(PEOPLE, LABELS, 255), seed=1)
    one, other = (each.predict(clips(PEOPLE, None, v)).scores for each, v in ((dark, 9), (light, 200)))
    np.testing.assert_array_equal(one, other)


def test_no_test_clip_is_a_prediction_too():
    fitted = DatabasePrior()
    fitted.fit(clips(PEOPLE, LABELS), seed=0)
    assert fitted.predict(clips((), None)).scores.shape == (1, 0, 4)
