from __future__ import annotations

import pytest
import torch

from alscope import rng
from alscope.backbones._hashing import HashingTokenizer
from alscope.backbones.protocols import Backbone
from alscope.backbones.text_cnn import TextCnnSpec
from alscope.types import SampleSpec

WORDS = HashingTokenizer(n_buckets=1 << 20, max_tokens=3, with_pairs=False)


def built() -> Backbone:
    with rng.seeded(0, "test"):
        spec = TextCnnSpec(n_buckets=64, width=8, filters=5)
        return spec.build(SampleSpec(modality="text"), 3).eval()  # type: ignore[attr-defined]


def inputs_of(rows: list[list[int]], length: int) -> dict[str, torch.Tensor]:
    return {
        "input_ids": torch.tensor([row + [0] * (length - len(row)) for row in rows]),
        "attention_mask": torch.tensor([[1] * len(r) + [0] * (length - len(r)) for r in rows]),
    }


def test_words_keep_their_order_and_have_no_pairs() -> None:
    ((red, cat),) = WORDS.encode(["Red cat!"])

    assert WORDS.encode(["cat red"]) == [[cat, red]]
    assert WORDS.encode(["", "red"]) == [[1], [red]]
    assert len(WORDS.encode(["a b c d e"])[0]) == 3


def test_words_have_the_same_ids_with_and_without_pairs() -> None:
    paired = HashingTokenizer(n_buckets=1 << 20, max_tokens=3)

    assert paired.encode(["red cat"])[0][:2] == WORDS.encode(["red cat"])[0]
    assert paired.key != WORDS.key


@pytest.mark.parametrize("length", [3, 4, 9, 30])
def test_padding_does_not_change_an_embedding(length: int) -> None:
    model, rows = built(), [[5, 6, 7], [8]]

    torch.testing.assert_close(
        model.embed(inputs_of(rows, length)), model.embed(inputs_of(rows, 3)), atol=1e-6, rtol=1e-5
    )


def test_what_stands_in_the_padding_is_not_read() -> None:
    model, inputs = built(), inputs_of([[5, 6, 7], [8]], 5)
    before = model.embed(inputs)
    inputs["input_ids"][1, 1:] = 9

    assert torch.equal(model.embed(inputs), before)


def test_the_order_of_words_matters() -> None:
    model = built()

    assert not torch.allclose(
        model.embed(inputs_of([[5, 6, 7]], 3)), model.embed(inputs_of([[7, 6, 5]], 3))
    )
    assert not TextCnnSpec.order_blind


def test_a_filter_gives_its_largest_answer_wherever_it_is() -> None:
    model = built()
    alone = model.embed(inputs_of([[5, 6, 7, 8, 9]], 5))
    among = model.embed(inputs_of([[1, 2, 5, 6, 7, 8, 9, 2, 1]], 9))
    short = model.stages[1].filters[0]
    words = model.stages[0].weight[torch.tensor([5, 6, 7, 8, 9])]
    inside = torch.relu(short(words.T[None])[:, :, 2:-2]).amax(dim=2)  # whole windows

    assert alone.shape == (1, 15)
    assert (alone[:, :5] >= inside - 1e-6).all()
    assert (among[:, :5] >= inside - 1e-6).all()
