from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from alscope.backbones.frozen import FrozenSpec
from alscope.backbones.protocols import BackboneSpec
from alscope.config import TrainConfig
from alscope.errors import TrainingDiverged
from alscope.learn._head_step import HeadStep
from alscope.learn.passes import state_arrays
from alscope.learn.trainer import Attempt, Fit, fit, fit_together
from alscope.strategies.learning_loss import LearningLoss
from alscope.types import Arrays, SampleSpec
from tests.learn.fakes import CPU, RecordingControl, TensorSource

HEAD = FrozenSpec(encoder="tiny_pixels")
SHORT = TrainConfig(epochs=3, min_steps=15, batch_size=8, lr=1e-2)


def train(
    n: int = 29,
    *,
    width: int = 6,
    n_classes: int = 3,
    spec: BackboneSpec = HEAD,
    config: TrainConfig = SHORT,
    scale: float = 1.0,
    **given: Any,
) -> Fit:
    """Fit on noise in which one feature says the class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, n)
    features = rng.normal(size=(n + 5, width)).astype(np.float32)
    features[np.arange(n), labels % width] += 3
    return fit(
        spec,
        SampleSpec(modality="features", shape=(width,)),
        TensorSource(scale * torch.from_numpy(features)),
        indices=np.arange(n, dtype=np.int64),
        labels=labels,
        n_classes=n_classes,
        train=config,
        seed=0,
        device=CPU,
        control=RecordingControl(),
        **given,
    )


def outcome(done: Fit) -> tuple[Arrays, list[float]]:
    """All that a record could hold of a training."""
    facts = [done.loss, done.accuracy, done.retries, done.n_steps, done.n_epochs]
    return state_arrays(done.model), facts


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that took the short form."""
    sizes: list[int] = []
    step = HeadStep.__call__

    def counting(self: HeadStep, rows: torch.Tensor, generators: Any) -> torch.Tensor:
        sizes.append(rows.shape[1])
        return step(self, rows, generators)

    monkeypatch.setattr(HeadStep, "__call__", counting)
    return sizes


@pytest.mark.parametrize(
    ("n", "width", "n_classes", "changes"),
    [
        (29, 6, 3, {}),
        (33, 6, 3, {}),  # the last batch of one sample joins the one before
        (64, 384, 4, {"batch_size": 32, "weight_decay": 0.1}),
        (70, 30, 150, {"batch_size": 64, "warmup": 0.2, "schedule": "linear"}),
        (29, 6, 3, {"optimizer": "sgd", "lr": 0.1}),
        (29, 6, 3, {"optimizer": "sgd", "momentum": 0.0}),
        (29, 6, 3, {"grad_clip": 0.05}),
        (1, 6, 3, {}),
        (9, 6, 3, {"batch_size": 1}),
        (0, 6, 3, {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_head_alone_is_trained_to_the_same_bits_as_by_differentiation(
    n: int,
    width: int,
    n_classes: int,
    changes: dict[str, Any],
    dropout: float,
    monkeypatch: pytest.MonkeyPatch,
    counted: list[int],
) -> None:
    given: dict[str, Any] = {
        "width": width,
        "n_classes": n_classes,
        "spec": replace(HEAD, dropout=dropout),
        "config": replace(SHORT, **changes),
    }
    short = train(n, **given)
    assert len(counted) == short.n_steps * (short.retries + 1)
    monkeypatch.setattr(HeadStep, "suits", lambda *_: False)
    long = train(n, **given)

    (one, facts), (other, wanted) = outcome(short), outcome(long)
    assert len(counted) == short.n_steps * (short.retries + 1)
    assert all(np.array_equal(one[name], other[name]) for name in other)
    assert facts == wanted


def test_a_warm_start_is_one_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    initial = outcome(train())[0]
    short = outcome(train(initial=initial))
    monkeypatch.setattr(HeadStep, "suits", lambda *_: False)
    long = outcome(train(initial=initial))

    assert all(np.array_equal(short[0][name], long[0][name]) for name in initial)
    assert not np.array_equal(short[0]["head.weight"], initial["head.weight"])


def test_global_draws_are_left_where_they_were() -> None:
    before = torch.get_rng_state()
    train()

    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("spec", "config", "given"),
    [
        (replace(HEAD, hidden=5), SHORT, {}),
        (HEAD, replace(SHORT, label_smoothing=0.1), {}),
        (HEAD, replace(SHORT, precision="bf16"), {}),
        (HEAD, SHORT, {"temperature": 2.0}),
        (HEAD, SHORT, {"attachments": LearningLoss().attachments()}),
    ],
    ids=["hidden", "smoothed", "bf16", "temperature", "attachments"],
)
def test_everything_else_is_differentiated(
    spec: BackboneSpec, config: TrainConfig, given: dict[str, Any], counted: list[int]
) -> None:
    assert train(spec=spec, config=config, **given).n_steps == 15
    assert counted == []


def test_a_loss_that_is_not_finite_is_named_with_its_step() -> None:
    wild = replace(SHORT, optimizer="sgd", lr=10.0, weight_decay=1.0, min_steps=400)

    with pytest.raises(TrainingDiverged, match=r"became (nan|inf|infinite) in step \d+ of 400"):
        train(config=wild)


@pytest.mark.parametrize(
    ("n", "width", "n_classes", "batch_size"),
    [(64, 13, 10, 9), (100, 63, 10, 33), (100, 10, 10, 7), (29, 6, 3, 8), (60, 384, 4, 32)],
)
@pytest.mark.parametrize("grad_clip", [0.0, pytest.param(0.05, marks=pytest.mark.slow)])
def test_heads_that_are_trained_together_are_those_trained_alone(
    n: int, width: int, n_classes: int, batch_size: int, grad_clip: float
) -> None:
    # Odd sizes, so that the parts of shared tensors begin anywhere; noise, so that some attempts
    # are weak and repeated while others are not.
    config = replace(SHORT, batch_size=batch_size, grad_clip=grad_clip)
    jobs = [job(n, width, n_classes, config, seed) for seed in range(5)]
    together = [done for done in fit_together(jobs) if isinstance(done, Fit)]
    alone = [done for one in jobs for done in fit_together([one]) if isinstance(done, Fit)]

    assert len(together) == len(alone) == 5
    for one, other in zip(together, alone, strict=True):
        (first, facts), (second, wanted) = outcome(one), outcome(other)
        assert facts == wanted
        assert all(np.array_equal(first[name], second[name]) for name in second)
    assert {done.n_together for done in together} == {5}


def test_one_that_diverges_leaves_the_others_as_they_are() -> None:
    calm = [job(29, 6, 3, SHORT, seed) for seed in range(3)]
    wild = replace(calm[1], source=TensorSource(torch.full((34, 6), torch.nan)))
    found = fit_together([calm[0], wild, calm[2]])
    alone = fit_together([wild])[0]

    assert isinstance(found[1], TrainingDiverged)
    assert str(found[1]) == str(alone)
    for place in (0, 2):
        one, other = found[place], fit_together([calm[place]])[0]
        assert isinstance(one, Fit)
        assert isinstance(other, Fit)
        assert outcome(one)[1] == outcome(other)[1]
        assert np.array_equal(outcome(one)[0]["head.weight"], outcome(other)[0]["head.weight"])


def job(n: int, width: int, n_classes: int, config: TrainConfig, seed: int) -> Attempt:
    """A training on noise."""
    rng = np.random.default_rng(seed)
    return Attempt(
        spec=HEAD,
        sample=SampleSpec(modality="features", shape=(width,)),
        source=TensorSource(torch.from_numpy(rng.normal(size=(n + 5, width)).astype(np.float32))),
        indices=np.sort(rng.choice(n + 5, n, replace=False)),
        labels=rng.integers(0, n_classes, n),
        n_classes=n_classes,
        train=config,
        seed=seed,
        device=CPU,
        control=RecordingControl(),
    )
