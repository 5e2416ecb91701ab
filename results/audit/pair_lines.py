"""Text in which scripts print what was predicted and what was true, one after the other.

"Predicted: [0 1]" and "Ground Truth: [0 2]" on lines of their own, in either order, with other words before
them (a date, a level, "Best"); arrays that were printed over several lines; or both on one line, as in
"true: 0 pred: 1".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_PREDICTED = r"predicted|predictions?|preds?|y_?pred"
_TRUE = r"ground[ _]?truths?|truths?|gt|actual|y_?true|true|labels?|targets?"
_KEY = re.compile(rf"(?<![A-Za-z])(?P<what>{_PREDICTED}|{_TRUE})(?:[ _]labels?)?\s*[:=](?!=)", re.IGNORECASE)
_ANOTHER = re.compile(r"[A-Za-z_]\w*\s*[:=]")
_NO_LABEL = re.compile(
    r"tensor|array|np\.\w+(?=\()|d(?:evice|type)\s*=\s*[^,)\]]*|\b(?:class|label)\b(?=\s+\S)"
)

Numbered = Sequence[tuple[int, str]]
Said = tuple[int, bool, list[str]]
"""Line, whether it is what was predicted, and the labels."""


class Unpaired(ValueError):
    """Lines that do not come in pairs; the message says where."""


def has_pairs(lines: Numbered) -> bool:
    """Whether both what was predicted and what was true are printed in these lines."""
    return {_is_predicted(match) for _, line in lines for match in _KEY.finditer(line)} == {True, False}


def pairs(lines: Numbered) -> Iterator[tuple[int, str, str]]:
    """(line, truth, predicted) of every clip.

    Raises
    ------
    Unpaired
        Where one of a pair is missing or is not as long as the other.
    """
    waiting: Said | None = None
    for i, predicted, labels in _said(lines):
        if waiting is None:
            waiting = (i, predicted, labels)
            continue
        before, other, earlier = waiting
        if other == predicted:
            what = "predicted" if predicted else "truth"
            raise Unpaired(
                f"line {i}: {what} follows {what} of line {before}, the other of the pair is missing"
            )
        truths, said = (earlier, labels) if predicted else (labels, earlier)
        if len(truths) != len(said) or not truths:
            raise Unpaired(f"line {i}: {len(truths)} truths and {len(said)} predictions in a pair")
        yield from ((i, truth, each) for truth, each in zip(truths, said, strict=True))
        waiting = None
    if waiting is not None:
        raise Unpaired(f"line {waiting[0]}: the other of the pair is missing")


def _said(lines: Numbered) -> Iterator[Said]:
    """What is printed, key by key. An array goes on, over the following lines, to its last bracket.

    Where a script prints its best epoch beside the last one, only the last one is read.
    """
    texts = [_with_what_follows(lines, at) for at in range(len(lines))]
    keys = [(i, text, list(_KEY.finditer(line))) for (i, line), text in zip(lines, texts, strict=True)]
    best = [_is_best(text, match) for _, text, found in keys for match in found if _is_predicted(match)]
    for i, text, found in keys:
        for match in found:
            if _is_best(text, match) and not all(best):
                continue
            rest = text[match.end() :]
            end = _ANOTHER.search(_NO_LABEL.sub(lambda word: " " * len(word[0]), rest))
            labels = _NO_LABEL.sub(" ", rest[: end.start()] if end else rest)
            yield i, _is_predicted(match), re.findall(r"[^\s,\[\]()'\"]+", labels)


def _is_predicted(match: re.Match[str]) -> bool:
    return match["what"].lower().startswith(("pred", "y_pred", "ypred"))


def _is_best(text: str, match: re.Match[str]) -> bool:
    return text[: match.start()].lower().rstrip(" _-").endswith("best")


def _with_what_follows(lines: Numbered, at: int) -> str:
    """A line and, where a bracket is open at its end, those after it until all are closed."""
    text = lines[at][1]
    for _, line in lines[at + 1 :]:
        if not _KEY.search(text) or text.count("[") <= text.count("]"):
            break
        text += " " + line
    return text
