"""Action units and objective classes in the spellings of all releases."""

from __future__ import annotations

import pytest

from data_prep.databases.action_units import action_units, objective_class


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("4+L10", ["4", "L10"]),
        ("R1+R2", ["R1", "R2"]),
        ("?", []),
        ("", []),
        ("AU4(k)+L7", ["L7"]),
        ("R14A or 17A or 24A", ["R14A", "17A", "24A"]),
        ("(R6 or R12)+R15", ["R6", "R12", "R15"]),
        ("ref(7B)+43", ["7B", "43"]),
        ("A9E+ref(10)", ["A9E", "10"]),
        ("6+AD39", ["6", "39"]),
        ("15A+17", ["15A", "17"]),
        ("4，R12", ["4", "R12"]),
        ("4,5", ["4", "5"]),
    ],
)
def test_action_units_of_all_spellings(text, units):
    assert [str(unit) for unit in action_units(text)] == units


def test_doubtful_units_are_not_certain():
    assert [unit.certain for unit in action_units("(R6 or R12)+15")] == [False, False, True]


def test_objective_classes_as_numbers_and_in_roman():
    assert [objective_class(text) for text in ("I", "vii", "3", "8", "", "?")] == [1, 7, 3, None, None, None]
