import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from alscope.data.protocols import Examples, RawData
from alscope.data.views import prepare
from alscope.errors import ConfigError
from alscope.rng import torch_generator
from alscope.types import SampleSpec


class Words:
    """A tokenizer: the length of every word."""

    pad_id = 0

    def __init__(self, key: str = "words") -> None:
        self.key = key
        self.calls = 0

    def encode(self, texts: list[str]) -> list[list[int]]:
        self.calls += 1
        return [[len(word) for word in text.split()] for text in texts]


def image_data(images: np.ndarray, **fields) -> RawData:
    part = Examples(inputs=images, targets=np.zeros(len(images), dtype=np.int64))
    fields = {"mean": (0.5,), "std": (0.25,), "crop_padding": 2, "flip": True, **fields}
    sample = SampleSpec(modality="image", shape=images.shape[1:])
    return RawData("images", sample, ("a", "b"), part, part, "1", **fields)


def text_data(texts: list[str]) -> RawData:
    part = Examples(inputs=texts, targets=np.zeros(len(texts), dtype=np.int64))
    test = Examples(inputs=texts[:1], targets=part.targets[:1])
    return RawData("texts", SampleSpec(modality="text"), ("a", "b"), part, test, "2")


def pixels(n: int = 6, side: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (n, 1, side, side), dtype=np.uint8)


def raw_train(images: np.ndarray, indices, seed: int = 0, **fields) -> np.ndarray:
    """The training view as bytes again."""
    raw = image_data(images, mean=(), std=(), **fields)
    source = prepare(raw, None, augment=True, cache=Path()).train
    batch = source.train_batch(np.asarray(indices), torch_generator(seed, "augment"))
    return np.round(batch["pixel_values"].numpy() * 255).astype(np.uint8)


def test_images_are_normalized(tmp_path):
    images = pixels()
    source = prepare(image_data(images), None, augment=False, cache=tmp_path).train
    batch = source.eval_batch(np.array([4, 1]))["pixel_values"]

    assert batch.dtype == torch.float32
    np.testing.assert_allclose(batch, (images[[4, 1]] / 255 - 0.5) / 0.25, atol=1e-6)


def test_evaluation_view_is_never_augmented(tmp_path):
    raw = image_data(pixels())
    plain, augmented = (prepare(raw, None, augment=a, cache=tmp_path) for a in (False, True))
    rows = np.arange(6)

    assert torch.equal(
        plain.train.eval_batch(rows)["pixel_values"],
        augmented.train.eval_batch(rows)["pixel_values"],
    )


def test_training_view_without_augmentation_is_the_evaluation_view(tmp_path):
    source = prepare(image_data(pixels()), None, augment=False, cache=tmp_path).train
    rows = np.arange(6)
    batch = source.train_batch(rows, torch_generator(0, "augment"))

    assert torch.equal(batch["pixel_values"], source.eval_batch(rows)["pixel_values"])


def test_crops_are_windows_of_the_image_padded_with_black():
    images = pixels(n=1)
    padded = np.pad(images[0, 0], 2)
    windows = {padded[i : i + 5, j : j + 5].tobytes() for i in range(5) for j in range(5)}
    crops = raw_train(images, np.zeros(400, dtype=int), flip=False)

    assert {crop.tobytes() for crop in crops} == windows


def test_flips_mirror_about_half_of_the_images():
    images = pixels(n=1)
    views = raw_train(images, np.zeros(400, dtype=int), crop_padding=0)
    mirrored = (views == images[0, :, :, ::-1]).all(axis=(1, 2, 3))
    same = (views == images[0]).all(axis=(1, 2, 3))

    assert (mirrored | same).all()
    assert 150 < mirrored.sum() < 250


def test_channels_of_an_image_move_together():
    grey = pixels(n=8)
    views = raw_train(np.repeat(grey, 3, axis=1), np.arange(8))

    assert np.array_equal(views[:, 0], views[:, 1])
    assert np.array_equal(views[:, 0], views[:, 2])


def test_augmentation_is_drawn_from_the_generator_alone():
    first = raw_train(pixels(), np.arange(6), seed=1)
    torch.manual_seed(5)

    assert np.array_equal(first, raw_train(pixels(), np.arange(6), seed=1))
    assert not np.array_equal(first, raw_train(pixels(), np.arange(6), seed=2))


def test_examples_are_not_changed_by_reading():
    images = pixels()
    before = images.copy()
    raw_train(images, np.arange(6))

    assert np.array_equal(images, before)


def test_texts_are_padded_to_the_longest_of_the_batch(tmp_path):
    data = text_data(["a bb ccc", "dddd", "ee ff"])
    source = prepare(data, Words(), augment=True, cache=tmp_path).train
    batch = source.eval_batch(np.array([1, 2]))

    assert batch["input_ids"].tolist() == [[4, 0], [2, 2]]
    assert batch["attention_mask"].tolist() == [[1, 0], [1, 1]]
    assert batch["input_ids"].dtype == batch["attention_mask"].dtype == torch.int64


def test_text_lengths_are_token_counts(tmp_path):
    prepared = prepare(text_data(["a bb", "c"]), Words(), augment=True, cache=tmp_path)

    assert prepared.train.lengths.tolist() == [2, 1]
    assert (prepared.train.n, prepared.test.n) == (2, 1)


def test_training_view_of_text_is_the_evaluation_view(tmp_path):
    source = prepare(text_data(["a bb", "c"]), Words(), augment=True, cache=tmp_path).train
    batch = source.train_batch(np.array([0, 1]), torch_generator(0))

    assert batch["input_ids"].tolist() == [[1, 2], [1, 0]]


def test_text_without_tokens_is_all_padding(tmp_path):
    source = prepare(text_data(["", "a"]), Words(), augment=True, cache=tmp_path).train
    batch = source.eval_batch(np.array([0]))

    assert batch["attention_mask"].tolist() == [[0]]


def test_text_is_tokenized_once_per_tokenizer(tmp_path):
    data = text_data(["a bb", "c"])
    first, again, other = Words(), Words(), Words("other")
    for tokenizer in (first, again, other):
        prepare(data, tokenizer, augment=True, cache=tmp_path)

    assert (first.calls, again.calls, other.calls) == (2, 0, 2)


def flip_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def swap_checksum(path: Path) -> None:
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["train_values"] = arrays["train_values"] + 1
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "damage", [flip_bit, swap_checksum, lambda path: path.write_bytes(b"PK\x03\x04")]
)
def test_damaged_tokens_are_reported_and_made_again(tmp_path, caplog, damage):
    data = text_data(["a bb", "c"])
    prepare(data, Words(), augment=True, cache=tmp_path)
    (path,) = (tmp_path / "tokens").iterdir()
    damage(path)
    tokenizer = Words()
    with caplog.at_level(logging.WARNING):
        source = prepare(data, tokenizer, augment=True, cache=tmp_path).train

    assert tokenizer.calls == 2
    assert "tokenizing again" in caplog.text
    assert source.eval_batch(np.array([0]))["input_ids"].tolist() == [[1, 2]]


def test_text_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="choose a text backbone"):
        prepare(text_data(["a"]), None, augment=True, cache=tmp_path)


def test_features_are_read_as_they_are(tmp_path):
    part = Examples(inputs=np.eye(3), targets=np.zeros(3, dtype=np.int64))
    sample = SampleSpec(modality="features", shape=(3,))
    raw = RawData("features", sample, ("a", "b"), part, part, "3")
    source = prepare(raw, None, augment=True, cache=tmp_path).train
    batch = source.train_batch(np.array([2, 0]), torch_generator(0))

    assert batch["features"].tolist() == [[0, 0, 1], [1, 0, 0]]
    assert batch["features"].dtype == torch.float32
    assert source.n == 3


def test_fingerprint_covers_data_tokenizer_and_augmentation(tmp_path):
    images = image_data(pixels())
    texts = text_data(["a"])
    fingerprints = [
        prepare(images, None, augment=True, cache=tmp_path).fingerprint,
        prepare(images, None, augment=False, cache=tmp_path).fingerprint,
        prepare(image_data(pixels(), flip=False), None, augment=True, cache=tmp_path).fingerprint,
        prepare(texts, Words(), augment=True, cache=tmp_path).fingerprint,
        prepare(texts, Words("other"), augment=True, cache=tmp_path).fingerprint,
    ]

    assert len(set(fingerprints)) == 5


def test_normalization_and_mirroring_are_told_even_without_augmentation(tmp_path):
    raw = image_data(pixels())
    prepared = prepare(raw, None, augment=False, cache=tmp_path)
    still = prepare(image_data(pixels(), flip=False), None, augment=False, cache=tmp_path)

    assert (prepared.pixel_mean, prepared.pixel_std) == (raw.mean, raw.std)
    assert prepared.flip
    assert not still.flip
    assert prepared.fingerprint != still.fingerprint


def test_tokenizer_of_images_is_ignored(tmp_path):
    raw = image_data(pixels())
    with_one, without = (prepare(raw, t, augment=True, cache=tmp_path) for t in (Words(), None))

    assert with_one.fingerprint == without.fingerprint
