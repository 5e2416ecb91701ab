"""The Python of docs/from-python.md runs as it stands on tiny data, its methods under trial settings."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import benchmark
from methods import METHODS

PAGE = Path(__file__).parent.parent / "docs" / "from-python.md"


@pytest.mark.slow
def test_the_page_from_python_runs_as_it_stands(simulated_cache, tmp_path, monkeypatch):
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(snippets) >= 6
    tiny = {"simulator": "tiny", "cache": str(simulated_cache)}
    load, evaluate = benchmark.load, benchmark.evaluate
    monkeypatch.setattr(benchmark, "load", lambda **databases: load(settings=tiny), raising=False)
    fast = {**tiny, "tables_only": True, "protocols": ["clips"]}

    def evaluated(methods, **given):
        trials = {method.name: dict(method.trial) for method in methods if isinstance(method, type)}
        return evaluate(methods, **{**given, **fast}, method_settings=trials)

    monkeypatch.setattr(benchmark, "evaluate", evaluated, raising=False)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "snippets"}
    try:
        for snippet in snippets:
            exec(compile(snippet, str(PAGE), "exec"), names)
    finally:
        METHODS.added.clear()
    assert names["histogram"].shape == (6 * 6 * 3 * 59,) == (6372,)
    assert names["flow"].shape == (31, 163, 134, 2)
    assert {"Mine", "LBP-TOP"} <= set(benchmark.open_run(tmp_path / "runs/mine").table["title"])
    assert "My net" in set(names["run"].table["title"])


@pytest.mark.parametrize("name", ["PipelineMethod", "ModuleMethod"])
def test_one_snippet_is_enough_for_a_method_of_ones_own(name, monkeypatch):
    """Copied alone, it defines a method and asks for its evaluation."""
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (snippet,) = [each for each in snippets if f"benchmark.{name}" in each]
    asked = []
    monkeypatch.setattr(
        benchmark,
        "evaluate",
        lambda methods, **given: asked.append(methods) or SimpleNamespace(table=None),
        raising=False,
    )
    exec(compile(snippet, str(PAGE), "exec"), {"__name__": "snippet"})
    assert issubclass(asked[0][0], getattr(benchmark, name))
