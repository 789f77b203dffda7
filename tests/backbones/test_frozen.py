from __future__ import annotations

import pytest
import torch

from alscope import rng
from alscope.backbones.frozen import FROZEN_NOTE, FrozenSpec
from alscope.backbones.mlp import MlpSpec
from alscope.backbones.protocols import Backbone
from alscope.errors import ConfigError
from alscope.types import SampleSpec

IMAGE = SampleSpec(modality="image", shape=(3, 8, 8))
FEATURES = SampleSpec(modality="features", shape=(6,))


def built(**params: object) -> Backbone:
    with rng.seeded(0, "test"):
        return FrozenSpec(encoder="tiny_pixels", **params).build(FEATURES, 3)


def batch(scale: float = 1.0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {"features": scale * torch.randn(4, 6, generator=generator)}


def test_the_encoder_gets_the_fields_it_has() -> None:
    spec = FrozenSpec(encoder="tiny_pixels", image_size=40, max_tokens=9)

    assert spec.encoder_spec.image_size == 40
    assert spec.tokenizer() is None
    assert FrozenSpec(encoder="tiny_words", max_tokens=2).tokenizer().encode(["a b c"])[0][2:] == []


def test_other_backbones_have_no_frozen_encoder() -> None:
    assert MlpSpec().encoder_spec is None


def test_the_encoders_problems_are_those_of_the_backbone() -> None:
    assert FrozenSpec(encoder="tiny_pixels").problems(IMAGE) == ()
    assert "reads text data" in FrozenSpec(encoder="tiny_words").problems(IMAGE)[0]
    assert "is no encoder" in FrozenSpec(encoder="nothing").problems(IMAGE)[0]
    assert "not features data" in FrozenSpec(encoder="tiny_pixels").problems(FEATURES)[0]


def test_without_hidden_layer_the_model_is_linear_on_standardized_features() -> None:
    model, inputs = built(), batch()
    (x,) = inputs.values()
    standard = (x - x.mean(1, keepdim=True)) / x.std(1, correction=0, keepdim=True)

    assert sum(p.numel() for p in model.parameters()) == 6 * 3 + 3  # type: ignore[attr-defined]
    assert model.n_features == 6
    torch.testing.assert_close(model.embed(inputs), standard, atol=1e-4, rtol=1e-4)


def test_a_hidden_layer_is_the_embedding() -> None:
    model = built(hidden=5)

    assert model.n_features == 5
    assert model.embed(batch()).min() == 0


def test_the_scale_of_an_encoder_does_not_matter() -> None:
    model = built(hidden=5).eval()  # type: ignore[attr-defined]

    torch.testing.assert_close(model(batch(100.0)), model(batch()), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("hidden", [0, 5])
def test_a_linear_and_a_deeper_head_have_the_whole_surface(hidden: int) -> None:
    model, inputs = built(hidden=hidden).eval(), batch()  # type: ignore[attr-defined]
    logits, taps = model.with_taps(inputs)

    assert len(model.stages) == len(taps) == 1
    assert torch.equal(logits, model(inputs))
    assert torch.equal(model.head(model.embed(inputs)), logits)
    assert model.head_only_dropout


def test_dropout_of_a_linear_head_acts_on_the_features() -> None:
    model = built(dropout=0.5)
    with rng.seeded(0, "dropout"):
        first, second = model(batch()), model(batch())

    assert not torch.equal(first, second)


def test_without_hidden_layer_the_embedding_is_fixed() -> None:
    model, inputs = built(), batch()
    (x,) = inputs.values()
    together = model.train().embed(inputs)  # type: ignore[attr-defined]
    alone = torch.cat([model.embed({"features": row[None]}) for row in x])

    assert model.fixed_embedding
    assert {name for name, _ in model.named_parameters()} == {"head.weight", "head.bias"}  # type: ignore[attr-defined]
    assert torch.equal(together, alone)
    assert not built(hidden=5).fixed_embedding


def test_a_network_on_samples_instead_of_features_is_refused() -> None:
    with pytest.raises(ConfigError, match="reads the encoder's features, not image data"):
        FrozenSpec(encoder="tiny_pixels").build(IMAGE, 3)


def test_the_note_says_what_strategies_see() -> None:
    assert "head alone" in FROZEN_NOTE
