from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from alscope import rng
from alscope.backbones.mlp import MlpSpec
from alscope.backbones.protocols import BackboneSpec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.backbones.text_bag import TextBagSpec
from alscope.config import TrainConfig
from alscope.errors import StoreError, TrainingDiverged
from alscope.learn.attachments import (
    attachment_pass,
    build_heads,
    heads_state,
    load_heads,
    target_state,
)
from alscope.learn.passes import Batches, state_arrays
from alscope.learn.protocols import Attachment, TrainBatch
from alscope.learn.trainer import Fit, fit
from alscope.strategies.learning_loss import LossHead
from alscope.strategies.tidal import DynamicsHead
from alscope.types import Arrays
from tests.learn.fakes import (
    CPU,
    PIXELS,
    PLANE,
    TEXT,
    RecordingControl,
    TensorSource,
    TextSource,
    blobs,
    images,
)

SHORT = TrainConfig(epochs=1, min_steps=12, batch_size=8, lr=1e-2, grad_clip=1.0)
MLP = MlpSpec(hidden=16, depth=2)
CNN = SmallCnnSpec(width=4, hidden=8)
BAG = TextBagSpec(n_buckets=30, width=4, hidden=8)
N_CLASSES = 3


def source_of(spec: BackboneSpec) -> TensorSource | TextSource:
    """Sixty samples the network reads; their classes are 0, 1, 2, 0, ..."""
    if isinstance(spec, TextBagSpec):
        return TextSource([[2 + i % 3, 5 + i % 7] * (1 + i % 4) for i in range(60)])
    return TensorSource((images if isinstance(spec, SmallCnnSpec) else blobs)(60)[0], noise=0.1)


def train(
    *attachments: Attachment,
    spec: BackboneSpec = MLP,
    config: TrainConfig = SHORT,
    n: int = 30,
    **options: Any,
) -> Fit:
    """Fit on the first `n` samples."""
    samples = {MlpSpec: PLANE, SmallCnnSpec: PIXELS, TextBagSpec: TEXT}
    given: dict[str, Any] = {
        "indices": np.arange(n),
        "labels": np.arange(n) % N_CLASSES,
        "n_classes": N_CLASSES,
        "train": config,
        "seed": 0,
        "device": CPU,
        "control": RecordingControl(),
        "attachments": attachments,
    }
    return fit(spec, samples[type(spec)], source_of(spec), **{**given, **options})


def same(first: Arrays, second: Arrays) -> bool:
    """Whether two states are equal to the last bit."""
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


def networks(*fits: Fit) -> list[Arrays]:
    return [state_arrays(found.model) for found in fits]


HEADS = pytest.mark.parametrize("head", [LossHead, DynamicsHead])


@HEADS
@pytest.mark.parametrize("spec", [MLP, CNN, BAG], ids=["mlp", "small_cnn", "text_bag"])
def test_a_detached_head_leaves_the_network_as_it_was_to_the_last_bit(
    spec: BackboneSpec, head: Any
) -> None:
    alone, beside = train(spec=spec), train(head(detached=True), spec=spec)
    joined = train(head(), spec=spec)

    assert same(*networks(alone, beside))
    assert (alone.loss, alone.accuracy) == (beside.loss, beside.accuracy)
    assert not same(*networks(alone, joined))


def test_a_head_that_lets_go_at_the_start_leaves_the_network_as_it_was_to_the_last_bit() -> None:
    alone, beside = train(), train(LossHead(detach_after=0.0))

    assert same(*networks(alone, beside))
    assert not same(*networks(alone, train(LossHead(detach_after=1.0))))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_head_learns_alike_beside_another_one(optimizer: str) -> None:
    config = TrainConfig(min_steps=12, epochs=1, batch_size=8, optimizer=optimizer, grad_clip=0.1)
    first, second = LossHead(detached=True), DynamicsHead(detached=True)
    both = heads_state(train(first, second, config=config).heads)
    alone = heads_state(train(first, config=config).heads)

    assert same(alone, {name: array for name, array in both.items() if "/0/" in name})
    assert {name.split("/")[1] for name in both} == {"0", "1"}


@HEADS
def test_the_same_seed_gives_the_same_bits(head: Any) -> None:
    first, second = train(head()), train(head())

    assert same(*networks(first, second))
    assert same(heads_state(first.heads), heads_state(second.heads))
    assert not same(heads_state(first.heads), heads_state(train(head(), seed=1).heads))


@HEADS
def test_the_global_generators_are_left_alone(head: Any) -> None:
    def states() -> list[Any]:
        numpy_state = np.random.get_state()[1]  # noqa: NPY002
        return [random.getstate(), numpy_state.tolist(), torch.get_rng_state().tolist()]

    before = states()
    train(head())

    assert states() == before


def test_fresh_heads_learn_at_the_rates_of_fine_tuning() -> None:
    config = TrainConfig(epochs=1, min_steps=40, max_steps=40, batch_size=8, lr=2e-5)
    before, after = (
        heads_state(train(DynamicsHead(width=8), config=one).heads)
        for one in (TrainConfig(min_steps=1, max_steps=1, lr=1e-7), config)
    )

    # AdamW moves a weight by about the rate in every step.
    moved = max(float(np.abs(after[name] - before[name]).max()) for name in before)
    assert moved > 40 * 1e-3 / 4


def test_training_on_nothing_gives_fresh_heads() -> None:
    first, again = train(LossHead(), n=0), train(LossHead(), n=0)

    assert first.n_steps == 0
    assert len(first.heads) == 1
    assert same(heads_state(first.heads), heads_state(again.heads))


def test_without_attachments_there_are_no_heads() -> None:
    result = train()

    assert len(result.heads) == 0
    assert heads_state(result.heads) == {}


def test_a_warm_start_begins_with_the_given_heads() -> None:
    start = train(LossHead())
    initial = {**state_arrays(start.model), **heads_state(start.heads)}
    one_step = TrainConfig(epochs=1, min_steps=1, max_steps=1, lr=1e-7)

    warm = heads_state(train(LossHead(), config=one_step, initial=initial, seed=5).heads)
    fresh = heads_state(train(LossHead(), config=one_step, seed=5).heads)

    for name, array in heads_state(start.heads).items():
        assert np.allclose(warm[name], array, atol=2e-3)
    assert any(np.abs(fresh[name] - array).max() > 0.01 for name, array in warm.items())


def test_a_state_without_the_heads_cannot_be_started_from() -> None:
    initial = state_arrays(train().model)

    with pytest.raises(
        StoreError, match=r"does not fit the heads .* 'attachments/0/hidden\.0\.bias'"
    ):
        train(LossHead(), initial=initial)


@pytest.mark.parametrize("n", [1, 2, 7, 9])
@HEADS
def test_batches_of_any_size_are_legal(head: Any, n: int) -> None:
    state = heads_state(train(head(), n=n).heads)

    assert all(np.isfinite(array).all() for array in state.values())


@dataclass(frozen=True, kw_only=True)
class Recorder(Attachment):
    """Remembers the steps; its loss is 0."""

    steps: list[TrainBatch] = field(default_factory=list)
    memories: list[dict[str, Any]] = field(default_factory=list)

    def build(self, widths: tuple[int, ...], n_classes: int) -> nn.Module:
        return nn.Linear(widths[0], n_classes)

    def loss(self, module: nn.Module, batch: TrainBatch, memory: dict[str, Any]) -> Tensor:
        self.steps.append(batch)
        self.memories.append(memory)
        return 0.0 * module(batch.taps[0]).sum()


def test_a_head_sees_the_step_as_the_network_took_it() -> None:
    recorder = Recorder()
    config = TrainConfig(epochs=3, min_steps=1, batch_size=8, lr=3e-2, label_smoothing=0.1)
    result = train(recorder, n=20, config=config, temperature=2.0)
    last = recorder.steps[-3:]
    rows = torch.cat([step.rows for step in last])
    losses = torch.cat([step.losses for step in last])
    logits = torch.cat([step.logits for step in last])
    expected = functional.cross_entropy(
        logits / 2, rows % N_CLASSES, reduction="none", label_smoothing=0.1
    )

    assert sorted(rows.tolist()) == list(range(20))
    assert [step.epoch for step in recorder.steps] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert {(step.n_epochs, step.n_labeled) for step in recorder.steps} == {(3, 20)}
    assert torch.equal(losses, expected)
    assert result.loss == pytest.approx(float(losses.mean()), rel=1e-6)
    assert not logits.requires_grad
    assert not losses.requires_grad
    assert [tap.shape[1] for tap in last[0].taps] == [16, 16]
    assert all(tap.requires_grad for step in last for tap in step.taps)


def test_the_memory_of_a_head_lasts_for_one_training() -> None:
    recorder = Recorder()
    train(recorder, n=8)
    first = len(recorder.memories)
    train(recorder, n=8)

    assert len({id(memory) for memory in recorder.memories[:first]}) == 1
    assert recorder.memories[0] is not recorder.memories[-1]


@dataclass(frozen=True, kw_only=True)
class Broken(Attachment):
    """Its loss is not a number."""

    def build(self, widths: tuple[int, ...], n_classes: int) -> nn.Module:
        return nn.Linear(widths[0], 1)

    def loss(self, module: nn.Module, batch: TrainBatch, memory: dict[str, Any]) -> Tensor:
        return module(batch.taps[0]).sum() * float("nan")


@dataclass(frozen=True, kw_only=True)
class Steep(Broken):
    """Its loss is 0, but the gradient is not a number."""

    def loss(self, module: nn.Module, batch: TrainBatch, memory: dict[str, Any]) -> Tensor:
        return module.weight.mul(0).sqrt().sum()


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (Broken(), r"loss of the head Broken became nan in step 1 of 1 .*; lower train\.lr"),
        (Steep(), "weights of the head Steep became infinite"),
    ],
    ids=["loss", "weights"],
)
def test_a_head_that_diverges_is_named(head: Attachment, message: str) -> None:
    config = TrainConfig(epochs=1, min_steps=1, max_steps=1)

    with pytest.raises(TrainingDiverged, match=message):
        train(DynamicsHead(), head, config=config)


def built(spec: BackboneSpec = MLP, *heads: Attachment) -> tuple[Any, nn.ModuleList]:
    """A fresh network with fresh heads."""
    samples = {MlpSpec: PLANE, SmallCnnSpec: PIXELS, TextBagSpec: TEXT}
    with rng.seeded(0, "test"):
        model = spec.build(samples[type(spec)], N_CLASSES)
        modules = build_heads(heads, model, source_of(spec), n_classes=N_CLASSES)
    return model, modules


def test_states_of_heads_are_kept_beside_that_of_the_network() -> None:
    model, heads = built(CNN, LossHead(width=5), DynamicsHead(width=6))
    state = heads_state(heads)
    with rng.seeded(1, "test"):
        others = build_heads(
            [LossHead(width=5), DynamicsHead(width=6)], model, source_of(CNN), n_classes=N_CLASSES
        )
    load_heads(others, {**state_arrays(model), **state})

    assert state["attachments/0/hidden.3.weight"].shape == (5, 8)
    assert state["attachments/1/out.weight"].shape == (N_CLASSES, 4 * 6)
    assert same(heads_state(others), state)
    assert same(target_state({**state_arrays(model), **state}), state_arrays(model))


def test_a_state_of_other_heads_is_refused() -> None:
    _, narrow = built(MLP, LossHead(width=5))
    _, wide = built(MLP, LossHead(width=6))

    with pytest.raises(StoreError, match=r"stored \(5,\), wanted \(6,\)"):
        load_heads(wide, heads_state(narrow))
    with pytest.raises(StoreError, match=r"stored \(5,\), wanted None"):
        load_heads(nn.ModuleList(), heads_state(narrow))


def outputs(
    model: Any,
    module: nn.Module,
    source: TensorSource | TextSource,
    *,
    n_outputs: int = N_CLASSES,
    batch_size: int = 7,
) -> np.ndarray:
    indices = np.arange(source.n)
    batches = Batches(
        source, indices, batch_size=batch_size, device=CPU, control=RecordingControl()
    )
    return attachment_pass(model, module, batches, n_outputs=n_outputs)["output"]


@pytest.mark.parametrize("spec", [MLP, CNN, BAG], ids=["mlp", "small_cnn", "text_bag"])
def test_a_pass_gives_the_output_of_every_sample_in_order(spec: BackboneSpec) -> None:
    model, (head,) = built(spec, DynamicsHead(width=5))
    model.train()
    before = state_arrays(model)
    source = source_of(spec)
    found = outputs(model, head, source)
    with torch.no_grad():
        expected = head(model.with_taps(source.eval_batch(np.arange(60)))[1]).numpy()

    assert found.dtype == np.float32
    assert not model.training
    assert same(before, state_arrays(model))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(outputs(model, head, source, batch_size=60), found, atol=1e-6)


def test_no_samples_give_no_outputs() -> None:
    model, (head,) = built(MLP, LossHead())

    assert outputs(model, head, TensorSource(torch.empty(0, 4)), n_outputs=1).shape == (0, 1)


def test_a_temperature_of_one_is_none() -> None:
    assert same(*networks(train(), train(temperature=1.0)))
    assert not same(*networks(train(), train(temperature=0.5)))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_logits_are_divided_by_the_temperature_in_the_loss(temperature: float) -> None:
    recorder = Recorder()
    config = TrainConfig(epochs=1, min_steps=1, max_steps=1, batch_size=32)
    result = train(recorder, config=config, temperature=temperature)
    (step,) = recorder.steps

    expected = functional.cross_entropy(step.logits / temperature, step.rows % N_CLASSES)
    assert result.loss == pytest.approx(float(expected), rel=1e-6)
