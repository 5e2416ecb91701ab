"""Compiled solver of a support vector machine of two classes: decomposition into pairs of clips.

Notes
-----
The algorithm is libsvm's: second-order choice of the pair (Fan, Chen & Lin, "Working set selection using
second order information for training support vector machines", JMLR 6, 2005), shrinking, kernel values in
single and gradients in double precision. Every rounding and every tie is libsvm's as well, so coefficients
and bias are those of scikit-learn's `SVC` to the last bit, also where the limit of steps cuts a run off.

With v = -y * gradient the two classes need no case of their own: clip i whose y * alpha may grow (`up`)
makes a step with clip j whose y * alpha may shrink (`down`). Both are kept as 0 or -inf to be added to v, so
that no loop has a branch; the largest value is looked for in `LANES` interleaved parts, for SIMD.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from basis.compiled import compiled

LANES = 16
"""The number of columns of a kernel matrix must be a multiple of this."""

_TINY = 1e-12
_LONGEST_INTERVAL = 1000


class _State(NamedTuple):
    """All that is known of n clips, in an order that changes: the active ones first.

    kernel: (n, columns) float32; rows: (7, columns) float64, of which the next seven are views: v, up, down,
    alpha, y, the part of v that clips at C make up, and the kernel's diagonal; order: (n,) int64, clips by
    place. What runs at every step takes arrays instead: counting references would take longer than the work.
    """

    kernel: Any
    rows: Any
    v: Any
    up: Any
    down: Any
    alpha: Any
    y: Any
    bounded: Any
    diagonal: Any
    order: Any


@compiled
def solve(
    kernel: Any, diagonal: Any, y: Any, C: float, tolerance: float, steps: int
) -> tuple[Any, float, bool]:
    """Fit one machine: y * alpha of every clip, the bias, and whether the limit of steps was reached.

    Parameters
    ----------
    kernel
        (n, columns) float32; columns from n on are padding. Its rows and columns change places.
    diagonal
        (n,) float64, of the kernel.
    y
        (n,) float64, 1 for the first class and -1 for the second.
    C, tolerance
        As of scikit-learn's `SVC`.
    steps
        At most so many; -1 for any number.
    """
    n = kernel.shape[0]
    rows = np.zeros((7, kernel.shape[1]))
    for t in range(n):
        rows[0, t], rows[4, t], rows[6, t] = y[t], y[t], diagonal[t]
    s = _State(kernel, rows, rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], np.arange(n))
    _may_move(s, C, n)
    interval = min(n, _LONGEST_INTERVAL)
    active, taken, pause, reopened, confirming = n, 0, interval, False, False
    while taken != steps:
        if pause == 0:
            active, reopened = _set_aside(s, C, tolerance, active, reopened)
            pause = interval
        wanted = 1 if confirming else pause if steps < 0 else min(pause, steps - taken)
        done = _steps(s, C, tolerance, active, wanted)
        taken, pause = taken + done, 0 if confirming else pause - done
        if done == wanted:
            confirming = False
        elif confirming:
            break
        else:
            active, confirming = _take_back(s, C, active), True
    signed = np.empty(n)
    for t in range(n):
        signed[s.order[t]] = s.alpha[t] * s.y[t]
    return signed, _bias(s, active), taken == steps


@compiled
def _steps(s: _State, C: float, tolerance: float, active: int, wanted: int) -> int:
    """Up to so many steps among the active clips; returns how many there were before their optimum."""
    n, kernel = s.order.size, s.kernel
    v, up, down, alpha, y, bounded, diagonal = s.v, s.up, s.down, s.alpha, s.y, s.bounded, s.diagonal
    best, places, low = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for taken in range(wanted):
        largest, i, least = _extremes(v, up, down, active, best, places, low)
        if i < 0 or largest - least < tolerance:
            return taken
        j = _second(v, down, diagonal, kernel, i, largest, active, best, places)
        if j < 0:
            return taken
        a, b = np.uintp(i), np.uintp(j)
        before_a, before_b = alpha[a], alpha[b]
        curvature = (diagonal[a] + diagonal[b]) - 2.0 * np.float64(kernel[a, b])
        step = (v[a] - v[b]) / (curvature if curvature > 0.0 else _TINY)
        alpha[a], alpha[b] = before_a + y[a] * step, before_b - y[b] * step
        if y[a] == y[b]:
            alpha[a], alpha[b] = _in_box_with_sum(alpha[a], alpha[b], before_a + before_b, C)
        else:
            alpha[a], alpha[b] = _in_box_with_difference(alpha[a], alpha[b], before_a - before_b, C)
        _follow(v, kernel, a, b, y[a] * (alpha[a] - before_a), y[b] * (alpha[b] - before_b), active)
        _mark(a, alpha, y, C, up, down)
        _mark(b, alpha, y, C, up, down)
        _count_bounded(bounded, kernel, a, before_a, alpha[a], C, y[a], n)
        _count_bounded(bounded, kernel, b, before_b, alpha[b], C, y[b], n)
    return wanted


@compiled
def _extremes(
    v: Any, up: Any, down: Any, active: int, best: Any, places: Any, low: Any
) -> tuple[float, int, float]:
    """Largest v that may grow, its place (the last one, -1 for none) and the least v that may shrink."""
    best[:], places[:], low[:] = -np.inf, -1.0, np.inf
    for start in range(0, active, LANES):
        first = np.uintp(start)
        for k in range(np.uintp(LANES)):
            upper, lower = v[first + k] + up[first + k], v[first + k] - down[first + k]
            places[k] = float(start) if upper >= best[k] else places[k]
            best[k] = upper if upper > best[k] else best[k]
            low[k] = lower if lower < low[k] else low[k]
    largest, place = _last_largest(best, places)
    least = low[0]
    for k in range(1, LANES):
        least = min(least, low[k])
    return largest, -1 if largest == -np.inf else place, least


@compiled
def _second(
    v: Any, down: Any, diagonal: Any, kernel: Any, i: int, largest: float, active: int, best: Any, places: Any
) -> int:
    """The clip that may shrink whose step with clip i gains most (the last one on ties), or -1."""
    row = np.uintp(i)
    own = diagonal[row]
    best[:], places[:] = -0.5, -1.0
    for start in range(0, active, LANES):
        first = np.uintp(start)
        for k in range(np.uintp(LANES)):
            difference = largest - v[first + k]
            curvature = (own + diagonal[first + k]) - 2.0 * np.float64(kernel[row, first + k])
            gain = difference * difference / (curvature if curvature > 0.0 else _TINY)
            gain = (gain if difference > 0.0 else -1.0) + down[first + k]
            places[k] = float(start) if gain >= best[k] else places[k]
            best[k] = gain if gain > best[k] else best[k]
    return _last_largest(best, places)[1]


@compiled
def _last_largest(best: Any, places: Any) -> tuple[float, int]:
    """The largest of the lanes and its place, the last one on ties; lanes that found none have place -1."""
    largest, place = -np.inf, -1
    for k in range(LANES):
        at = int(places[k]) + k
        if places[k] >= 0 and (best[k] > largest or (best[k] == largest and at > place)):
            largest, place = best[k], at
    return largest, place


@compiled
def _follow(v: Any, kernel: Any, i: Any, j: Any, a: float, b: float, active: int) -> None:
    """Update v of the active clips after a step of two."""
    for t in range(np.uintp(active)):
        v[t] -= np.float64(kernel[i, t]) * a + np.float64(kernel[j, t]) * b


@compiled
def _count_bounded(
    bounded: Any, kernel: Any, i: Any, before: float, after: float, C: float, y: float, n: int
) -> None:
    """Add clip i to the sums over clips at C, or take it away, if it has reached or left C."""
    if (before >= C) != (after >= C):
        weight = C * y if before < C else -C * y
        for t in range(np.uintp(n)):
            bounded[t] -= weight * np.float64(kernel[i, t])


@compiled
def _in_box_with_sum(a: float, b: float, total: float, C: float) -> tuple[float, float]:
    """The point of the line a + b = total nearest to (a, b) in [0, C] x [0, C]."""
    if total > C:
        if a > C:
            a, b = C, total - C
        if b > C:
            a, b = total - C, C
    else:
        if b < 0:
            a, b = total, 0.0
        if a < 0:
            a, b = 0.0, total
    return a, b


@compiled
def _in_box_with_difference(a: float, b: float, difference: float, C: float) -> tuple[float, float]:
    """The point of the line a - b = difference nearest to (a, b) in [0, C] x [0, C]."""
    if difference > 0:
        if b < 0:
            a, b = difference, 0.0
        if a > C:
            a, b = C, C - difference
    else:
        if a < 0:
            a, b = 0.0, -difference
        if b > C:
            a, b = C + difference, C
    return a, b


@compiled
def _mark(t: Any, alpha: Any, y: Any, C: float, up: Any, down: Any) -> None:
    """Set what clip t may do."""
    grows, shrinks = alpha[t] < C, alpha[t] > 0
    if y[t] < 0:
        grows, shrinks = shrinks, grows
    up[t], down[t] = 0.0 if grows else -np.inf, 0.0 if shrinks else -np.inf


@compiled
def _may_move(s: _State, C: float, active: int) -> None:
    """Set what the active clips may do; the others may do nothing."""
    for t in range(s.up.size):
        s.up[t], s.down[t] = -np.inf, -np.inf
        if t < active:
            _mark(t, s.alpha, s.y, C, s.up, s.down)


@compiled
def _take_back(s: _State, C: float, active: int) -> int:
    """Compute v of the clips that were set aside and make all active; returns how many there are."""
    n: int = s.order.size
    for t in range(active, n):
        s.v[t] = s.bounded[t] + s.y[t]
    for i in range(active):
        if active < n and 0 < s.alpha[i] < C:
            weight = s.alpha[i] * s.y[i]
            for t in range(active, n):
                s.v[t] -= weight * np.float64(s.kernel[i, t])
    _may_move(s, C, n)
    return n


@compiled
def _set_aside(s: _State, C: float, tolerance: float, active: int, reopened: bool) -> tuple[int, bool]:
    """Move clips at a bound that will hardly leave it behind the active ones; once take all back before.

    Returns how many are active, and whether they were taken back near the optimum, now or before.
    """
    scratch = np.empty((3, LANES))
    largest, _, least = _extremes(s.v, s.up, s.down, active, scratch[0], scratch[1], scratch[2])
    if not reopened and largest - least <= 10 * tolerance:
        reopened = True
        active = _take_back(s, C, active)
    i = 0
    while i < active:
        if _stays(s, i, largest, least):
            active -= 1
            while active > i:
                if not _stays(s, active, largest, least):
                    _exchange(s, i, active)
                    break
                active -= 1
        i += 1
    _may_move(s, C, active)
    return active, reopened


@compiled
def _stays(s: _State, t: int, largest: float, least: float) -> bool:
    """Whether clip t is at a bound and would not leave it."""
    stuck: bool = (s.up[t] < 0 and s.v[t] > largest) or (s.down[t] < 0 and s.v[t] < least)
    return stuck


@compiled
def _exchange(s: _State, i: int, j: int) -> None:
    """Let two clips change places."""
    for t in range(np.uintp(s.kernel.shape[1])):
        s.kernel[i, t], s.kernel[j, t] = s.kernel[j, t], s.kernel[i, t]
    for t in range(np.uintp(s.kernel.shape[0])):
        s.kernel[t, i], s.kernel[t, j] = s.kernel[t, j], s.kernel[t, i]
    for r in range(s.rows.shape[0]):
        s.rows[r, i], s.rows[r, j] = s.rows[r, j], s.rows[r, i]
    s.order[i], s.order[j] = s.order[j], s.order[i]


@compiled
def _bias(s: _State, active: int) -> float:
    """Mean v of the free clips, or the middle of what those at a bound allow."""
    total, free, highest, lowest = 0.0, 0, np.inf, -np.inf
    for t in range(active):
        if s.up[t] < 0:
            lowest = max(lowest, -s.v[t])
        elif s.down[t] < 0:
            highest = min(highest, -s.v[t])
        else:
            total -= s.v[t]
            free += 1
    return -(total / free if free else (highest + lowest) / 2)


@compiled
def solve_pairs(
    kernel: Any, diagonal: Any, starts: Any, C: float, tolerance: float, steps: int
) -> tuple[Any, Any, bool]:
    """`solve` for every pair of classes.

    Pairs run (0, 1), (0, 2), ..., (1, 2), ...

    Parameters
    ----------
    kernel
        (n, n) float32 with the clips class by class, class c from starts[c] to starts[c + 1].
    diagonal
        (n,) float64.
    starts
        (k + 1,) where each of the k classes begins, and the end.
    C, tolerance, steps
        Of `solve`.

    Returns
    -------
    y * alpha (n, pairs), biases (pairs,), and whether any run reached the limit of steps
    """
    k = starts.size - 1
    coefficients, biases = np.zeros((starts[k], k * (k - 1) // 2)), np.zeros(k * (k - 1) // 2)
    stopped, p = False, 0
    scratch = np.zeros(starts[k] * (starts[k] + LANES), np.float32)
    for i in range(k):
        for j in range(i + 1, k):
            clips = _members(starts, i, j)
            part, own, y = _part(kernel, diagonal, clips, starts[i + 1] - starts[i], scratch)
            signed, biases[p], early = solve(part, own, y, C, tolerance, steps)
            for t in range(clips.size):
                coefficients[clips[t], p] = signed[t]
            stopped = stopped or early
            p += 1
    return coefficients, biases, stopped


@compiled
def _members(starts: Any, i: int, j: int) -> Any:
    """Clips of two classes, the first one's first."""
    size = starts[i + 1] - starts[i]
    clips = np.empty(size + starts[j + 1] - starts[j], np.int64)
    for t in range(clips.size):
        clips[t] = starts[i] + t if t < size else starts[j] + t - size
    return clips


@compiled
def _part(kernel: Any, diagonal: Any, clips: Any, size: int, scratch: Any) -> tuple[Any, Any, Any]:
    """Kernel, diagonal and y of some clips, of which the first `size` are of the first class.

    The kernel lies in the scratch memory; what stands in its padding is finite and changes nothing.
    """
    n = clips.size
    columns = (n + LANES - 1) // LANES * LANES
    part = scratch[: n * columns].reshape(n, columns)
    own, y = np.empty(n), np.empty(n)
    for t in range(n):
        row = clips[t]
        own[t], y[t] = diagonal[row], 1.0 if t < size else -1.0
        for first, last, shift in ((0, size, clips[0]), (size, n, clips[n - 1] - n + 1)):
            for u in range(np.uintp(first), np.uintp(last)):
                part[t, u] = kernel[row, u + np.uintp(shift)]
    return part, own, y
