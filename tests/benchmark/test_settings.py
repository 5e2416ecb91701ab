"""Settings: profile, then file, then flags; wrong ones say what would have been right."""

import sys
from types import SimpleNamespace

import pytest

from benchmark.plan import settings_for
from benchmark.settings import SettingsError, resolve
from methods import METHODS, UnknownName, UnusableMethod, load_method, select
from methods.base import Method


def test_flags_win_over_the_file_and_the_file_over_the_profile(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("tim = [16]\nseeds = [4, 5]\n[methods.majority]\nframe_size = [10, 12]\n")
    settings = resolve({"tim": (64,), "seeds": None}, settings_file=file, profile="quick")
    assert settings.tim == (64,)
    assert settings.seeds == (4, 5)
    assert settings.protocols == ("paper", "subject")
    assert settings.method_settings["majority"] == {"frame_size": [10, 12]}


def test_the_paper_profile_asks_for_both_tims_and_the_full_simulator():
    settings = resolve({}, profile="paper")
    assert settings.tim == (32, 64)
    assert settings.simulator == "full"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tims = [32]", "did you mean tim"),
        ("tim = 32", r"tim = 32 must be tuple\[int, ...\]"),
        ("tim = ['a']", "must hold only int"),
        ("timeout = true", "timeout = True must be float"),
        ("tim = [1", "cannot be read"),
    ],
)
def test_a_wrong_file_names_the_key_and_the_remedy(tmp_path, text, message):
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises((SettingsError, UnknownName), match=message):
        resolve({}, settings_file=file, profile="quick")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"protocols": ("losso",)}, "'losso' is not a protocol; did you mean loso"),
        ({"engine": "spark"}, "must be one of local, dask, slurm"),
        ({"tim": (1,)}, "at least 2 frames"),
        ({"timeout": -1.0}, "above 0"),
        ({"methods": ("lbptop",)}, "did you mean lbp-top"),
    ],
)
def test_a_wrong_flag_says_what_would_be_right(flags, message):
    with pytest.raises((SettingsError, UnknownName), match=message):
        resolve(flags, profile="quick")


def test_method_names_keep_the_order_of_table_3():
    assert select(["all"]) == tuple(METHODS)
    assert select(["linear", "tlcnn"]) == ("tlcnn", "linear")
    assert select(["*lbp*"]) == ("lbp-top", "stlbp-ip")
    assert select(["tlcnn*", "!tlcnn-e*"]) == ("tlcnn",)
    assert select(["!tlcnn*", "!*-*"]) == ("mdmo", "fdm", "stclqp", "majority", "linear")
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
    monkeypatch.setattr("methods.available", lambda: {"ghost": where})
    with pytest.raises(UnusableMethod, match=message) as caught:
        load_method("ghost")
    assert "'!ghost'" in str(caught.value)
