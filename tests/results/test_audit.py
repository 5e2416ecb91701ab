"""The audit against scipy and against what was found in the paper's own numbers, digit by digit."""

import csv
import itertools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from results.audit import audit, audit_predictions, is_prediction_log
from results.audit.logs import BadLog
from results.audit.published_table import BadTable, published_table
from results.numbers.metrics import macro_precision_of, uar_of, uf1_of

FOUND_P = {
    "TLCNN(E)": "0.655",
    "TLCNN(EM)": "0.060",
    "C5+SVM": "0.0006",
    "3D-CNN": "0.0006",
    "LBP-TOP": "0.079",
    "STLBP-IP": "0.078",
    "STCLQP": "0.335",
}


@pytest.fixture
def table() -> list[dict[str, str]]:
    text = resources.files("results.audit.published").joinpath("table3.csv").read_text()
    return list(csv.DictReader(text.splitlines()))


def write(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_all_twenty_means_are_reproduced() -> None:
    means = audit().means
    assert len(means) == 20
    assert (means["verdict"] == "reproduced").all()


def test_eight_of_nine_t_tests_are_reproduced_and_stclqp_by_no_variant() -> None:
    tests = audit().t_tests.set_index("method")
    for method, text in FOUND_P.items():
        assert f"{tests.loc[method, 'p_independent']:.{len(text) - 2}f}" == text
    assert tests.loc["MDMO", "p_independent"] < 0.0001
    assert tests.loc["FDM", "p_independent"] < 0.0001
    assert (tests["verdict"] == "reproduced").sum() == 8
    stclqp = tests.loc["STCLQP"]
    assert stclqp["verdict"] == "not reproduced"
    assert stclqp["reproduced_by"] == ""
    assert f"{stclqp['p_paired']:.3f}" == "0.315"
    assert f"{stclqp['p_independent_one_sided']:.3f}" == "0.167"
    assert f"{stclqp['p_paired_one_sided']:.3f}" == "0.157"


def test_t_tests_equal_those_of_scipy(table: list[dict[str, str]]) -> None:
    def values(method: str) -> list[float]:
        return [float(r[f"fold{i}"]) for r in table if r["method"] == method for i in range(1, 6)]

    for _, row in audit().t_tests.iterrows():
        a, b = values("TLCNN"), values(row["method"])
        assert row["p_independent"] == pytest.approx(stats.ttest_ind(a, b).pvalue)
        assert row["p_paired"] == pytest.approx(stats.ttest_rel(a, b).pvalue)
        assert row["p_welch"] == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)


def test_granularity_of_every_cell() -> None:
    report = audit()
    cells = report.granularity
    fits = cells.groupby("method")["fits"].sum().to_dict()
    assert {m: fits[m] for m in ("C5+SVM", "3D-CNN", "FDM", "LBP-TOP")} == dict.fromkeys(
        ("C5+SVM", "3D-CNN", "FDM", "LBP-TOP"), 10
    )
    assert fits["STLBP-IP"] + fits["STCLQP"] == 17
    assert fits["TLCNN"] + fits["TLCNN(E)"] + fits["TLCNN(EM)"] == 1
    frames = cells[cells["method"].str.startswith("TLCNN")]
    assert frames["frames_fit"].all()
    tlcnn = report.verdicts.set_index("claim")["detail"][
        "TLCNN: accuracies counted over test folds of 112 clips"
    ]
    chance = (112 * 32 / 10_000) ** 5 * (112 * 64 / 10_000) ** 5
    assert f"by chance in {100 * chance:.1f} % of tables: counted per frame" in tlcnn
    sizes = report.fold_sizes[report.fold_sizes["method"] == "MDMO"]["sizes"]
    assert list(sizes) == ["108", "111", "109", "106", ""]
    for _, cell in cells.iterrows():
        possible = {f"{100 * k / 112:.2f}" for k in range(113)}
        assert cell["fits"] == (f"{cell['accuracy']:.2f}" in possible)


def test_the_four_classes_do_not_make_up_all_clips() -> None:
    counts = audit().class_counts.set_index(["what", "name"])["count"]
    assert counts["class", "sum"] == 559
    assert counts["database", "sum"] == 560
    verdicts = audit().verdicts.set_index("claim")
    assert verdicts.loc["the four classes make up the 560 clips", "verdict"] == "impossible"


def test_the_text_has_a_verdict_and_a_number_for_every_claim() -> None:
    report = audit()
    assert set(report.verdicts["verdict"]) == {"reproduced", "not reproduced", "impossible"}
    for _, row in report.verdicts.iterrows():
        assert row["claim"] in report.text
        assert any(letter.isdigit() for letter in row["detail"])


def test_another_table_is_audited_the_same_way(tmp_path: Path, table: list[dict[str, str]]) -> None:
    table[3]["mean"] = "64.00"
    table[4]["fold1"] = "64.30"
    report = audit(write(tmp_path / "t.csv", table), fold_size=112)
    wrong = report.means[report.means["verdict"] != "reproduced"]
    assert list(wrong["method"]) == ["C5+SVM"]
    assert "C5+SVM TIM 32" in report.text
    assert "9 of 10 cells are k/112; 64.30 is not 64.29" in report.text
    assert "559" not in report.text


def made_up(tim: int, accuracies: Sequence[float]) -> dict[str, str]:
    folds = {f"fold{i}": f"{value:.2f}" for i, value in enumerate(accuracies, start=1)}
    return {"method": "A", "tim": str(tim), **folds, "mean": f"{np.mean(accuracies):.2f}"}


def test_another_tables_folds_are_counted_only_when_their_size_is_stated(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [made_up(32, [50, 56, 62, 48, 58])])
    silent = audit(path)
    assert silent.granularity.empty and "test folds" not in " ".join(silent.verdicts["claim"])
    assert "not audited" in silent.text and "--fold-size" in silent.text
    assert "5 of 5 cells are k/50" in audit(path, fold_size=50).text


def test_what_every_table_would_fit_explains_nothing(tmp_path: Path) -> None:
    """112 clips of 128 frames make every number with two decimals possible."""
    report = audit(
        write(tmp_path / "t.csv", [made_up(128, [51.23, 47.11, 62.02, 55.5, 49.87])]), fold_size=112
    )
    assert report.granularity["frames_fit"].all() and (report.granularity["by_chance"] == 1).all()
    assert "per frame" not in report.text


def test_methods_without_claims_and_identical_columns(tmp_path: Path, table: list[dict[str, str]]) -> None:
    rows = [dict(row) for row in table if row["method"] == "TLCNN"]
    rows += [{**row, "method": "copy"} for row in rows]
    tests = audit(write(tmp_path / "t.csv", rows)).t_tests
    assert list(tests["p_independent"]) == [1.0]
    assert list(tests["claim"]) == [""]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fold2": "a lot"}, "line 2: fold2 is 'a lot'"),
        ({"mean": "4 of 5 folds"}, "mean is '4 of 5 folds'"),
        ({"fold1": "101"}, "not a percentage from 0 to 100"),
        ({"tim": "long"}, "tim is 'long'"),
        ({"tim": "64"}, "stands there twice"),
    ],
)
def test_a_table_of_another_form_is_refused(
    tmp_path: Path, table: list[dict[str, str]], change: dict[str, str], words: str
) -> None:
    with pytest.raises(BadTable, match=words):
        audit(write(tmp_path / "t.csv", [{**table[0], **change}, *table[1:]]))


def test_shares_are_not_percent(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("method,tim,mean,fold1,fold2\nA,8,0.75,0.70,0.80\n")
    with pytest.raises(BadTable, match=r"line 2: .*shares: give percent"):
        audit(path, fold_size=10)


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("method,tim\nA,32\n")
    with pytest.raises(BadTable, match="no column mean, fold1"):
        published_table(path)
    with pytest.raises(BadTable, match="cannot be read"):
        published_table(tmp_path / "nothing.csv")


def swapped_log() -> np.ndarray:
    """A confusion matrix of 250, 109, 83 clips with UF1 .7353, recall .7186 and precision .7605."""
    a, b, c = 250, 109, 83
    for recall_a, recall_b in itertools.product(range(200, 246), range(55, 100)):
        rest = 3 * 0.7186 - recall_a / a - recall_b / b
        for recall_c in {int(rest * c) + i for i in (-1, 0, 1, 2)}:
            if not 0 < recall_c < c:
                continue
            if abs((recall_a / a + recall_b / b + recall_c / c) / 3 - 0.7186) > 5e-5:
                continue
            found = _spread_errors(recall_a, recall_b, recall_c)
            if found is not None:
                return found
    raise AssertionError("no confusion matrix gives these numbers")


def _spread_errors(x: int, y: int, z: int) -> np.ndarray | None:
    wrong_a, wrong_b, wrong_c = 250 - x, 109 - y, 83 - z
    i, j, k = np.meshgrid(np.arange(wrong_a + 1), np.arange(wrong_b + 1), np.arange(wrong_c + 1))
    rows = [[x + 0 * i, i, wrong_a - i], [wrong_b - j, y + 0 * i, j], [wrong_c - k, k, z + 0 * i]]
    matrices = np.moveaxis(np.array(rows), (0, 1), (-2, -1))
    good = np.abs(uf1_of(matrices) - 0.7353) < 5e-5
    good &= np.abs(macro_precision_of(matrices) - 0.7605) < 5e-5
    return matrices[good][0] if good.any() else None


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    return swapped_log()


def challenge_log(path: Path, matrix: np.ndarray) -> Path:
    pairs = [(i, j) for i in range(3) for j in range(3) for _ in range(matrix[i, j])]
    np.random.default_rng(0).shuffle(pairs)
    lines = []
    for n, (truth, predicted) in enumerate(pairs):
        if n % 13 == 0:
            lines.append(f"{('smic', 'casme2', 'samm')[n % 3]} sub{n // 13:02d}")
        lines.append(f"EP{n:03d}_01f {truth} {predicted}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_precision_published_as_uar_is_found_out(tmp_path: Path, matrix: np.ndarray) -> None:
    assert matrix.sum() == 442
    assert float(uar_of(matrix)) == pytest.approx(0.7186, abs=5e-5)
    log = challenge_log(tmp_path / "log.txt", matrix)
    assert is_prediction_log(log)
    found = audit_predictions(log, published={"uf1": 0.7353, "uar": 0.7605})
    assert list(found.verdicts["verdict"]) == ["reproduced", "not reproduced"]
    assert "UAR 0.7186" in found.verdicts["detail"][1]
    assert "the published number is macro precision 0.7605" in found.verdicts["detail"][1]
    assert set(found.metrics["database"]) == {"all", "smic", "casme2", "samm"}
    assert found.metrics["clips"][0] == 442
    np.testing.assert_array_equal(found.confusion.to_numpy(), matrix)


def test_a_csv_log_gives_the_same_scores(tmp_path: Path, matrix: np.ndarray) -> None:
    names = ("negative", "positive", "surprise")
    rows = [
        {"clip": "x", "truth": names[i], "predicted": names[j]}
        for i in range(3)
        for j in range(3)
        for _ in range(matrix[i, j])
    ]
    log = write(tmp_path / "log.csv", rows)
    assert is_prediction_log(log)
    found = audit_predictions(log, published={"uar": 71.86, "macro_precision": 0.7605, "accuracy": 0.5})
    assert list(found.verdicts["verdict"]) == ["reproduced", "reproduced", "not reproduced"]
    assert found.metrics["uf1"][0] == pytest.approx(0.7353, abs=5e-5)


def test_an_accuracy_that_no_count_gives_is_impossible(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("truth,predicted\n0,0\n1,1\n1,0\n")
    assert audit_predictions(log, published={"accuracy": 0.7}).verdicts["verdict"][0] == "reproduced"
    assert audit_predictions(log, published={"accuracy": 0.71}).verdicts["verdict"][0] == "impossible"


def test_tables_and_other_files_are_no_logs(tmp_path: Path, table: list[dict[str, str]]) -> None:
    assert not is_prediction_log(write(tmp_path / "t.csv", table))
    binary = tmp_path / "b.bin"
    binary.write_bytes(bytes(range(256)))
    assert not is_prediction_log(binary)
    assert not is_prediction_log(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("casme2 sub01\nEP02_01f 1 1 9 9\n", "line 2"),
        ("truth,guess\n1,1\n", "needs the columns truth and predicted"),
        ("truth,predicted\n1,\n", "line 2: the prediction is empty"),
        ("truth,predicted\n", "no prediction in it"),
    ],
)
def test_a_broken_log_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    with pytest.raises(BadLog, match=words):
        audit_predictions(log)


def test_an_unknown_metric_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("truth,predicted\n0,0\n")
    with pytest.raises(BadLog, match=r"war.*one of.*uf1, uar"):
        audit_predictions(log, published={"war": 0.5})


FORMS = {
    "tabs": "clip\ttruth\tpredicted\na\t0\t0\nb\t1\t0\nc\t1\t1\n",
    "semicolons, quoted": '"clip";"label";"pred"\n"a";"0";"0"\n"b";"1";"0"\n"c";"1";"1"\n',
    "blanks": "name actual prediction\na 0 0\nb 1 0\nc 1 1\n",
    "an index": ",clip,y_true,y_pred\n0,a,0,0\n1,b,1,0\n2,c,1,1\n",
    "an index and no header": "0,a,0,0\n1,b,1,0\n2,c,1,1\n",
    "no header": "0,0\n1,0\n1,1\n",
    "floats": "truth,predicted\n0,0.0\n1,0.0\n1.0,1.0\n",
    "a header twice": "truth,predicted\n0,0\ntruth,predicted\n1,0\n1,1\n",
    "pairs of lines": "sub s1\nPredicted: [0 0]\nGround Truth : [0 1]\nPredicted: [1]\nTruth : [1]\n",
    "pairs of tensors": "Predicted: tensor([0, 0, 1], device='cuda:0')\nGround Truth: tensor([0, 1, 1])\n",
    "a challenge": "smic s1\na 0 0\nb 1 0\nsmic s2\na 1 1\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_a_log_is_read_in_every_form_it_is_found_in(tmp_path: Path, name: str) -> None:
    log = tmp_path / "log.txt"
    log.write_text(FORMS[name])
    assert is_prediction_log(log)
    found = audit_predictions(log, {"accuracy": "0.67", "uar": "75.0"})
    np.testing.assert_array_equal(found.confusion.to_numpy(), [[1, 0], [1, 1]])
    assert (found.doubts, found.exit_status) == ((), 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clip,truth,predicted\na,0,0\nb,1,1\na,0,0\n", "more than once"),
        ("truth,predicted\nhappy,0\nsad,1\n", "written in two ways"),
    ],
)
def test_a_doubtful_log_says_so_and_ends_with_status_1(tmp_path: Path, text: str, words: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(text)
    found = audit_predictions(log)
    assert words in found.text
    assert found.exit_status == 1


def test_clips_that_a_named_list_has_are_missed(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(FORMS["a challenge"])
    assert audit_predictions(log, expected={"smic": 3}).exit_status == 0
    assert "smic: 3 clips, the list has 4" in audit_predictions(log, expected={"smic": 4}).text


@pytest.mark.parametrize("label", ["nan", "", "None", "NA"])
def test_a_missing_label_is_refused_with_its_line(tmp_path: Path, label: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(f"truth,predicted\n1,1\n1,{label}\n")
    with pytest.raises(BadLog, match="line 3"):
        audit_predictions(log)


def test_the_decimals_in_print_say_how_exact_a_number_is(tmp_path: Path) -> None:
    """37 of 50 and 36 of 50: UAR .73."""
    rows = [("a", "a")] * 37 + [("a", "b")] * 13 + [("b", "b")] * 36 + [("b", "a")] * 14
    log = write(tmp_path / "log.csv", [{"truth": t, "predicted": p} for t, p in rows])
    for text, verdict in {"0.7": "reproduced", "0.70": "not reproduced", "0.73": "reproduced"}.items():
        assert list(audit_predictions(log, {"uar": text}).verdicts["verdict"]) == [verdict], text
    assert list(audit_predictions(log, {"uar": "73%"}).verdicts["verdict"]) == ["reproduced"]
