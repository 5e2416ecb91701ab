"""Stages in the cache: made once, named by what they depend on, checked, blind to test clips."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.clips import Clips, Stills, prepared_set
from methods.base import Context, MethodError
from methods.folds import held_out
from methods.training.settings import StageSettings
from methods.training.stages import stage_e, stage_m

SETTINGS = StageSettings(
    frame_size=(52, 50),
    crop=49,
    width=0.05,
    evaluations=2,
    e_batch=4,
    e_iterations=3,
    m_batch=4,
    m_iterations=(3, 2),
)


def toy_clips(folder=None, n=12, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 4, 52, 50, 3)).astype(np.uint8)
    clips = Clips.from_arrays(
        pixels, np.zeros((n, 66, 2)), np.arange(n) % 4, subjects=[f"toy/{i // 4}" for i in range(n)]
    )
    return replace(clips, _set=replace(prepared_set(clips), folder=folder))


def toy_stills(size, folder=None):
    pixels = np.random.default_rng(1).integers(0, 256, (18, *size, 3)).astype(np.uint8)
    subjects = tuple(f"toy/{i // 9}" for i in range(18))
    names = tuple(f"still{i}" for i in range(18))
    return Stills(pixels, np.arange(18) % 9, subjects, names, "toy-stills", folder)


def context(**values):
    return Context(**{"stills": toy_stills, **values})


def m(clips, seed=1, settings=SETTINGS, start=None, **values):
    return stage_m(clips, settings, context(**values), seed=seed, start=start)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def files(folder, kind="json"):
    return sorted((folder / "stages").glob(f"*.{kind}"))


class TestInnerSplit:
    @settings(deadline=None)
    @given(
        labels=st.lists(st.integers(0, 3), min_size=1, max_size=60),
        share=st.floats(0.05, 0.4),
        seed=st.integers(0, 99),
        grouped=st.booleans(),
        people=st.integers(1, 8),
    )
    def test_every_clip_is_on_one_side_and_people_stay_together(self, labels, share, seed, grouped, people):
        subjects = [f"s{i % people}" for i in range(len(labels))]
        train, validate = held_out(labels, subjects, share=share, grouped=grouped, seed=seed)
        assert sorted(train + validate) == list(range(len(labels)))
        assert train
        again = held_out(labels, subjects, share=share, grouped=grouped, seed=seed)
        assert again == (train, validate)
        if grouped:
            assert not {subjects[i] for i in train} & {subjects[i] for i in validate}
            assert validate or len(set(subjects)) == 1
        elif len(labels) > 1:
            assert len(validate) == max(1, round(share * len(labels)))

    def test_classes_keep_their_shares(self):
        labels = [0] * 40 + [1] * 24 + [2] * 16
        _, validate = held_out(labels, ["s"] * 80, share=0.25, grouped=False, seed=3)
        assert np.bincount(np.array(labels)[validate]).tolist() == [10, 6, 4]


class TestMadeOnce:
    def test_second_call_reads_what_the_first_wrote(self, tmp_path):
        clips = toy_clips(tmp_path)
        made = m(clips)
        stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "stages").iterdir()}
        again = m(clips)
        assert same(made.weights, again.weights)
        assert (made.curves, made.statistics, made.digest) == (again.curves, again.statistics, again.digest)
        assert stamps == {path: path.stat().st_mtime_ns for path in (tmp_path / "stages").iterdir()}
        kinds = {path.suffix for path in (tmp_path / "stages").iterdir()}
        assert kinds <= {".json", ".safetensors", ".lock"}

    def test_in_memory_clips_leave_no_file_and_give_the_same(self, tmp_path):
        assert same(m(toy_clips()).weights, m(toy_clips(tmp_path)).weights)

    @pytest.mark.parametrize("harm", ["weights", "manifest", "cut"])
    def test_a_damaged_file_is_made_again_and_said(self, tmp_path, harm):
        made = m(toy_clips(tmp_path))
        weights, manifest = files(tmp_path, "safetensors")[0], files(tmp_path)[0]
        if harm == "weights":
            content = bytearray(weights.read_bytes())
            content[-5] ^= 0xFF
            weights.write_bytes(content)
        elif harm == "cut":
            weights.write_bytes(weights.read_bytes()[:1000])
        else:
            manifest.write_text("{")
        said = []
        assert same(m(toy_clips(tmp_path), log=said.append).weights, made.weights)
        assert any("made again" in line for line in said)

    @pytest.mark.parametrize(
        "change",
        [
            lambda clips: {"seed": 2},
            lambda clips: {"grouped": True},
            lambda clips: {"settings": replace(SETTINGS, width=0.06)},
            lambda clips: {"settings": replace(SETTINGS, m_rates=(0.01, 0.001))},
            lambda clips: {"clips": clips.select(range(11))},
            lambda clips: {"clips": clips.with_labels(clips.labels[::-1])},
            lambda clips: {"start": stage_e(SETTINGS, context())},
        ],
        ids=["seed", "grouped", "width", "rates", "clips", "labels", "start"],
    )
    def test_whatever_it_depends_on_names_another(self, tmp_path, change):
        clips = toy_clips(tmp_path)
        first = m(clips)
        other = m(**{"clips": clips, **change(clips)})
        assert first.digest != other.digest
        assert len(files(tmp_path)) == 2

    def test_settings_of_other_stages_do_not_matter(self, tmp_path):
        m(toy_clips(tmp_path))
        m(toy_clips(tmp_path), settings=replace(SETTINGS, e_iterations=99))
        assert len(files(tmp_path)) == 1

    def test_e_is_one_for_all_folds_and_lies_in_the_cache(self, tmp_path):
        first = stage_e(SETTINGS, context(cache=tmp_path))
        again = stage_e(SETTINGS, context(cache=tmp_path))
        assert same(first.weights, again.weights) and len(files(tmp_path)) == 1
        assert first.weights["fc8.weight"].shape[0] == 9

    @pytest.mark.slow
    def test_two_processes_make_it_once(self, tmp_path):
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(2) as pool:
            digests = pool.map(_weights_in_a_process, [tmp_path] * 2)
        assert digests[0] == digests[1]
        assert len(files(tmp_path)) == 1
        assert not list((tmp_path / "stages").glob("*.partial"))

    def test_m_starts_from_e_but_for_its_last_layer(self):
        start = stage_e(SETTINGS, context())
        still = replace(SETTINGS, m_iterations=(1,), m_rates=(0.0,), evaluations=1)
        found = m(toy_clips(), settings=still, start=start).weights
        assert same(
            {k: v for k, v in found.items() if not k.startswith("fc8")},
            {k: v for k, v in start.weights.items() if not k.startswith("fc8")},
        )
        assert found["fc8.weight"].shape[0] == 4

    def test_no_photographs_is_an_error_that_says_what_to_pass(self):
        with pytest.raises(MethodError, match="--expressions"):
            stage_e(SETTINGS, context(stills=None))

    def test_rates_and_iterations_must_go_together(self):
        with pytest.raises(MethodError, match="one value per round"):
            m(toy_clips(), settings=replace(SETTINGS, m_rates=(0.1,)))


def _weights_in_a_process(folder):
    stage = m(toy_clips(folder))
    return {name: float(tensor.double().sum()) for name, tensor in stage.weights.items()}


class TestBlindness:
    def test_poisoned_test_clips_change_no_weight(self):
        clips = toy_clips()
        poisoned = prepared_set(clips).frames.copy()
        poisoned[8:] = 255 - poisoned[8:]
        labels = clips.labels
        labels[8:] = (labels[8:] + 1) % 4
        others = replace(clips, _set=replace(prepared_set(clips), frames=poisoned)).with_labels(labels)
        train = range(8)
        assert same(m(clips.select(train)).weights, m(others.select(train)).weights)
        # and the test would notice: a poisoned training clip does change them
        assert not same(m(clips.select(range(9))).weights, m(others.select(range(9))).weights)

    def test_validation_clips_are_not_trained_on(self):
        """Under one fixed number of updates and one candidate, what validates leaves the weights alone."""
        clips = toy_clips()
        one = replace(SETTINGS, m_iterations=(3,), m_rates=(0.01,), evaluations=1)
        _, validating = held_out(clips.labels, clips.subjects, share=one.inner_share, grouped=False, seed=1)
        poisoned = prepared_set(clips).frames.copy()
        poisoned[validating] = 0
        found = m(replace(clips, _set=replace(prepared_set(clips), frames=poisoned)), settings=one)
        expected = m(clips, settings=one)
        assert same(found.weights, expected.weights)
        assert found.curves["validation loss"] != expected.curves["validation loss"]


class TestSchedules:
    def test_m_is_trained_in_proportion_to_its_clips_and_e_is_the_same_whatever_they_are(self):
        stretched = replace(SETTINGS, scheduled_for=6)
        assert stage_e(stretched, context()).digest == stage_e(SETTINGS, context()).digest
        steps = [m(toy_clips(), settings=s).curves["loss"].steps[-1] for s in (SETTINGS, stretched)]
        assert steps == [5, 10]
