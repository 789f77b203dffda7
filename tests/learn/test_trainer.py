from __future__ import annotations

import logging
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from alscope.backbones.mlp import MlpSpec
from alscope.backbones.protocols import Backbone, BackboneSpec
from alscope.backbones.resnet18 import ResNet18Spec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.config import TrainConfig
from alscope.errors import Cancelled, ShapeError, TrainingDiverged
from alscope.hashing import digest
from alscope.learn._attempt import Attempt
from alscope.learn.passes import module_of, state_arrays
from alscope.learn.trainer import Fit, fit
from alscope.types import Arrays, SampleSpec
from tests.learn.fakes import CPU, PIXELS, PLANE, RecordingControl, TensorSource, blobs, images

SHORT = TrainConfig(epochs=1, min_steps=12, batch_size=8, lr=1e-2)
MLP = MlpSpec(hidden=16, depth=1)


def train(
    n: int = 30,
    *,
    spec: BackboneSpec = MLP,
    config: TrainConfig = SHORT,
    seed: int = 0,
    source: TensorSource | None = None,
    control: RecordingControl | None = None,
    labels: Any = None,
    initial: Arrays | None = None,
    attempts: int = 2,
) -> Fit:
    """Fit on the first `n` samples of blobs or images."""
    pixels = "image" in spec.modalities and "features" not in spec.modalities
    values, classes = (images if pixels else blobs)(120)
    sample: SampleSpec = PIXELS if pixels else PLANE
    return fit(
        spec,
        sample,
        source or TensorSource(values, noise=0.1),
        indices=np.arange(n, dtype=np.int64),
        labels=classes[:n] if labels is None else labels,
        n_classes=3,
        train=config,
        seed=seed,
        device=CPU,
        control=control or RecordingControl(),
        initial=initial,
        attempts=attempts,
    )


def same(first: Fit, second: Fit) -> bool:
    """Whether two trained models are equal to the last bit."""
    one, two = state_arrays(first.model), state_arrays(second.model)
    return all(np.array_equal(one[name], two[name]) for name in one)


def test_fit_learns_a_separable_problem() -> None:
    result = train(60, config=TrainConfig(epochs=1, min_steps=80, lr=1e-2))

    assert result.accuracy > 0.95
    assert result.loss < 0.2
    assert result.retries == 0


def test_fit_learns_images_with_batch_normalization() -> None:
    result = train(60, spec=SmallCnnSpec(width=4), config=TrainConfig(epochs=1, min_steps=80))

    assert result.accuracy > 0.9


@pytest.mark.parametrize("spec", [MLP, SmallCnnSpec(width=4)], ids=["mlp", "small_cnn"])
def test_the_same_seed_gives_the_same_bits(spec: BackboneSpec) -> None:
    first, second = train(spec=spec), train(spec=spec)

    assert same(first, second)
    assert (first.loss, first.accuracy) == (second.loss, second.accuracy)


def test_another_seed_gives_another_model() -> None:
    assert not same(train(seed=0), train(seed=1))


def test_draws_elsewhere_change_nothing() -> None:
    first = train()
    random.random()
    np.random.rand(3)  # noqa: NPY002 - the global state is the point
    torch.rand(5)

    assert same(first, train())


def test_the_global_generators_are_left_alone() -> None:
    before = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())  # noqa: NPY002

    train()

    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    assert before[2] == random.getstate()


def test_each_random_stream_is_used() -> None:
    # Without dropout and noise, another number of labels is the only other source of change.
    plain = MlpSpec(hidden=16, depth=1, dropout=0.0)
    values, _ = blobs(120)
    quiet = TensorSource(values)

    assert not same(train(spec=plain), train())
    assert not same(train(spec=plain), train(spec=plain, source=quiet))


def test_every_pass_visits_every_sample_once_in_another_order() -> None:
    values, _ = blobs(20)
    source = TensorSource(values)

    train(20, source=source, config=TrainConfig(epochs=2, min_steps=1, batch_size=8))
    first, second = np.concatenate(source.batches[:3]), np.concatenate(source.batches[3:])

    assert sorted(first) == sorted(second) == list(range(20))
    assert first.tolist() != second.tolist()


def test_a_last_batch_of_one_joins_the_one_before() -> None:
    values, _ = images(65)
    source = TensorSource(values)

    result = train(
        65,
        spec=SmallCnnSpec(width=4),
        source=source,
        config=TrainConfig(epochs=1, min_steps=20, batch_size=64, lr=1e-2),
    )

    assert [batch.size for batch in source.batches] == [65] * 20
    assert result.n_epochs == result.n_steps == 20


def test_training_on_nothing_gives_a_fresh_model() -> None:
    result = train(0)

    assert (result.n_steps, result.n_epochs, result.loss, result.accuracy) == (0, 0, 0.0, 0.0)
    assert not result.model.training  # type: ignore[attr-defined]
    assert same(result, train(0))


@pytest.mark.parametrize(("n", "batch_size"), [(1, 64), (2, 1)])
def test_one_sample_per_batch_does_not_upset_batch_normalization(n: int, batch_size: int) -> None:
    # At 8 pixels the last stage has one value per channel and sample, which has no variance.
    config = TrainConfig(min_steps=2, max_steps=2, batch_size=batch_size)

    state = state_arrays(train(n, spec=ResNet18Spec(), config=config).model)

    assert all(np.isfinite(array).all() for array in state.values())
    assert state["stages.3.1.norm2.num_batches_tracked"] == 0


def test_all_strategies_start_a_round_from_the_same_weights() -> None:
    one_step = TrainConfig(epochs=1, min_steps=1, max_steps=1, lr=1e-7)
    values, classes = blobs(120)
    swapped = TensorSource(values.flip(0))

    first = state_arrays(train(config=one_step).model)
    other = state_arrays(train(config=one_step, source=swapped, labels=classes[::-1][:30]).model)

    assert all(np.allclose(first[name], other[name], atol=1e-5) for name in first)


def test_a_warm_start_begins_with_the_given_weights() -> None:
    start = train()
    tiny = TrainConfig(epochs=1, min_steps=1, max_steps=1, lr=1e-7)

    warm = state_arrays(train(seed=5, config=tiny, initial=state_arrays(start.model)).model)

    assert all(
        np.allclose(warm[name], value, atol=1e-5)
        for name, value in state_arrays(start.model).items()
    )


def test_divergence_is_tried_twice_and_then_explained(caplog: pytest.LogCaptureFixture) -> None:
    wild = TrainConfig(epochs=1, min_steps=50, lr=1e10, optimizer="sgd")

    with caplog.at_level(logging.WARNING), pytest.raises(TrainingDiverged) as caught:
        train(config=wild)

    assert len(caplog.records) == 1
    assert "step" in str(caught.value)
    assert "train.lr 1e+10" in str(caught.value)
    assert "lower train.lr" in str(caught.value)


def test_a_result_no_better_than_chance_is_tried_once_more_and_stands(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hopeless = TrainConfig(epochs=1, min_steps=3, max_steps=3, lr=1e-7)
    labels = np.random.default_rng(0).integers(0, 3, 90)
    noise = TensorSource(torch.zeros(120, 4))

    with caplog.at_level(logging.WARNING):
        result = train(90, config=hopeless, labels=labels, source=noise, seed=2)

    assert result.retries == 1
    assert result.accuracy < 1 / 3 + 0.05


def test_one_attempt_is_the_first_of_two_and_is_not_repeated() -> None:
    hopeless = TrainConfig(epochs=1, min_steps=3, max_steps=3, lr=1e-7)
    labels = np.random.default_rng(0).integers(0, 3, 90)
    noise = TensorSource(torch.zeros(120, 4))

    assert train(90, config=hopeless, labels=labels, source=noise, attempts=1).retries == 0
    assert same(train(), train(attempts=1))
    with pytest.raises(TrainingDiverged) as caught:
        train(config=replace(SHORT, min_steps=50, lr=1e10, optimizer="sgd"), attempts=1)
    assert "second" not in str(caught.value)


def test_a_weak_result_stands_if_the_second_attempt_diverges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hopeless = TrainConfig(epochs=1, min_steps=3, max_steps=3, lr=1e-7)
    labels = np.random.default_rng(0).integers(0, 3, 90)
    run = Attempt.run

    def second_diverges(job: Any, *given: Any) -> Any:
        if job.attempt:
            raise TrainingDiverged("the training loss became nan")
        return run(job, *given)

    monkeypatch.setattr(Attempt, "run", second_diverges)
    result = train(90, config=hopeless, labels=labels, source=TensorSource(torch.zeros(120, 4)))

    assert result.retries == 1
    assert result.accuracy < 1 / 3 + 0.05


def test_a_retry_starts_from_other_weights() -> None:
    starts: list[Arrays] = []

    class Recorded(MlpSpec):
        """Keeps the weights it begins with."""

        def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
            model = super().build(sample, n_classes)
            starts.append(state_arrays(model))
            return model

    hopeless = TrainConfig(epochs=1, min_steps=3, max_steps=3, lr=1e-7)
    nothing = TensorSource(torch.zeros(120, 4))
    labels = np.array([0, 1, 2] * 10)

    train(spec=Recorded(hidden=8, depth=1), config=hopeless, labels=labels, source=nothing)

    assert len(starts) == 2
    assert not np.array_equal(starts[0]["head.weight"], starts[1]["head.weight"])


def test_cancelling_stops_within_a_batch() -> None:
    values, _ = blobs(120)
    source = TensorSource(values)

    with pytest.raises(Cancelled):
        train(source=source, control=RecordingControl(stop_at=4))

    assert len(source.batches) == 3


def test_progress_runs_from_zero_to_one() -> None:
    control = RecordingControl()

    train(control=control)
    stages, fractions = zip(*control.seen, strict=True)

    assert set(stages) == {"train"}
    assert list(fractions) == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert control.checks == SHORT.min_steps


def test_time_is_split_into_loading_and_computing() -> None:
    result = train()

    assert result.load_s > 0
    assert result.compute_s > 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.full(30, 3), "labels span 3..3"), (np.full(30, -1), "span -1"), (np.zeros(4), "30 sam")],
    ids=["too large", "unknown class", "too few"],
)
def test_labels_that_do_not_fit_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        train(labels=labels)


def test_clipping_the_gradient_limits_the_step() -> None:
    loose = TrainConfig(epochs=1, min_steps=1, max_steps=1, optimizer="sgd", lr=1.0, momentum=0.0)
    tight = TrainConfig(
        epochs=1, min_steps=1, max_steps=1, optimizer="sgd", lr=1.0, momentum=0.0, grad_clip=1e-3
    )
    start = state_arrays(train(config=TrainConfig(max_steps=1, min_steps=1, lr=1e-7)).model)

    def distance(config: TrainConfig) -> float:
        moved = state_arrays(train(config=config, initial=start).model)
        return max(float(np.abs(moved[name] - start[name]).max()) for name in start)

    assert distance(tight) < 0.02
    assert distance(loose) > 10 * distance(tight)


def test_label_smoothing_keeps_the_loss_up() -> None:
    long = {"epochs": 1, "min_steps": 60, "lr": 1e-2}

    assert train(config=TrainConfig(**long, label_smoothing=0.3)).loss > 0.3
    assert train(config=TrainConfig(**long)).loss < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("spec", [MLP, SmallCnnSpec(width=4)], ids=["mlp", "small_cnn"])
def test_training_in_bfloat16_learns_and_leaves_float32_weights(spec: BackboneSpec) -> None:
    base = {"epochs": 1, "min_steps": 80, "lr": 1e-2}
    exact = train(60, spec=spec, config=TrainConfig(**base))
    reduced = train(60, spec=spec, config=TrainConfig(**base, precision="bf16"))

    assert {array.dtype.str for array in state_arrays(reduced.model).values()} <= {"<f4", "<i8"}
    assert reduced.accuracy > 0.9
    assert not same(exact, reduced)


def test_the_layout_in_memory_changes_rounding_only() -> None:
    base = {"epochs": 1, "min_steps": 1, "max_steps": 1, "lr": 1e-2}
    spec = SmallCnnSpec(width=4)
    first = train(30, spec=spec, config=TrainConfig(**base))
    last = train(30, spec=spec, config=TrainConfig(**base, layout="channels_last"))
    weights = [dict(module_of(fit.model).named_parameters()) for fit in (first, last)]
    kernel = weights[1]["stages.1.1.weight"]

    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert not kernel.is_contiguous()
    assert first.loss == pytest.approx(last.loss, rel=1e-4)
    before, after = (state_arrays(fit.model) for fit in (first, last))
    assert all(array.flags["C_CONTIGUOUS"] for array in after.values())
    assert before.keys() == after.keys()


def test_a_layout_is_nothing_to_networks_without_images() -> None:
    assert same(train(config=replace(SHORT, layout="channels_last")), train(config=SHORT))


class Lengths(TensorSource):
    """Features that claim to be texts of many lengths."""

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__(values)
        self.lengths = np.random.default_rng(0).integers(1, 100, len(values))


def test_batches_by_length_hold_similar_lengths() -> None:
    config = TrainConfig(epochs=4, min_steps=1, batch_size=8, batches="by_length")
    source = Lengths(blobs(120)[0])
    spread = []
    for batches in ("by_length", "random"):
        source.batches.clear()
        train(64, config=replace(config, batches=batches), source=source)
        spread.append(np.mean([np.ptp(source.lengths[rows]) for rows in source.batches]))

    assert spread[0] < spread[1] / 3


def test_samples_of_one_length_are_trained_in_random_batches_anyway() -> None:
    by_length = replace(SHORT, batches="by_length")

    assert same(train(config=by_length), train(config=SHORT))


def test_runs_without_the_option_keep_their_identity() -> None:
    assert digest(SHORT) == "ebe8c4cdc24982083d399932a64aba2188df9a1b"
    assert digest(replace(SHORT, batches="by_length")) != digest(SHORT)
