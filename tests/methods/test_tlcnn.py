"""TLCNN and its ablations as methods: which stages run, what is predicted, what is kept."""

import tomllib
from dataclasses import fields, replace
from importlib import resources

import numpy as np
import pytest
import torch

from data_prep.clips import Clips, Stills, prepared_set
from methods import make_settings
from methods.base import Context, MethodError
from methods.nets.cnn import FrameCNN, Grouped
from methods.tlcnn import TLCNN, TLCNNOnDifferences, TLCNNWithoutE, TLCNNWithoutEM
from methods.training import stages
from methods.training.devices import Execution
from methods.training.loop import train
from methods.training.schedule import Round, Schedule
from methods.training.settings import SequenceSettings, StageSettings
from methods.training.stages import stage_m
from methods.training.windows import View, training_footage

SIZE = (52, 50)


def toy(n=12, frames=32, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, frames, *SIZE, 3)).astype(np.uint8)
    subjects = [f"toy/{i // 4}" for i in range(n)]
    return Clips.from_arrays(pixels, np.zeros((n, 66, 2)), np.arange(n) % 4, subjects=subjects)


def toy_stills(size):
    pixels = np.random.default_rng(1).integers(0, 256, (18, *size, 3)).astype(np.uint8)
    subjects = tuple(f"toy/{i // 9}" for i in range(18))
    return Stills(pixels, np.arange(18) % 9, subjects, tuple(map(str, range(18))), "toy-stills")


def made(method, context=None, **settings):
    values = {**method.trial, "frame_size": SIZE, **settings}
    return method(make_settings(method, values), context or Context(stills=toy_stills))


def fitted(method, **settings):
    one = made(method, **settings)
    one.fit(toy().select(range(8)), seed=1)
    return one


class TestStages:
    def test_what_a_stage_does_not_depend_on_are_settings(self):
        """A renamed setting would else slip back into the names of stages."""
        names = {field.name for field in fields(StageSettings)}
        assert names >= stages.OF_E | stages.OF_M | stages.OF_CLIPS | stages.OF_DECISIONS
        assert {name for name in names if name[:2] == "e_"} == stages.OF_E
        assert {name for name in names if name[:2] == "m_"} == stages.OF_M

    @pytest.mark.parametrize(
        ("method", "stages"), [(TLCNN, {"E", "M"}), (TLCNNWithoutE, {"M"}), (TLCNNWithoutEM, set())]
    )
    def test_each_runs_its_own(self, method, stages):
        one = fitted(method)
        assert {name.split()[1][0] for name in one.curves if name.startswith("stage")} == stages
        assert {name[6] for name in one.seconds if name.startswith("stage")} == stages
        assert "joint loss" in one.curves and one.seconds["joint"] > 0
        assert one.n_parameters > 1000

    def test_joint_training_starts_from_m(self):
        """With nothing learned in the joint stage, C1 to FC6 are those of stage M."""
        one = fitted(TLCNNWithoutE, joint_rates=(0.0, 0.0), clip_norm=0.0)
        stage = stage_m(toy().select(range(8)), one.settings, one.context, seed=1, start=None)
        _, weights = one.candidates[one.chosen]
        for name in ("c1.weight", "c5.bias", "fc6.weight"):
            assert torch.equal(weights[f"cnn.{name}"], stage.weights[name])

    def test_without_photographs_it_says_what_to_pass(self):
        with pytest.raises(MethodError, match="--expressions"):
            made(TLCNN, Context()).fit(toy(), seed=1)
        made(TLCNNWithoutEM, Context()).fit(toy(), seed=1)

    def test_poisoned_test_clips_change_no_candidate(self):
        clips = toy()
        poisoned = prepared_set(clips).frames.copy()
        poisoned[8:] = 0
        labels = clips.labels
        labels[8:] = 0
        other = made(TLCNN)
        other.fit(
            replace(clips, _set=replace(prepared_set(clips), frames=poisoned))
            .with_labels(labels)
            .select(range(8)),
            seed=1,
        )
        for (_, first), (_, second) in zip(fitted(TLCNN).candidates, other.candidates, strict=True):
            assert all(torch.equal(first[name], second[name]) for name in first)


class TestPrediction:
    def test_a_clip_is_the_mean_of_its_steps(self):
        one = fitted(TLCNNWithoutEM)
        test = toy().select(range(8, 12))
        found = one.predict(test.without_labels())
        n = len(one.candidates)
        assert found.scores.shape == (n, 4, 4)
        np.testing.assert_allclose(found.scores.sum(2), 1, rtol=1e-5)
        # three windows of sixteen steps at 0, 8 and 16
        assert found.step_decisions.shape == (n, 4, 48) and found.step_decisions.dtype == np.int16
        assert [set(candidate) for candidate in found.candidates] == [{"iteration"}] * n

    def test_by_hand(self):
        one = fitted(TLCNNWithoutEM)
        test = toy().select([9])
        net = one.new_net(4, 32, None)
        net.load_state_dict(one.candidates[0][1])
        mean, deviation = (np.array(values, np.float32) for values in one.statistics)
        frames = (test[0].astype(np.float32) - mean) / deviation
        top, left = (SIZE[0] - 49) // 2, (SIZE[1] - 49) // 2
        frames = torch.from_numpy(frames[:, top : top + 49, left : left + 49]).permute(0, 3, 1, 2)
        with torch.no_grad():
            steps = torch.cat([net(frames[None, s : s + 16]).softmax(2)[0] for s in (0, 8, 16)])
        np.testing.assert_allclose(one.predict(test.without_labels()).scores[0, 0], steps.mean(0), atol=1e-5)

    def test_other_clips_than_fitted_on_are_refused(self):
        one = fitted(TLCNNWithoutEM)
        with pytest.raises(MethodError, match="same TIM length"):
            one.predict(toy(frames=40))

    def test_too_short_clips_are_refused(self):
        with pytest.raises(MethodError, match="16 frames in a row"):
            made(TLCNNWithoutEM).fit(toy(frames=10), seed=0)

    def test_not_fitted(self, tmp_path):
        for act in (lambda one: one.predict(toy()), lambda one: one.save(tmp_path)):
            with pytest.raises(MethodError, match="not fitted"):
                act(made(TLCNN))


class TestSaving:
    def test_other_settings_or_methods_are_refused(self, tmp_path):
        fitted(TLCNNWithoutEM).save(tmp_path)
        with pytest.raises(MethodError, match="other settings of the net"):
            made(TLCNNWithoutEM, width=0.1).load(tmp_path)
        with pytest.raises(MethodError, match=r"by tlcnn-em .*is tlcnn "):
            made(TLCNN).load(tmp_path)
        with pytest.raises(MethodError, match="no such file"):
            made(TLCNN).load(tmp_path / "elsewhere")

    def test_a_cut_file_is_named(self, tmp_path):
        fitted(TLCNNWithoutEM).save(tmp_path)
        path = tmp_path / "net.safetensors"
        path.write_bytes(path.read_bytes()[:500])
        with pytest.raises(MethodError, match=r"net\.safetensors"):
            made(TLCNNWithoutEM).load(tmp_path)


def test_defaults_are_the_papers():
    settings = SequenceSettings()
    assert settings.frame_size == (240, 320) and settings.crop == 227 and settings.width == 1.0
    assert (settings.m_batch, settings.m_rates, settings.m_drop_every) == (224, (0.001, 0.0005), 2560)
    assert (settings.joint_batch, settings.joint_window, settings.joint_rates[0]) == (16, 16, 0.01)
    assert (settings.joint_drop_every, settings.joint_iterations[0]) == (5600, 20_000)
    assert (settings.momentum, settings.weight_decay, settings.hidden) == (0.9, 5e-4, 256)


@pytest.mark.slow
def test_one_iteration_of_stage_m_at_the_papers_size():
    """Batch 12 (the paper: 224) at 227 x 227 in micro-batches of 8 and the rest, frames of 240 x 320."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 240, 320, 3)).astype(np.uint8)
    clips = Clips.from_arrays(pixels, np.zeros((2, 66, 2)), np.arange(2))
    net = FrameCNN(4, generator=torch.Generator().manual_seed(0))
    before = net.c1.weight.detach().clone()
    schedule = Schedule(
        (Round(0.001, 1, 2560),), batch=12, view=View(1, 8, 227), micro_batch=8, evaluations=1
    )
    execution = Execution(torch.device("cpu"), threads=2)
    footage = training_footage(clips, [0, 1], execution.device)
    trained = train(net, footage, ([0, 1], []), schedule, execution, seed=0)
    assert 0 < trained.curves["loss"].values[0] < 12
    assert not torch.equal(trained.weights["c1.weight"], before)
    assert all(torch.isfinite(tensor).all() for tensor in trained.weights.values())


def test_on_differences_it_does_not_matter_whose_face_moves():
    """The same movement on two faces: equal scores from TLCNN on differences, other ones from TLCNN."""
    random = np.random.default_rng(7)
    faces = random.integers(20, 200, (2, 1, *SIZE, 3))
    movement = random.integers(0, 40, (1, 32, *SIZE, 3))
    movement[:, 0] = 0
    clips = Clips.from_arrays((faces + movement).astype(np.uint8), np.zeros((2, 66, 2)))
    for method, alike in ((TLCNNOnDifferences, True), (TLCNN, False)):
        first, second = fitted(method).predict(clips).scores[0]
        assert np.array_equal(first, second) == alike, method.name


def test_the_values_of_lrcn_toml_reach_net_optimiser_and_decisions():
    profile = resources.files("benchmark").joinpath("profiles/lrcn.toml")
    lrcn = tomllib.loads(profile.read_text())["methods"]["tlcnn* c5-svm"]
    one = fitted(TLCNNWithoutE, width=1 / 16, **lrcn)
    schedule = one.settings.schedule_joint()
    assert (schedule.clip_norm, schedule.weight_decay, schedule.view.crops) == (5.0, 0.005, 10)
    start = one.new_net(4, 32, 0)
    weights = [value for name, value in start.lstm.named_parameters() if "weight" in name]
    assert 0.009 < max(float(value.detach().abs().max()) for value in weights) <= 0.01
    assert not any(value.detach().any() for name, value in start.lstm.named_parameters() if "bias" in name)
    assert sum(isinstance(part, Grouped) for part in start.modules()) == 3
    assert start.dropout == (0.9, 0.5)
    found = one.predict(toy().select([8, 9]).without_labels())
    np.testing.assert_allclose(found.scores.sum(2), 1, rtol=1e-5)
    assert found.step_decisions.shape[2] == 3 * 16
