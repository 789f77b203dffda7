from __future__ import annotations

import numpy as np
import pytest
import torch

from alscope.acquisition.pairs import count_pairs, pair_loss
from tests import oracles_mqnet


def random_answers(seed: int) -> tuple[np.ndarray, np.ndarray]:
    # Targets as they come: many exact zeros, some losses that coincide.
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    targets = np.round(rng.exponential(size=n), int(rng.integers(1, 5)))
    return rng.normal(scale=0.2, size=n), np.where(rng.random(n) < 0.4, 0.0, targets)


def test_the_pair_loss_is_the_double_loop() -> None:
    for seed in range(300):
        scores, targets = random_answers(seed)
        margin = (0.1, 1.0)[seed % 2]
        found = pair_loss(scores, targets, margin=margin)

        expected = oracles_mqnet.pair_loss(scores.tolist(), targets.tolist(), margin)
        assert found.value == pytest.approx(expected, abs=1e-12)
        assert count_pairs(targets) == (targets[:, None] > targets[None]).sum()


def test_the_slopes_of_the_pair_loss_are_those_of_autograd() -> None:
    for seed in range(300):
        scores, targets = random_answers(seed)
        x, y = torch.tensor(scores, requires_grad=True), torch.tensor(targets)
        costs = torch.clamp(0.1 - x[:, None] + x[None], min=0)[y[:, None] > y[None]]
        (costs.sum() / max(1, len(costs))).backward()

        slopes = pair_loss(scores, targets, margin=0.1).slopes
        np.testing.assert_allclose(slopes, x.grad, atol=1e-12)


@pytest.mark.parametrize("targets", [np.zeros(8), np.full(8, 1.7), np.zeros(1), np.empty(0)])
def test_answers_without_an_order_have_no_loss_and_no_slope(targets: np.ndarray) -> None:
    found = pair_loss(np.random.default_rng(0).normal(size=targets.size), targets, margin=0.1)

    assert found.value == count_pairs(targets) == 0
    assert not found.slopes.any()


def test_scores_far_enough_apart_cost_nothing() -> None:
    found = pair_loss(np.array([0.0, 0.2, 0.4]), np.array([0.0, 1.0, 2.0]), margin=0.1)

    assert found.value == 0
    assert not found.slopes.any()
