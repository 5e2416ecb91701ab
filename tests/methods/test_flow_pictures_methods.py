"""Methods on flow: frames and pictures give the same, presets, channel orders, inner choice, weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from basis.names import UnknownName
from data_prep.clips import Clips
from methods import load_method, make_settings
from methods.base import Context, MethodError
from methods.contract import halves, toy_clips
from methods.flow_logreg import cell_means
from methods.flow_pictures import pictures_of
from methods.nets.ststnet import STSTNet
from methods.training.flow_net_method import as_input

FLOW = ("flow-logreg", "bi-woof", "ststnet", "off-apexnet", "rcn-a", "htnet")
CLASSES = ("negative", "positive", "surprise")


def made(name, **settings):
    cls = load_method(name)
    return cls(make_settings(cls, {**cls.trial, **settings}), Context(grouped=True))


@pytest.fixture(scope="module")
def frames():
    return toy_clips(64, 52, n=12, frames=6)


@pytest.fixture(scope="module")
def pictures(frames):
    """The same clips as pictures, under three classes."""
    rows = pictures_of(made("flow-logreg"), frames, recipe=made("flow-logreg").settings.recipe)
    return as_flow(rows, frames.labels % 3, frames.subjects)


def as_flow(rows, labels, subjects):
    points = np.zeros((len(rows), 66, 2))
    return Clips.from_arrays(rows[:, None], points, labels, subjects=subjects, classes=CLASSES, holds="flow")


@pytest.mark.parametrize("name", FLOW)
def test_runs_on_pictures_with_their_own_classes(name, pictures):
    method = made(name)
    train, test = (pictures.select(part) for part in halves(pictures))
    method.fit(train, seed=1)
    prediction = method.predict(test.without_labels())
    assert prediction.scores.shape == (len(prediction.candidates), len(test), 3)


@pytest.mark.parametrize("name", ["flow-logreg", "ststnet"])
def test_frames_and_the_pictures_made_of_them_are_decided_alike(name, frames):
    rows = pictures_of(made(name), frames, recipe=made(name).settings.recipe)
    given = Clips.from_arrays(
        rows[:, None],
        np.zeros((len(rows), 66, 2)),
        frames.labels,
        subjects=frames.subjects,
        holds="flow",
    )
    scores = []
    for clips in (frames, given):
        train, test = (clips.select(part) for part in halves(clips))
        method = made(name)
        method.fit(train, seed=3)
        scores.append(method.predict(test.without_labels()).scores)
    assert np.array_equal(*scores)


def test_the_annotated_apex_is_used_and_else_it_is_spotted(frames):
    method = made("flow-logreg")
    first, last = (
        Clips.from_arrays(
            np.stack([frames[i] for i in range(2)]), frames.landmarks[:2], [0, 1], apex=[place, np.nan]
        )
        for place in (0.2, 1.0)
    )
    one, other = (pictures_of(method, clips, recipe=method.settings.recipe) for clips in (first, last))
    assert not np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_cell_means_of_a_picture():
    picture = np.zeros((1, 28, 28, 3), np.uint8)
    picture[0, :4, 4:8, 2] = 255
    means = cell_means(picture, 7).reshape(7, 7, 3)
    assert means.sum() == 1 and means[0, 1, 2] == 1


def test_the_channel_order_and_scale_are_what_they_say():
    rows = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 3)).astype(np.uint8)
    plain, reversed_ = as_input(rows, "uvs", "bytes"), as_input(rows, "svu", "unit")
    assert torch.equal(plain[:, 0], torch.from_numpy(rows[..., 0].astype(np.float32)))
    assert torch.allclose(reversed_, plain.flip(1) / 255)


def test_presets_and_what_stands_in_their_place():
    cls = load_method("ststnet")
    authors, quick = cls().schedule(), cls(make_settings(cls, {"preset": "quick", "rate": 0.5})).schedule()
    assert (authors.number, authors.rate, authors.batch, authors.shuffle) == (800, 5e-5, 256, False)
    assert (quick.number, quick.rate, quick.shuffle) == (12, 0.5, True)
    assert not load_method("htnet")().schedule().shuffle and load_method("rcn-a")().schedule().shuffle
    with pytest.raises(UnknownName, match="quick"):
        make_settings(cls, {"preset": "fast"})


def test_the_last_epoch_decides_or_inner_people_choose(pictures):
    last = made("ststnet", epochs=4)
    last.fit(pictures, seed=0)
    assert last.chosen == 3 and [epoch for epoch, _ in last.candidates] == [1, 2, 3, 4]
    inner = made("ststnet", epochs=4, select="inner", inner_share=0.3)
    inner.fit(pictures, seed=0)
    assert len(inner.candidates) == 4 and not inner.notes
    assert len(last.curves["training loss"].values) == 4


def test_pictures_of_another_size_are_refused(pictures):
    large = as_flow(np.zeros((6, 30, 30, 3), np.uint8), np.arange(6) % 3, ["a/1", "a/2"] * 3)
    with pytest.raises(MethodError, match="28x28"):
        made("htnet").fit(large, seed=0)


@pytest.fixture
def weights(tmp_path):
    """Released weights of three people, each of a net of its own."""
    for i, person in enumerate(("sub01", "s02", "006")):
        torch.manual_seed(i)
        torch.save(STSTNet(3).state_dict(), tmp_path / f"{person}.pth")
    return tmp_path


def test_released_weights_predict_the_person_they_were_not_trained_on(weights):
    rows = np.random.default_rng(1).integers(0, 256, (4, 28, 28, 3)).astype(np.uint8)
    subjects = ["casme2/01", "smic/s02", "samm/006", "casme2/01"]
    method = made("ststnet", weights=str(weights))
    clips = as_flow(rows, [0, 1, 2, 0], subjects)
    method.fit(clips, seed=0)
    found = method.predict(clips.without_labels()).scores[0]
    for i, person in enumerate(("sub01", "s02", "006", "sub01")):
        net = STSTNet(3).eval()
        net.load_state_dict(torch.load(weights / f"{person}.pth", weights_only=True))
        wanted = net(as_input(rows[i : i + 1], "svu", "bytes")).softmax(1)[0]
        assert np.allclose(found[i], wanted.detach().numpy(), atol=1e-5)
    stranger = as_flow(rows[:1], [0], ["smic/s03"])
    with pytest.raises(MethodError, match=r"s03\.pth"):
        method.predict(stranger.without_labels())


def test_files_that_are_no_weights_are_named(weights, pictures):
    (weights / "s02.pth").write_bytes(b"nothing")
    with pytest.raises(MethodError, match=r"s02\.pth"):
        made("ststnet", weights=str(weights)).fit(pictures, seed=0)
    torch.save({"conv1.weight": torch.zeros(1)}, weights / "s02.pth")
    with pytest.raises(MethodError, match="other settings of the net"):
        made("ststnet", weights=str(weights)).fit(pictures, seed=0)
    with pytest.raises(MethodError, match="no released weights"):
        made("ststnet", weights=str(weights / "none")).fit(pictures, seed=0)
