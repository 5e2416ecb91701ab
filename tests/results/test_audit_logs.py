"""Logs as scripts and spreadsheets leave them: read as what they say, doubted where they say two things."""

from pathlib import Path

import pytest

from results.audit.logs import BadLog, audit_predictions

TRUTH = [0, 1, 2, 0, 1, 2, 0, 1, 2, 1]
PREDICTED = [0, 1, 1, 0, 1, 2, 0, 2, 2, 1]
RIGHT = 8
BOTH = list(zip(TRUTH, PREDICTED, strict=True))


def rows(form: str, *, first: str = "", last: str = "") -> str:
    return first + "".join(form.format(t=t, p=p, i=i) for i, (t, p) in enumerate(BOTH)) + last


FORMS = {
    "an array over two lines": "Predicted: [0 1 1 0 1\n 2 0 2 2 1]\nGround Truth: [0 1 2 0 1\n 2 0 1 2 1]\n",
    "the best epoch": f"Best Predicted    : {PREDICTED}\nGround Truth : {TRUTH}\n UF1: 0.3 | UAR: 0.2\n",
    "best and last epoch": f"Predicted : {PREDICTED}\nBest Predicted : {TRUTH}\nGround Truth : {TRUTH}\n",
    "a logger": rows("12:00:01 INFO Predicted: {p}\n12:00:01 INFO Ground Truth: {t}\n"),
    "variables": f"y_true: {TRUTH}\ny_pred: {PREDICTED}\n",
    "words and equals": f"labels = {TRUTH}\npreds = {PREDICTED}\n",
    "numpy's own": f"y_true: array({TRUTH}, dtype=int64)\ny_pred: array({PREDICTED}, dtype=int64)\n",
    "numpy's scalars": rows("true: [np.int64({t})]\npred: [np.int64({p})]\n"),
    "a line each": rows("true: {t} pred: {p} loss: 0.5\n"),
    "tensors on a card": rows(
        "label: tensor([{t}], device='cuda:0')\npred: tensor([{p}], device='cuda:0')\n"
    ),
    "a comment first": rows("{t},{p}\n", first="# run 3\ntruth,pred\n"),
    "made for Excel": rows("{t};{p}\n", first="sep=;\ntruth;pred\n"),
    "numpy.savetxt": "".join(f"{t:.18e} {p:.18e}\n" for t, p in BOTH),
    "numpy.savetxt with a comma": "".join(f"{t:.8e},{p:.8e}\n" for t, p in BOTH),
    "classes by their word": rows("clip {i}: Ground Truth: class {t}, Predicted: class {p}\n"),
    "a data frame of classes": rows("{i},{t},{p}\n", first="video_id,class,class_pred\n"),
    "labels and their names": rows("n{t},{t},{p}\n", first="label,y_true,y_pred\n"),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_scripts_print_is_read_whole(tmp_path: Path, name: str) -> None:
    log = tmp_path / "log.txt"
    log.write_text(FORMS[name])
    found = audit_predictions(log)
    score = found.metrics.iloc[0]
    assert (score["clips"], score["accuracy"]) == (len(BOTH), RIGHT / len(BOTH))
    assert (found.doubts, found.exit_status) == ((), 0)


def test_utf_16_is_read_by_its_mark(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(rows("{t},{p}\n", first="truth,pred\n"), encoding="utf-16")
    assert audit_predictions(log).metrics.iloc[0]["clips"] == len(BOTH)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (rows("{p},{t},{p}\n", first="label,true,pred\n"), "columns true and label differ"),
        (rows("{t},{p},{i}\n", first="truth,predicted,pred\n"), "columns predicted and pred differ"),
        (rows("{t},{p}\n") * 2, "written twice"),
        ("truth,pred\n" + "".join(f"{t},{p + 1}\n" for t, p in BOTH), "counted from 0 and from 1"),
        (rows("{t},{p}\n", first="truth,pred\n", last="1,1.5\n"), "1.5 stand among whole numbers"),
        (rows("n{t},n{p}\n", first="truth,pred\n", last="n1,N1\n"), "N1 and n1 differ in their capitals"),
        (rows("n{t},n{p}\n", first="annotator,network\n"), "look like names of columns"),
    ],
)
def test_what_a_log_says_twice_is_doubted(tmp_path: Path, text: str, words: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(text)
    found = audit_predictions(log)
    assert words in " ".join(found.doubts)
    assert found.exit_status == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"truth": 0, "pred": 1}]', "JSON"),
        (rows("{t},{p}\n", first="annotator,network\n"), "line 1: 'annotator' and 'network' look like names"),
        (rows("{i} {t} {p}\n", first="id annotator network\n"), "look like names of columns"),
        (rows("{t},{p}\n", first="truth,pred\n", last="1,-\n"), "line 12: the prediction is empty"),
        (f"Predicted: {PREDICTED[1:]}\nGround Truth: {TRUTH}\n", "10 truths and 9 predictions"),
        (
            f"Predicted: {PREDICTED}\nPredicted: {TRUTH}\nGround Truth: {TRUTH}\n",
            "line 2.*predicted follows",
        ),
        ("truth,pred\n#N/A,0\n1,1\n", "line 2.*no label"),
    ],
)
def test_what_is_no_log_is_refused_with_the_reason(tmp_path: Path, text: str, words: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(text)
    with pytest.raises(BadLog, match=words):
        audit_predictions(log)


@pytest.mark.parametrize(("printed", "verdict"), [("1", "not reproduced"), ("0.8", "reproduced")])
def test_all_clips_right_is_not_a_rounded_share(tmp_path: Path, printed: str, verdict: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(rows("{t},{p}\n"))
    assert list(audit_predictions(log, {"accuracy": printed}).verdicts["verdict"]) == [verdict]
