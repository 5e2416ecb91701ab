"""Which of STCLQP's codes each block holds, and how often: every codebook's histograms follow from that.

A block of footage holds a thousand different codes, some ten times each. Its table depends on no codebook and
is a quarter of the codes; a fold looks up its entries, where it would have to make the codes again.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled
from features.lbp import Codes, block_edges, normalised

UInt8 = npt.NDArray[np.uint8]
UInt32 = npt.NDArray[np.uint32]
Int64 = npt.NDArray[np.int64]

_MOST = 2**16


def block_tables(codes: Codes, blocks: tuple[int, int] = (8, 8)) -> UInt32:
    """Which codes each block holds, and how often.

    Parameters
    ----------
    codes
        (..., T', H', W') uint16.
    blocks
        (rows, columns), cut as in LBP-TOP.

    Returns
    -------
    (m,) uint32
        How many entries each block of each volume has, then the entries, block by block: the code times 2^16
        plus its count less 1. A code that occurs more than 2^16 times has several.

    Raises
    ------
    ValueError
        Where a block would be empty.
    """
    rows = block_edges(codes.shape[-2], blocks[0], "rows of codes")
    columns = block_edges(codes.shape[-1], blocks[1], "columns of codes")
    volumes = codes.reshape(-1, *codes.shape[-3:])
    sizes, entries = [], []
    counts, found = np.zeros(_MOST, np.uint32), np.empty(_MOST, np.uint16)
    for volume, i, j in product(volumes, range(blocks[0]), range(blocks[1])):
        block = volume[:, rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
        made = np.empty(min(block.size, 2 * _MOST + block.size // _MOST), np.uint32)
        sizes.append(_tabulate(block, counts, found, made))
        entries.append(made[: sizes[-1]])
    return np.concatenate([np.array(sizes, np.uint32), *entries])


@compiled
def _tabulate(block: Any, counts: Any, found: Any, entries: Any) -> int:
    """Write a block's entries, in the order of its codes; returns how many. counts: zeros, then as now."""
    distinct = 0
    for t in range(block.shape[0]):
        for y in range(block.shape[1]):
            for x in range(block.shape[2]):
                code = block[t, y, x]
                if counts[code] == 0:
                    found[distinct] = code
                    distinct += 1
                counts[code] += np.uint32(1)
    n = 0
    for k in range(distinct):
        code, left = found[k], int(counts[found[k]])
        counts[code] = 0
        while left > 0:
            taken = min(left, _MOST)
            entries[n] = np.uint32((int(code) << 16) + taken - 1)
            left -= taken
            n += 1
    return n


def code_counts(tables: UInt32, leading: tuple[int, ...], blocks: tuple[int, int], points: int = 16) -> Int64:
    """(..., 2^P) int64 counts of all codes of each volume.

    Parameters
    ----------
    tables, blocks
        Of `block_tables`.
    leading
        Of the codes' shape, the part before (T', H', W').
    points
        Bits of a code.
    """
    volumes, each = int(np.prod(leading)), blocks[0] * blocks[1]
    counts = np.zeros((volumes, 1, 2**points), np.int64)
    _count(tables, each, np.arange(2**points, dtype=np.uint16)[np.newaxis], 0, counts)
    return counts.reshape(*leading, 2**points)


def quantised_histograms(
    tables: UInt32, lookups: UInt8, *, n_centers: int = 20, blocks: tuple[int, int] = (8, 8)
) -> npt.NDArray[np.float32]:
    """Histograms of codebook entries in spatial blocks.

    Parameters
    ----------
    tables, blocks
        Of `block_tables`.
    lookups
        (..., 2^P) uint8, a codebook's table for each volume.
    n_centers
        Entries of a codebook.

    Returns
    -------
    (..., rows, columns, n_centers) float32; each histogram sums to 1
    """
    *leading, codes = lookups.shape
    each = blocks[0] * blocks[1]
    counts = np.zeros((int(np.prod(leading)), each, n_centers), np.int64)
    _count(tables, each, lookups.reshape(-1, codes), 1, counts)
    return normalised(counts).astype(np.float32).reshape(*leading, *blocks, n_centers)


@compiled
def _count(tables: Any, each: int, labels: Any, apart: int, counts: Any) -> None:
    """Add to counts[volume, block * apart, label] what tables hold; labels by volume, or one row for all."""
    at = np.uintp(counts.shape[0] * each)
    for v in range(counts.shape[0]):
        label = labels[v % labels.shape[0]]
        for b in range(each):
            into = counts[v, b * apart]
            end = at + np.uintp(tables[v * each + b])
            while at < end:
                entry = tables[at]
                into[label[entry >> np.uint32(16)]] += np.int64(entry & np.uint32(65535)) + 1
                at += np.uintp(1)
