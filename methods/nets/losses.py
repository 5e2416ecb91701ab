"""Class probabilities and losses: on a CPU from sums in order and our own exp and log, elsewhere torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

from basis.compiled import compiled
from methods.nets.elementary import exp, ln
from methods.nets.products import ours


def probabilities(scores: Tensor) -> Tensor:
    """Softmax over the last axis of (..., classes), as the scores' type."""
    if not ours(scores):
        return scores.softmax(-1)
    flat = scores.detach().reshape(-1, scores.shape[-1])
    return torch.from_numpy(_softmax(flat.numpy())).view(scores.shape)


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Sum over the rows of (n, classes) of the negative log-probability of labels (n,) int64."""
    if not ours(scores):
        return F.cross_entropy(scores, labels, reduction="sum")
    loss: Tensor = _CrossEntropy.apply(scores, labels)  # type: ignore[no-untyped-call]
    return loss


def mean_log_loss(given: Tensor) -> Tensor:
    """Mean of -log of probabilities of any shape, those below 1e-12 counted as that, in float64."""
    if not ours(given):
        return -given.clamp_min(1e-12).log().double().mean()
    return torch.tensor(_mean_log_loss(given.reshape(-1).numpy()), dtype=torch.float64)


class _CrossEntropy(torch.autograd.Function):
    """Softmax and the negative log-likelihood of the labels, summed."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, labels: Tensor) -> Tensor:
        """The summed loss; the softmax is kept for the gradient."""
        shares, loss = _likelihood(scores.detach().contiguous().numpy(), labels.numpy())
        ctx.save_for_backward(torch.from_numpy(shares), labels)
        return scores.new_tensor(loss)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Softmax minus one at the label, times the incoming gradient."""
        shares, labels = ctx.saved_tensors
        away = shares.clone()
        away[torch.arange(len(labels)), labels] -= 1.0
        return away * gradient, None


@compiled
def _softmax(scores: Any) -> Any:
    """Softmax of every row, computed in float64, as the scores' type."""
    out = np.empty_like(scores)
    powers = np.empty(scores.shape[1], np.float64)
    for i in range(scores.shape[0]):
        top = scores[i].max()
        total = 0.0
        for j in range(scores.shape[1]):
            powers[j] = exp(np.float64(scores[i, j]) - np.float64(top))
            total += powers[j]
        for j in range(scores.shape[1]):
            out[i, j] = powers[j] / total
    return out


@compiled
def _likelihood(scores: Any, labels: Any) -> Any:
    """Softmax of every row and the summed negative log-likelihood of the labels, from row 0 on."""
    loss = 0.0
    for i in range(scores.shape[0]):
        top = scores[i].max()
        total = 0.0
        for j in range(scores.shape[1]):
            total += exp(np.float64(scores[i, j]) - np.float64(top))
        loss += ln(total) - (np.float64(scores[i, labels[i]]) - np.float64(top))
    return _softmax(scores), loss


@compiled
def _mean_log_loss(given: Any) -> Any:
    total = 0.0
    for i in range(len(given)):
        total -= ln(max(np.float64(given[i]), 1e-12))
    return total / len(given)
