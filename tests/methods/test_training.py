"""The training loop: what it learns, that it can be killed, that it repeats, what it says when it fails."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from data_prep.clips import Clips
from methods.base import Context, MethodError
from methods.nets.cnn import FrameCNN
from methods.nets.layers import Net
from methods.nets.recurrent import RecurrentCNN
from methods.training import loop
from methods.training.devices import Execution, bfloat16_convolves, execution_for, present, running
from methods.training.job import Desk
from methods.training.loop import NOT_LEARNED, derived_seed, train
from methods.training.schedule import Round, Schedule
from methods.training.scoring import forward_flops, predict, score
from methods.training.windows import View, training_footage

CPU = Execution(torch.device("cpu"))
SCHEDULE = Schedule(
    rounds=(Round(0.01, 8, 5), Round(0.005, 4)),
    batch=6,
    view=View(1, 4, 49),
    micro_batch=6,
    evaluations=4,
    candidates=2,
)


def toy(n=12, frames=6, side=52, seed=0):
    """Four classes that differ in brightness, four subjects."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    pixels = random.integers(0, 40, (n, frames, side, side, 3)) + 50 * labels[:, None, None, None, None]
    return Clips.from_arrays(pixels.astype(np.uint8), np.zeros((n, 66, 2)), labels)


def footage(clips=None):
    return training_footage(clips or toy(), range(8), CPU.device)


def frame_cnn(seed=0, width=0.05):
    return FrameCNN(4, crop=49, width=width, generator=torch.Generator().manual_seed(seed))


def fit(schedule=SCHEDULE, execution=CPU, seed=3, net=None, **desk):
    split = (range(8), range(8, 12))
    return train(net or frame_cnn(), footage(), split, schedule, execution, seed=seed, desk=Desk(**desk))


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class TestStretching:
    @pytest.mark.parametrize(("clips", "k"), [(1, 1), (72, 1), (107, 1), (109, 2), (448, 6)])
    def test_more_clips_make_a_schedule_longer_in_proportion_and_fewer_never_shorter(self, clips, k):
        found = SCHEDULE.stretched(clips, 72)
        assert found == replace(SCHEDULE, rounds=(Round(0.01, 8 * k, 5 * k), Round(0.005, 4 * k)))

    def test_a_schedule_for_any_number_stays_as_it_is(self):
        assert SCHEDULE.stretched(10_000, 0) == SCHEDULE


class TestLearning:
    def test_learns_brightness(self):
        schedule = replace(SCHEDULE, rounds=(Round(0.01, 50),), batch=12, candidates=0)
        trained = fit(schedule, net=frame_cnn(width=0.1))
        assert trained.candidates[trained.best].scored.steps == 1.0
        losses = trained.curves["loss"].values
        assert losses[-1] < losses[0]

    def test_one_step_is_the_textbooks(self):
        """Gradient of the mean loss plus weight decay, momentum, learning rate: against autograd by hand."""
        schedule = replace(
            SCHEDULE, rounds=(Round(0.1, 2, 1),), batch=4, evaluations=1, candidates=0, mirror=False
        )
        net, reference = frame_cnn(), frame_cnn()
        drawn = []
        net.draw_masks = lambda n, length, generator: (
            drawn.append(FrameCNN.draw_masks(net, n, length, generator)) or drawn[-1]
        )
        data = footage()
        from methods.training.windows import Sampler, frames_of

        twin = Sampler(
            data,
            range(8),
            length=1,
            crop=49,
            mirror=False,
            generator=torch.Generator().manual_seed(derived_seed(3, "windows")),
        )
        trained = train(net, data, (range(8), []), schedule, CPU, seed=3)
        velocity = {name: torch.zeros_like(p) for name, p in reference.named_parameters()}
        for rate, masks in zip((0.1, 0.01), drawn, strict=True):
            windows = twin.draw(4)
            scores = reference(frames_of(data, windows, View(1, 1, 49)), *masks).flatten(0, 1)
            loss = F.cross_entropy(scores, data.labels[windows[0]])
            gradients = torch.autograd.grad(loss, list(reference.parameters()))
            with torch.no_grad():
                for (name, weight), gradient in zip(reference.named_parameters(), gradients, strict=True):
                    velocity[name] = 0.9 * velocity[name] + gradient + 5e-4 * weight
                    weight.sub_(rate * velocity[name])
        for name, expected in reference.state_dict().items():
            assert torch.allclose(trained.weights[name], expected, atol=1e-6), name

    def test_rate_falls_by_steps(self):
        current = Round(0.01, 100, 40)
        assert [current.rate_at(i) for i in (0, 39, 40, 79, 80)] == pytest.approx(
            [1e-2, 1e-2, 1e-3, 1e-3, 1e-4]
        )
        assert Round(0.01, 100).rate_at(99) == 0.01

    def test_second_round_starts_from_the_best_and_may_train_a_part(self):
        net = RecurrentCNN(4, crop=49, width=0.05, hidden=8, generator=torch.Generator().manual_seed(0))
        rounds = (Round(0.01, 4), Round(0.05, 4, only=("lstm", "fc8")))
        schedule = replace(SCHEDULE, rounds=rounds, view=View(4, 2, 49), batch=2, candidates=4, per_clip=True)
        trained = fit(schedule, net=net)
        first = [one for one in trained.candidates if one.iteration <= 4]
        best = max(first, key=lambda one: (one.scored.clips, -one.scored.loss, -one.iteration))
        last = trained.candidates[-1].weights
        for name, tensor in last.items():
            assert torch.equal(tensor, best.weights[name]) == name.startswith("cnn."), name

    def test_candidates_are_spaced_and_the_best_is_one_of_them(self):
        trained = fit()
        iterations = [one.iteration for one in trained.candidates]
        assert iterations == sorted(iterations)
        assert {4, 8, 10, 12} <= set(iterations) and len(iterations) <= 5
        quality = [(one.scored.steps, -one.scored.loss) for one in trained.candidates]
        assert quality[trained.best] == max(quality)
        assert trained.curves["validation accuracy"].steps == (2.0, 4.0, 6.0, 8.0, 9.0, 10.0, 11.0, 12.0)

    def test_only_the_best_is_kept_when_none_are_asked_for(self):
        assert len(fit(replace(SCHEDULE, candidates=0)).candidates) == 1

    def test_without_validation_the_last_is_chosen(self):
        trained = train(frame_cnn(), footage(), (range(8), []), SCHEDULE, CPU, seed=0)
        assert trained.candidates[trained.best].iteration == 12
        assert "validation accuracy" not in trained.curves

    def test_a_round_ends_when_the_accuracy_is_settled(self):
        """It ends at the first three equal evaluations above 0.25, which one class for all would have."""
        schedule = replace(
            SCHEDULE, rounds=(Round(0.005, 400),), batch=12, evaluations=40, candidates=0, settled=0.0
        )
        trained = fit(schedule, net=frame_cnn(width=0.1))
        accuracies = trained.curves["validation accuracy"].values
        assert 3 <= len(accuracies) < 40
        assert len(set(accuracies[-3:])) == 1 and accuracies[-1] > 0.25
        assert not any(NOT_LEARNED in note for note in trained.notes)

    def test_a_net_that_has_not_begun_is_not_settled_and_says_so(self):
        """Without a learning rate every clip keeps getting the same class: steady, but nothing is learned."""
        schedule = replace(SCHEDULE, rounds=(Round(0.0, 40),), evaluations=10, candidates=0, settled=0.0)
        net = frame_cnn()
        torch.nn.init.zeros_(net.fc8.weight)
        trained = fit(schedule, net=net)
        assert trained.curves["loss"].steps[-1] == 40.0
        assert NOT_LEARNED in trained.notes

    def test_candidates_that_cannot_be_spaced_are_refused(self):
        with pytest.raises(MethodError, match="3 candidates"):
            replace(SCHEDULE, candidates=3)


class TestRepeating:
    def test_same_seed_same_bits_and_no_global_randomness(self):
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first = fit()
        assert torch.equal(before, torch.get_rng_state())
        torch.manual_seed(2)
        again, other = fit(), fit(seed=4)
        assert same(first.weights, again.weights)
        assert first.curves == again.curves
        assert not same(first.weights, other.weights)

    @pytest.mark.parametrize("threads", [1, 2])
    def test_repeats_for_any_number_of_threads_and_leaves_it(self, threads):
        before = torch.get_num_threads()
        execution = replace(CPU, threads=threads, deterministic=True)
        assert same(fit(execution=execution).weights, fit(execution=execution).weights)
        assert torch.get_num_threads() == before
        assert not torch.are_deterministic_algorithms_enabled()

    def test_micro_batches_add_up_to_the_batch(self):
        whole = fit(replace(SCHEDULE, micro_batch=6))
        for micro in (4, 1):
            parts = fit(replace(SCHEDULE, micro_batch=micro))
            for name, tensor in whole.candidates[-1].weights.items():
                assert torch.allclose(parts.candidates[-1].weights[name], tensor, atol=1e-5), name

    def test_the_gpus_layout_and_compilation_compute_the_same(self):
        """The path a GPU takes, on CPU tensors: channels innermost, traced net; float32 in place of bf16."""
        plain = fit()
        execution = replace(CPU, channels_last=True, compiler="aot_eager")
        for name, tensor in fit(execution=execution).candidates[0].weights.items():
            assert torch.allclose(plain.candidates[0].weights[name], tensor, atol=1e-4), name

    def test_autocast_trains_too(self):
        trained = fit(replace(SCHEDULE, rounds=(Round(0.01, 2),), candidates=0), replace(CPU, autocast=True))
        assert all(torch.isfinite(tensor).all() for tensor in trained.weights.values())
        assert {tensor.dtype for tensor in trained.weights.values()} == {torch.float32}


KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
import test_training as t
from pathlib import Path
net = t.frame_cnn()
draw, calls = net.draw_masks, []
def dying(*arguments):
    calls.append(0)
    if len(calls) > {survives}:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(*arguments)
net.draw_masks = dying
t.fit(net=net, folder=Path({folder!r}), checkpoint_seconds=0.0)
"""


def killed_after(updates, folder):
    here = Path(__file__).parent
    script = KILLED.format(paths=[str(here), str(here.parents[1])], survives=updates, folder=str(folder))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert found.returncode == -signal.SIGKILL


class TestCheckpoints:
    @pytest.mark.slow
    def test_kill_nine_twice_then_resume_gives_the_same_bits(self, tmp_path):
        killed_after(3, tmp_path)
        killed_after(7, tmp_path)
        said = []
        resumed = fit(folder=tmp_path, checkpoint_seconds=0.0, log=said.append)
        assert any("going on after iteration 10" in line for line in said)
        straight = fit()
        assert len(resumed.candidates) == len(straight.candidates)
        assert all(
            same(a.weights, b.weights) and a.scored == b.scored
            for a, b in zip(resumed.candidates, straight.candidates, strict=True)
        )
        assert resumed.curves == straight.curves and resumed.best == straight.best

    def test_nothing_is_pickled(self, tmp_path):
        fit(folder=tmp_path, checkpoint_seconds=0.0)
        assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors"}

    @pytest.mark.parametrize("harm", ["cut", "candidate", "other"])
    def test_a_checkpoint_that_does_not_fit_is_not_used(self, tmp_path, harm):
        fit(folder=tmp_path, checkpoint_seconds=0.0, seed=9 if harm == "other" else 3)
        path = tmp_path / "checkpoint.safetensors"
        if harm == "cut":
            path.write_bytes(path.read_bytes()[:-100])
        if harm == "candidate":
            one = tmp_path / "candidate-4.safetensors"
            content = bytearray(one.read_bytes())
            content[-1] ^= 1
            one.write_bytes(content)
        said = []
        found = fit(folder=tmp_path, log=said.append)
        assert any("from the beginning" in line for line in said)
        assert same(found.weights, fit().weights)


class Failing(Net):
    """A net that raises what a GPU raises when more than `fits` windows go through it at once."""

    def __init__(self, fits):
        super().__init__()
        self.inner, self.fits, self.seen = frame_cnn(), fits, []

    def forward(self, windows, *masks):
        if windows.requires_grad is False and masks:
            self.seen.append(len(windows))
            if len(windows) > self.fits:
                raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        return self.inner(windows, *masks)

    def draw_masks(self, n, length, generator):
        return self.inner.draw_masks(n, length, generator)


class TestFailures:
    def test_out_of_memory_halves_the_micro_batch_and_keeps_the_batch(self):
        net, said = Failing(fits=2), []
        trained = fit(net=net, log=said.append)
        assert net.seen[:3] == [6, 3, 2]
        assert net.seen[3:5] == [2, 2]
        assert any("2 windows at once" in line and "batch of 6" in line for line in said)
        assert sum("out of memory" in note for note in trained.notes) == 2
        for name, tensor in fit().candidates[-1].weights.items():
            assert torch.allclose(trained.candidates[-1].weights[f"inner.{name}"], tensor, atol=1e-5)

    def test_not_even_one_window_fits(self):
        with pytest.raises(MethodError, match="not even one window"):
            fit(net=Failing(fits=0))

    def test_a_loss_that_is_not_finite_is_an_error_with_the_rate(self, tmp_path):
        schedule = replace(SCHEDULE, rounds=(Round(1e20, 8),))
        with pytest.raises(MethodError, match=r"diverged.*learning rate"):
            fit(schedule, folder=tmp_path, checkpoint_seconds=0.0)
        for path in tmp_path.glob("*.safetensors"):
            from methods.training.checkpoints import read_tensors

            tensors, _ = read_tensors(path)
            assert all(torch.isfinite(t).all() for t in tensors.values() if t.is_floating_point())

    @pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has what the test needs missing")
    def test_no_gpu_where_one_was_asked_for(self):
        with pytest.raises(MethodError, match="pass --device cpu"):
            execution_for(Context(device="cuda"))

    @pytest.mark.parametrize("name", ["gpu", "mps", "cuda:x"])
    def test_other_devices(self, name):
        with pytest.raises(MethodError, match="pass --device cpu"):
            present(name)


class TestMeasures:
    def test_flops_counted_are_the_arithmetic(self):
        assert forward_flops(FrameCNN(4), View(1, 1, 227)) == 2 * 1_867_094_816

    def test_score_is_the_mean_over_steps(self):
        net, data = frame_cnn(), footage()
        view = View(1, 2, 49)
        steps = predict(net, data, view, CPU, batch=5)
        scores, decisions = steps.mean(1), steps.argmax(2)
        found = score(net, data, range(12), view, CPU, batch=7)
        assert scores.shape == (12, 4) and decisions.shape == (12, 4)
        np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
        labels = data.labels
        assert found.clips == float((scores.argmax(1) == labels).double().mean())
        assert found.steps == float((decisions == labels[:, None]).double().mean())

    def test_running_restores_what_it_sets(self):
        with running(Execution(torch.device("cpu"), threads=2, deterministic=True)):
            assert torch.get_num_threads() == 2
            assert torch.are_deterministic_algorithms_enabled()
        assert not torch.are_deterministic_algorithms_enabled()

    def test_bfloat16_convolution_check(self, monkeypatch):
        assert bfloat16_convolves(torch.device("cpu"))
        wrong = torch.nn.functional.conv3d
        monkeypatch.setattr(
            torch.nn.functional,
            "conv3d",
            lambda x, *rest, **named: wrong(x, *rest, **named) * (1.5 if x.dtype == torch.bfloat16 else 1),
        )
        assert not bfloat16_convolves(torch.device("cpu"))

    @pytest.mark.parametrize("counted_from", [0.0, 3600.0])
    def test_speed_is_reported_and_of_long_trainings_the_arithmetic(self, counted_from, monkeypatch):
        monkeypatch.setattr(loop, "COUNTED_FROM", counted_from)
        said = []
        trained = fit(log=said.append)
        assert re.search(r"\d+ images/s", said[-1])
        assert ("GFLOP/s of a matrix product" in trained.notes[-1]) == (counted_from == 0.0)
        json.dumps(trained.notes)
