"""What strategies choose by, computed once more from data, labels and weights, in plain torch.

The pieces are tested apart; here is what connects them: which samples, labels, layers and
temperatures enter, and what is carried from round to round.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from alscope import rng
from alscope.config import StrategySpec
from alscope.engine import loop
from alscope.engine.stages import TrainStage
from alscope.hashing import digest
from alscope.inputs import Detector, DetectorForward
from alscope.types import IntArray, PoolView, RunState, Selection, Split
from tests.engine.conftest import Bench, tiny_run, tiny_train

pytestmark = pytest.mark.slow

N_KNOWN, DROPOUT = 6, 0.2
OPEN = {
    "setting": "open",
    "n_known": N_KNOWN,
    "ood_ratio": 0.4,
    "initial": "random",
    "n_initial": 30,
    "query_size": 10,
    "n_rounds": 3,
    "label_noise": 0.2,
}
TRAIN = tiny_train(epochs=4, min_steps=12, lr=1e-2)

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Query:
    """One query of a run, and what it was made from."""

    bench: Bench
    stage: TrainStage
    split: Split
    pool: IntArray
    answers: IntArray
    view: PoolView
    selection: Selection

    def pixels(self, indices: IntArray) -> Tensor:
        source = self.bench.resources.train_data(self.stage.data).train
        return source.eval_batch(indices)["pixel_values"].flatten(1)

    @property
    def weights(self) -> Weights:
        arrays = self.bench.resources.resolve(self.stage, persist=True).arrays
        return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


@pytest.fixture
def queries_of(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Iterator[Query]]:
    """Runs a strategy in an open set with label noise, and gives its queries."""

    def run(name: str, **params: Any) -> Iterator[Query]:
        asked: list[dict[str, Any]] = []
        gather, select = loop.gather, loop._Trial._select

        def seen_gather(strategy: Any, model: Any, split: Any, pool: Any, **rest: Any) -> Any:
            asked.append({"stage": model, "split": split, "pool": pool, "answers": rest["labels"]})
            return gather(strategy, model, split, pool, **rest)

        def seen_select(self: Any, number: int, view: PoolView, state: Any) -> Selection:
            selection = select(self, number, view, state)
            asked[-1].update(view=view, selection=selection)
            return selection

        monkeypatch.setattr(loop, "gather", seen_gather)
        monkeypatch.setattr(loop._Trial, "_select", seen_select)
        config = dataclasses.replace(
            tiny_run(name, **OPEN), strategy=StrategySpec(name=name, params=params), train=TRAIN
        )
        assert bench.execute(config) is RunState.DONE
        return (Query(bench=bench, **one) for one in asked)

    return run


def stages(weights: Weights, x: Tensor) -> list[Tensor]:
    """The hidden layers of the perceptron."""
    outputs = [x]
    for i in range(2):
        layer = outputs[-1] @ weights[f"stages.{i}.0.weight"].T + weights[f"stages.{i}.0.bias"]
        outputs.append(torch.relu(layer))
    return outputs[1:]


def logits_of(weights: Weights, embedding: Tensor) -> Tensor:
    """Its final layer."""
    return embedding @ weights["head.weight"].T + weights["head.bias"]


def heads_output(weights: Weights, taps: list[Tensor], prefix: str = "attachments/0/") -> Tensor:
    """What a head that reads every hidden layer says."""
    hidden = [
        torch.relu(
            tap @ weights[f"{prefix}hidden.{i}.weight"].T + weights[f"{prefix}hidden.{i}.bias"]
        )
        for i, tap in enumerate(taps)
    ]
    return (
        torch.cat(hidden, dim=1) @ weights[f"{prefix}out.weight"].T + weights[f"{prefix}out.bias"]
    )


def fresh(query: Query, n_outputs: int, seed: int, *names: str | int) -> Weights:
    """The weights a training begins with."""
    sample = query.bench.resources.train_data(query.stage.data).sample
    with rng.seeded(seed, *names):
        model: Any = query.stage.backbone.build(sample, n_outputs)
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def batches(n: int, seed: int) -> Iterator[tuple[int, int, Tensor]]:
    """Step, pass and rows of every batch of a training, dropout seeded as the passes begin."""
    starts = list(range(0, n, TRAIN.batch_size))
    if n % TRAIN.batch_size == 1:
        starts.pop()
    n_steps, step = max(TRAIN.epochs * math.ceil(n / TRAIN.batch_size), TRAIN.min_steps), 0
    for epoch in range(math.ceil(n_steps / len(starts))):
        order = torch.randperm(n, generator=rng.torch_generator(seed, "data_order", n, 0, epoch))
        with rng.seeded(seed, "dropout", n, 0, epoch):
            for start, end in zip(starts, [*starts[1:], n], strict=True):
                if step < n_steps:
                    yield step, epoch, order[start:end]
                step += 1


def train(weights: Weights, n: int, seed: int, loss_of: Callable[[int, Tensor], Tensor]) -> None:
    """AdamW of torch with a cosine, in place."""
    for p in weights.values():
        p.requires_grad_()
    optimizer = torch.optim.AdamW(weights.values(), lr=TRAIN.lr, weight_decay=TRAIN.weight_decay)
    n_steps = max(TRAIN.epochs * math.ceil(n / TRAIN.batch_size), TRAIN.min_steps)
    for step, epoch, rows in batches(n, seed):
        optimizer.param_groups[0]["lr"] = TRAIN.lr * (1 + math.cos(math.pi * step / n_steps)) / 2
        optimizer.zero_grad()
        loss_of(epoch, rows).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for p in weights.values():
        p.requires_grad_(False)


def test_heads_are_trained_and_asked_as_defined(queries_of: Callable[..., Iterator[Query]]) -> None:
    for name in ("learning_loss", "tidal"):
        first, second, _ = queries_of(name)
        for query in (first, second):
            weights = query.weights
            output = heads_output(weights, stages(weights, query.pixels(query.pool)))
            scores = output[:, 0]
            if name == "tidal":
                scores = torch.distributions.Categorical(logits=output).entropy()
            np.testing.assert_allclose(query.selection.scores, scores, rtol=1e-4, atol=1e-5)
        trained, expected = second.weights, head_training(second, name)
        # Offsets in a head whose differences alone count are moved by rounding.
        for one in [one for one in expected if one.endswith("weight")]:
            np.testing.assert_allclose(trained[one], expected[one], atol=2e-4)


def head_training(query: Query, name: str) -> Weights:
    """Network and head after a training with the loss of the head."""
    stage, n = query.stage, query.split.labeled.size
    weights = fresh(query, N_KNOWN, stage.seed, "model_init", n, 0)
    with rng.seeded(stage.seed, "attachment_init", n, 0):
        (attachment,) = stage.attachments
        head = attachment.build((128, 128), N_KNOWN)
    weights |= {f"attachments/0/{key}": p.detach() for key, p in head.named_parameters()}
    x, labels = (
        query.pixels(query.split.labeled),
        torch.from_numpy(query.answers[query.split.labeled]),
    )
    n_epochs = 1 + max(epoch for _, epoch, _ in batches(n, stage.seed))
    sums, visits = torch.zeros(n, N_KNOWN), torch.zeros(n, 1)

    def loss_of(epoch: int, rows: Tensor) -> Tensor:
        taps = stages(weights, x[rows])
        logits = logits_of(weights, functional.dropout(taps[-1], DROPOUT))
        losses = functional.cross_entropy(logits, labels[rows], reduction="none")
        if name == "learning_loss" and epoch >= math.ceil(0.6 * n_epochs):
            taps = [tap.detach() for tap in taps]
        output = heads_output(weights, taps)
        if name == "tidal":
            sums[rows] += logits.detach().softmax(dim=1)
            visits[rows] += 1
            target, logs = sums[rows] / visits[rows], output.log_softmax(dim=1)
            return losses.mean() + (target * (target.log() - logs)).sum() / len(rows)
        pairs = [(i, len(rows) // 2 * 2 - 1 - i) for i in range(len(rows) // 2)]
        signs = [1.0 if losses[i] > losses[j] else -1.0 for i, j in pairs]
        gaps = torch.stack([output[i, 0] - output[j, 0] for i, j in pairs])
        return losses.mean() + (1 - torch.tensor(signs) * gaps).clamp(min=0).mean()

    train(weights, n, stage.seed, loss_of)
    return weights


@pytest.mark.parametrize(("name", "temperature"), [("lfosa", 0.5), ("similar", 1.0)])
def test_a_detector_is_trained_on_every_answer_with_its_temperature(
    queries_of: Callable[..., Iterator[Query]], name: str, temperature: float
) -> None:
    for query in list(queries_of(name))[:2]:
        companion = Detector(temperature=temperature, spare_output=name == "lfosa")
        weights = detector_training(query, companion)
        expected = logits_of(weights, stages(weights, query.pixels(query.pool))[-1])

        assert query.split.unknowns.size > 0
        found = query.view[DetectorForward(companion=companion)].logits
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert np.array_equal(query.stage.indices, query.split.labeled)
        assert np.array_equal(query.view.labels, query.answers[query.split.labeled])


def detector_training(query: Query, companion: Detector) -> Weights:
    """The network with an output for unknown classes after its training on all annotated."""
    annotated = np.sort(np.concatenate([query.split.labeled, query.split.unknowns]))
    answers, n = query.answers[annotated], annotated.size
    x, labels = query.pixels(annotated), torch.from_numpy(np.where(answers < 0, N_KNOWN, answers))
    seed = rng.seed_for(query.stage.seed, "companion", digest(companion))
    weights = fresh(query, N_KNOWN + 1, seed, "model_init", n, 0)

    def loss_of(epoch: int, rows: Tensor) -> Tensor:
        embedding = functional.dropout(stages(weights, x[rows])[-1], DROPOUT)
        logits = logits_of(weights, embedding) / companion.temperature
        return functional.cross_entropy(logits, labels[rows])

    train(weights, n, seed, loss_of)
    return weights


@pytest.mark.parametrize("informativeness", ["confidence", "predicted_loss"])
def test_the_meta_network_learns_from_the_answers_of_the_round_before(
    queries_of: Callable[..., Iterator[Query]], informativeness: str
) -> None:
    net: list[Tensor] | None = None
    for number, query in enumerate(queries_of("mqnet", informativeness=informativeness)):
        weights, split = query.weights, query.split
        taps = stages(weights, query.pixels(query.pool))
        logits = logits_of(weights, taps[-1])
        informative = 1 - logits.softmax(dim=1).amax(dim=1)
        if informativeness == "predicted_loss":
            informative = heads_output(weights, taps)[:, 0]
        mean = query.pixels(np.concatenate([split.labeled, split.unknowns, split.pool])).mean(dim=0)
        pool, labeled = (
            functional.normalize(query.pixels(indices) - mean)
            for indices in (query.pool, split.labeled)
        )
        parts = [informative.double(), (pool @ labeled.T).amax(dim=1).double()]
        z = [((part - part.mean()) / part.std(correction=0)).clamp(-5, 5) for part in parts]
        inputs = torch.stack(z, dim=1).exp()
        expected = inputs.sum(dim=1) if net is None else meta_scores(net, inputs)

        np.testing.assert_allclose(query.selection.scores, expected, rtol=1e-3)
        chosen = query.selection.positions
        answers = torch.from_numpy(query.answers[query.pool[chosen]])
        targets = functional.cross_entropy(logits[chosen], answers.clamp(min=0), reduction="none")
        stream = rng.generator(query.stage.seed, "observe", "mqnet", number)
        net = meta_training(inputs[chosen], targets.double() * (answers >= 0), stream)


def meta_scores(net: list[Tensor], inputs: Tensor) -> Tensor:
    """Scores of a network with positive weights."""
    first, bias, last = net
    return torch.sigmoid(inputs @ functional.softplus(first) + bias) @ functional.softplus(last)


def meta_training(inputs: Tensor, targets: Tensor, stream: np.random.Generator) -> list[Tensor]:
    """Adam on all pairs of different targets."""
    net = [
        torch.from_numpy(stream.normal(-1.0, 0.1, size=(2, 64))),
        torch.from_numpy(stream.uniform(-4.0, 0.0, size=64)),
        torch.from_numpy(stream.normal(-1.0, 0.1, size=64)),
    ]
    optimizer = torch.optim.Adam([p.requires_grad_() for p in net], lr=0.02)
    ordered = targets[:, None] > targets
    for _ in range(120):
        scores = meta_scores(net, inputs)
        optimizer.zero_grad()
        (0.1 - (scores[:, None] - scores)).clamp(min=0)[ordered].mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return [p.detach() for p in net]
