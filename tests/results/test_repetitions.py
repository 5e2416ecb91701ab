"""Several trainings on the same folds: rows are means over them, tests count a fold once."""

import pytest

from results.numbers import tables
from results.numbers.statistics_table import statistics_frame
from results.records.run_file import Repetition
from results.records.runs import load_results


def test_rows_are_means_over_draws_and_tests_count_a_fold_once(fake_run):
    run = fake_run(methods=("tlcnn", "majority"))
    nets = [unit for unit in run.units if unit["method"] == "tlcnn"]
    run.units += [{**unit, "draw": 1, "key": unit["key"][::-1]} for unit in nets]
    results = load_results(run.write())
    cells = tables.tested(results)
    table = tables.table3_frame(cells, results.info.task).set_index("method")
    net = next(cell for cell, _ in cells if cell.method == "tlcnn")
    assert net.seeds == (Repetition(0, 0), Repetition(0, 1)) and net.splits == (0,)
    by_draw = 100 * net.accuracies("honest").mean(axis=0)
    assert table.loc["tlcnn", "seeds"] == 2 and table.loc["majority", "seeds"] == 1
    assert table.loc["tlcnn", "mean"] == pytest.approx(by_draw.mean())
    assert table.loc["tlcnn", "seed_sd"] == pytest.approx(by_draw.std(ddof=1))
    pair = statistics_frame(cells).iloc[0]
    assert pair["n"] == 5 and not str(pair["verdict"]).startswith("refused")
    assert pair["mean_a"] == pytest.approx(by_draw.mean())
