"""The networks on flow: parameters and shapes, what they equal, and what their parts do not do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from methods.base import MethodError
from methods.nets.htnet import Attention, HTNet, crops
from methods.nets.layers import n_parameters
from methods.nets.normalised import GELU, BatchNorm2d, LayerNorm
from methods.nets.off_apexnet import OFFApexNet
from methods.nets.rcn import RCNA
from methods.nets.roots import root
from methods.nets.ststnet import STSTNet
from methods.training.adam import InOrderAdam
from methods.training.epochs import Epochs, batches, train_epochs

SMALL = {"dim": 32, "heads": 2}


def seeded(make, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def pictures(n=5, seed=0):
    return torch.rand((n, 3, 28, 28), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: STSTNet(3), 1_683),
        (lambda: OFFApexNet(3), 2_664_475),
        (lambda: RCNA(3), 15_331),
        (lambda: RCNA(3, channels=64, pooled=7), 55_747),
        (lambda: HTNet(3, **SMALL), 2_201_798),
    ],
)
def test_parameters_and_shapes(make, wanted):
    net = seeded(make)
    assert n_parameters(net) == wanted
    assert net(pictures()).shape == (5, 3)
    masks = net.draw_masks(5, torch.Generator().manual_seed(0))
    assert net(pictures(), *masks).shape == (5, 3)


def test_the_full_htnet_has_the_authors_parameters():
    with torch.device("meta"):
        net = HTNet(3)
    assert n_parameters(net) == 139_582_982
    levels = [1_575_936, 6_293_504, 125_767_680]
    assert [n_parameters(level) - 1 for level in net.levels] == levels
    assert [n_parameters(between) for between in net.between] == [1_181_184, 4_721_664]


def test_ststnet_is_one_convolution_of_sixteen_filters():
    net = seeded(lambda: STSTNet(3)).eval()
    for i in (1, 2, 3):
        norm = net.get_submodule(f"bn{i}")
        norm.running_mean.uniform_(0, 1), norm.running_var.uniform_(0.5, 2)
    convolutions = [net.get_submodule(f"conv{i}") for i in (1, 2, 3)]
    norms = [net.get_submodule(f"bn{i}") for i in (1, 2, 3)]
    weight, bias = (torch.cat([getattr(c, name) for c in convolutions]) for name in ("weight", "bias"))
    maps = F.relu(F.conv2d(pictures(), weight, bias, padding=2))
    statistics = [torch.cat([getattr(n, k) for n in norms]) for k in ("running_mean", "running_var")]
    maps = F.max_pool2d(F.batch_norm(maps, *statistics), 3, 3, 1)
    wanted = net.fc(F.avg_pool2d(maps, 2).flatten(1))
    assert torch.allclose(net(pictures()), wanted, atol=1e-5)


def test_off_apexnet_does_not_look_at_strain():
    net, x = seeded(lambda: OFFApexNet(3)), pictures()
    changed = x.clone()
    changed[:, 2] = 0
    assert torch.equal(net(x), net(changed))
    changed[:, 0] = 0
    assert not torch.equal(net(x), net(changed))


def test_the_attention_of_htnet_changes_nothing(monkeypatch):
    """Every block holds one token: queries and keys get no gradient, and noise in them no effect.

    The net computes its values alone; with the attention computed in full not a bit is another.
    """
    net, x = seeded(lambda: HTNet(3, **SMALL)), pictures()
    alone = scores_and_slopes(net, x)
    monkeypatch.setattr(Attention, "alone", Attention.mixed)
    full = scores_and_slopes(net, x)
    assert all(torch.equal(a, b) for a, b in zip(alone, full, strict=True))
    projections = [a.queries_keys_values.weight for level in net.levels for a in level.attentions]
    assert len(projections) == 14
    for weight in projections:
        queries_keys = len(weight) * 2 // 3
        assert not weight.grad[:queries_keys].any() and weight.grad[queries_keys:].any()
        weight.data[:queries_keys] = torch.randn(queries_keys, weight.shape[1])
    assert torch.equal(net(x), full[0])


def scores_and_slopes(net, x):
    net.zero_grad()
    scores = net(x)
    scores.square().sum().backward()
    return [scores.detach(), *(parameter.grad.clone() for parameter in net.parameters())]


def test_the_crops_of_htnet_are_around_its_centres():
    rows, columns = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    made = crops(torch.stack([rows, columns, rows])[None])[0]
    assert made.shape == (3, 28, 28)
    corners = [made[:2, r, c].tolist() for r in (0, 14) for c in (0, 14)]
    assert corners == [[2, 4], [14, 3], [3, 14], [13, 14]]


def test_the_attention_of_rcn_lies_between_nought_and_one_and_follows_the_classifier():
    net = seeded(lambda: RCNA(3))
    net.initialise(torch.Generator().manual_seed(1))
    x = torch.rand((4, 32, 12, 12), generator=torch.Generator().manual_seed(2))
    a = F.adaptive_avg_pool2d(x, 5)
    w = net.fc.weight.view(3, 32, 5, 5)
    by_class = (w[None] * a[:, None]).mean(dim=2).flatten(2)
    by_class = by_class - by_class.amin(2, keepdim=True)
    by_class = by_class / (by_class.amax(2, keepdim=True) + 1e-12)
    found = net.attention(x)
    assert torch.allclose(found.flatten(1), by_class.mean(1), atol=1e-5)
    assert found.min() >= 0 and found.max() <= 1
    net.fc.weight.data.zero_()
    assert not net.attention(x).isnan().any()


@pytest.mark.parametrize(
    ("ours", "theirs", "x"),
    [
        (BatchNorm2d(5), nn.BatchNorm2d(5), torch.randn(7, 5, 4, 4) * 2 + 1),
        (LayerNorm(16), nn.LayerNorm(16), torch.randn(9, 16) * 3),
        (GELU(), nn.GELU(), torch.linspace(-9, 9, 901)),
    ],
)
def test_normalisations_are_torch_s(ours, theirs, x):
    """Values and gradients, and the running statistics."""
    weights = [torch.rand(p.shape) for p in theirs.parameters()]
    for module in (ours, theirs):
        for parameter, value in zip(module.parameters(), weights, strict=True):
            parameter.data.copy_(value)
    a, b, direction = x.clone().requires_grad_(), x.clone().requires_grad_(), torch.randn(x.shape)
    out, wanted = ours(a), theirs(b)
    (out * direction).sum().backward(), (wanted * direction).sum().backward()
    assert torch.allclose(out, wanted, atol=1e-5) and torch.allclose(a.grad, b.grad, atol=1e-5)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=1e-4)
    for p, q in zip(ours.buffers(), theirs.buffers(), strict=True):
        assert torch.allclose(p, q, atol=1e-6)
    ours.eval(), theirs.eval()
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize(("layer", "shape"), [(BatchNorm2d(3), (4, 3, 2, 2)), (LayerNorm(5), (18, 5))])
def test_gradients_of_the_normalisations_are_those_of_differences(layer, shape):
    """In float64, in which all of it is computed then."""
    layer = layer.double()
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), (x, *layer.parameters()))


def test_batches_hold_every_picture_once_and_no_single_one_stays_alone():
    plan = Epochs(1, 1e-3, 4, True, "adam", 1)
    parts = list(batches(9, plan, torch.Generator().manual_seed(0)))
    assert [len(part) for part in parts] == [4, 5]
    assert sorted(torch.cat(parts).tolist()) == list(range(9)) != torch.cat(parts).tolist()
    in_order = Epochs(1, 1e-3, 4, False, "adam", 1)
    assert torch.cat(list(batches(8, in_order, torch.Generator()))).tolist() == list(range(8))


def test_kept_epochs_are_equally_spaced_and_end_with_the_last():
    assert Epochs(800, 1e-3, 4, True, "adam", 4).keeps() == (200, 400, 600, 800)
    assert Epochs(3, 1e-3, 4, True, "adam", 40).keeps() == (1, 2, 3)
    halved = Epochs(30, 0.4, 4, True, "sgd", 1, fade=0.5, fade_every=10)
    assert [halved.rate_at(epoch) for epoch in (0, 9, 10, 20)] == [0.4, 0.4, 0.2, 0.1]
    with pytest.raises(MethodError, match="epochs = 0"):
        Epochs(0, 1e-3, 4, True, "adam", 1)


def test_training_learns_and_stops_where_it_cannot():
    x, labels = pictures(24), torch.arange(24) % 3
    x[labels == 1] *= 0.2
    x[labels == 2, 0] = 0
    net = seeded(lambda: STSTNet(3))
    trained = train_epochs(net, x, labels, Epochs(40, 0.01, 24, True, "adam", 2), seeds=(1, 2))
    assert trained.losses[-1] < 0.5 * trained.losses[0]
    assert [epoch for epoch, _ in trained.kept] == [20, 40]
    plan = Epochs(2, 1, 24, True, "adam", 1)
    with pytest.raises(MethodError, match="lower the rate"):
        train_epochs(seeded(lambda: STSTNet(3)), x * np.inf, labels, plan, seeds=(1, 2))


def test_adam_in_order_is_torchs_to_the_rounding_of_float32():
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator) for shape in ((7, 5), (3,), (2, 3, 2))]
    made = [[torch.nn.Parameter(each.clone()) for each in start] for _ in range(2)]
    optimisers = InOrderAdam(made[0], lr=0.01), torch.optim.Adam(made[1], lr=0.01, foreach=False)
    for _ in range(30):
        slopes = [
            torch.randn(each.shape, generator=generator) * 10.0 ** int(each.numel() % 4) for each in start
        ]
        for parameters, optimiser in zip(made, optimisers, strict=True):
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter.grad = slope.clone()
            optimiser.step()
    for own, theirs, before in zip(*made, start, strict=True):
        torch.testing.assert_close(own, theirs, rtol=1e-5, atol=1e-6)
        assert (own - before).abs().max() > 1e-2


def test_roots_are_those_of_ieee_754_where_torchs_are_not():
    x = torch.from_numpy(np.random.default_rng(0).random(200_000).astype(np.float32) * 1e-6)
    wanted = np.sqrt(x.numpy().astype(np.float64)).astype(np.float32)
    assert (root(x).numpy() == wanted).all()
    assert root(x.to("meta")).device.type == "meta"
