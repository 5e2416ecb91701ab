"""The speed table of flow measures what it says: its straightforward versions give the same vectors."""

import numpy as np
import pytest

from benchmark.speed.flow import (
    _pairs,
    end_point_error,
    plain_mdmo,
    plain_principal_vectors,
    warped_pair,
)
from data_prep.landmarks import mean_shape
from features.fdm import align, principal_vectors
from features.mdmo import mdmo


@pytest.fixture
def flow():
    return np.random.default_rng(0).normal(0.2, 1.0, (6, 64, 52, 2)).astype(np.float32)


def test_the_plain_mdmo_is_the_same_descriptor(flow):
    landmarks = mean_shape(64, 52)
    vectors = plain_mdmo(flow, landmarks)
    rho = np.hypot(vectors[:, 0], vectors[:, 1])
    np.testing.assert_allclose(mdmo(flow, landmarks)[:, 0], rho / rho.max(), atol=1e-4)


def test_the_plain_fdm_is_the_same_descriptor(flow):
    aligned = align(flow)
    ours = principal_vectors(aligned, grid=(4, 4), depth=3)
    np.testing.assert_allclose(ours, plain_principal_vectors(aligned.field, 4, 3), atol=1e-5)


def test_the_pair_moves_as_stated():
    frames, field = warped_pair(64)
    assert frames.shape == (2, 64, 64, 3)
    assert np.hypot(field[..., 0], field[..., 1]).max() == pytest.approx(0.5, abs=0.02)
    assert end_point_error(field, field) == 0
    assert end_point_error(field + np.float32([3, 4]), field) == pytest.approx(5, rel=1e-5)


def test_rows_name_algorithm_size_and_error():
    rows = {row.what: row for row in _pairs(48, quick=True)}
    row = rows["farneback, one pair of 48x48"]
    assert row.ratio == pytest.approx(row.baseline_seconds / row.seconds)
    assert "end-point error" in row.note
    assert rows["tvl1-skimage, one pair of 48x48"].ratio == 1
