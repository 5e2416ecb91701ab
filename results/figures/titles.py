"""Titles as figures have room for them: in few lines, and where they are too long without their middle."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from results.table_text import columns_of

ROW_WIDTH = 40
"""Columns of a line beside a row; a Chinese, Japanese or Korean letter takes two."""
SMALL = 7.0
"""Font size of a title in two lines, which stand as close as the rows do."""


def shortened(text: str, most: int) -> str:
    """A text of at most so many columns: a longer one keeps two thirds from its beginning and its end."""
    if columns_of(text) <= most:
        return text
    head, tail = text, text
    while columns_of(head) > (most - 1) * 2 // 3:
        head = head[:-1]
    while columns_of(head) + 1 + columns_of(tail) > most:
        tail = tail[1:]
    return f"{head}\N{HORIZONTAL ELLIPSIS}{tail}"


def in_lines(text: str, width: int, most: int = 2) -> str:
    """A text in at most so many lines of so many columns, broken between words where it can be.

    Lines are about equally long: no word stands alone below a full line.
    """
    for room in range(width * most, 0, -1):
        short = shortened(text, room)
        lines = _wrapped(short, width)
        if len(lines) <= most:
            longest = max(map(columns_of, short.split()), default=0)
            least = min(width, max(longest, columns_of(short) // len(lines) - 1, 1))
            narrower = (_wrapped(short, each) for each in range(least, width + 1))
            return "\n".join(next(each for each in narrower if len(each) == len(lines)))
    return text[:1]


def name_rows(axes: Axes, titles: Sequence[str]) -> None:
    """Write titles beside the rows 0, 1, ... of a figure."""
    axes.set_yticks(range(len(titles)), [in_lines(title, ROW_WIDTH) for title in titles])
    for label in axes.get_yticklabels():
        if "\n" in label.get_text():
            label.set(fontsize=SMALL, linespacing=0.95)


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        gap = " " if lines[-1] else ""
        if columns_of(lines[-1]) + len(gap) + columns_of(word) <= width:
            lines[-1] += gap + word
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if columns_of(lines[-1]) + columns_of(letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines
