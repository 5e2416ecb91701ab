"""C5+SVM: its features, how C is chosen, that it shares TLCNN's stages."""

import numpy as np
import pytest
import torch

from data_prep.clips import Clips, Stills
from methods import make_settings
from methods.base import Context, MethodError
from methods.c5_svm import C5SVM
from methods.folds import kept_apart
from methods.tlcnn import TLCNN

SIZE = (52, 50)


def toy(n=16, frames=16, folder=None):
    pixels = np.random.default_rng(0).integers(0, 256, (n, frames, *SIZE, 3)).astype(np.uint8)
    return Clips.from_arrays(pixels, np.zeros((n, 66, 2)), np.arange(n) % 4, folder=folder)


def toy_stills(size):
    pixels = np.random.default_rng(1).integers(0, 256, (18, *size, 3)).astype(np.uint8)
    subjects = tuple(f"toy/{i // 9}" for i in range(18))
    return Stills(pixels, np.arange(18) % 9, subjects, tuple(map(str, range(18))), "toy-stills")


def made(method=C5SVM, context=None):
    values = {**method.trial, "frame_size": SIZE}
    return method(make_settings(method, values), context or Context(stills=toy_stills))


@pytest.fixture(scope="module")
def fitted():
    one = made()
    one.fit(toy().select(range(12)), seed=2)
    return one


def test_features_are_the_mean_maps_of_length_one(fitted):
    clips = toy()
    found = fitted.features(clips.select([13, 5]).without_labels(), {})
    mean, deviation = (np.array(values, np.float32) for values in fitted._statistics)
    frames = (clips[5].astype(np.float32) - mean) / deviation
    top, left = (SIZE[0] - 49) // 2, (SIZE[1] - 49) // 2
    frames = torch.from_numpy(frames[:, top : top + 49, left : left + 49]).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = fitted._net.c5_maps(frames.contiguous()).mean(0).flatten().numpy()
    np.testing.assert_allclose(found[1], expected / np.linalg.norm(expected), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def test_c_is_chosen_on_clips_the_cnn_did_not_learn_from(fitted):
    train = toy().select(range(12))
    ((learned, held),) = fitted.splits(train, seed=2)
    expected = kept_apart(train, share=fitted.settings.inner_share, grouped=fitted.context.grouped, seed=2)
    assert (learned.tolist(), held.tolist()) == expected and len(held) > 0


def test_a_second_fit_does_not_use_maps_of_the_first(fitted):
    clips = toy().select(range(12))
    again = made()
    again.fit(clips, seed=9)
    again.fit(clips, seed=2)
    test = toy().select(range(12, 16)).without_labels()
    assert np.array_equal(again.predict(test).scores, fitted.predict(test).scores)


def test_stages_are_shared_with_tlcnn(tmp_path):

    clips = toy(frames=16, folder=tmp_path)
    context = Context(stills=toy_stills, cache=tmp_path)
    made(TLCNN, context).fit(clips, seed=2)
    before = sorted(path.name for path in (tmp_path / "stages").iterdir())
    made(context=context).fit(clips, seed=2)
    assert sorted(path.name for path in (tmp_path / "stages").iterdir()) == before
    assert sum(name.endswith(".safetensors") for name in before) == 2


def test_needs_photographs():
    with pytest.raises(MethodError, match="--expressions"):
        made(context=Context()).fit(toy(), seed=0)
