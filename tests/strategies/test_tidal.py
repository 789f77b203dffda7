from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import alscope
from alscope import rng
from alscope.backbones.mlp import MlpSpec
from alscope.config import TrainConfig
from alscope.errors import ConfigError, ShapeError
from alscope.inputs import AttachmentOutput, Forward, Logits
from alscope.learn.attachments import attachment_pass
from alscope.learn.passes import Batches
from alscope.learn.protocols import TrainBatch
from alscope.learn.trainer import Fit, fit
from alscope.strategies.tidal import DynamicsHead, TiDAL, margin_at
from alscope.testing.fakes import FakePool, make_pool
from alscope.testing.strategies import StrategyConformance, choose
from alscope.types import RunState
from tests import oracles_heads as oracles
from tests.engine.conftest import Bench, tiny_run
from tests.learn.fakes import CPU, PLANE, RecordingControl, TensorSource

SETTINGS: dict[str, dict[str, Any]] = {
    "closed": {},
    "open": {"setting": "open", "n_known": 6, "ood_ratio": 0.4},
}
EXAMPLE = np.log([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
EXAMPLE_LOGITS = np.array([[3.0, 1.0, 0.0], [0.0, 3.0, 1.0]])
N = 400


def pool_of(
    outputs: np.ndarray, logits: np.ndarray | None = None, *, query: str = "entropy", seed: int = 0
) -> FakePool:
    """A pool with given outputs of the head, and of the network."""
    strategy = TiDAL(query=query)
    values = {strategy.needs()[0]: {"output": outputs.astype(np.float32)}}
    if logits is not None:
        values[Forward()] = {"logits": logits, "embeddings": np.zeros((len(logits), 1))}
    return make_pool(
        strategy,
        n_pool=len(outputs),
        n_classes=outputs.shape[1],
        seed=seed,
        overrides=values,  # type: ignore[arg-type]
    )


class TestMarginConformance(StrategyConformance):
    """The variant that is not the default."""

    @pytest.fixture
    def strategy(self) -> TiDAL:
        return TiDAL(query="margin")


def step(
    rows: list[int], logits: torch.Tensor, taps: tuple[torch.Tensor, ...], epoch: int = 0
) -> TrainBatch:
    return TrainBatch(
        taps=taps,
        logits=logits,
        losses=torch.zeros(len(rows)),
        rows=torch.tensor(rows),
        n_labeled=5,
        epoch=epoch,
        n_epochs=9,
    )


def test_the_worked_example() -> None:
    entropy = choose(TiDAL(), pool_of(EXAMPLE)).scores
    margin = choose(TiDAL(query="margin"), pool_of(EXAMPLE, EXAMPLE_LOGITS, query="margin")).scores

    np.testing.assert_allclose(entropy, 1.029653, atol=1e-6)
    np.testing.assert_allclose(margin, [-0.2, 0.2], atol=1e-6)


@pytest.mark.parametrize("query", ["entropy", "margin"])
def test_scores_and_choice_are_those_of_the_definition(query: str) -> None:
    for seed in range(200):
        draws = np.random.default_rng(seed)
        shape = draws.integers(1, 20), draws.integers(1, 7)
        outputs = np.round(5 * draws.normal(size=shape), 1).astype(np.float32)
        logits = np.round(draws.normal(size=shape), 1).astype(np.float32)
        pool = pool_of(outputs, logits if query == "margin" else None, query=query, seed=seed)
        expected = (
            oracles.entropy(outputs) if query == "entropy" else oracles.margin_at(outputs, logits)
        )
        selection = choose(TiDAL(query=query), pool, 5)

        np.testing.assert_allclose(selection.scores, expected, rtol=1e-9, atol=1e-12)
        best = sorted(expected, reverse=True)[:5]
        np.testing.assert_allclose(
            np.array(expected)[selection.positions], best, rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("query", ["entropy", "margin"])
def test_one_class_scores_nothing_and_goes_by_key(query: str) -> None:
    ones = np.random.default_rng(0).normal(size=(9, 1)).astype(np.float32)
    pool = pool_of(ones, ones if query == "margin" else None, query=query)
    selection = choose(TiDAL(query=query), pool, 4)

    assert selection.scores is not None
    assert not selection.scores.any()
    assert selection.positions.tolist() == np.argsort(pool.view().tie_keys)[:4].tolist()


def test_certain_outputs_have_finite_scores() -> None:
    outputs = np.array([[500.0, 0, 0], [0, 500, 0], [0, 0, -500]])
    logits = np.array([[1.0, 0, 0], [1, 0, 0], [1, 0, 0]])

    np.testing.assert_allclose(margin_at(outputs, logits), [-1, 1, 0])
    found = choose(TiDAL(), pool_of(outputs)).scores
    np.testing.assert_allclose(found, [0, 0, np.log(2)], atol=1e-9)


def test_near_ties_of_the_margin_keep_their_digits() -> None:
    outputs = np.array([[0.0, 0.0, -1.0], [1e-12, 0.0, -1.0]])
    scores = margin_at(outputs, np.array([[1.0, 0, 0], [1, 0, 0]]))

    assert scores[0] == 0
    assert scores[1] == pytest.approx(-1e-12 / (2 + np.exp(-1)), rel=1e-6)


def test_a_head_with_one_output_is_refused() -> None:
    # Its softmax is 1 and its entropy 0 for every sample: selection would be random.
    pool = pool_of(np.zeros((4, 3))).with_values(
        {TiDAL().needs()[0]: {"output": np.zeros((4, 1), dtype=np.float32)}}
    )

    with pytest.raises(ShapeError, match=r"have the shape \(4, 1\).* \(4, 3\)"):
        choose(TiDAL(), pool, 2)


@pytest.mark.parametrize("query", ["entropy", "margin"])
def test_outputs_that_are_not_finite_are_refused(query: str) -> None:
    outputs = np.zeros((4, 3))
    outputs[2, 1] = np.nan

    with pytest.raises(ShapeError, match="row 2"):
        choose(TiDAL(query=query), pool_of(outputs, np.zeros((4, 3)), query=query), 2)


def test_head_and_inputs_follow_from_the_hyper_parameters() -> None:
    params: dict[str, Any] = {"weight": 2.0, "width": 7, "detached": True}
    head = DynamicsHead(**params)

    assert TiDAL(**params).attachments() == (head,)
    assert TiDAL(**params).needs() == (AttachmentOutput(attachment=head),)
    assert TiDAL(**params, query="margin").needs() == (AttachmentOutput(attachment=head), Logits())


def test_the_head_learns_the_mean_of_all_visits() -> None:
    head = DynamicsHead(weight=0.5)
    module = head.build((4,), 3)
    taps = (torch.randn(2, 4, generator=torch.Generator().manual_seed(0)),)
    history = torch.randn(3, 2, 3, generator=torch.Generator().manual_seed(1))
    memory: dict[str, Any] = {}
    # The first two epochs pass without a visit.
    for visit, logits in enumerate(history):
        loss = head.loss(module, step([3, 1], logits, taps, epoch=2 + visit), memory)
        target = history[: visit + 1].softmax(dim=2).mean(dim=0)
        expected = oracles.divergence(module(taps).detach().numpy(), target.numpy())

        assert float(loss.detach()) == pytest.approx(0.5 * expected, rel=1e-4)


@pytest.mark.parametrize("detached", [False, True])
def test_the_gradient_reaches_the_network_unless_the_head_is_detached(detached: bool) -> None:
    head = DynamicsHead(detached=detached)
    tap = torch.ones(2, 4, requires_grad=True)
    logits = torch.zeros(2, 3, requires_grad=True)
    head.loss(head.build((4,), 3), step([0, 1], logits.detach(), (tap,)), {}).backward()

    assert (tap.grad is None) == detached


def regions() -> tuple[torch.Tensor, np.ndarray]:
    """Two classes that are easy to tell apart where feature 1 is below 0, and hard elsewhere."""
    draws = rng.generator(0, "regions")
    values = torch.tensor(draws.uniform(-2, 2, size=(N, 4)), dtype=torch.float32)
    wave = values[:, 0] * torch.where(values[:, 1] > 0, torch.cos(4 * values[:, 2]), 1.0)
    return values, (wave > 0).numpy().astype(np.int64)


def trained(head: DynamicsHead, values: torch.Tensor, labels: np.ndarray) -> Fit:
    return fit(
        MlpSpec(hidden=64, depth=2),
        PLANE,
        TensorSource(values),
        indices=np.arange(N // 2),
        labels=labels[: N // 2],
        n_classes=2,
        train=TrainConfig(epochs=30, min_steps=100, batch_size=32, lr=3e-3),
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
    return attachment_pass(result.model, result.heads[0], batches, n_outputs=2)["output"]


@pytest.mark.parametrize("detached", [False, True])
def test_samples_like_those_learned_late_come_first(detached: bool) -> None:
    values, labels = regions()
    result = trained(DynamicsHead(detached=detached), values, labels)
    scores = np.array(oracles.entropy(output(result, values)))
    hard = values[N // 2 :, 1].numpy() > 0

    assert scores.std() > 0.01
    assert hard[np.argsort(-scores)[:40]].mean() > 0.8


def test_the_ranking_follows_the_weights_of_the_head() -> None:
    values, labels = regions()
    result = trained(DynamicsHead(), values, labels)
    before = oracles.entropy(output(result, values))
    layer: Any = result.heads[0].out
    with torch.no_grad():
        layer.weight.copy_(layer.weight.flip(1))

    after = oracles.entropy(output(result, values))
    assert not np.array_equal(np.argsort(before), np.argsort(after))


def test_arrays_cannot_replace_the_head() -> None:
    with pytest.raises(ConfigError, match=r"needs AttachmentOutput.*run it in a study"):
        alscope.select("tidal", logits=np.zeros((4, 2)), query_size=2)


@pytest.mark.parametrize("scenario", SETTINGS.values(), ids=SETTINGS)
def test_a_run_is_repeated_bit_for_bit(scenario: dict[str, Any], tmp_path: Path) -> None:
    config = tiny_run("tidal", **scenario)
    records = []
    for name, cached in (("first", True), ("second", False)):
        bench = Bench(tmp_path / name, cached=cached)

        assert bench.execute(config) == RunState.DONE
        records.append(bench.records(config))

    assert records[0] == records[1]
