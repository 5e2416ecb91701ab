"""The nets at the paper's size, 227 pixels and 80 million weights: a few iterations stay in bounds.

Three iterations of stage M at batch 4 and two of the joint stage take twenty seconds of a core. What a whole
stage does is not tested: 300 iterations at batch 16 would take longer than any other test.
"""

import numpy as np
import pytest
import torch

from methods.nets.cnn import FrameCNN
from methods.nets.losses import cross_entropy
from methods.nets.norms import limit_norm
from methods.nets.recurrent import RecurrentCNN
from methods.training.settings import SequenceSettings

LAYERS = ("c1", "c2", "c3", "c4", "c5", "fc6", "fc7")
SETTINGS = SequenceSettings()


def frames(n, length, seed=0):
    """Smooth patterns of mean 0 and deviation 1, as normalised faces are; the class moves a band."""
    random = torch.Generator().manual_seed(seed)
    small = torch.randn((n, 3, 12, 12), generator=random)
    faces = torch.nn.functional.interpolate(small, size=227, mode="bilinear")
    for i in range(n):
        faces[i, :, 50 * (i % 4) : 50 * (i % 4) + 30] += 1.0
    faces = (faces - faces.mean()) / faces.std()
    return faces[:, None].expand(n, length, 3, 227, 227).contiguous(), torch.arange(n) % 4


def trained(net, windows, labels, iterations, rate):
    """Losses, outputs of the layers at the first iteration, and gradient norms of all, before the limit."""
    generator = torch.Generator().manual_seed(1)
    outputs, norms, losses = {}, [], []

    def keep(module, given, out):
        outputs.setdefault(module, out.detach())

    for name, module in net.named_modules():
        if name.rpartition(".")[2] in LAYERS:
            module.register_forward_hook(keep)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4, fused=True)
    n, length = windows.shape[:2]
    for _ in range(iterations):
        optimizer.zero_grad(set_to_none=True)
        scores = net(windows, *net.draw_masks(n, length, generator)).flatten(0, 1)
        loss = cross_entropy(scores, labels.repeat_interleave(length)) / len(scores)
        torch.autograd.backward(loss)
        norms.append({k: float(p.grad.norm()) for k, p in net.named_parameters() if k.endswith("weight")})
        limit_norm(net.parameters(), SETTINGS.clip_norm)
        limited = sum(float(p.grad.double().square().sum()) for p in net.parameters()) ** 0.5
        assert limited <= SETTINGS.clip_norm * 1.001
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses, outputs, norms


def check(losses, outputs, norms):
    assert np.isfinite(losses).all() and max(losses) < 6
    for layer, out in outputs.items():
        size, alive = float(out.square().mean().sqrt()), float((out > 0).float().mean())
        assert 0.3 < size < 10, (layer, size)
        assert 0.2 < alive < 0.8, (layer, alive)
    for step in norms:
        assert all(1e-4 < norm < 300 for norm in step.values()), step


@pytest.mark.slow
def test_stage_m_at_the_papers_size_stays_in_bounds():
    net = FrameCNN(4, generator=torch.Generator().manual_seed(0))
    losses, outputs, norms = trained(net, *frames(4, 1), iterations=3, rate=SETTINGS.m_rates[0])
    check(losses, outputs, norms)
    assert len(outputs) == len(LAYERS)


@pytest.mark.slow
def test_joint_stage_at_the_papers_size_stays_in_bounds_and_saturates_no_gate():
    net = RecurrentCNN(4, lstm_bound=SETTINGS.lstm_bound, generator=torch.Generator().manual_seed(0))
    windows, labels = frames(4, 4)
    with torch.no_grad():
        features = net.cnn.fc6_features(windows[:, 0])
        (mask, _) = net.draw_masks(4, 1, torch.Generator().manual_seed(1))
        inputs = (features * mask[:, 0]) @ net.lstm.weight_ih_l0.T
    assert float((inputs.abs() > 3).float().mean()) < 0.1
    check(*trained(net, windows, labels, iterations=2, rate=SETTINGS.joint_rates[0]))
