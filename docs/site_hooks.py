"""Pages of the site that are written from the code at every build, so that they cannot age."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import inspect
import os
import tomllib
from collections.abc import Iterator
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent

API = {
    "Descriptors": {
        "features.lbp_top": ("lbp_top", "lbp_top_codes"),
        "features.stlbp_ip": ("stlbp_ip", "lbp_1d"),
        "features.stclqp": ("sign_codes", "magnitude_codes", "orientation_codes", "learn_codebook"),
        "features.mdmo": ("mdmo",),
        "features.fdm": ("fdm",),
        "features.bi_woof": ("bi_woof",),
        "features.flow_image": ("flow_image",),
        "features.optical_flow": ("flow_from_first", "flow_between_neighbours"),
        "features.slpp": ("SupervisedLPP",),
    },
    "Interpolation": {"data_prep.interpolation": ("tim", "resample")},
    "Data": {"data_prep.clips": ("Clip", "Clips")},
    "Methods": {"methods.base": ("Method", "Prediction", "Context")},
    "Protocols": {"benchmark.protocols": ("Protocol", "Fold")},
    "Numbers": {"results.numbers.metrics": ("accuracy", "uf1", "uar"), "results.audit": ("audit",)},
}
"""What the API page shows: title -> module (its docstring holds sources and departures) -> its names."""


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for path, text in (
        ("reference/verbs.md", verbs()),
        ("reference/settings.md", settings()),
        ("reference/columns.md", columns()),
        ("reference/json.md", answers()),
        ("reference/api.md", api()),
        ("gallery.md", gallery(files, config)),
    ):
        files.append(File.generated(config, path, content=text))
    return files


def verbs() -> str:
    """Every verb with its flags, as the command line itself explains them."""
    from benchmark.cli import parser

    top = parser()
    (actions,) = [each for each in top._actions if isinstance(each, argparse._SubParsersAction)]
    parts = ["# Verbs", "", f"```\n{top.format_usage()}```"]
    for name, verb in actions.choices.items():
        verb.formatter_class = argparse.RawDescriptionHelpFormatter
        parts += ["", f"## {name}", "", "```", verb.format_help().rstrip(), "```"]
    return "\n".join(parts) + "\n"


def settings() -> str:
    """Every setting of every method: the paper's default and what the quick profile sets instead."""
    from methods import METHODS, load_method

    quick = tomllib.loads(resources("benchmark").joinpath("profiles/quick.toml").read_text("utf-8"))
    parts = ["# Settings", "", "Set them in a TOML file (`--settings mine.toml`), one table per method:", ""]
    parts += ["```toml", "[methods.lbp-top]", "blocks = [6, 6]", "```", ""]
    for name in METHODS:
        method = load_method(name)
        parts += [f"## {name}", "", f"{method.title}. {_first_line(method)}", ""]
        parts += [f"Cite: {method.reference}", ""] if method.reference else []
        parts += ["| setting | default | quick |", "|---|---|---|", *_rows(name, method, quick)]
        parts += [""]
    return "\n".join(parts)


def _rows(name: str, method: Any, quick: dict[str, Any]) -> Iterator[str]:
    from benchmark.plan import settings_for

    turned = settings_for(name, quick.get("methods", {}))
    for field in dataclasses.fields(method.Settings):
        default = getattr(method.Settings(), field.name)
        other = f"`{turned[field.name]}`" if field.name in turned else ""
        yield f"| `{field.name}` | `{default}` | {other} |"


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


def columns() -> str:
    """Every table of a run folder, column by column; a test holds the descriptions against a run."""
    from results.columns import COLUMNS, EVERYWHERE, TABLES

    parts = [
        "# Columns",
        "",
        "Every table that a run folder holds. A star is a number, or the name of a class.",
        "",
    ]
    parts += ["## In several tables", "", *_table(EVERYWHERE)]
    for file, row in TABLES.items():
        parts += ["", f"## {file}", "", row, "", *_table(COLUMNS[file])]
    return "\n".join(parts) + "\n"


def answers() -> str:
    """What `--json` prints, key by key."""
    from benchmark.terminal.answers import KEYS

    parts = [
        "# JSON",
        "",
        "`--json` prints one object and nothing else on stdout; the exit status is the same.",
        "",
    ]
    for verb, keys in KEYS.items():
        parts += [f"## {verb} --json", "", *_table(keys), ""]
    return "\n".join(parts)


def _table(rows: dict[str, str] | Any) -> list[str]:
    return ["| name | meaning |", "|---|---|", *(f"| `{name}` | {words} |" for name, words in rows.items())]


def gallery(files: Files, config: Any) -> str:
    """The pictures of examples/gallery.py, made now, each beside the code that made it."""
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "examples" / "gallery.py")
    assert spec is not None and spec.loader is not None
    examples = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(examples)
    clip, landmarks = examples.clip_of_the_simulator(os.environ.get("TLCNN_SITE_CACHE", ROOT / "cache"))
    parts = [
        "# Gallery",
        "",
        "Each picture is made of one simulated clip by the code beside it, when this page is built.",
    ]
    for example in examples.EXAMPLES:
        name, content = example(clip, landmarks)
        files.append(File.generated(config, f"img/gallery/{name}", content=content))
        words = inspect.getdoc(example) or ""
        parts += [
            "",
            f"## {example.__name__.capitalize()}",
            "",
            words,
            "",
            f"![{words}](img/gallery/{name})",
            "",
        ]
        parts += ["```python", inspect.getsource(example).rstrip(), "```"]
    return "\n".join(parts) + "\n"


def api() -> str:
    """The public functions and types, from their docstrings."""
    parts = ["# API", ""]
    for title, modules in API.items():
        parts += [f"## {title}", ""]
        for module, names in modules.items():
            options = f"    options:\n      heading_level: 3\n      members: {list(names)}\n"
            parts.append(f"::: {module}\n{options}")
    return "\n".join(parts)
