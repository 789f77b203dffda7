from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from alscope.config import TrainConfig
from alscope.learn.optim import (
    batch_bounds,
    epoch_batches,
    make_optimizer,
    n_steps_of,
    rate,
)
from alscope.rng import torch_generator
from alscope.types import IntArray


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"),
    [
        (0, 64, []),
        (1, 64, [1]),
        (64, 64, [64]),
        (65, 64, [65]),
        (66, 64, [64, 2]),
        (129, 64, [64, 65]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_a_last_batch_of_one_joins_the_one_before(
    n: int, batch_size: int, sizes: list[int]
) -> None:
    assert [end - start for start, end in batch_bounds(n, batch_size)] == sizes


def batches(
    n: int, size: int, *, epoch: int = 0, lengths: IntArray | None = None
) -> list[IntArray]:
    return epoch_batches(n, size, torch_generator(3, "data_order", epoch), lengths=lengths)


LENGTHS = np.random.default_rng(0).lognormal(3, 0.8, 1000).astype(np.int64) + 1


def test_random_batches_are_the_order_that_the_generator_draws() -> None:
    order = torch.randperm(70, generator=torch_generator(3, "data_order", 0)).numpy()

    assert np.array_equal(np.concatenate(batches(70, 8)), order)


@pytest.mark.parametrize("n", [1, 7, 64, 65, 66, 129, 1000])
def test_every_sample_comes_once_per_pass_also_by_length(n: int) -> None:
    found = batches(n, 8, lengths=LENGTHS[:n])

    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(n))
    assert sorted(map(len, found)) == sorted(map(len, batches(n, 8)))


def test_texts_of_similar_length_share_a_batch() -> None:
    def padded(found: list[IntArray]) -> int:
        return sum(len(rows) * int(LENGTHS[rows].max()) for rows in found)

    random, by_length = padded(batches(1000, 16)), padded(batches(1000, 16, lengths=LENGTHS))

    assert by_length < 1.3 * LENGTHS.sum()
    assert random > 2 * LENGTHS.sum()


def test_batches_by_length_differ_between_passes_and_repeat_with_the_seed() -> None:
    first, again, other = (batches(1000, 16, epoch=e, lengths=LENGTHS) for e in (0, 0, 1))

    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert {frozenset(rows.tolist()) for rows in first}.isdisjoint(
        frozenset(rows.tolist()) for rows in other
    )


def test_batches_by_length_come_in_random_order_and_the_smaller_one_is_not_longer() -> None:
    means, last = [], []
    for epoch in range(200):
        found = batches(130, 16, epoch=epoch, lengths=LENGTHS[:130])
        means.append(LENGTHS[found[0]].mean())
        last.append(LENGTHS[min(found, key=len)].mean())

    assert np.mean(means) == pytest.approx(LENGTHS[:130].mean(), rel=0.15)
    assert np.mean(last) == pytest.approx(LENGTHS[:130].mean(), rel=0.15)


@pytest.mark.parametrize(
    ("n", "limits", "steps"),
    [(0, {}, 0), (10, {}, 100), (640, {}, 300), (641, {}, 330), (640, {"max_steps": 200}, 200)],
)
def test_steps_follow_the_epochs_within_their_limits(
    n: int, limits: dict[str, int], steps: int
) -> None:
    assert n_steps_of(TrainConfig(epochs=30, batch_size=64, min_steps=100, **limits), n) == steps


def shape(schedule: str, **options: float) -> list[float]:
    """Learning rates of eight steps with peak 1."""
    config = TrainConfig(lr=1.0, schedule=schedule, **options)  # type: ignore[arg-type]
    return [rate(config, step, 8) for step in range(8)]


def test_multistep_divides_by_ten_after_half_and_three_quarters() -> None:
    assert shape("multistep") == [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]


def test_cosine_falls_from_the_peak_through_its_half() -> None:
    rates = shape("cosine")

    assert rates[0] == 1
    assert rates[4] == pytest.approx(0.5)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.05


def test_linear_falls_by_equal_steps() -> None:
    assert shape("linear") == [1 - step / 8 for step in range(8)]


def test_constant_stays() -> None:
    assert shape("constant") == [1] * 8


def test_warm_up_rises_to_the_peak_before_the_schedule_begins() -> None:
    assert shape("linear", warmup=0.5) == [0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25]


@pytest.mark.parametrize(
    ("name", "momentum"), [("adamw", 0.9), ("sgd", 0.9), ("sgd", 0.0)], ids=str
)
def test_updates_are_those_of_torch_to_the_last_bit(name: str, momentum: float) -> None:
    config = TrainConfig(optimizer=name, momentum=momentum, weight_decay=0.25)

    def learned(*, ours: bool) -> list[torch.Tensor]:
        first, second = _linear(0), _linear(1)
        weights = [*first.parameters(), *second.parameters()]
        optimizer: Any = make_optimizer(config, weights) if ours else _torchs(config, weights)
        for step in range(5):
            lr = 0.05 / (step + 1)
            optimizer.zero_grad()
            inputs = (torch.arange(8.0).reshape(2, 4) - step) / 10
            hidden = first(inputs)
            # The second layer has no gradient in one of the steps, and stays.
            (hidden if step == 2 else second(hidden)).square().sum().backward()
            if ours:
                optimizer.step(lr)
            else:
                optimizer.param_groups[0]["lr"] = lr
                optimizer.step()
        return [one.detach() for one in weights]

    pairs = list(zip(learned(ours=True), learned(ours=False), strict=True))
    assert all(torch.equal(one, other) for one, other in pairs)
    assert not torch.equal(pairs[0][0], _linear(0).weight)
    assert not torch.equal(pairs[2][0], _linear(1).weight)


def test_a_step_without_gradients_changes_nothing() -> None:
    layer = _linear(0)

    make_optimizer(TrainConfig(), layer.parameters()).step(0.1)

    assert torch.equal(layer.weight, _linear(0).weight)


def _torchs(config: TrainConfig, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    given: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimizer == "adamw":
        return torch.optim.AdamW(weights, fused=True, **given)
    nesterov = config.momentum > 0
    return torch.optim.SGD(weights, momentum=config.momentum, nesterov=nesterov, **given)


def _linear(seed: int) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(4, 4)
