from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

from alscope import rng
from alscope.backbones._modules import Inputs, Network
from alscope.backbones.mlp import MlpSpec
from alscope.backbones.protocols import Backbone, BackboneSpec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.backbones.text_bag import TextBagSpec
from alscope.errors import Cancelled
from alscope.learn.passes import Batches, module_of, state_arrays
from alscope.learn.perturbation import noise_deviations, noisy_weights
from alscope.types import IntArray
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
from tests.oracles_perturbation import noise_embedding

pytestmark = pytest.mark.slow

N_CLASSES = 3
SPECS = [
    MlpSpec(hidden=8, depth=2),
    SmallCnnSpec(width=4, hidden=8),
    DeepDropoutSpec(),
    TextBagSpec(n_buckets=30, width=4, hidden=8),
]


def built(spec: BackboneSpec, seed: int = 0) -> Backbone:
    """A network with reproducible weights."""
    sample = {"image": PIXELS, "text": TEXT}.get(next(iter(spec.modalities)), PLANE)
    if isinstance(spec, MlpSpec):
        sample = PLANE
    with rng.seeded(seed, "test"):
        return spec.build(sample, N_CLASSES)


def source_of(spec: BackboneSpec, n: int = 30, seed: int = 0) -> TensorSource | TextSource:
    if isinstance(spec, SmallCnnSpec):
        return TensorSource(images(n, seed=seed)[0])
    if isinstance(spec, TextBagSpec):
        draws = np.random.default_rng(seed)
        return TextSource([draws.integers(2, 32, draws.integers(1, 9)).tolist() for _ in range(n)])
    return TensorSource(blobs(n, seed=seed)[0])


def streams(seed: int = 7) -> Callable[..., torch.Generator]:
    """Named generators as the engine makes them."""
    return lambda *names: rng.torch_generator(seed, *names)


def deviations(
    model: Backbone,
    source: TensorSource | TextSource,
    *,
    batch_size: int = 16,
    n_draws: int = 4,
    scale: float = 1e-3,
    seed: int = 7,
    control: RecordingControl | None = None,
    indices: IntArray | None = None,
) -> np.ndarray:
    """Deviations of all samples of a source."""
    rows = np.arange(source.n, dtype=np.int64) if indices is None else indices
    batches = Batches(
        source, rows, batch_size=batch_size, device=CPU, control=control or RecordingControl()
    )
    return noise_deviations(
        model,
        batches,
        n_draws=n_draws,
        scale=scale,
        n_classes=N_CLASSES,
        generator=streams(seed),
    )["deviations"]


class Linear(Network):
    """Nothing but the head, without a bias that counts."""

    def __init__(self) -> None:
        super().__init__([nn.Identity()], n_features=4, n_classes=N_CLASSES, dropout=0.0)
        nn.init.zeros_(self.head.bias)

    def read(self, inputs: Inputs) -> torch.Tensor:
        return inputs["features"]


class Odd(Network):
    """A layer used twice under two names, a norm without weights, a layer of zeros."""

    def __init__(self) -> None:
        shared, zeros = nn.Linear(4, 4), nn.Linear(4, 4)
        nn.init.zeros_(zeros.weight)
        again = nn.Linear(4, 4)
        again.weight = shared.weight
        norm = nn.BatchNorm1d(4, affine=False)
        super().__init__(
            [shared, norm, again, zeros], n_features=4, n_classes=N_CLASSES, dropout=0.0
        )

    def read(self, inputs: Inputs) -> torch.Tensor:
        return inputs["features"]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_deviations_are_those_of_perturbed_copies(spec: BackboneSpec) -> None:
    for seed in range(50):
        model, source = built(spec, seed), source_of(spec, n=8, seed=seed)
        rows = np.arange(8, dtype=np.int64)
        module_of(model).eval()
        expected = noise_embedding(
            module_of(model),
            source.eval_batch(rows),
            n_draws=3,
            scale=0.01,
            generator=streams(seed),
        )
        found = deviations(model, source, batch_size=8, n_draws=3, scale=0.01, seed=seed)

        assert found.dtype == np.float32
        assert found.shape == (8, 9)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=3e-6)


def test_noise_has_the_wanted_share_of_the_length_of_every_weight_tensor() -> None:
    model = built(SmallCnnSpec(width=4, hidden=8))
    module_of(model).double()
    parameters = dict(module_of(model).named_parameters())
    noisy = noisy_weights(model, scale=1e-3, generator=streams()("noise", 0))

    assert set(noisy) == {name for name in parameters if name.endswith("weight")}
    for name, weight in noisy.items():
        clean = parameters[name].detach()
        change = (weight - clean).norm() / clean.norm()
        assert abs(float(change) - 1e-3) < 1e-12


def test_a_linear_layer_moves_by_the_noise_times_the_input() -> None:
    model = cast(Backbone, Linear())
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    noisy = noisy_weights(model, scale=0.01, generator=streams()("noise", 0))
    change = noisy["head.weight"] - model.head.weight
    moved = torch.softmax((x @ (model.head.weight + change).T).double(), dim=1)
    clean = torch.softmax((x @ model.head.weight.T).double(), dim=1)
    expected = (moved - clean) / clean.norm(dim=1, keepdim=True)

    np.testing.assert_allclose(
        deviations(model, TensorSource(x), n_draws=1, scale=0.01),
        expected.detach().numpy(),
        atol=1e-6,
    )


def test_the_changes_of_one_draw_sum_to_nothing() -> None:
    found = deviations(built(SPECS[0]), source_of(SPECS[0]), n_draws=5)

    np.testing.assert_allclose(found.reshape(30, 5, N_CLASSES).sum(axis=2), 0, atol=1e-9)


def test_small_noise_is_in_the_regime_of_gradients() -> None:
    model, source = built(SPECS[0]), source_of(SPECS[0])
    once, twice = (deviations(model, source, scale=scale) for scale in (1e-3, 2e-3))

    assert np.linalg.norm(twice - 2 * once) < 0.02 * np.linalg.norm(once)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_the_model_is_left_bit_for_bit_as_it_was(spec: BackboneSpec) -> None:
    model = built(spec)
    before = state_arrays(model)
    deviations(model, source_of(spec), scale=0.5)
    after = state_arrays(model)

    assert before.keys() == after.keys()
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert all(p.grad is None and p.requires_grad for p in module_of(model).parameters())
    assert not module_of(model).training


@pytest.mark.parametrize("stop_at", [2, 4, 6])
def test_a_pass_that_is_stopped_leaves_the_model_as_it_was(stop_at: int) -> None:
    model = built(SPECS[1])
    before = state_arrays(model)
    with pytest.raises(Cancelled):
        deviations(model, source_of(SPECS[1]), control=RecordingControl(stop_at=stop_at))

    assert all(before[name].tobytes() == a.tobytes() for name, a in state_arrays(model).items())


def test_control_is_asked_per_batch_and_progress_goes_up_once() -> None:
    control = RecordingControl()
    deviations(built(SPECS[0]), source_of(SPECS[0]), batch_size=10, n_draws=4, control=control)
    fractions = [fraction for _, fraction in control.seen]

    assert control.checks >= 3 * 5
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)


def test_the_same_streams_give_the_same_bits_and_others_do_not() -> None:
    model, source = built(SPECS[1]), source_of(SPECS[1])
    first, again, other = (deviations(model, source, seed=seed) for seed in (7, 7, 8))

    assert first.tobytes() == again.tobytes()
    assert not np.allclose(first, other)


def test_more_draws_begin_with_the_same_ones() -> None:
    model, source = built(SPECS[0]), source_of(SPECS[0])
    few, many = (deviations(model, source, n_draws=n) for n in (2, 5))

    np.testing.assert_array_equal(many[:, : 2 * N_CLASSES], few)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_the_batch_size_matters_only_to_rounding(spec: BackboneSpec) -> None:
    model, source = built(spec), source_of(spec)
    small, large = (deviations(model, source, batch_size=size) for size in (1, 30))

    assert np.linalg.norm(small - large) < 0.01 * np.linalg.norm(large)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    deviations(built(SPECS[0]), source_of(SPECS[0]))

    assert torch.equal(torch.get_rng_state(), before)


def test_no_samples_give_no_rows() -> None:
    none = np.empty(0, dtype=np.int64)

    assert deviations(built(SPECS[0]), source_of(SPECS[0]), indices=none).shape == (0, 12)


def test_shared_zero_and_missing_weights_are_handled() -> None:
    with rng.seeded(0, "odd"):
        model = cast(Backbone, Odd().eval())
    noisy = noisy_weights(model, scale=0.1, generator=streams()("noise", 0))
    source = source_of(SPECS[0])
    expected = noise_embedding(
        module_of(model),
        source.eval_batch(np.arange(30)),
        n_draws=2,
        scale=0.1,
        generator=streams(),
    )

    assert set(noisy) == {"stages.0.weight", "stages.3.weight", "head.weight"}
    assert not noisy["stages.3.weight"].any()
    np.testing.assert_allclose(
        deviations(model, source, n_draws=2, scale=0.1), expected, rtol=1e-3, atol=1e-6
    )
