import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from alscope.data import resident as resident_module
from alscope.data.protocols import Examples, RawData
from alscope.data.resident import resident
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


def numpy_view(images: np.ndarray, raw: RawData, seed: int) -> np.ndarray:
    """The training view one image after the other, from the same two draws."""
    generator = torch_generator(seed, "augment")
    n, _, height, width = images.shape
    size = 2 * raw.crop_padding + 1
    top, left = torch.randint(0, size, (2, n), generator=generator).numpy()
    mirrored = torch.rand(n, generator=generator).numpy() < 0.5
    views = []
    for image, i, j, flip in zip(images, top, left, mirrored, strict=True):
        padded = np.pad(image, ((0, 0), (raw.crop_padding,) * 2, (raw.crop_padding,) * 2))
        window = padded[:, i : i + height, j : j + width]
        views.append(window[:, :, ::-1] if flip else window)
    mean, std = (np.array(v, dtype=np.float32).reshape(-1, 1, 1) for v in (raw.mean, raw.std))
    scale = np.float32(1) / (np.float32(255) * std)
    return np.stack(views).astype(np.float32) * scale - mean / std


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 9, 17)])
def test_the_training_view_is_to_the_last_bit_that_of_a_loop_over_images(tmp_path, shape):
    images = np.random.default_rng(1).integers(0, 256, (50, *shape), dtype=np.uint8)
    mean, std = (0.4914, 0.4822, 0.4465)[: shape[0]], (0.247, 0.2435, 0.2616)[: shape[0]]
    raw = image_data(images, mean=mean, std=std, crop_padding=4)
    rows = np.random.default_rng(2).permutation(50)[:33]
    source = prepare(raw, None, augment=True, cache=tmp_path).train
    batch = source.train_batch(rows, torch_generator(7, "augment"))["pixel_values"]

    assert np.array_equal(batch.numpy(), numpy_view(images[rows], raw, 7))


def test_images_on_the_cpu_are_not_copied(tmp_path):
    images = pixels()
    source = prepare(image_data(images), None, augment=False, cache=tmp_path).train
    before = source.eval_batch(np.array([3]))["pixel_values"]
    images[3] ^= 255

    assert not torch.equal(source.eval_batch(np.array([3]))["pixel_values"], before)


@pytest.mark.parametrize("free", [0, 1 << 40], ids=["too large", "fits"])
def test_examples_move_to_a_device_only_if_they_fit(monkeypatch, free):
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    monkeypatch.setattr(resident_module, "_free_bytes", lambda _: free)
    tensor = resident(array, torch.device("meta"))

    assert tensor.device.type == ("meta" if free else "cpu")


def test_one_array_leaves_three_quarters_of_the_free_memory(monkeypatch):
    array = np.zeros(1000, dtype=np.uint8)
    places = []
    for free in (3999, 4000):
        monkeypatch.setattr(resident_module, "_free_bytes", lambda _, free=free: free)
        places.append(resident(array, torch.device("meta")).device.type)

    assert places == ["cpu", "meta"]


def test_read_only_and_turned_arrays_are_read(tmp_path):
    images = pixels().transpose(0, 1, 3, 2)
    images.setflags(write=False)
    source = prepare(image_data(images, mean=(0,), std=(1,)), None, augment=False, cache=tmp_path)
    batch = source.train.eval_batch(np.array([2, 0]))["pixel_values"]

    np.testing.assert_allclose(batch * 255, images[[2, 0]], rtol=1e-6)


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


def test_texts_without_any_token_are_all_padding(tmp_path):
    source = prepare(text_data(["", ""]), Words(), augment=True, cache=tmp_path).train
    batch = source.eval_batch(np.array([0, 1]))

    assert batch["input_ids"].tolist() == [[0], [0]]
    assert batch["attention_mask"].tolist() == [[0], [0]]


def test_the_last_text_is_padded_like_the_others(tmp_path):
    source = prepare(text_data(["bb ccc a", "a"]), Words(), augment=True, cache=tmp_path).train

    assert source.eval_batch(np.array([1, 0]))["input_ids"].tolist() == [[1, 0, 0], [2, 3, 1]]


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
