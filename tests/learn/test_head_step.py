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
from alscope.learn.trainer import Fit, fit
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
