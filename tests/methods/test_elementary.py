"""exp, log, tanh and the logistic function against mpmath; losses, LSTM and norms against torch."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd import gradcheck
from torch.nn import functional as F

from methods.nets.elementary import exp, ln, logistic, tanh
from methods.nets.losses import cross_entropy, mean_log_loss, probabilities
from methods.nets.lstm import LSTM
from methods.nets.norms import limit_norm


def exact(function, x):
    with mpmath.workprec(120):
        return function(mpmath.mpf(float(x)))


def ulps(found, wanted):
    """The error in units of the last place of the exact value."""
    return float(abs(mpmath.mpf(float(found)) - wanted) / np.spacing(abs(float(wanted))))


@settings(deadline=None, max_examples=300)
@given(st.floats(-700, 700) | st.floats(-1, 1))
def test_exp(x):
    assert ulps(exp(x), exact(mpmath.exp, x)) < 1


@settings(deadline=None, max_examples=300)
@given(st.floats(2.3e-308, 1e308) | st.floats(0.5, 2).filter(lambda x: x != 1))
def test_log(x):
    assert ulps(ln(x), exact(mpmath.log, x)) < 2


@settings(deadline=None, max_examples=300)
@given(st.floats(-50, 50) | st.floats(-0.1, 0.1))
def test_tanh_and_logistic(x):
    assert abs(tanh(x) - float(exact(mpmath.tanh, x))) < 1e-15
    assert abs(logistic(x) - float(exact(lambda x: 1 / (1 + mpmath.exp(-x)), x))) < 1e-15


def test_ends():
    assert (exp(0.0), ln(1.0), tanh(0.0), logistic(0.0)) == (1, 0, 0, 0.5)
    assert (exp(-np.inf), exp(np.inf), ln(np.inf)) == (0, np.inf, np.inf)
    assert (tanh(np.inf), tanh(-np.inf), logistic(-np.inf), logistic(np.inf)) == (1, -1, 0, 1)
    assert all(np.isnan(function(np.nan)) for function in (exp, ln, tanh, logistic))


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


class TestLosses:
    def test_agree_with_torch(self):
        scores, labels = 5 * draw(40, 9), torch.arange(40) % 9
        assert torch.allclose(probabilities(scores), scores.softmax(1), rtol=1e-13)
        torchs = F.cross_entropy(scores, labels, reduction="sum")
        assert torch.allclose(cross_entropy(scores, labels), torchs, rtol=1e-13)
        given_ = scores.softmax(1)[:, 0]
        assert torch.allclose(mean_log_loss(given_), -given_.log().mean(), rtol=1e-13)

    def test_gradient(self):
        scores = draw(6, 4).requires_grad_()
        assert gradcheck(lambda scores: cross_entropy(scores, torch.arange(6) % 4), (scores,))

    def test_a_diverged_net_has_no_finite_loss(self):
        scores = torch.tensor([[0.0, float("nan")], [1.0, 2.0]])
        assert not torch.isfinite(cross_entropy(scores, torch.tensor([0, 1])))


class TestLSTM:
    @pytest.mark.parametrize(("n", "steps"), [(3, 5), (1, 4), (2, 1)])
    def test_states_and_gradients_are_torchs(self, n, steps):
        layer = LSTM(7, 5, batch_first=True).double()
        for i, parameter in enumerate(layer.parameters()):
            parameter.data.copy_(draw(*parameter.shape, seed=i))
        found = []
        for run in (layer, lambda x: nn.LSTM.forward(layer, x)):
            x = draw(n, steps, 7, seed=9).requires_grad_()
            layer.zero_grad()
            states, _ = run(x)
            torch.autograd.backward(states, draw(n, steps, 5, seed=8))
            found.append([states.detach(), x.grad, *(p.grad.clone() for p in layer.parameters())])
        assert all(torch.allclose(a, b, atol=1e-13) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("largest", [0.5, 1e6])
def test_limit_of_the_norm_is_torchs(largest):
    found = []
    for limit in (limit_norm, nn.utils.clip_grad_norm_):
        parameters = [nn.Parameter(torch.zeros(shape)) for shape in [(3, 17), (50,), (2, 2, 3, 3)]]
        for i, parameter in enumerate(parameters):
            parameter.grad = draw(*parameter.shape, seed=i).float()
        limit(parameters, largest)
        found.append([parameter.grad for parameter in parameters])
    assert all(torch.allclose(a, b, rtol=1e-5) for a, b in zip(*found, strict=True))
