"""Bi-weighted oriented optical flow (Liong, See, Wong and Phan, 2018)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


def bi_woof(channels: Float32, *, blocks: tuple[int, int] = (5, 5), bins: int = 8) -> Float32:
    """(rows * columns * bins,) float32 descriptor of one onset-apex flow with its strain.

    Parameters
    ----------
    channels
        (H, W, 3) u, v and strain, strain at least 0.
    blocks
        Rows and columns that the picture is cut into.
    bins
        Of the circle of directions, the first beginning at the positive x axis.

    Notes
    -----
    The two weights: every pixel votes for its direction with its length (the local one), and a block's
    histogram, scaled to sum 1, is multiplied by the block's mean strain (the global one). The whole vector
    is scaled to length 1; without any movement it is 0. Blocks are block-row major, and where the size is
    no multiple of the blocks the first ones are a pixel larger.

    References
    ----------
    Liong, See, Wong & Phan, Less is more: micro-expression recognition from video using apex frame, Signal
    Processing: Image Communication 62 (2018) 82-92.

    Examples
    --------
    The left half moves to the right, with strain; the right half rests:

    >>> channels = np.zeros((8, 8, 3), np.float32)
    >>> channels[:, :4] = 1.0, 0.0, 0.5
    >>> bi_woof(channels, blocks=(1, 2), bins=4).tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    u, v = channels[..., 0].astype(np.float64), channels[..., 1].astype(np.float64)
    strain = channels[..., 2].astype(np.float64)
    length = np.hypot(u, v)
    turn = np.arctan2(v, u) / (2 * np.pi)
    direction = np.floor(np.where(turn < 0, turn + 1, turn) * bins).astype(np.int64) % bins
    parts = []
    for rows in np.array_split(np.arange(u.shape[0]), blocks[0]):
        for columns in np.array_split(np.arange(u.shape[1]), blocks[1]):
            block = np.ix_(rows, columns)
            votes = np.bincount(direction[block].ravel(), length[block].ravel(), minlength=bins)
            total = votes.sum()
            parts.append(votes / total * strain[block].mean() if total > 0 else votes)
    whole = np.concatenate(parts)
    norm = np.sqrt((whole**2).sum())
    return np.asarray(whole / norm if norm > 0 else whole, np.float32)
