"""Settings: profile, then file, then flags; wrong ones say what would have been right."""

import dataclasses
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from basis.names import UnknownName
from basis.registry import Registry
from benchmark.plan import describe, settings_for, told_apart
from benchmark.settings import SettingsError, resolve
from methods import METHODS, UnusableMethod, load_method, make_settings, select
from methods.base import Method
from methods.values import WrongKind, hints_of, typed


def test_flags_win_over_the_file_and_the_file_over_the_profile(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("tim = [16]\nseeds = [4, 5]\n[methods.majority]\nframe_size = [10, 12]\n")
    settings = resolve({"tim": (64,), "seeds": None}, settings_file=file, profile="quick")
    assert settings.tim == (64,)
    assert settings.seeds == (4, 5)
    assert settings.protocols == ("clips", "subject")
    assert settings.method_settings["majority"] == {"frame_size": [10, 12]}


def test_the_paper_profile_asks_for_both_tims_and_the_full_simulator():
    settings = resolve({}, profile="paper")
    assert settings.tim == (32, 64)
    assert settings.simulator == "full"


def test_the_profile_of_the_file_stands_unless_a_flag_names_another(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("profile = 'paper'\n")
    from_file = resolve({}, settings_file=file, profile="quick")
    assert (from_file.profile, from_file.tim, from_file.simulator) == ("paper", (32, 64), "full")
    assert resolve({"profile": "quick"}, settings_file=file).tim == (32,)
    file.write_text("device = 'cpu'\n")
    assert resolve({}, settings_file=file).profile == "quick"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tims = [32]", "did you mean tim"),
        ("tim = 32", "wrong.toml: tim = 32 must be a list of whole numbers"),
        ("tim = ['a']", r"tim\[0\] = 'a' must be a whole number"),
        ("seeds = [1, true]", r"seeds\[1\] = True must be a whole number"),
        ("timeout = true", "timeout = True must be a finite number"),
        ("registration = 'rigd'", "'rigd' is not a registration; did you mean rigid"),
        ("registration = 'rigid'\n[data]\nflow-images = 'x'", "flow-images have none: leave it out"),
        ("timeout = nan", "timeout = nan must be a finite number"),
        ("[data]\ncasme2 = 3", "data.casme2 = 3 must be a text"),
        ("[methods]\nmdmo = 3", "methods.mdmo = 3 must be a table"),
        ("tim = [1", "cannot be read"),
        ("workers = " + "9" * 5000, "cannot be read"),
        ("profile = 'papre'", "did you mean paper"),
        *((f"{name} = []", f"{name} is empty") for name in ("methods", "tim", "protocols", "seeds")),
        ("simulator = 'tiny'\n[data]\ncasme2 = 'there'", "--simulator is for simulated data"),
        ("scheduler = 'tcp://there:1'", "add --engine dask"),
    ],
)
def test_a_wrong_file_names_the_key_and_the_remedy(tmp_path, text, message):
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises((SettingsError, UnknownName, WrongKind), match=message):
        resolve({}, settings_file=file, profile="quick")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"protocols": ("losso",)}, "'losso' is not a protocol; did you mean loso"),
        ({"engine": "spark"}, "must be one of local, dask, slurm"),
        ({"tim": (1,)}, r"tim = 1 must lie in 2\.\.4096"),
        ({"tim": (32, 10**8)}, r"tim = 100000000 must lie in 2\.\.4096"),
        ({"seeds": (0, -1)}, r"seeds = -1 must lie in 0\.\.2147483647"),
        ({"seeds": (10**23,)}, r"must lie in 0\.\.2147483647"),
        ({"workers": -2}, r"workers = -2 must lie in 0\.\."),
        ({"threads": 0}, r"threads = 0 must lie in 1\.\."),
        *(({"timeout": seconds}, "above 0") for seconds in (-1.0, 0.0, math.nan, math.inf)),
        ({"scheduler": "tcp://there:1"}, "is of the engine dask, the engine here is local"),
        ({"simulator": "full", "data": {"casme2": "there"}}, "--data leaves unused"),
        ({"simulator_settings": {"style": 0}, "data": {"casme2": "there"}}, "--data leaves unused"),
        ({"methods": ("lbptop",)}, "did you mean lbp-top"),
        ({"seeds": (0, 1, 0)}, "seeds names 0 twice"),
        ({"protocols": ("clips", "paper")}, "protocols names 'clips' twice"),
    ],
)
def test_a_wrong_flag_says_what_would_be_right(flags, message):
    with pytest.raises((SettingsError, UnknownName), match=message):
        resolve(flags, profile="quick")


def test_a_tilde_is_the_home_wherever_a_path_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "mine.toml"
    file.write_text("out = '~/runs'\ncache = '~/cache'\n[data]\ncasme2 = '~/tree,~/table.xlsx'\n")
    settings = resolve({}, settings_file=file, profile="quick")
    assert settings.folder == tmp_path / "runs"
    assert settings.cache == str(tmp_path / "cache")
    assert settings.data == {"casme2": f"{tmp_path}/tree,{tmp_path}/table.xlsx"}


def test_method_names_keep_the_order_of_table_3():
    assert select(["all"]) == tuple(METHODS)
    assert select(["linear", "tlcnn"]) == ("tlcnn", "linear")
    assert select(["*lbp*"]) == ("lbp-top", "stlbp-ip")
    assert select(["tlcnn*", "!tlcnn-e*"]) == ("tlcnn", "tlcnn-d")
    plain = tuple(name for name in METHODS if "-" not in name and name != "tlcnn")
    assert select(["!tlcnn*", "!*-*"]) == plain
    assert {"mdmo", "linear"} < set(plain)
    with pytest.raises(UnknownName, match="leaves no method"):
        select(["fdm", "!fdm"])


def test_a_table_may_name_several_methods_and_the_later_one_wins():
    tables = {"*": {"frame_size": [9, 9], "a": 1}, "tlcnn* c5-svm": {"a": 2}, "tlcnn": {"a": 3}}
    assert settings_for("mdmo", tables) == {"frame_size": [9, 9], "a": 1}
    assert settings_for("c5-svm", tables) == {"frame_size": [9, 9], "a": 2}
    assert settings_for("tlcnn", tables) == {"frame_size": [9, 9], "a": 3}


def test_a_table_for_a_method_that_is_not_there_is_an_error(tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text("[methods.mdno]\nlambda_step = 0.1")
    with pytest.raises(UnknownName, match="did you mean mdmo"):
        resolve({}, settings_file=file, profile="quick")


class Halfway(Method):
    """A method that lacks most of what a method has."""

    def fit(self, clips, *, seed):
        """Learn nothing."""


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nowhere_at_all:Ghost", "No module named 'nowhere_at_all'"),
        ("json:Ghost", "has no attribute 'Ghost'"),
        ("json:JSONDecoder", "not a subclass of methods.base.Method"),
        ("halfway:Halfway", "it lacks load, predict, save, name"),
    ],
)
def test_a_registered_method_that_cannot_be_used_says_why(where, message, monkeypatch):
    monkeypatch.setitem(sys.modules, "halfway", SimpleNamespace(Halfway=Halfway))
    monkeypatch.setattr("methods.METHODS", Registry("method", {"ghost": where}, group="none.of.these"))
    with pytest.raises(UnusableMethod, match=message) as caught:
        load_method("ghost")
    assert "'!ghost'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("lbp-top", {"blocks": "x"}, "lbp-top.blocks = 'x' must be a list of 2 whole numbers"),
        ("lbp-top", {"blocks": [6]}, "must be a list of 2 whole numbers"),
        ("lbp-top", {"blocks": [6, 6.0]}, r"lbp-top.blocks\[1\] = 6.0 must be a whole number"),
        ("lbp-top", {"radius": True}, "must be a whole number"),
        ("linear", {"C": [1, math.nan]}, r"linear.C\[1\] = nan must be a finite number"),
        ("linear", {"celsl": 3}, "did you mean cells"),
    ],
)
def test_a_methods_setting_of_another_kind_is_refused(name, values, message):
    with pytest.raises((WrongKind, UnknownName), match=message):
        make_settings(load_method(name), values)


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (2, float, 2.0),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        ([[1, 2], [3, 4]], tuple[tuple[int, int], ...], ((1, 2), (3, 4))),
        ([1, "a"], tuple, (1, "a")),
        (None, str | None, None),
        ("a", str | None, "a"),
        ("a", int | str, "a"),
        (None, float | None, None),
        ({"a": [1]}, Mapping[str, tuple[int, ...]], {"a": (1,)}),
        ({"a": [1]}, Mapping[str, Any], {"a": [1]}),
        (3, Literal[3], 3),
    ],
)
def test_values_become_what_the_type_asks_for(value, hint, expected):
    made = typed(value, hint, "x")
    assert made == expected and type(made) is type(expected)


def test_a_type_known_to_type_checkers_only_takes_any_value():
    @dataclasses.dataclass
    class Loose:
        sizes: "Nowhere[int]" = ()  # noqa: F821

    assert hints_of(Loose) == {"sizes": Any}


@pytest.mark.parametrize(
    ("value", "hint", "words"),
    [
        (10**400, float, "a finite number"),
        (-math.inf, float, "a finite number"),
        (True, float, "a finite number"),
        (1.0, int, "a whole number"),
        ("a", int | tuple[float, ...], "a whole number or a list of finite numbers"),
        (1, bool, "true or false"),
        (1, str | None, "a text"),
        (1, tuple, "a list"),
        ("ab", tuple[str, ...], "a list of texts"),
        ([1, 2, 3], tuple[int, int], "a list of 2 whole numbers"),
        ([("a", 1)], Mapping[str, int], "a table"),
    ],
)
def test_values_of_another_kind_are_named_with_the_right_kind(value, hint, words):
    with pytest.raises(WrongKind, match=f"^x = .* must be {words}$"):
        typed(value, hint, "x")


def test_methods_of_one_title_are_told_apart_by_their_names():
    specs = [
        describe(name, resolve({"methods": (name,)}, profile="quick"))
        for name in ("linear", "majority", "fdm")
    ]
    twin = dataclasses.replace(specs[2], title=specs[0].title)
    titles = [spec.title for spec in told_apart([*specs[:2], twin])]
    assert titles == [f"{specs[0].title} (linear)", specs[1].title, f"{specs[0].title} (fdm)"]
    assert told_apart(specs) == tuple(specs)
    near = [
        dataclasses.replace(spec, title=title)
        for spec, title in zip(specs, ("A  b", "a b ", "c"), strict=True)
    ]
    assert [spec.title for spec in told_apart(near)] == ["A  b (linear)", "a b  (majority)", "c"]


def test_a_method_without_a_title_goes_by_its_name(monkeypatch):
    monkeypatch.setattr(load_method("majority"), "title", " ")
    assert describe("majority", resolve({"methods": ("majority",)}, profile="quick")).title == "majority"


def test_the_settings_of_lrcn_come_along(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = resolve({}, settings_file=Path("lrcn.toml"), profile="paper")
    found = describe("tlcnn", settings).settings
    assert (found["clip_norm"], found["weight_decay"], found["groups"], found["crops"]) == (5.0, 0.005, 2, 10)
    assert (found["dropout"], found["lstm_bound"], found["forget_bias"]) == ((0.9, 0.5), 0.01, 0.0)
    assert "dropout" not in describe("c5-svm", settings).settings
    (tmp_path / "lrcn.toml").write_text("tim = [9]\n")
    assert resolve({}, settings_file=Path("lrcn.toml"), profile="paper").tim == (9,)


def test_a_table_for_several_methods_may_hold_what_one_of_them_has():
    tables = {"majority linear": {"cells": 3, "frame_size": [9, 9]}}
    assert settings_for("linear", tables) == {"cells": 3, "frame_size": [9, 9]}
    assert settings_for("majority", tables) == {"frame_size": [9, 9]}
    nobodys = {"majority linear": {"celsl": 3}}
    assert settings_for("majority", nobodys) == {"celsl": 3}


def test_the_positive_control_turns_the_simulators_knobs_and_refuses_ones_own_data():
    settings = resolve({"control": "movement"}, profile="quick")
    large = resolve({}, profile="quick").simulator_settings.get("amplitude", 2.3)
    assert settings.simulator_settings["amplitude"] > 3 * large
    assert (settings.simulator_settings["style"], settings.simulator_settings["ambiguity"]) == (0, 0)
    mine = resolve({"control": "movement", "simulator_settings": {"amplitude": 5.0}}, profile="quick")
    assert mine.simulator_settings == {"amplitude": 5.0, "style": 0.0, "ambiguity": 0.0}
    plain = resolve({}, profile="quick")
    longer, usual = (describe("3d-cnn", each).settings["iterations"] for each in (settings, plain))
    assert longer > usual
    assert (plain.folder, settings.folder) == (Path("runs/quick"), Path("runs/movement"))
    assert resolve({"control": "movement", "out": "runs/here"}, profile="quick").folder == Path("runs/here")
    with pytest.raises(SettingsError, match=r"--control movement.*--data"):
        resolve({"control": "movement", "data": {"casme2": "x"}}, profile="quick")


def test_where_every_person_is_a_fold_one_draw_is_enough():
    """LOSO over 68 people trains each network 68 times; the profile's two draws are for a few folds."""
    assert resolve({"profile": "quick"}).draws == 2
    assert resolve({"profile": "quick", "protocols": ("loso",)}).draws == 1
    assert resolve({"profile": "quick", "protocols": ("loso", "clips")}).draws == 2
    assert resolve({"profile": "quick", "protocols": ("loso",), "draws": 3}).draws == 3
