from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from alscope import rng
from alscope.backbones.mlp import MlpSpec
from alscope.backbones.transformer import TransformerSpec
from alscope.hashing import digest
from alscope.inputs import (
    Embeddings,
    Forward,
    Head,
    HeadParams,
    Input,
    Logits,
    McMoments,
    McProbs,
    Probs,
)
from alscope.learn.passes import Batches
from alscope.types import InputKey, PoolView
from tests.learn.fakes import CPU, PLANE, RecordingControl, TensorSource, blobs


def context(*, dropout: float = 0.5, n: int = 20) -> SimpleNamespace:
    """What the engine gives to an input: a fresh network and some blobs."""
    with rng.seeded(0, "test"):
        model = MlpSpec(hidden=8, depth=1, dropout=dropout).build(PLANE, 3)
    model.eval()  # type: ignore[attr-defined]
    return SimpleNamespace(
        model=model,
        batches=Batches(
            TensorSource(blobs(n)[0]),
            np.arange(n),
            batch_size=8,
            device=CPU,
            control=RecordingControl(),
        ),
        device=CPU,
        n_classes=3,
        parents={},
        generator=lambda *names: rng.torch_generator(3, *names),
    )


def test_parts_of_the_forward_pass_share_it() -> None:
    sources = {Logits().source(), Probs().source(), Embeddings().source(), Forward()}

    assert len(sources) == 1
    assert Probs(on="labeled").source() == Forward(on="labeled")


def test_inputs_are_told_apart_by_their_fields() -> None:
    assert digest(McMoments(n_samples=5)) != digest(McMoments(n_samples=6))
    assert digest(Forward()) != digest(Forward(on="labeled"))
    assert McMoments(n_samples=5) == McMoments(n_samples=5)


@pytest.mark.parametrize(
    "made", [Forward(), Logits(), Probs(), Embeddings(), Head(), McMoments(), McProbs()]
)
def test_every_input_can_be_a_key_of_the_pool_view(made: Input) -> None:
    assert isinstance(made, InputKey)


def test_a_part_cannot_be_computed_by_itself() -> None:
    with pytest.raises(TypeError, match="Probs is a part of Forward"):
        Probs().compute(context())


def test_the_forward_pass_yields_logits_probabilities_and_embeddings() -> None:
    given = context()
    arrays = Forward().compute(given)
    with torch.no_grad():
        logits = given.model({"features": blobs(20)[0]})

    np.testing.assert_allclose(Logits().extract(arrays), logits, atol=1e-6)
    np.testing.assert_allclose(
        Probs().extract(arrays), torch.softmax(logits.double(), dim=1), atol=1e-6
    )
    assert Embeddings().extract(arrays).shape == (20, 8)


def test_probabilities_of_extreme_logits_are_finite() -> None:
    probs = Probs().extract({"logits": np.array([[1e4, -1e4], [0.0, 0.0]], dtype=np.float32)})

    assert probs.tolist() == [[1.0, 0.0], [0.5, 0.5]]


def test_probabilities_of_an_empty_set_have_the_right_shape() -> None:
    assert Probs().extract({"logits": np.empty((0, 3), dtype=np.float32)}).shape == (0, 3)


def test_head_times_embeddings_gives_the_logits() -> None:
    given = context()
    arrays = Forward().compute(given)
    head = Head().extract(Head().compute(given))

    assert isinstance(head, HeadParams)
    np.testing.assert_allclose(
        arrays["embeddings"] @ head.weight.T + head.bias, arrays["logits"], atol=1e-5
    )


def test_head_is_a_copy_of_the_parameters() -> None:
    given = context()
    head = Head().extract(Head().compute(given))
    head.weight[:] = 9.0

    assert not (given.model.head.weight == 9.0).any()


def test_moments_are_made_from_the_embeddings_of_their_parent() -> None:
    given, moments = context(), McMoments(n_samples=4)
    (parent,) = moments.parents()
    given.parents = {parent: parent.compute(given)}

    value = moments.extract(moments.compute(given))

    assert parent == Forward()
    assert value.n_samples == 4
    assert (value.votes.sum(axis=1) == 4).all()
    assert value.std_probs.max() > 0


def test_probabilities_of_passes_are_those_behind_the_moments() -> None:
    given, moments, probs = context(), McMoments(n_samples=4), McProbs(n_samples=4)
    (parent,) = probs.parents()
    given.parents = {parent: parent.compute(given)}
    mean, found = moments.compute(given)["mean_probs"], probs.extract(probs.compute(given))

    assert parent == Forward()
    assert (found.shape, found.dtype) == ((20, 4, 3), np.float32)
    np.testing.assert_allclose(found.mean(axis=1), mean, atol=1e-6)


def test_probabilities_of_passes_need_dropout_before_the_head_only() -> None:
    assert "dropout is 0" in McProbs().problems(MlpSpec(dropout=0.0), PLANE)[0]
    assert McProbs().problems(MlpSpec(dropout=0.1), PLANE) == ()
    assert "one network for all samples" in McProbs().problems(TransformerSpec(mc="full"), PLANE)[0]


def test_moments_need_dropout() -> None:
    assert "dropout is 0" in McMoments().problems(MlpSpec(dropout=0.0), PLANE)[0]
    assert McMoments().problems(MlpSpec(dropout=0.1), PLANE) == ()


def test_a_view_shows_declared_inputs_only() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Other(Input):
        """Not declared."""

    view = PoolView(
        {Forward(): {"logits": np.zeros((2, 3), dtype=np.float32)}},
        n_pool=2,
        n_classes=3,
        round=0,
        labels=np.array([0]),
        n_unknowns=0,
        tie_keys=np.zeros(2, dtype=np.uint64),
    )

    assert view[Probs()].shape == (2, 3)
    with pytest.raises(KeyError, match="not declared"):
        view[Other()]
