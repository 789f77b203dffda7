"""What every backbone promises, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from alscope import rng
from alscope.backbones.protocols import Backbone, BackboneSpec
from alscope.config import TrainConfig
from alscope.learn.passes import state_arrays
from alscope.learn.trainer import fit
from alscope.params import check_fields, params_of
from alscope.registry import backbones
from alscope.types import IntArray, SampleSpec
from tests.learn.fakes import RecordingControl

pytestmark = pytest.mark.slow

N_CLASSES = 4
SAMPLES = {
    "image": SampleSpec(modality="image", shape=(3, 8, 8)),
    "features": SampleSpec(modality="features", shape=(5,)),
    "text": SampleSpec(modality="text"),
}
# Parameters that make a backbone small; whatever is not here is tested as it comes.
SMALL = {
    "small_cnn": {"width": 4},
    "text_bag": {"n_buckets": 32, "width": 4, "hidden": 8},
    "text_cnn": {"n_buckets": 32, "width": 4, "filters": 4},
    "timm_model": {"model": "resnet10t", "image_size": 32},
    "torchvision_model": {"model": "shufflenet_v2_x0_5", "image_size": 32},
    "wide_resnet28": {"depth": 10, "widen": 1},
}
FROZEN = {"image": "tiny_pixels", "text": "tiny_words"}
# The same code as ResNet-18 with more layers.
SLOW = {"resnet34", "resnet50"}
TEXTS = ["red cat", "blue", "green dog and a bird", ""]


def cases() -> Iterator[object]:
    """Every backbone with every modality it reads."""
    for name in backbones.names():
        for modality in sorted(backbones.get(name).modalities):
            marks = [pytest.mark.slow] if name in SLOW else []
            yield pytest.param((name, modality), id=f"{name}-{modality}", marks=marks)


@pytest.fixture(params=list(cases()))
def case(request: pytest.FixtureRequest, tiny_bert: Path) -> tuple[BackboneSpec, SampleSpec]:
    """A specification and what it reads."""
    name, modality = request.param
    params = SMALL.get(name, {})
    if name == "transformer":
        params = {"model": str(tiny_bert), "max_tokens": 16}
    if name == "frozen":
        params = {"encoder": FROZEN[modality], "hidden": 8}
    return backbones.get(name)(dropout=0.5, **params), SAMPLES[modality]


def network_sample(case: tuple[BackboneSpec, SampleSpec]) -> SampleSpec:
    """What the network reads: the features of a frozen encoder, if there is one."""
    spec, sample = case
    encoder = spec.encoder_spec
    return SampleSpec(modality="features", shape=(encoder.n_features,)) if encoder else sample


def built(case: tuple[BackboneSpec, SampleSpec], seed: int = 0) -> Backbone:
    """A network with reproducible weights, in evaluation mode."""
    with rng.seeded(seed, "test"):
        model = case[0].build(network_sample(case), N_CLASSES)
    return model.eval()  # type: ignore[attr-defined, no-any-return]


def inputs_of(case: tuple[BackboneSpec, SampleSpec]) -> dict[str, torch.Tensor]:
    """A batch of four samples."""
    spec, sample = case[0], network_sample(case)
    if sample.modality != "text":
        key = "pixel_values" if sample.modality == "image" else "features"
        generator = torch.Generator().manual_seed(0)
        return {key: torch.randn(4, *sample.shape, generator=generator)}
    tokenizer = spec.tokenizer()
    assert tokenizer is not None
    rows = tokenizer.encode(TEXTS)
    longest = max(map(len, rows))
    return {
        "input_ids": torch.tensor([r + [tokenizer.pad_id] * (longest - len(r)) for r in rows]),
        "attention_mask": torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in rows]),
    }


def test_it_accepts_its_samples_and_no_others(case: tuple[BackboneSpec, SampleSpec]) -> None:
    spec, sample = case

    assert spec.problems(sample) == ()
    for modality in SAMPLES.keys() - spec.modalities:
        assert "data, not" in spec.problems(SAMPLES[modality])[0]


def test_logits_and_embeddings_have_their_shapes(case: tuple[BackboneSpec, SampleSpec]) -> None:
    model, inputs = built(case), inputs_of(case)

    assert model(inputs).shape == (4, N_CLASSES)
    assert model.embed(inputs).shape == (4, model.n_features)
    assert model.head.weight.shape == (N_CLASSES, model.n_features)
    assert model(inputs).dtype == torch.float32


def test_head_of_embedding_is_the_forward_pass(case: tuple[BackboneSpec, SampleSpec]) -> None:
    model, inputs = built(case), inputs_of(case)

    assert torch.equal(model(inputs), model.head(model.embed(inputs)))


def test_every_stage_has_an_output(case: tuple[BackboneSpec, SampleSpec]) -> None:
    model, inputs = built(case), inputs_of(case)
    outputs = model.stage_outputs(inputs)

    assert len(outputs) == len(model.stages) >= 1
    assert all(output.shape[0] == 4 for output in outputs)


def test_samples_do_not_influence_each_other(case: tuple[BackboneSpec, SampleSpec]) -> None:
    model, inputs = built(case), inputs_of(case)
    flipped = {name: value.flip(0) for name, value in inputs.items()}

    torch.testing.assert_close(model(flipped).flip(0), model(inputs), atol=1e-5, rtol=1e-4)


def test_a_seed_repeats_and_another_differs(case: tuple[BackboneSpec, SampleSpec]) -> None:
    first, again, other = (state_arrays(built(case, seed)) for seed in (0, 0, 1))

    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["head.weight"], other["head.weight"])


def test_building_touches_no_global_generator(case: tuple[BackboneSpec, SampleSpec]) -> None:
    before = torch.get_rng_state()
    built(case)

    assert torch.equal(before, torch.get_rng_state())


def test_dropout_is_active_in_training_only(case: tuple[BackboneSpec, SampleSpec]) -> None:
    model, inputs = built(case), inputs_of(case)
    quiet = torch.equal(model(inputs), model(inputs))
    model.dropout.train()
    with rng.seeded(0, "dropout"):
        first, second = model(inputs), model(inputs)

    assert quiet
    assert not torch.equal(first, second)


def test_gradients_reach_every_stage(case: tuple[BackboneSpec, SampleSpec]) -> None:
    model, inputs = built(case), inputs_of(case)
    model(inputs).square().sum().backward()

    for stage in model.stages:
        assert any(p.grad is not None and bool(p.grad.any()) for p in stage.parameters())


@pytest.mark.parametrize("training", [False, True], ids=["evaluating", "training"])
def test_logits_beside_taps_are_those_of_a_call(
    case: tuple[BackboneSpec, SampleSpec], training: bool
) -> None:
    model, inputs = built(case), inputs_of(case)
    model.train(training)  # type: ignore[attr-defined]
    with rng.seeded(0, "dropout"):
        plain, state = model(inputs), torch.get_rng_state()
    with rng.seeded(0, "dropout"):
        logits, _ = model.with_taps(inputs)

        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(logits, plain)


def test_taps_are_vectors_that_gradients_flow_through(
    case: tuple[BackboneSpec, SampleSpec],
) -> None:
    model, inputs = built(case), inputs_of(case)
    _, taps = model.with_taps(inputs)
    parameters = list(model.stages.parameters())

    assert taps
    for tap in taps:
        assert tap.shape == (4, tap.shape[1])
        found = torch.autograd.grad(
            tap.square().sum(), parameters, retain_graph=True, allow_unused=True
        )
        assert any(gradient is not None and bool(gradient.any()) for gradient in found)


def test_gradients_of_logits_are_the_same_beside_taps(
    case: tuple[BackboneSpec, SampleSpec],
) -> None:
    model, inputs = built(case), inputs_of(case)
    gradients = []
    for logits in (model(inputs), model.with_taps(inputs)[0]):
        model.zero_grad()  # type: ignore[attr-defined]
        logits.square().sum().backward()
        found = [p.grad for p in model.parameters()]  # type: ignore[attr-defined]
        gradients.append([gradient for gradient in found if gradient is not None])

    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def test_taps_of_a_sample_do_not_depend_on_its_neighbours(
    case: tuple[BackboneSpec, SampleSpec],
) -> None:
    model, inputs = built(case), inputs_of(case)
    _, taps = model.with_taps(inputs)
    _, flipped = model.with_taps({name: value.flip(0) for name, value in inputs.items()})

    for tap, other in zip(taps, flipped, strict=True):
        torch.testing.assert_close(other.flip(0), tap, atol=1e-5, rtol=1e-4)


class Rows:
    """The four samples of a batch as a data set."""

    lengths = None
    n = 4

    def __init__(self, inputs: dict[str, torch.Tensor]) -> None:
        self.inputs = inputs

    def eval_batch(self, indices: IntArray) -> dict[str, torch.Tensor]:
        return {name: value[torch.from_numpy(indices)] for name, value in self.inputs.items()}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return self.eval_batch(indices)


@pytest.fixture
def deterministic() -> Iterator[None]:
    """Torch refuses what it cannot repeat, as in a run."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("deterministic")
def test_training_repeats_bit_by_bit(case: tuple[BackboneSpec, SampleSpec]) -> None:
    spec, sample = case[0], network_sample(case)

    def trained() -> dict[str, np.ndarray]:
        result = fit(
            spec,
            sample,
            Rows(inputs_of(case)),
            indices=np.arange(4),
            labels=np.arange(4),
            n_classes=N_CLASSES,
            train=TrainConfig(epochs=1, min_steps=3, max_steps=3, batch_size=2),
            seed=0,
            device=torch.device("cpu"),
            control=RecordingControl(),
        )
        return state_arrays(result.model)

    first, second = trained(), trained()

    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_where_dropout_lies_is_said_alike_by_specification_and_network(
    case: tuple[BackboneSpec, SampleSpec],
) -> None:
    assert built(case).head_only_dropout == (case[0].stochastic == "head")


def test_an_embedding_is_fixed_only_where_the_head_is_all_that_learns(
    case: tuple[BackboneSpec, SampleSpec],
) -> None:
    model = built(case)
    others = [
        name
        for name, _ in model.named_parameters()  # type: ignore[attr-defined]
        if not name.startswith("head.")
    ]

    assert model.fixed_embedding == (not others)


def test_without_dropout_nothing_is_stochastic(case: tuple[BackboneSpec, SampleSpec]) -> None:
    assert type(case[0])(dropout=0.0).stochastic == "none"


@pytest.mark.parametrize("name", backbones.names())
def test_defaults_are_legal_and_parameters_explained(name: str) -> None:
    spec = backbones.get(name)

    assert list(check_fields(spec())) == []
    assert all(found.help for found in params_of(spec))
    assert spec.title == backbones.info(name)["title"]
    assert spec.__doc__
