"""Draws: methods that draw are trained several times on the same folds, all others once."""

import dataclasses
from pathlib import Path

from benchmark.plan import MethodSpec, describe, units
from benchmark.settings import resolve
from benchmark.units.unit import seed_of
from methods import METHODS, load_method


def test_methods_that_draw_stand_once_a_draw_on_each_fold_and_the_others_once():
    settings = resolve({"seeds": (4, 5), "draws": 3}, profile="quick")
    specs = [MethodSpec(name, name, 1, {}, (8, 8), False, n) for name, n in (("net", 3), ("table", 1))]
    folds = {(p, s): ["fold1", "fold2"] for p in settings.protocols for s in settings.seeds}
    planned = list(units(specs, settings, folds, data="d", stills=None))
    assert len({unit.key for unit in planned}) == len(planned) == 2 * 2 * 2 * (3 + 1)
    assert {unit.draw for unit in planned if unit.method == "table"} == {0}
    assert {(unit.seed, unit.draw) for unit in planned if unit.method == "net"} == {
        (seed, draw) for seed in (4, 5) for draw in range(3)
    }


def test_a_draw_changes_the_seed_of_what_is_drawn_and_nothing_else():
    spec = describe("majority", resolve({}, profile="quick"))
    settings = resolve({}, profile="quick")
    unit, *_ = units([spec], settings, {(p, 0): ["fold1"] for p in settings.protocols}, data="d", stills=None)
    again = dataclasses.replace(unit, draw=1)
    assert seed_of(again) != seed_of(unit) == seed_of(dataclasses.replace(unit, method="linear"))
    assert again.key != unit.key


def test_what_trains_a_net_says_that_it_draws_and_baselines_do_not():
    """By their code: who imports torch to learn draws weights."""
    for name in METHODS:
        method = load_method(name)
        nets = any("methods.training" in Path(__import__(c.__module__, fromlist=["x"]).__file__).read_text()
                   for c in method.__mro__ if c.__module__.startswith("methods."))  # fmt: skip
        assert method.draws == nets, name
