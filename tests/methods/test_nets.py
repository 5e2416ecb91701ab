"""The nets as pure modules: shapes, counts, normalisation, order of pool and ReLU, initial weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from methods.nets import cnn
from methods.nets.c3d import C3D
from methods.nets.cnn import LEAST_CROP, FrameCNN, map_side, pool, pooled
from methods.nets.layers import n_parameters
from methods.nets.norms import local_response_norm
from methods.nets.recurrent import RecurrentCNN


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def outputs_of(net, *names):
    """The shapes that the named submodules put out, without the batch."""
    shapes = {}
    for name in names:
        net.get_submodule(name).register_forward_hook(
            lambda module, given, out, name=name: shapes.__setitem__(name, tuple(out.shape[1:]))
        )
    return shapes


class TestFrameCNN:
    def test_shapes_of_every_layer_are_the_papers(self, monkeypatch):
        net = FrameCNN(4, generator=generator())
        shapes = outputs_of(net, "c1", "c2", "c3", "c4", "c5", "fc6", "fc7", "fc8")
        pools = []
        monkeypatch.setattr(cnn, "pool", lambda x: pools.append(pool(x)) or pools[-1])
        scores = net(torch.zeros(1, 1, 3, 227, 227))
        assert scores.shape == (1, 1, 4)
        assert shapes == {
            "c1": (96, 111, 111),
            "c2": (384, 26, 26),
            "c3": (512, 13, 13),
            "c4": (512, 13, 13),
            "c5": (384, 13, 13),
            "fc6": (4096,),
            "fc7": (1, 4096),
            "fc8": (1, 4),
        }
        assert [tuple(x.shape[1:]) for x in pools] == [(96, 55, 55), (384, 13, 13), (384, 6, 6)]

    def test_parameters_counted_by_hand(self):
        convolutions = [(96, 3, 7), (384, 96, 5), (512, 384, 3), (512, 512, 3), (384, 512, 3)]
        linear = [(4096, 384 * 6 * 6), (4096, 4096), (4, 4096)]
        by_hand = sum(out * (given * side**2 + 1) for out, given, side in convolutions)
        by_hand += sum(out * (given + 1) for out, given in linear)
        assert by_hand == 80_260_740
        assert n_parameters(FrameCNN(4)) == by_hand

    def test_nine_units_while_pretraining(self):
        assert FrameCNN(9, crop=49, width=0.1).fc8.out_features == 9

    @given(side=st.integers(2, 130))
    def test_pool_rounds_up_like_caffe(self, side):
        assert (
            pool(torch.zeros(1, 1, side, side)).shape[-1] == pooled(side) == max(1, -(-(side - 3) // 2) + 1)
        )

    def test_26_becomes_13(self):
        assert pooled(26) == 13

    def test_least_crop_works_and_one_less_is_refused(self):
        net = FrameCNN(4, crop=LEAST_CROP, width=0.05, generator=generator())
        assert net(torch.zeros(2, 3, 3, LEAST_CROP, LEAST_CROP)).shape == (2, 3, 4)
        with pytest.raises(ValueError, match=f"the least is {LEAST_CROP}"):
            map_side(LEAST_CROP - 1)

    def test_pool_before_relu_equals_relu_before_pool(self):
        torch_generator = generator(1)
        x = torch.randn(3, 8, 26, 26, generator=torch_generator)
        x[0] = -x[0].abs()
        weight = torch.randn(3, 8, 13, 13, generator=torch_generator)
        gradients = []
        for order in (lambda x: F.relu(pool(x)), lambda x: pool(F.relu(x))):
            leaf = x.clone().requires_grad_()
            out = order(leaf)
            (out * weight).sum().backward()
            gradients.append((out.detach(), leaf.grad))
        assert torch.equal(gradients[0][0], gradients[1][0])
        assert torch.equal(gradients[0][1], gradients[1][1])

    def test_frames_do_not_influence_one_another(self):
        net = FrameCNN(4, crop=49, width=0.05, generator=generator())
        frames = torch.randn(2, 3, 3, 49, 49, generator=generator(2))
        alone = torch.stack([torch.stack([net(f[None, None])[0, 0] for f in clip]) for clip in frames])
        assert torch.allclose(net(frames), alone, atol=1e-6)

    def test_dropout_masks_come_from_the_given_generator_alone(self):
        net = FrameCNN(4, crop=49, width=0.05, generator=generator())
        before = torch.get_rng_state()
        first = net.draw_masks(64, 2, generator(5))
        again = net.draw_masks(64, 2, generator(5))
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        assert torch.equal(before, torch.get_rng_state())
        assert [mask.shape for mask in first] == [(64, 2, net.units)] * 2
        assert set(first[0].unique().tolist()) == {0.0, 2.0}
        assert abs(float(first[0].mean()) - 1.0) < 0.05

    @pytest.mark.parametrize("make", [FrameCNN, RecurrentCNN])
    def test_weights_from_the_generator_alone(self, make):
        before = torch.get_rng_state()
        first, again, other = (
            make(4, crop=49, width=0.1, generator=generator(seed)).state_dict() for seed in (1, 1, 2)
        )
        assert torch.equal(before, torch.get_rng_state())
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not torch.equal(first["fc8.weight"], other["fc8.weight"])
        assert all(torch.isfinite(tensor).all() for tensor in first.values())

    def test_initial_signal_keeps_its_size(self):
        """The reason for the filler: the deviation of FC7's input neither dies nor explodes."""
        net = FrameCNN(4, crop=95, width=0.5, generator=generator())
        features = net.fc6_features(torch.randn(16, 3, 95, 95, generator=generator(3)))
        assert 0.2 < float(features.detach().std()) < 5


class TestLocalResponseNorm:
    @settings(deadline=None, max_examples=25)
    @given(
        channels=st.integers(1, 12),
        size=st.sampled_from([1, 3, 5, 7]),
        alpha=st.floats(1e-4, 2.0),
        scale=st.floats(0.1, 100.0),
        seed=st.integers(0, 1000),
    )
    def test_agrees_with_torch_with_gradients(self, channels, size, alpha, scale, seed):
        draw = generator(seed)
        x = torch.randn(2, channels, 5, 4, generator=draw) * scale
        weight = torch.randn(x.shape, generator=draw)
        found = []
        for normalise in (
            lambda x: local_response_norm(x, size, alpha),
            lambda x: F.local_response_norm(x, size, alpha, 0.75, 1.0),
        ):
            leaf = x.clone().requires_grad_()
            out = normalise(leaf)
            (out * weight).sum().backward()
            found.append((out.detach(), leaf.grad))
        for ours, torchs in zip(*found, strict=True):
            assert torch.allclose(ours, torchs, rtol=1e-5, atol=1e-5 * float(torchs.abs().max() + 1e-6))

    def test_by_hand(self):
        x = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
        expected = [
            1 / (1 + 0.5 * 5 / 3) ** 0.75,
            2 / (1 + 0.5 * 14 / 3) ** 0.75,
            3 / (1 + 0.5 * 13 / 3) ** 0.75,
        ]
        np.testing.assert_allclose(local_response_norm(x, 3, 0.5).flatten(), expected, rtol=1e-6)

    def test_second_opinion_on_the_gradient(self):
        x = torch.randn(2, 7, 2, 2, dtype=torch.float64, generator=generator(4), requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: local_response_norm(x, 5, 0.7), (x,))

    def test_even_size_is_refused(self):
        with pytest.raises(ValueError, match="odd"):
            local_response_norm(torch.zeros(1, 4, 2, 2), 4)


class TestRecurrentCNN:
    def test_shapes(self):
        net = RecurrentCNN(4, crop=49, width=0.1, hidden=32, generator=generator())
        masks = net.draw_masks(2, 16, generator(1))
        assert [mask.shape for mask in masks] == [(2, 16, net.cnn.units), (2, 16, 32)]
        assert net(torch.randn(2, 16, 3, 49, 49, generator=generator(2)), *masks).shape == (2, 16, 4)

    def test_full_size_has_lrcns_lstm_and_the_cnn_up_to_fc6(self):
        net = RecurrentCNN(4)
        assert net.lstm.input_size == 4096 and net.lstm.hidden_size == 256
        cnn_alone = 80_260_740 - 4096 * 4097 - 4 * 4097
        assert n_parameters(net) == cnn_alone + 4 * 256 * (4096 + 256 + 2) + 4 * 257

    def test_a_step_depends_on_the_past_and_not_on_the_future(self):
        net = RecurrentCNN(4, crop=49, width=0.1, hidden=16, generator=generator())
        frames = torch.randn(1, 6, 3, 49, 49, generator=generator(3))
        changed = frames.clone()
        changed[:, 3] += 1.0
        before, after = net(frames), net(changed)
        assert torch.equal(before[:, :3], after[:, :3])
        assert all(not torch.equal(before[:, t], after[:, t]) for t in (3, 4, 5))

    def test_starts_from_a_frame_cnn(self):
        frame_net = FrameCNN(9, crop=49, width=0.1, generator=generator(1))
        net = RecurrentCNN(4, crop=49, width=0.1, generator=generator(2))
        lstm = net.lstm.weight_ih_l0.clone()
        net.start_from(frame_net.state_dict())
        frames = torch.randn(2, 3, 49, 49, generator=generator(3))
        assert torch.equal(net.cnn.fc6_features(frames), frame_net.fc6_features(frames))
        assert torch.equal(net.lstm.weight_ih_l0, lstm)

    def test_forget_gates_start_open(self):
        net = RecurrentCNN(4, crop=49, width=0.1, hidden=8, generator=generator())
        bias = net.lstm.bias_ih_l0 + net.lstm.bias_hh_l0
        assert bias.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16

    def test_dropout_has_a_share_for_the_features_and_one_for_the_states(self):
        net = RecurrentCNN(4, crop=49, width=0.2, hidden=256, dropout=(0.9, 0.5), generator=generator())
        features, states = net.draw_masks(8, 16, generator())
        assert abs(float((features == 0).float().mean()) - 0.9) < 0.02
        assert abs(float((states == 0).float().mean()) - 0.5) < 0.02
        assert features.max() == pytest.approx(10.0) and states.max() == pytest.approx(2.0)

    def test_the_lstm_does_not_begin_saturated_at_the_papers_size(self):
        """On 4,096 rectified values around 2, as FC6 gives them, the gates must stay where they learn."""
        random = np.random.default_rng(0)
        features = torch.from_numpy(np.abs(random.normal(0, 2.2, (200, 4096))).astype(np.float32))
        features *= 2.0 * (torch.rand(features.shape, generator=generator()) < 0.5)
        beyond = {}
        for bound in (0.01, 1 / 16):
            net = RecurrentCNN(4, hidden=256, lstm_bound=bound, generator=generator(), crop=49)
            gates = features @ net.lstm.weight_ih_l0[:256].detach().T
            beyond[bound] = float((gates.abs() > 3).float().mean())
        assert beyond[0.01] < 0.03
        assert beyond[1 / 16] > 0.5


class TestGroups:
    @pytest.mark.parametrize("groups", [2, 4])
    def test_groups_are_torchs(self, groups):
        ours = cnn.grouped(8, 12, 3, groups, stride=2, padding=1)
        for part in ours.parts:
            torch.nn.init.normal_(part.weight, generator=generator(1))
            torch.nn.init.normal_(part.bias, generator=generator(2))
        x = torch.randn((2, 8, 9, 9), generator=generator())
        weight, bias = (
            torch.cat([getattr(part, name) for part in ours.parts]) for name in ("weight", "bias")
        )
        expected = F.conv2d(x, weight, bias, stride=2, padding=1, groups=groups)
        assert torch.allclose(ours(x), expected, atol=1e-4)

    def test_a_net_in_groups_learns_fewer_numbers(self):
        one, two = (n_parameters(FrameCNN(4, crop=49, width=0.125, groups=g)) for g in (1, 2))
        kept = sum(
            outer * inner * side**2 / 2 for inner, outer, side in ((12, 48, 5), (64, 64, 3), (64, 48, 3))
        )
        assert one - two == kept

    def test_unequal_groups_are_refused(self):
        with pytest.raises(ValueError, match="equal groups"):
            cnn.grouped(7, 12, 3, 2)


class TestC3D:
    @pytest.mark.parametrize(("length", "last"), [(32, 2), (64, 4)])
    def test_shapes_are_those_of_the_search_net(self, length, last):
        net = C3D(4, length=length, crop=112, width=1 / 64, generator=generator())
        x = torch.zeros(1, length, 3, 112, 112)
        found = [tuple(m.shape[2:]) for m in net.maps(x)]
        halves = [(length, 56, 56), (length // 2, 28, 28), (length // 4, 14, 14), (length // 8, 7, 7)]
        assert found == [*halves, (last, 4, 4)]
        assert net(x).shape == (1, 1, 4)

    def test_kernels_and_units_of_the_paper(self):
        net = C3D(4, length=32)
        assert [c.out_channels for c in net.convolutions] == [64, 128, 256, 256, 256]
        assert {c.kernel_size for c in net.convolutions} == {(3, 3, 3)}
        assert [net.fc6.out_features, net.fc7.out_features, net.fc8.out_features] == [2048, 2048, 4]
        assert net.fc6.in_features == 8192

    @pytest.mark.parametrize(("length", "crop"), [(1, 1), (15, 33), (17, 32)])
    def test_windows_that_do_not_fill_are_kept(self, length, crop):
        """A pool of a whole map that is not even is that of the map with its last row repeated."""
        net = C3D(4, length=length, crop=crop, width=1 / 64, generator=generator())
        x = torch.randn(1, length, 3, crop, crop, generator=generator(1))
        expected = x.transpose(1, 2)
        for i, convolution in enumerate(net.convolutions):
            maps = convolution(expected)
            odd = [side % 2 for side in maps.shape[2:]]
            maps = F.pad(maps, (0, odd[2], 0, odd[1], 0, odd[0] if i else 0), mode="replicate")
            expected = F.relu(F.max_pool3d(maps, (2 if i else 1, 2, 2)))
        assert torch.equal(net.maps(x)[-1], expected)
        assert net(x).shape == (1, 1, 4)


@pytest.mark.parametrize(
    ("make", "size", "whole"),
    [
        (lambda: FrameCNN(4, crop=49, width=0.05, generator=generator()), (1, 2, 3, 49, 49), True),
        (lambda: C3D(4, length=16, crop=32, width=0.05, generator=generator()), (1, 16, 3, 32, 32), True),
        # torch does not trace an LSTM: what is before and after it is compiled
        (lambda: RecurrentCNN(4, crop=49, width=0.05, generator=generator()), (1, 2, 3, 49, 49), False),
    ],
    ids=["frames", "3d", "recurrent"],
)
def test_can_be_traced_for_compilation(make, size, whole):
    """torch.compile takes forward and backward as they are; no compiler is run."""
    net = make()
    frames = torch.randn(size, generator=generator(1))
    masks = net.draw_masks(1, size[1], generator(2))
    traced = torch.compile(net, backend="aot_eager", fullgraph=whole)(frames, *masks)
    traced.sum().backward()
    compiled = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    eager = net(frames, *masks)
    eager.sum().backward()
    assert torch.allclose(traced, eager, atol=1e-5)
    assert all(torch.allclose(a, p.grad, atol=1e-4) for a, p in zip(compiled, net.parameters(), strict=True))
