from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from alscope import rng
from alscope.backbones.mlp import MlpSpec
from alscope.backbones.protocols import Backbone, BackboneSpec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.backbones.text_bag import TextBagSpec
from alscope.errors import Cancelled, ConfigError, StoreError
from alscope.learn.passes import (
    Batches,
    forward_pass,
    load_state,
    mc_moments,
    mc_probs,
    state_arrays,
)
from alscope.types import Arrays, IntArray
from tests.learn.fakes import (
    CPU,
    PIXELS,
    PLANE,
    TEXT,
    DeepDropoutSpec,
    RecordingControl,
    TensorSource,
    TextSource,
    blobs,
    images,
)

N_CLASSES = 3
MLP = MlpSpec(hidden=16, depth=1, dropout=0.5)


def built(spec: BackboneSpec, seed: int = 0) -> Backbone:
    """A network with reproducible weights."""
    sample = PIXELS if spec.modalities == {"image"} else PLANE
    sample = TEXT if spec.modalities == {"text"} else sample
    with rng.seeded(seed, "test"):
        return spec.build(sample, N_CLASSES)


def batches_of(
    source: TensorSource | TextSource, indices: IntArray, batch_size: int = 16
) -> Batches:
    """Batches on the CPU."""
    return Batches(source, indices, batch_size=batch_size, device=CPU, control=RecordingControl())


def streams(seed: int = 7) -> Callable[..., torch.Generator]:
    """Named generators as the engine makes them."""
    return lambda *names: rng.torch_generator(seed, *names)


def moments(spec: BackboneSpec = MLP, *, n: int = 20, n_samples: int = 6, seed: int = 7) -> Arrays:
    """Moments of a fresh network on the first `n` blobs."""
    model, indices = built(spec), np.arange(n, dtype=np.int64)
    source = TensorSource(blobs(50)[0])
    embeddings = forward_pass(model, batches_of(source, indices), n_classes=N_CLASSES)["embeddings"]
    return mc_moments(
        model,
        batches_of(source, indices),
        n_samples=n_samples,
        n_classes=N_CLASSES,
        embeddings=embeddings,
        generator=streams(seed),
    )


def summarize(probs: np.ndarray) -> Arrays:
    """Moments of explicit passes, (n_samples, n, n_classes), straight from the definitions."""
    votes = [np.bincount(row, minlength=N_CLASSES) for row in probs.argmax(axis=2).T]
    return {
        "mean_probs": probs.mean(axis=0),
        "std_probs": probs.std(axis=0),
        "mean_entropy": -(probs * np.log(probs)).sum(axis=2).mean(axis=0),
        "votes": np.array(votes),
    }


def test_batches_cover_the_samples_in_order_every_time() -> None:
    batches = batches_of(TensorSource(blobs(50)[0]), np.arange(3, 40), batch_size=10)

    first = [positions.tolist() for positions, _ in batches]
    second = [positions.tolist() for positions, _ in batches]

    assert first == second
    assert [p for positions in first for p in positions] == list(range(37))
    assert [len(positions) for positions in first] == [10, 10, 10, 7]


def test_texts_are_grouped_by_length() -> None:
    source = TextSource([[1] * length for length in (9, 1, 5, 1, 9, 5)])
    found = [
        (positions.tolist(), inputs["input_ids"].shape[1])
        for positions, inputs in batches_of(source, np.arange(6), batch_size=2)
    ]

    assert found == [([1, 3], 1), ([2, 5], 5), ([0, 4], 9)]


def test_loading_takes_time_that_is_counted() -> None:
    batches = batches_of(TensorSource(blobs(50)[0]), np.arange(50))
    list(batches)

    assert batches.load_s > 0


def test_progress_of_a_pass_ends_at_one() -> None:
    control = RecordingControl()
    batches = Batches(
        TensorSource(blobs(50)[0]),
        np.arange(50),
        batch_size=20,
        device=CPU,
        control=control,
        stage="evaluate",
    )
    list(batches)

    assert control.seen == [("evaluate", f) for f in (0.0, 0.4, 0.8, 1.0)]


def test_cancelling_stops_a_pass_within_a_batch() -> None:
    batches = Batches(
        TensorSource(blobs(50)[0]),
        np.arange(50),
        batch_size=10,
        device=CPU,
        control=RecordingControl(stop_at=3),
    )
    seen: list[int] = []

    with pytest.raises(Cancelled):
        seen.extend(positions.size for positions, _ in batches)

    assert seen == [10, 10]


@pytest.mark.parametrize("spec", [MLP, SmallCnnSpec(width=4)], ids=["mlp", "small_cnn"])
def test_a_pass_returns_logits_and_embeddings_in_sample_order(spec: BackboneSpec) -> None:
    model = built(spec)
    source = TensorSource((images if spec.modalities == {"image"} else blobs)(40)[0])
    indices = np.array([2, 3, 5, 8, 13, 21])

    arrays = forward_pass(model, batches_of(source, indices, 4), n_classes=N_CLASSES)
    with torch.no_grad():
        whole = model(source.eval_batch(indices)).numpy()

    assert arrays["logits"].dtype == arrays["embeddings"].dtype == np.float32
    assert arrays["embeddings"].shape == (6, model.n_features)
    np.testing.assert_allclose(arrays["logits"], whole, atol=1e-5)


def test_grouping_by_length_does_not_shuffle_the_results() -> None:
    spec = TextBagSpec(n_buckets=64, width=4, hidden=8)
    generator = np.random.default_rng(0)
    source = TextSource(
        [generator.integers(1, 60, size).tolist() for size in generator.integers(1, 12, 25)]
    )
    model, indices = built(spec), np.arange(25)

    together = forward_pass(model, batches_of(source, indices, 4), n_classes=N_CLASSES)["logits"]
    alone = [
        forward_pass(model, batches_of(source, indices[i : i + 1]), n_classes=N_CLASSES)["logits"]
        for i in range(25)
    ]

    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)


@pytest.mark.parametrize("spec", [MLP, SmallCnnSpec(width=4)], ids=["mlp", "small_cnn"])
def test_a_pass_leaves_the_model_as_it_was(spec: BackboneSpec) -> None:
    model = built(spec)
    source = TensorSource((images if spec.modalities == {"image"} else blobs)(40)[0])
    before = state_arrays(model)
    model.train()  # type: ignore[attr-defined]

    forward_pass(model, batches_of(source, np.arange(40)), n_classes=N_CLASSES)
    after = state_arrays(model)

    assert not model.training  # type: ignore[attr-defined]
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert all(p.grad is None for p in model.parameters())  # type: ignore[attr-defined]


def test_a_pass_over_nothing_has_the_right_shapes() -> None:
    empty = batches_of(TensorSource(blobs(5)[0]), np.empty(0, dtype=np.int64))

    arrays = forward_pass(built(MLP), empty, n_classes=N_CLASSES)

    assert arrays["logits"].shape == (0, 3)
    assert arrays["embeddings"].shape == (0, 16)


def test_head_passes_equal_a_brute_force_with_the_same_masks() -> None:
    model = built(MLP)
    source, indices = TensorSource(blobs(50)[0]), np.arange(20)
    features = forward_pass(model, batches_of(source, indices), n_classes=N_CLASSES)["embeddings"]
    weight, bias = (p.detach().double().numpy() for p in (model.head.weight, model.head.bias))
    passes = []
    for t in range(6):
        draw = torch.rand(16, generator=streams()("masks", t)).numpy()
        logits = features * ((draw >= 0.5) / 0.5) @ weight.T + bias
        passes.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    expected = summarize(np.array(passes))

    found = moments()

    assert np.array_equal(found["votes"], expected["votes"])
    for name in ("mean_probs", "std_probs", "mean_entropy"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6)


def test_full_passes_equal_a_brute_force_with_the_same_seeds() -> None:
    model = built(DeepDropoutSpec(dropout=0.5))
    source, indices = TensorSource(blobs(50)[0]), np.arange(20)
    model.eval()  # type: ignore[attr-defined]
    for layer in model.modules():  # type: ignore[attr-defined]
        layer.train(isinstance(layer, nn.Dropout))
    passes = np.empty((6, 20, N_CLASSES))
    for index, (positions, inputs) in enumerate(batches_of(source, indices)):
        for t in range(6):
            with rng.seeded(streams()("masks", t).initial_seed(), "batch", index), torch.no_grad():
                passes[t, positions] = torch.softmax(model(inputs).double(), dim=1).numpy()
    expected = summarize(passes)

    found = moments(DeepDropoutSpec(dropout=0.5))

    assert passes.std(axis=0).max() > 0.01
    assert np.array_equal(found["votes"], expected["votes"])
    for name in ("mean_probs", "std_probs", "mean_entropy"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-12)


def test_equal_passes_of_a_network_that_sees_nothing_are_no_lack_of_dropout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = DeepDropoutSpec.build

    def dead(self: DeepDropoutSpec, *given: Any) -> Backbone:
        model = original(self, *given)
        nn.init.zeros_(model.head.weight)
        return model

    monkeypatch.setattr(DeepDropoutSpec, "build", dead)

    assert not moments(DeepDropoutSpec(dropout=0.5))["std_probs"].any()


@pytest.mark.parametrize("spec", [MLP, DeepDropoutSpec(dropout=0.5)], ids=["head", "full"])
class TestBothForms:
    def test_passes_differ_from_each_other(self, spec: BackboneSpec) -> None:
        assert moments(spec, n_samples=2)["std_probs"].max() > 0.01

    def test_the_same_streams_give_the_same_bits(self, spec: BackboneSpec) -> None:
        first, second = moments(spec), moments(spec)

        assert all(np.array_equal(first[name], second[name]) for name in first)

    def test_other_streams_give_other_moments(self, spec: BackboneSpec) -> None:
        first, second = moments(spec, seed=7), moments(spec, seed=8)

        assert not np.array_equal(first["mean_probs"], second["mean_probs"])

    def test_moments_have_their_shapes_types_and_ranges(self, spec: BackboneSpec) -> None:
        found = moments(spec)

        assert {name: (array.shape, array.dtype.str) for name, array in found.items()} == {
            "mean_probs": ((20, 3), "<f8"),
            "std_probs": ((20, 3), "<f8"),
            "mean_entropy": ((20,), "<f8"),
            "votes": ((20, 3), "<i8"),
        }
        np.testing.assert_allclose(found["mean_probs"].sum(axis=1), 1.0)
        assert (found["votes"].sum(axis=1) == 6).all()
        assert (found["mean_entropy"] <= np.log(3) + 1e-12).all()

    def test_only_dropout_samples_and_the_model_is_left_as_it_was(self, spec: BackboneSpec) -> None:
        model, source = built(spec), TensorSource(blobs(50)[0])
        before, state = state_arrays(model), torch.get_rng_state()

        mc_moments(
            model,
            batches_of(source, np.arange(20)),
            n_samples=3,
            n_classes=N_CLASSES,
            embeddings=np.ones((20, model.n_features), dtype=np.float32),
            generator=streams(),
        )
        after = state_arrays(model)

        assert all(np.array_equal(before[name], after[name]) for name in before)
        assert not any(layer.training for layer in model.modules())  # type: ignore[attr-defined]
        assert torch.equal(state, torch.get_rng_state())

    def test_an_empty_set_has_empty_moments(self, spec: BackboneSpec) -> None:
        assert moments(spec, n=0)["mean_probs"].shape == (0, 3)


def test_head_passes_do_not_depend_on_the_order_of_the_samples() -> None:
    model, source = built(MLP), TensorSource(blobs(50)[0])
    embeddings = np.random.default_rng(0).normal(size=(30, 16)).astype(np.float32)
    order = np.random.default_rng(1).permutation(30)

    def votes(rows: np.ndarray) -> np.ndarray:
        return mc_moments(
            model,
            batches_of(source, np.arange(30)),
            n_samples=5,
            n_classes=N_CLASSES,
            embeddings=rows,
            generator=streams(),
        )["mean_probs"]

    np.testing.assert_allclose(votes(embeddings)[order], votes(embeddings[order]), atol=1e-6)


def test_without_dropout_there_is_nothing_to_sample() -> None:
    with pytest.raises(ConfigError, match="no stochastic layer"):
        moments(MlpSpec(hidden=16, depth=1, dropout=0.0))


def test_a_state_survives_the_way_through_arrays() -> None:
    source, target = built(SmallCnnSpec(width=4), seed=1), built(SmallCnnSpec(width=4), seed=2)

    load_state(target, state_arrays(source))
    first, second = state_arrays(source), state_arrays(target)

    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_state_is_a_copy() -> None:
    model = built(MLP)
    state = state_arrays(model)
    state["head.bias"][:] = 5.0

    assert not (model.head.bias == 5.0).any()


def test_a_state_of_another_network_is_refused_by_name() -> None:
    state = state_arrays(built(MLP))
    state["head.bias"] = np.zeros(7, dtype=np.float32)

    with pytest.raises(StoreError, match=r"'head.bias' \(stored \(7,\), wanted \(3,\)\)"):
        load_state(built(MLP), state)


def probs_of_passes(spec: BackboneSpec, n: int = 30) -> np.ndarray:
    """Probabilities of a fresh network on made-up embeddings; rows 0 and 1 are one sample."""
    model = built(spec)
    rows = np.random.default_rng(0).normal(size=(n, model.n_features)).astype(np.float32)
    rows[1:2] = rows[:1]
    return mc_probs(
        model,
        batches_of(TensorSource(blobs(50)[0]), np.arange(n)),
        n_samples=5,
        n_classes=N_CLASSES,
        embeddings=rows,
        generator=streams(),
    )["probs"]


def test_passes_share_their_masks_between_samples() -> None:
    probs = probs_of_passes(MLP)

    assert (probs[0] == probs[1]).all()
    assert np.ptp(probs[0], axis=0).max() > 0
    np.testing.assert_allclose(probs.sum(axis=2), 1, atol=1e-6)


def test_an_empty_set_has_empty_passes() -> None:
    assert probs_of_passes(MLP, n=0).shape == (0, 5, N_CLASSES)


def test_passes_with_masks_of_each_sample_are_refused() -> None:
    with pytest.raises(ConfigError, match="share one mask"):
        probs_of_passes(DeepDropoutSpec(dropout=0.5))
