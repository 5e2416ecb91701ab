"""Write the numbers on MEGC2019 from finished runs: `python docs/write_megc2019.py RUN [RUN ...]`.

Of a method that several runs hold, the last one counts. The tables are kept under docs/results, where a test
holds docs/megc2019.md and the README against them; the figure goes to docs/img.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from write_readme import ROOT, STORED, put

from results.figures.style import own_style, save
from results.figures.sweeps import over_candidates
from results.numbers.cells import Cell
from results.numbers.entries import Predictions
from results.numbers.metrics_table import metrics_frame, optimism_frame
from results.numbers.tables import tested
from results.records.run_file import RunFile
from results.records.runs import load_results

PARTS = {"all": "all", "smic": "SMIC", "casme2": "CASME II", "samm": "SAMM"}
PROTOCOL, TASK = "loso", "megc2019"
FIGURE = "megc2019-uf1"


def main() -> None:
    """Store the tables, rewrite the marked parts of the two pages, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--without", nargs="*", default=[], metavar="NAME", help="methods to leave out")
    given = parser.parse_args()
    info, cells, metrics, optimism = joined(given.runs, given.without)
    metrics.to_csv(STORED / "megc2019-metrics.csv", index=False, float_format="%.4f")
    optimism.to_csv(STORED / "megc2019-optimism.csv", index=False, float_format="%.2f")
    for path, marks in (("docs/megc2019.md", ("table", "best", "parts")), ("README.md", ("megc2019",))):
        page = ROOT / path
        text = page.read_text(encoding="utf-8")
        for mark in marks:
            text = put(text, mark, "\n".join(TABLES[mark](*stored())))
        page.write_text(text, encoding="utf-8")
    with own_style():
        (draw,) = over_candidates(info, cells, PROTOCOL)
        picture = save(draw(), ROOT / "docs" / "img")
    for file in picture.files:
        if file.suffix == ".png":
            file.replace(file.with_name(f"{FIGURE}.png"))
        else:
            file.unlink()


def stored() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics and optimism as they are kept."""
    return (
        pd.read_csv(STORED / "megc2019-metrics.csv"),
        pd.read_csv(STORED / "megc2019-optimism.csv", keep_default_na=False),
    )


Joined = tuple[RunFile, list[tuple[Cell, Predictions]], pd.DataFrame, pd.DataFrame]


def joined(runs: list[Path], without: list[str]) -> Joined:
    """The first run's description, all cells by method, pooled metrics and optimism in that order."""
    cells: dict[str, tuple[Cell, Predictions]] = {}
    metrics: dict[str, pd.DataFrame] = {}
    infos: list[RunFile] = []
    for run in runs:
        results = load_results(run)
        if results.info.task.name != TASK:
            raise SystemExit(f"{run} is of the task {results.info.task.name}, not of {TASK}")
        infos.append(results.info)
        for cell, found in tested(results):
            if cell.method in without:
                continue
            if not cell.complete:
                raise SystemExit(f"{run}: {cell.title} is not complete: {cell.completeness}")
            frame = metrics_frame(results, [(cell, found)])
            frame.insert(0, "title", cell.title)
            cells[cell.method] = cell, found
            metrics[cell.method] = frame[(frame["scope"] == "pooled") & (frame["protocol"] == PROTOCOL)]
    all_cells = list(cells.values())
    return infos[0], all_cells, pd.concat(metrics.values()), optimism_frame(all_cells)


def table(metrics: pd.DataFrame, optimism: pd.DataFrame) -> Iterator[str]:
    """UF1 and UAR of all clips, with intervals, and what stands in for them when the test people choose."""
    del optimism
    yield "| | UF1 (95 %) | UAR (95 %) | accuracy |"
    yield "|:--|--:|--:|--:|"
    for _, row in _honest(metrics, "all").iterrows():
        uf1, uar = (f"**{_share(row[n])}** ({_between(row, n)})" for n in ("uf1", "uar"))
        yield f"| {row['title']} | {uf1} | {uar} | {_share(row['accuracy'])} |"


def best(metrics: pd.DataFrame, optimism: pd.DataFrame) -> Iterator[str]:
    """The same trainings under an epoch that the test people chose."""
    del metrics
    yield ("| UF1 / UAR | honest | best on each test person | the gain in UF1 (95 %) | best single epoch |")
    yield "|:--|--:|--:|--:|--:|"
    for _, row in optimism[optimism["candidates"].astype(int) > 1].iterrows():
        numbers = [
            f"{_percent(row[f'uf1_{kind}'])} / {_percent(row[f'uar_{kind}'])}"
            for kind in ("honest", "paper_style")
        ]
        low, high = (_percent(row[f"uf1_optimism_{end}"]) for end in ("low", "high"))
        gain = f"+{_percent(row['uf1_optimism'])} ({low} to {high})"
        single = f"{_percent(row['uf1_best_single'])} ({row['uf1_best_candidate']})"
        yield f"| {row['title']} | {' | '.join(numbers)} | {gain} | {single} |"


def parts(metrics: pd.DataFrame, optimism: pd.DataFrame) -> Iterator[str]:
    """UF1 and UAR by database."""
    del optimism
    names = [part for part in PARTS if part != "all"]
    yield f"| UF1 / UAR | {' | '.join(PARTS[part] for part in names)} |"
    yield f"|:--|{'--:|' * len(names)}"
    by_part = {part: _honest(metrics, part).set_index("method") for part in names}
    for _, row in _honest(metrics, "all").iterrows():
        cells = [by_part[part].loc[row["method"]] for part in names]
        numbers = [f"{_share(cell['uf1'])} / {_share(cell['uar'])}" for cell in cells]
        yield f"| {row['title']} | {' | '.join(numbers)} |"


def in_readme(metrics: pd.DataFrame, optimism: pd.DataFrame) -> Iterator[str]:
    """UF1, honest and best on each test person."""
    rows = _honest(metrics, "all")
    styled = optimism.set_index("method")["uf1_paper_style"]
    many = optimism.set_index("method")["candidates"].astype(int) > 1
    yield f"| UF1 | {' | '.join(rows['title'])} |"
    yield f"|:--|{'--:|' * len(rows)}"
    yield f"| honest | {' | '.join(f'{_share(row.uf1)}' for row in rows.itertuples())} |"
    chosen = [_percent(styled[name]) if many[name] else "" for name in rows["method"]]
    yield f"| best epoch on each test person | {' | '.join(chosen)} |"


TABLES = {"table": table, "best": best, "parts": parts, "megc2019": in_readme}


def _honest(metrics: pd.DataFrame, part: str) -> pd.DataFrame:
    own = metrics[(metrics["selection"] == "honest") & (metrics["database"] == part)]
    return own.sort_values("uf1", kind="stable", ascending=False)


def _share(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def _percent(value: float | str) -> str:
    """A number in percent as a share; small ones with their sign."""
    number = float(value) / 100
    return f"{number:.3f}".replace("0.", ".", 1)


def _between(row: pd.Series[float], name: str) -> str:
    return "-".join(f"{row[f'{name}_{end}']:.3f}".removeprefix("0") for end in ("low", "high"))


if __name__ == "__main__":
    main()
