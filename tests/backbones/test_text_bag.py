from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from alscope import rng
from alscope.backbones._hashing import HashingTokenizer
from alscope.backbones.text_bag import TextBagSpec
from alscope.types import SampleSpec

WIDE = HashingTokenizer(n_buckets=1 << 20, max_tokens=64)


def test_words_come_first_and_then_their_pairs() -> None:
    ((red, cat, pair),) = WIDE.encode(["red cat"])

    assert WIDE.encode(["cat"]) == [[cat]]
    assert WIDE.encode(["red"]) == [[red]]
    assert pair not in (red, cat)


def test_case_and_punctuation_do_not_matter() -> None:
    assert WIDE.encode(["The red, CAT!"]) == WIDE.encode(["the red cat"])


def test_the_order_of_words_shows_in_the_pairs_only() -> None:
    ((*first, there), (*second, back)) = WIDE.encode(["red cat", "cat red"])

    assert sorted(first) == sorted(second)
    assert there != back


def test_a_text_is_encoded_alike_alone_and_in_company() -> None:
    texts = ["red cat", "", "a green dog runs", "blue"]

    assert WIDE.encode(texts) == [WIDE.encode([text])[0] for text in texts]


@pytest.mark.parametrize("text", ["", "   ", "?!"])
def test_a_text_without_words_has_an_id_of_its_own(text: str) -> None:
    assert WIDE.encode([text]) == [[1]]


def test_no_texts_have_no_ids() -> None:
    assert WIDE.encode([]) == []


def test_ids_stay_within_the_table_and_off_the_reserved_ones() -> None:
    small = HashingTokenizer(n_buckets=16, max_tokens=512)
    ids = small.encode([" ".join(f"word{i}" for i in range(200))])[0]

    assert set(ids) == set(range(2, 18))
    assert small.n_ids == 18


@pytest.mark.parametrize(("max_tokens", "n_ids"), [(1, 1), (2, 1), (3, 3), (9, 9), (10, 9)])
def test_long_texts_are_cut(max_tokens: int, n_ids: int) -> None:
    tokenizer = HashingTokenizer(n_buckets=64, max_tokens=max_tokens)

    assert len(tokenizer.encode(["word " * 50])[0]) == n_ids


def test_ids_spread_evenly_over_the_buckets() -> None:
    tokenizer = HashingTokenizer(n_buckets=64, max_tokens=10_000)
    ids = tokenizer.encode([" ".join(f"word{i}" for i in range(3200))])[0]
    words, pairs = np.array(ids[:3200]), np.array(ids[3200:])

    # Chi-square with 63 degrees of freedom stays below 110 with probability 0.9998.
    for found in (words, pairs):
        counts = np.bincount(found - 2, minlength=64)
        assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 110


def test_ids_do_not_depend_on_the_process() -> None:
    code = (
        "from alscope.backbones._hashing import HashingTokenizer as H;"
        "print(H(n_buckets=1 << 20, max_tokens=64).encode(['red cat'])[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == str(WIDE.encode(["red cat"])[0])


def test_the_key_follows_the_options() -> None:
    keys = {HashingTokenizer(n_buckets=n, max_tokens=m).key for n, m in [(16, 8), (17, 8), (16, 9)]}

    assert len(keys) == 3
    assert TextBagSpec().tokenizer().key == TextBagSpec(dropout=0.5).tokenizer().key


def test_padding_does_not_change_an_embedding() -> None:
    with rng.seeded(0, "test"):
        model = TextBagSpec(n_buckets=32, width=4, hidden=8).build(SampleSpec(modality="text"), 3)
    short = {"input_ids": torch.tensor([[5, 6]]), "attention_mask": torch.tensor([[1, 1]])}
    long = {
        "input_ids": torch.tensor([[5, 6, 9, 0]]),
        "attention_mask": torch.tensor([[1, 1, 0, 0]]),
    }

    assert torch.equal(model.embed(short), model.embed(long))
