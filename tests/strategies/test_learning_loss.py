from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import alscope
from alscope import rng
from alscope.acquisition.ranking import top_k
from alscope.backbones.mlp import MlpSpec
from alscope.config import TrainConfig
from alscope.errors import ConfigError, ShapeError
from alscope.inputs import AttachmentOutput
from alscope.learn.attachments import attachment_pass
from alscope.learn.passes import Batches
from alscope.learn.protocols import TrainBatch
from alscope.learn.trainer import Fit, fit
from alscope.params import check_fields
from alscope.strategies.learning_loss import LearningLoss, LossHead
from alscope.testing.fakes import FakePool, make_pool
from alscope.testing.strategies import choose
from alscope.types import RunState
from tests import oracles_heads as oracles
from tests.engine.conftest import Bench, tiny_run
from tests.learn.fakes import CPU, PLANE, RecordingControl, TensorSource

SETTINGS: dict[str, dict[str, Any]] = {
    "closed": {},
    "open": {"setting": "open", "n_known": 6, "ood_ratio": 0.4},
}
N = 400


def pool_of(predicted: np.ndarray, *, seed: int = 0, **params: Any) -> FakePool:
    """A pool with given predicted losses."""
    strategy = LearningLoss(**params)
    arrays = {"output": predicted.astype(np.float32)[:, None]}
    overrides = {key: arrays for key in strategy.needs()}
    return make_pool(strategy, n_pool=len(predicted), seed=seed, overrides=overrides)


def two_regions() -> tuple[torch.Tensor, np.ndarray]:
    """Labels follow from the sign of feature 0 where feature 1 is below 0, else from nothing."""
    draws = rng.generator(0, "regions")
    values = torch.tensor(draws.uniform(-2, 2, size=(N, 4)), dtype=torch.float32)
    labels = (values[:, 0] > 0).numpy().astype(np.int64)
    noisy = values[:, 1].numpy() > 0
    labels[noisy] = draws.integers(0, 2, int(noisy.sum()))
    return values, labels


def trained(head: LossHead, values: torch.Tensor, labels: np.ndarray) -> Fit:
    """A network that has not learned the noise by heart, and its head."""
    return fit(
        MlpSpec(hidden=32, depth=2),
        PLANE,
        TensorSource(values),
        indices=np.arange(N // 2),
        labels=labels[: N // 2],
        n_classes=2,
        train=TrainConfig(epochs=10, min_steps=100, batch_size=32, lr=3e-3),
        seed=0,
        device=CPU,
        control=RecordingControl(),
        attachments=(head,),
    )


def output(result: Fit, values: torch.Tensor) -> np.ndarray:
    """What the head says about the second half of the samples."""
    rows = np.arange(N // 2, N)
    batches = Batches(
        TensorSource(values), rows, batch_size=64, device=CPU, control=RecordingControl()
    )
    return attachment_pass(result.model, result.heads[0], batches, n_outputs=1)["output"]


def step(epoch: int, taps: tuple[torch.Tensor, ...], n_epochs: int = 5) -> TrainBatch:
    n = len(taps[0])
    return TrainBatch(
        taps=taps,
        logits=torch.zeros(n, 2),
        losses=torch.arange(n, dtype=torch.float32),
        rows=torch.arange(n),
        n_labeled=n,
        epoch=epoch,
        n_epochs=n_epochs,
    )


def test_the_largest_predicted_losses_are_chosen_and_ties_go_by_key() -> None:
    for seed in range(200):
        draws = np.random.default_rng(seed)
        predicted = np.round(draws.normal(size=draws.integers(1, 30)), 1)
        pool = pool_of(predicted, seed=seed)
        keys = pool.view().tie_keys
        expected = sorted(range(len(predicted)), key=lambda i: (-predicted[i], keys[i]))

        assert choose(LearningLoss(), pool, 9).positions.tolist() == expected[:9]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_predictions_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ShapeError, match="predicted losses of row 1"):
        choose(LearningLoss(), pool_of(np.array([0.1, value, 0.2])), 2)


def test_the_head_has_the_hyper_parameters_of_the_strategy() -> None:
    params: dict[str, Any] = {
        "margin": 0.5,
        "weight": 2.0,
        "width": 7,
        "detach_after": 0.1,
        "detached": True,
    }
    strategy = LearningLoss(**params)

    assert strategy.attachments() == (LossHead(**params),)
    assert strategy.needs() == (AttachmentOutput(attachment=LossHead(**params)),)


def test_the_head_of_a_residual_network_has_the_published_size() -> None:
    head = LossHead().build((64, 128, 256, 512), 10)

    assert sum(p.numel() for p in head.parameters()) == 123_905


def test_the_loss_is_weighted_and_ranked_by_the_margin() -> None:
    taps = (torch.randn(6, 3, generator=torch.Generator().manual_seed(0)),)
    module = LossHead().build((3,), 2)
    batch = step(0, taps)
    predicted = module(taps).squeeze(1).tolist()
    expected = 0.5 * oracles.ranking_loss(predicted, batch.losses.tolist(), 0.3)

    loss = LossHead(weight=0.5, margin=0.3).loss(module, batch, {})
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "n_epochs", "last"),
    [
        ({}, 5, 2),
        ({}, 200, 119),
        ({}, 1, 0),
        ({"detach_after": 1.0}, 5, 4),
        ({"detach_after": 0.55}, 100, 54),
        ({"detach_after": 0.0}, 5, -1),
        ({"detached": True}, 5, -1),
    ],
)
def test_the_gradient_reaches_the_network_until_the_head_is_detached(
    changes: dict[str, Any], n_epochs: int, last: int
) -> None:
    head = LossHead(**changes)
    module = head.build((3,), 2)
    reached = []
    for epoch in range(n_epochs):
        tap = torch.ones(4, 3, requires_grad=True)
        head.loss(module, step(epoch, (tap,), n_epochs), {}).backward()
        reached.append(tap.grad is not None)

        assert module.out.bias.grad is not None
    assert reached == [epoch <= last for epoch in range(n_epochs)]


@pytest.mark.parametrize("detached", [False, True])
def test_samples_the_network_cannot_learn_come_first(detached: bool) -> None:
    values, labels = two_regions()
    result = trained(LossHead(detached=detached), values, labels)
    predicted = output(result, values)[:, 0]
    noisy = values[N // 2 :, 1].numpy() > 0

    assert predicted.std() > 0.01
    assert noisy[top_k(predicted, 40, keys=np.arange(N // 2, dtype=np.uint64))].mean() > 0.9


def test_predictions_order_the_losses_of_the_pool() -> None:
    # The loss is that of the labels the network was not given.
    values, labels = two_regions()
    result = trained(LossHead(detached=True), values, labels)
    with torch.no_grad():
        logits = result.model({"features": values[N // 2 :]})
    losses = torch.nn.functional.cross_entropy(
        logits, torch.from_numpy(labels[N // 2 :]), reduction="none"
    )

    assert oracles.pair_accuracy(output(result, values)[:, 0].tolist(), losses.tolist()) > 0.6


def test_the_ranking_follows_the_weights_of_the_head() -> None:
    values, labels = two_regions()
    result = trained(LossHead(), values, labels)
    before = output(result, values)[:, 0]
    layer: Any = result.heads[0].out
    with torch.no_grad():
        layer.weight.copy_(layer.weight.flip(1))

    assert not np.array_equal(np.argsort(before), np.argsort(output(result, values)[:, 0]))


@pytest.mark.parametrize(
    "change", [{"margin": 0.0}, {"weight": 0.0}, {"width": 0}, {"detach_after": 1.1}]
)
def test_hyper_parameters_without_a_meaning_are_refused(change: dict[str, Any]) -> None:
    (problem,) = check_fields(LearningLoss(**change))

    assert problem.path in change


def test_arrays_cannot_replace_the_head() -> None:
    with pytest.raises(ConfigError, match=r"needs AttachmentOutput.*run it in a study"):
        alscope.select("learning_loss", logits=np.zeros((4, 2)), query_size=2)


@pytest.mark.parametrize("scenario", SETTINGS.values(), ids=SETTINGS)
def test_a_run_is_repeated_bit_for_bit(scenario: dict[str, Any], tmp_path: Path) -> None:
    config = tiny_run("learning_loss", **scenario)
    records = []
    for name, cached in (("first", True), ("second", False)):
        bench = Bench(tmp_path / name, cached=cached)

        assert bench.execute(config) == RunState.DONE
        records.append(bench.records(config))

    assert records[0] == records[1]
