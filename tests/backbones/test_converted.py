"""Pinned checkpoints become safetensors files once."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from alscope.backbones._converted import pinned_weights
from alscope.backbones.packaged_encoders import EfficientNetLite0
from alscope.errors import StoreError


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Tensors of two types, a turned one and a single number among them."""
    path = tmp_path / "weights.pth"
    whole = torch.arange(24.0).reshape(4, 6)
    torch.save({"whole": whole, "turned": whole.T, "count": torch.tensor(7)}, path)
    return path


def opened(path: Path, cache: Path | None, sha256: str = "") -> dict[str, Tensor]:
    return pinned_weights(path, sha256=sha256 or sha256_of(path), cache=cache)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_the_second_open_does_not_touch_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    sha256, cache = sha256_of(checkpoint), tmp_path / "cache"
    first = opened(checkpoint, cache)
    checkpoint.unlink()

    assert_equal(opened(checkpoint, cache, sha256), first)
    assert_equal(load_file(cache / "weights" / f"{sha256}.safetensors"), first)


def test_without_a_cache_nothing_is_written(checkpoint: Path, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    opened(checkpoint, None)

    assert set(tmp_path.rglob("*")) == before


def flip_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1  # in the middle of the numbers
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 10)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def strip(path: Path) -> None:
    """The same tensors without a checksum."""
    save_file(load_file(path), path)


@pytest.mark.parametrize("damage", [flip_bit, cut, empty, strip])
def test_damaged_weights_are_reported_and_made_again(
    damage: object, checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "cache"
    first = opened(checkpoint, cache)
    (path,) = (cache / "weights").iterdir()
    damage(path)  # type: ignore[operator]
    with caplog.at_level(logging.WARNING):
        again = opened(checkpoint, cache)

    assert "converting again" in caplog.text
    assert_equal(again, first)
    caplog.clear()
    assert_equal(opened(checkpoint, cache), first)
    assert not caplog.records


def test_another_file_than_the_pinned_one_is_never_converted(
    checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="not the expected file"):
        opened(checkpoint, tmp_path / "cache", "0" * 64)

    assert not (tmp_path / "cache").exists()


def test_the_packaged_encoder_gives_the_same_features_from_what_was_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    spec = EfficientNetLite0(image_size=32)
    with torch.inference_mode():
        direct = spec.load()({"pixel_values": pixels})
        spec.load(cache=tmp_path)
        monkeypatch.setattr(EfficientNetLite0, "_file", lambda _: tmp_path / "gone.pth")
        converted = spec.load(cache=tmp_path)({"pixel_values": pixels})

    assert torch.equal(direct, converted)
