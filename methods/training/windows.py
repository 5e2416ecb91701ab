"""Frames as bytes, on the device if there is room, and the windows that nets are given.

A window is `length` consecutive frames of one clip, cropped to a square and perhaps mirrored: one frame
for the frame CNN, sixteen for CNN + LSTM, the whole clip for the 3D-CNN. Windows travel as one integer
tensor (5, n): clip, first frame, top, left, mirrored or not.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data_prep.clips import Clips, Int64, Stills, UInt8, prepared_set, rows_of

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of red, green and blue over the frames trained on, grey levels."""

STATISTICS_STRIDE = 8
"""Frames of a clip that follow one another are nearly equal: every eighth has the statistics of all."""

RESIDENT_SHARE = 0.5
"""Frames are copied to a GPU if they take no more of its free memory than this."""


@dataclass(frozen=True)
class View:
    """What a net is given: windows of `length` frames, `stride` apart, of crop x crop pixels.

    Attributes
    ----------
    difference
        Grey levels that become 1 where a net is given differences from the clip's first frame; 0: the frames
        themselves, normalised.
    crops
        Windows at one time when a clip is decided, see `central_windows`.
    """

    length: int
    stride: int
    crop: int
    difference: float = 0.0
    crops: int = 1


@dataclass(frozen=True)
class Footage:
    """Clips that windows are cut out of: frames (rows, T, H, W, 3) uint8 RGB, the row of each of n clips.

    On a CPU the frames are the prepared set itself, usually a memory map, so that memory does not grow with
    the clips; so they are for a GPU that has no room for them. labels (n,) int64, empty where unknown.
    statistics belong to the frames that were trained on and normalise all others too; mean and scale,
    (3,) float32 on the device, are made of them.
    """

    frames: Tensor
    rows: Tensor
    labels: Tensor
    statistics: Statistics
    mean: Tensor
    scale: Tensor

    @classmethod
    def of(cls, data: Clips | Stills, labels: Int64, statistics: Statistics, device: torch.device) -> Footage:
        """The clips where windows are cut out of them: on the device if there is room."""
        frames, rows = _placed(data, device)
        mean, deviation = (torch.tensor(values, device=device) for values in statistics)
        known = torch.from_numpy(labels.copy()).to(device)
        return cls(frames, rows, known, statistics, mean, 1.0 / deviation)

    def __len__(self) -> int:
        return len(self.rows)


def _placed(data: Clips | Stills, device: torch.device) -> tuple[Tensor, Tensor]:
    """Frames and rows: the array as it lies, or a copy of these clips alone on a GPU with room for it."""
    whole = prepared_set(data).frames if isinstance(data, Clips) else data.frames[:, None]
    indices = rows_of(data) if isinstance(data, Clips) else np.arange(len(data))
    n_bytes = len(indices) * int(np.prod(whole.shape[1:]))
    if device.type == "cpu" or n_bytes > RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
        return _shared(whole), torch.from_numpy(indices.copy())
    resident = torch.empty((len(indices), *whole.shape[1:]), dtype=torch.uint8, device=device)
    for row, index in zip(resident, indices, strict=True):
        row.copy_(torch.from_numpy(np.array(whole[index])))
    return resident, torch.arange(len(indices), device=device)


def _shared(array: UInt8) -> Tensor:
    """A tensor on the same memory; torch warns that it could write to it, which nothing here does."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(array))


def training_footage(clips: Clips | Stills, positions: Iterable[int], device: torch.device) -> Footage:
    """All these clips (photographs count as clips of one frame) with labels, on the device.

    Parameters
    ----------
    clips
        Clips with labels, or photographs.
    positions
        The clips whose frames give the statistics, those that are really trained on.
    device
        Where the footage lies.
    """
    statistics = channel_statistics(_frames(clips, i) for i in positions)
    return Footage.of(clips, clips.labels, statistics, device)


def unlabelled_footage(clips: Clips, statistics: Statistics, device: torch.device) -> Footage:
    """Clips to predict, normalised as the training frames were; their labels are not asked for."""
    return Footage.of(clips, np.empty(0, np.int64), statistics, device)


def _frames(clips: Clips | Stills, i: int) -> UInt8:
    return clips[i] if isinstance(clips, Clips) else clips.frames[i][None]


def channel_statistics(frames: Iterable[UInt8]) -> Statistics:
    """Mean and standard deviation of every colour over every eighth frame of each clip, exact counts.

    Notes
    -----
    Caffe subtracts the mean alone. Dividing by the deviation as well makes the scale of the first layer
    that of the others, which the chosen initialisation expects. A constant colour has deviation 1.
    """
    counts = np.zeros((3, 256), np.int64)
    for clip in frames:
        for colour in range(3):
            counts[colour] += np.bincount(clip[::STATISTICS_STRIDE, ..., colour].ravel(), minlength=256)
    levels = np.arange(256)
    mean = counts @ levels / counts.sum(1)
    variance = counts @ levels**2 / counts.sum(1) - mean**2
    deviation = np.where(variance > 1e-6, np.sqrt(np.maximum(variance, 0.0)), 1.0)
    return tuple(mean.tolist()), tuple(deviation.tolist())


def statistics_from(saved: Sequence[Sequence[float]]) -> Statistics:
    """The statistics again after a way through JSON."""
    mean, deviation = saved
    return tuple(mean), tuple(deviation)


def frames_of(footage: Footage, windows: Tensor, view: View) -> Tensor:
    """The windows as floats, (n, length, 3, crop, crop) float32, cut out where the frames lie.

    Normalised by the statistics, or minus the same part of the clip's first frame where the view asks for
    differences. The result has channels in its innermost stride, as the bytes have; the nets are fastest
    with that.
    """
    cut = cut_in_place if footage.frames.device.type == "cpu" else gathered
    windows, device = windows.to(footage.frames.device), footage.mean.device
    pixels = cut(footage, windows, view.length, view.crop).to(device).float()
    if view.difference:
        first = cut(footage, _at_the_start(windows), 1, view.crop).to(device).float()
        return pixels.sub_(first).div_(view.difference).permute(0, 1, 4, 2, 3)
    mean, scale = (values.repeat(view.crop) for values in (footage.mean, footage.scale))
    # by whole lines: over three colours alone it is five times slower
    lines = pixels.flatten(-2).sub_(mean).mul_(scale)
    return lines.view(pixels.shape).permute(0, 1, 4, 2, 3)


def _at_the_start(windows: Tensor) -> Tensor:
    """The same places in the first frame of the clip."""
    first = windows.clone()
    first[1] = 0
    return first


def cut_in_place(footage: Footage, windows: Tensor, length: int, crop: int) -> Tensor:
    """(n, length, crop, crop, 3) uint8: each window one slice, on a CPU much faster than a gather."""
    frames, rows = footage.frames.numpy(), footage.rows.numpy()
    pixels = np.empty((windows.shape[1], length, crop, crop, 3), np.uint8)
    for window, (clip, start, top, left, mirrored) in zip(pixels, windows.T.tolist(), strict=True):
        seen = frames[rows[clip], start : start + length, top : top + crop, left : left + crop]
        window[:] = torch.from_numpy(seen).flip(2).numpy() if mirrored else seen
    return torch.from_numpy(pixels)


def gathered(footage: Footage, windows: Tensor, length: int, crop: int) -> Tensor:
    """The same as `cut_in_place` in one gather, which a GPU does without waiting."""
    clip, start, top, left, mirrored = windows
    clip = footage.rows[clip]
    side = torch.arange(crop, device=windows.device)
    frame = start[:, None] + torch.arange(length, device=windows.device)
    row = top[:, None] + side
    column = left[:, None] + torch.where(mirrored[:, None].bool(), crop - 1 - side, side)
    return footage.frames[
        clip[:, None, None, None], frame[:, :, None, None], row[:, None, :, None], column[:, None, None, :]
    ]


def on_device(windows: Tensor, device: torch.device) -> Tensor:
    """The windows on the device; from page-locked memory, so that the CPU need not wait for the copy."""
    return windows.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else windows


def central_windows(footage: Footage, positions: Sequence[int], view: View) -> Tensor:
    """All windows that decide these clips, (5, clips * windows * crops), the last index fastest.

    They start at multiples of the stride; the last one ends with the clip even where the stride does not
    lead there. crops = 1: the central crop; 10: corners and centre, then the same mirrored.
    """
    _, t, height, width, _ = footage.frames.shape
    starts = sorted({*range(0, t - view.length + 1, view.stride), t - view.length})
    down, right = height - view.crop, width - view.crop
    places = [(down // 2, right // 2, 0)]
    if view.crops == 10:
        corners = ((0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2))
        places = [(*corner, mirrored) for mirrored in (0, 1) for corner in corners]
    windows = [(clip, start, *place) for clip in positions for start in starts for place in places]
    return torch.tensor(windows, dtype=torch.int64).reshape(-1, 5).T


class Sampler:
    """Random windows of the clips at `positions`, drawn on the CPU from the sampler's own generator.

    With windows of one frame an epoch is a permutation of all frames, otherwise one of all clips, each
    giving one window at a random place. Crops are uniform over the frame; a window is mirrored with
    probability 1/2. `state` and `restore` make the draws continue where they were.
    """

    def __init__(
        self,
        footage: Footage,
        positions: Sequence[int],
        *,
        length: int,
        crop: int,
        mirror: bool,
        generator: torch.Generator,
    ) -> None:
        _, t, height, width, _ = footage.frames.shape
        if t < length or min(height, width) < crop:
            raise ValueError(
                f"a window of {length} frames of {crop} x {crop} does not fit into {t} of {height} x {width}"
            )
        self.starts = t - length + 1
        self.frames_apart = length == 1
        self.positions = torch.tensor(positions, dtype=torch.int64)
        self.size = len(positions) * (self.starts if self.frames_apart else 1)
        self.margins = (height - crop, width - crop)
        self.mirror = mirror
        self.generator = generator
        self.order = torch.empty(0, dtype=torch.int64)
        self.position = 0

    def draw(self, n: int) -> Tensor:
        """The next n windows, (5, n) int64 on the CPU."""
        samples = torch.cat([self._next(k) for k in self._parts(n)])
        if self.frames_apart:
            clip, start = samples // self.starts, samples % self.starts
        else:
            clip, start = samples, self._uniform(self.starts, n)
        top, left = (self._uniform(margin + 1, n) for margin in self.margins)
        mirrored = self._uniform(2, n) if self.mirror else torch.zeros_like(clip)
        return torch.stack([self.positions[clip], start, top, left, mirrored])

    def state(self) -> dict[str, Tensor]:
        """Everything that decides the next draws."""
        return {
            "order": self.order,
            "position": torch.tensor(self.position),
            "generator": self.generator.get_state(),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`."""
        self.order, self.position = state["order"], int(state["position"])
        self.generator.set_state(state["generator"])

    def _parts(self, n: int) -> list[int]:
        """How n is made of what is left of this epoch, whole epochs and the rest."""
        left = len(self.order) - self.position
        if n <= left:
            return [n]
        whole, rest = divmod(n - left, self.size)
        return [k for k in (left, *(self.size,) * whole, rest) if k]

    def _next(self, n: int) -> Tensor:
        if self.position == len(self.order):
            self.order = torch.randperm(self.size, generator=self.generator)
            self.position = 0
        self.position += n
        return self.order[self.position - n : self.position]

    def _uniform(self, high: int, n: int) -> Tensor:
        return torch.randint(high, (n,), generator=self.generator)
