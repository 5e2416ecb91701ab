"""Products in a fixed order: the values of torch's layers, right gradients, one result for all threads."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.nn import functional as F

from methods.nets import tiles
from methods.nets.products import Conv2d, Conv3d, Linear, linear


def draw(seed, *shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def filled(layer, seed):
    """The layer with drawn weights and bias."""
    with torch.no_grad():
        for i, parameter in enumerate(layer.parameters()):
            parameter.copy_(draw(seed + i, *parameter.shape))
    return layer


def gradients(function, layer, x, of_output=lambda gradient: gradient):
    """Output and gradients of input, weight and bias for one fixed gradient of the output."""
    x = x.detach().clone().requires_grad_()
    layer.zero_grad()
    out = function(x)
    out.backward(of_output(draw(99, *out.shape)).to(out.dtype))
    return [out.detach(), x.grad, layer.weight.grad.clone(), layer.bias.grad.clone()]


def assert_close(function, layer, x):
    """Output and gradients of the layer equal torch's function(x, weight, bias) in float64.

    The bound is relative to the sum of the terms' absolute values: a sum whose terms cancel is as small as it
    likes, and its error is that of its terms.
    """
    ours = gradients(layer, layer, x)
    exact, terms = copy.deepcopy(layer).double(), copy.deepcopy(layer).double()
    expected = gradients(lambda x: function(x, exact.weight, exact.bias), exact, x.double())
    with torch.no_grad():
        for parameter in terms.parameters():
            parameter.abs_()
    scale = gradients(lambda x: function(x, terms.weight, terms.bias), terms, x.double().abs(), torch.abs)
    for found, wanted, size in zip(ours, expected, scale, strict=True):
        assert found.shape == wanted.shape
        assert float(((found - wanted).abs() / (size + 1e-12)).max()) <= 1e-5


@st.composite
def convolutions(draw_):
    sides = draw_(st.sampled_from([2, 3]))
    kernel = tuple(draw_(st.integers(1, 5)) for _ in range(sides))
    stride, padding = draw_(st.integers(1, 3)), draw_(st.integers(0, 2))
    least = [max(1, k - 2 * padding) for k in kernel]
    shape = [draw_(st.integers(n, n + 6)) for n in least]
    channels = draw_(st.integers(1, 20)), draw_(st.integers(1, 40))
    return kernel, stride, padding, (draw_(st.integers(1, 3)), channels[0], *shape), channels[1]


class TestAgainstTorch:
    @settings(deadline=None, max_examples=60)
    @given(convolutions(), st.integers(0, 1000), st.booleans())
    def test_convolution_and_its_gradients(self, given_, seed, innermost):
        kernel, stride, padding, shape, out = given_
        kind, function = ((Conv2d, F.conv2d), (Conv3d, F.conv3d))[len(kernel) - 2]
        layer = filled(kind(shape[1], out, kernel, stride=stride, padding=padding), seed)
        x = draw(seed + 2, *shape)
        if innermost:
            x = x.movedim(1, -1).contiguous().movedim(-1, 1)
        assert_close(lambda x, weight, bias: function(x, weight, bias, stride, padding), layer, x)

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.integers(1, 9), min_size=1, max_size=2), st.integers(1, 700), st.integers(1, 70))
    def test_linear_and_its_gradients(self, before, given_, out):
        layer, x = filled(Linear(given_, out), 3), draw(5, *before, given_)
        assert_close(F.linear, layer, x)

    def test_more_terms_than_a_chunk_keep_the_accuracy(self):
        x, weight = draw(0, 40, 50_000).abs(), draw(1, 24, 50_000).abs()
        exact = x.double() @ weight.double().T
        found = linear(x, weight, torch.zeros(24)).double()
        assert float(((found - exact) / exact).abs().max()) < 2e-6


class TestGradcheck:
    @pytest.mark.parametrize(("kind", "sides"), [(Conv2d, (6, 5)), (Conv3d, (5, 4, 6))])
    @pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 0), (3, 2)])
    def test_convolution(self, kind, sides, stride, padding):
        layer = filled(kind(2, 3, 3, stride=stride, padding=padding).double(), 1)
        x = draw(2, 2, 2, *sides, dtype=torch.float64).requires_grad_()
        assert gradcheck(lambda x, *_: layer(x), (x, layer.weight, layer.bias))

    def test_linear(self):
        operands = [draw(i, *shape, dtype=torch.float64) for i, shape in enumerate([(3, 2, 7), (5, 7), (5,)])]
        assert gradcheck(linear, [one.requires_grad_() for one in operands])


class TestOrder:
    def test_terms_are_added_in_order_in_chunks_and_rounded_once_each(self):
        """Against a loop in exact rational arithmetic, rounded where the definition rounds."""
        from fractions import Fraction

        random = np.random.default_rng(0)
        k, n = tiles.CHUNK + 37, 5
        x, b = (random.standard_normal(shape).astype(np.float32) for shape in ((1, k), (k, n)))
        out = np.zeros((1, n), np.float32)
        one = np.zeros(1, np.int64)
        tiles.product(x.ravel(), one, np.arange(k), b, out.ravel(), one)
        for j in range(n):
            total = np.float32(0)
            for start in range(0, k, tiles.CHUNK):
                part = np.float32(0)
                for r in range(start, min(start + tiles.CHUNK, k)):
                    exact = Fraction(float(x[0, r])) * Fraction(float(b[r, j])) + Fraction(float(part))
                    part = nearest(exact)
                total = np.float32(total + part)
            assert out[0, j] == total

    @pytest.mark.parametrize("n", [1, 4, 8, 9, 16, 17, 25, 48])
    def test_threads_change_no_bit(self, n):
        before = torch.get_num_threads()
        layer, x = filled(Conv2d(3, n, 3, padding=1), 0), draw(1, 4, 3, 30, 31)
        found = []
        try:
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                found.append(gradients(layer, layer, x))
        finally:
            torch.set_num_threads(before)
        assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))

    def test_a_result_does_not_depend_on_what_is_computed_beside_it(self):
        layer, x = filled(Conv2d(3, 20, 3, padding=1), 0), draw(1, 5, 3, 9, 9)
        assert torch.equal(layer(x)[2:3], layer(x[2:3]))


def nearest(exact):
    """The float32 nearest to a rational number; float64 in between would round twice."""
    guess = np.float32(float(exact))
    near = [np.nextafter(guess, np.float32(-np.inf)), guess, np.nextafter(guess, np.float32(np.inf))]
    return min(near, key=lambda one: (abs(exact.__class__(float(one)) - exact), int(one.view(np.uint32)) & 1))
