"""The documentation builds without a warning, and its reference is the code's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def hooks(of_docs):
    pytest.importorskip("mkdocs", reason="the extra [docs] is not installed")
    return of_docs("site_hooks")


@pytest.mark.slow
def test_the_site_builds_without_a_warning(hooks, tmp_path, simulated_cache):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "TLCNN_SITE_CACHE": str(simulated_cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    api = (tmp_path / "site" / "reference" / "api.html").read_text()
    gallery = (tmp_path / "site" / "gallery.html").read_text()
    pictures = sorted(path.name for path in (tmp_path / "site" / "img" / "gallery").iterdir())
    assert pictures == ["codes.png", "flow.webp", "movement.webp", "regions.png"]
    assert all(name in gallery for name in pictures)
    assert "features.lbp_top.lbp_top" in api and "features.slpp.SupervisedLPP" in api


def test_every_setting_of_every_method_is_in_the_reference(hooks):
    from dataclasses import fields

    from methods import METHODS, load_method

    text = hooks.settings()
    for name in METHODS:
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        missing = [f.name for f in fields(load_method(name).Settings) if f"| `{f.name}` |" not in section]
        assert not missing, (name, missing)


def test_every_verb_is_in_the_reference(hooks):
    text = hooks.verbs()
    assert all(f"\n## {verb}\n" in text for verb in ("run", "check", "predict", "status", "simulate"))


def test_every_column_and_every_json_key_is_in_the_reference(hooks):
    from benchmark.terminal.answers import KEYS
    from results.columns import COLUMNS

    columns, answers = hooks.columns(), hooks.answers()
    assert all(f"| `{name}` |" in columns for own in COLUMNS.values() for name in own)
    assert all(f"| `{name}` |" in answers for keys in KEYS.values() for name in keys)
