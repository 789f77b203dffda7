from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from alscope.acquisition import meta_query
from alscope.acquisition.meta_query import (
    META_INPUTS,
    QueryNet,
    cdf_ranks,
    exp_z,
    fit_net,
    fresh_net,
    max_cosine,
    net_gradients,
    rank_correlation,
)
from alscope.errors import ShapeError
from tests import oracles_mqnet

INPUTS = npst.arrays(np.float64, (12, 2), elements=st.floats(0, 150))


def random_net(seed: int, n_hidden: int = 6) -> QueryNet:
    rng = np.random.default_rng(seed)
    return QueryNet(
        raw_in=rng.normal(scale=2, size=(2, n_hidden)),
        bias=rng.normal(scale=3, size=n_hidden),
        raw_out=rng.normal(scale=2, size=n_hidden),
    )


def arrays_of(net: QueryNet) -> list[np.ndarray]:
    return [net.raw_in, net.bias, net.raw_out]


def test_purity_of_unit_vectors() -> None:
    found = max_cosine(np.eye(3), np.array([[1.0, 1.0, 0.0]]))

    np.testing.assert_allclose(found, [0.5**0.5, 0.5**0.5, 0], atol=1e-12)


def test_purity_is_the_largest_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meta_query, "_BLOCK_CELLS", 24)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, n_labeled, d = rng.integers(1, 12), rng.integers(1, 6), rng.integers(1, 6)
        points, labeled = rng.normal(size=(n, d)), rng.normal(size=(n_labeled, d))
        points[0] = 0

        expected = oracles_mqnet.max_cosine(points, labeled)
        np.testing.assert_allclose(max_cosine(points, labeled), expected, atol=1e-11)


def test_length_does_not_matter_to_purity() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(9, 4))
    scale = np.array([1e-20, 1e-3, 1, 10, 1e20, 1, 1, 1, 1])[:, None]
    labeled = rng.normal(size=(3, 4))

    np.testing.assert_allclose(max_cosine(scale * points, 7 * labeled), max_cosine(points, labeled))


def test_equal_samples_have_equal_purity_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    row = rng.normal(size=(1, 37)).astype(np.float32)
    labeled = rng.normal(size=(11, 37)).astype(np.float32)

    assert np.unique(max_cosine(np.repeat(row, 301, axis=0), labeled)).size == 1


@pytest.mark.parametrize(
    ("points", "labeled", "message"),
    [
        (np.array([[1.0], [np.nan]]), np.ones((1, 1)), "^projections of row 1"),
        (np.ones((2, 1)), np.array([[1.0], [np.inf]]), "labeled projections of row 1"),
        (np.ones((2, 3)), np.ones((2, 2)), r"\(2, 3\) and labeled ones \(2, 2\)"),
        (np.ones((2, 3)), np.ones((0, 3)), "at least one labeled row"),
        (np.ones(3), np.ones((1, 3)), r"have the shape \(3,\)"),
    ],
)
def test_projections_that_cannot_be_compared_are_refused(
    points: np.ndarray, labeled: np.ndarray, message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        max_cosine(points, labeled)


def test_meta_inputs_are_those_of_the_definition() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values = np.round(rng.normal(size=rng.integers(1, 20)) ** 3, 1)

        np.testing.assert_allclose(exp_z(values), oracles_mqnet.exp_z(values.tolist()))
        np.testing.assert_allclose(cdf_ranks(values), oracles_mqnet.ranks(values.tolist()))


@pytest.mark.parametrize("form", META_INPUTS)
def test_meta_inputs_of_constant_scores_are_finite_and_equal(form: str) -> None:
    found = META_INPUTS[form](np.full(7, 0.3))

    np.testing.assert_allclose(found, 1.0, atol=1e-6)
    assert np.unique(found).size == 1


@pytest.mark.parametrize("form", META_INPUTS)
def test_meta_inputs_keep_the_order(form: str) -> None:
    values = np.random.default_rng(0).normal(size=50)

    assert np.argsort(META_INPUTS[form](values)).tolist() == np.argsort(values).tolist()


@pytest.mark.parametrize("form", META_INPUTS)
def test_an_empty_pool_has_no_meta_inputs(form: str) -> None:
    assert META_INPUTS[form](np.empty(0)).shape == (0,)


@pytest.mark.parametrize("form", META_INPUTS)
def test_scores_that_are_not_finite_are_refused(form: str) -> None:
    with pytest.raises(ShapeError, match="scores of row 2"):
        META_INPUTS[form](np.array([0.0, 1.0, np.nan]))


def test_an_outlier_stays_within_exp_five() -> None:
    values = np.append(np.zeros(10_000), 1.0)

    assert exp_z(values).max() == np.exp(5.0)


def test_rank_correlation_is_that_of_the_ranks() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])

    assert rank_correlation(x, x**3) == pytest.approx(1)
    assert rank_correlation(x, -np.exp(x)) == pytest.approx(-1)
    assert rank_correlation(x, np.array([1.0, 1.0, 2.0, 2.0])) == pytest.approx(0.8**0.5)
    assert rank_correlation(x, np.ones(4)) == 0
    assert rank_correlation(np.empty(0), np.empty(0)) == 0


def test_the_scores_of_the_net_are_those_of_torch() -> None:
    for seed in range(50):
        net, inputs = random_net(seed), np.random.default_rng(seed).random((9, 2)) * 5
        arrays = [torch.tensor(array) for array in arrays_of(net)]

        expected = oracles_mqnet.net_scores(arrays, torch.tensor(inputs))
        np.testing.assert_allclose(net.scores(inputs), expected, rtol=1e-12)


def test_the_gradients_of_the_net_are_those_of_autograd() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        net, inputs, slopes = random_net(seed), rng.random((9, 2)) * 3, rng.normal(size=9)
        arrays = [torch.tensor(array, requires_grad=True) for array in arrays_of(net)]
        (oracles_mqnet.net_scores(arrays, torch.tensor(inputs)) @ torch.tensor(slopes)).backward()

        found = net_gradients(net, inputs, slopes)
        for mine, theirs in zip(arrays_of(found), arrays, strict=True):
            np.testing.assert_allclose(mine, theirs.grad, atol=1e-10)


@pytest.mark.parametrize("form", META_INPUTS)
def test_training_is_that_of_torch(form: str) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        inputs = np.stack([META_INPUTS[form](rng.normal(size=20)) for _ in range(2)], axis=1)
        targets = np.where(rng.random(20) < 0.5, 0.0, rng.exponential(size=20))
        net = fresh_net(8, rng)
        settings = {"margin": 0.1, "n_steps": 30, "lr": 0.02}

        found = fit_net(net, inputs, targets, **settings)
        expected = oracles_mqnet.train_net(arrays_of(net), inputs, targets, **settings)
        for mine, theirs in zip(arrays_of(found), expected, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-6)


@given(inputs=INPUTS, seed=st.integers(0, 1000))
def test_a_sample_at_least_as_high_in_both_inputs_never_scores_lower(
    inputs: np.ndarray, seed: int
) -> None:
    scores = random_net(seed).scores(inputs)
    dominates = (inputs[:, None] >= inputs[None]).all(axis=2)

    assert (scores[:, None] >= scores[None])[dominates].all()


def test_training_keeps_dominance() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        # The answers contradict it: what is higher has the lower target.
        inputs = rng.random((30, 2))
        net = fit_net(
            fresh_net(16, rng), inputs, -inputs.sum(axis=1), margin=0.1, n_steps=60, lr=0.05
        )
        lower, more = rng.random((200, 2)), rng.random((200, 2))

        assert (net.scores(lower + more) >= net.scores(lower)).all()


def test_training_finds_which_input_matters() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.random((60, 2))
    for matters in (0, 1):
        net = fit_net(
            fresh_net(64, rng), inputs, inputs[:, matters], margin=0.1, n_steps=120, lr=0.02
        )
        correlations = [rank_correlation(net.scores(inputs), inputs[:, axis]) for axis in (0, 1)]

        assert correlations[matters] > 0.95
        assert correlations[matters] > correlations[1 - matters] + 0.3


def test_equal_rows_have_equal_scores_wherever_they_stand() -> None:
    inputs = np.repeat([[0.37, 0.81]], 501, axis=0)

    assert np.unique(fresh_net(63, np.random.default_rng(0)).scores(inputs)).size == 1


def test_blocks_do_not_matter_to_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    net, inputs = random_net(0), np.random.default_rng(0).random((50, 2))
    whole = net.scores(inputs)
    monkeypatch.setattr(meta_query, "_BLOCK_CELLS", 20)

    assert net.scores(inputs).tolist() == whole.tolist()


def test_inputs_and_net_are_left_unchanged_by_training() -> None:
    rng = np.random.default_rng(0)
    net, inputs, targets = fresh_net(4, rng), rng.random((5, 2)), rng.random(5)
    before = [array.copy() for array in (*arrays_of(net), inputs, targets)]
    fit_net(net, inputs, targets, margin=0.1, n_steps=3, lr=0.1)

    for array, copy in zip((*arrays_of(net), inputs, targets), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_answers_that_are_not_finite_are_refused() -> None:
    net = fresh_net(4, np.random.default_rng(0))

    with pytest.raises(ShapeError, match="targets of row 1"):
        fit_net(net, np.ones((2, 2)), np.array([0, np.nan]), margin=0.1, n_steps=1, lr=0.1)
    with pytest.raises(ShapeError, match="meta-inputs of row 0"):
        fit_net(net, np.array([[np.nan, 1]]), np.zeros(1), margin=0.1, n_steps=1, lr=0.1)
