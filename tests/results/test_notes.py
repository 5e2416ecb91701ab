"""Notes of many units in few lines."""

from results.notes import in_few_lines


def test_notes_that_differ_in_numbers_alone_are_one_with_their_ranges():
    rates = [(910, 7.5), (1200, 12.0), (88, 7.5)]
    notes = [f"training: {rate} images/s, {share}% of 183 GFLOP/s" for rate, share in rates]
    assert in_few_lines(notes) == [("training: 88 to 1200 images/s, 7.5 to 12.0% of 183 GFLOP/s", 3)]


def test_numbers_in_names_keep_notes_apart():
    notes = [
        "clip casme/05/EP09_2: no apex",
        "clip casme/07/EP09_2: no apex",
        "clip casme/05/EP09_2: no apex",
    ]
    assert in_few_lines(notes) == [
        ("clip casme/05/EP09_2: no apex", 2),
        ("clip casme/07/EP09_2: no apex", 1),
    ]


def test_other_words_are_other_notes_and_nothing_is_lost():
    notes = ["slow", "stopped after 3 steps", "stopped after 3 steps", r"a \1 and \g<0> stay", ""]
    assert dict(in_few_lines(notes)) == {
        "": 1,
        "slow": 1,
        "stopped after 3 steps": 2,
        r"a \1 and \g<0> stay": 1,
    }
