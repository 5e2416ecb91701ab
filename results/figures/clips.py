"""Contact sheet of a database: what the methods get to see. It takes arrays and knows no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results.figures.style import CLIP_SHEETS, INK, PAPER, QUIET, Drawn, new_figure, own_style

Float32 = npt.NDArray[np.float32]
HEADINGS = ("onset", "apex", "offset", "landmarks and crop", "flow, onset to apex", "regions")
ARROWS_ACROSS = 16
"""Flow arrows per row of the picture."""
MARK, SECOND = "#00e5ff", "#ffd000"


@dataclass(frozen=True)
class ClipPictures:
    """One clip.

    Attributes
    ----------
    onset, apex, offset
        (H, W, 3) uint8 RGB, cropped.
    whole, landmarks, crop
        (H', W', 3) uint8, the onset frame before the crop; (66, 2) points and (left, top, right, bottom)
        in its pixels.
    flow
        (H, W, 2) float32 in pixels, onset to apex.
    regions
        Polygons (corners, 2) in pixels of onset.
    """

    name: str
    label: str
    onset: npt.NDArray[np.uint8]
    apex: npt.NDArray[np.uint8]
    offset: npt.NDArray[np.uint8]
    whole: npt.NDArray[np.uint8]
    landmarks: Float32
    crop: tuple[float, float, float, float]
    flow: Float32
    regions: Sequence[npt.NDArray[np.floating]] = ()


def contact_sheet(clips: Sequence[ClipPictures], *, database: str, source: str, profile: str) -> Drawn:
    """Onset, apex, offset, landmarks with crop, flow arrows and the regions of a face, a row per clip.

    `database` names the file and the title, `source` says where the frames are from ("simulator"). Arrows are
    as long as the flow, magnified by one factor for the whole sheet, which the heading states.

    Raises
    ------
    ValueError
        Without clips.
    """
    if not clips:
        raise ValueError(f"{database}: a contact sheet needs at least one clip")
    largest = max(float(np.linalg.norm(clip.flow, axis=2).max()) for clip in clips)
    factor = _magnification(largest, clips[0].flow.shape[1])
    with own_style():
        heading = f"Clips of {database}"
        words = (
            f"{source}; n = {len(clips)} clips shown; {profile} profile; flow up to {largest:.2f} px, "
            f"arrows magnified {factor:g} times"
        )
        height = clips[0].onset.shape[0] / clips[0].onset.shape[1]
        size = (1.7 * len(HEADINGS) + 0.2, 0.85 + len(clips) * (1.65 * min(height, 1.4) + 0.25))
        figure = new_figure(*size, heading, words)
        _rows(figure, clips, factor)
    names = ", ".join(f"{clip.name} ({clip.label})" for clip in clips)
    return Drawn(f"{CLIP_SHEETS}{database}", heading, f"Rows: {names}.", figure)


def _magnification(largest: float, width: int) -> float:
    """Makes the longest arrow a sixth of the picture wide, rounded down to 1, 2 or 5 times a power of ten."""
    if largest <= 0:
        return 1.0
    wanted = width / 6 / largest
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(max(step * power for step in (1, 2, 5) if step * power <= wanted))


def _rows(figure: Figure, clips: Sequence[ClipPictures], factor: float) -> None:
    panels = figure.subplots(len(clips), len(HEADINGS), squeeze=False)
    for axes, heading in zip(panels[0], HEADINGS, strict=True):
        axes.set_title(heading, fontsize=8)
    for clip, row in zip(clips, panels, strict=True):
        for axes, frame in zip(row, (clip.onset, clip.apex, clip.offset), strict=False):
            _frame(axes, frame)
        _landmarks(row[3], clip)
        _flow(row[4], clip, factor)
        _regions(row[5], clip)
        words = f"{clip.name}: {clip.label}"
        text = row[0].text(0, 1.02 * len(clip.onset), words, fontsize=7, va="top", color=QUIET)
        text.set_in_layout(False)


def _frame(axes: Axes, frame: npt.NDArray[np.uint8]) -> None:
    axes.imshow(frame, interpolation="nearest")
    axes.set_axis_off()
    axes.set_anchor("N")


def _landmarks(axes: Axes, clip: ClipPictures) -> None:
    _frame(axes, clip.whole)
    axes.plot(*clip.landmarks.T, ".", ms=2.4, color=MARK, mew=0)
    left, top, right, bottom = clip.crop
    x, y = [left, right, right, left, left], [top, top, bottom, bottom, top]
    axes.plot(x, y, color=PAPER, lw=1.6)
    axes.plot(x, y, color=INK, lw=0.7, ls=(0, (3, 2)))


def _flow(axes: Axes, clip: ClipPictures, factor: float) -> None:
    """One arrow per patch of the picture: the patch's mean flow."""
    _frame(axes, clip.onset)
    high, wide, _ = clip.flow.shape
    side = max(wide // ARROWS_ACROSS, 1)
    rows, columns = high // side, wide // side
    patches = clip.flow[: rows * side, : columns * side].reshape(rows, side, columns, side, 2)
    mean = patches.mean(axis=(1, 3))
    y, x = np.mgrid[0:rows, 0:columns] * side + side / 2
    axes.quiver(
        *(x, y, factor * mean[..., 0], factor * mean[..., 1]),
        angles="xy",
        scale_units="xy",
        scale=1,
        color=SECOND,
        edgecolor=INK,
        linewidth=0.25,
        width=0.012,
    )


def _regions(axes: Axes, clip: ClipPictures) -> None:
    _frame(axes, clip.onset)
    for polygon in clip.regions:
        axes.fill(*np.asarray(polygon).T, facecolor="none", edgecolor=MARK, linewidth=0.7)
