"""The encoders that come in packages, with their real weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from alscope.backbones.packaged_encoders import EfficientNetLite0, MiniLm
from alscope.types import SampleSpec

pytestmark = pytest.mark.slow

TEXTS = [
    "How far is it from Denver to Aspen?",
    "What is the distance between Denver and Aspen?",
    "Who wrote the opera Carmen?",
    "Which composer made Carmen?",
]


def test_the_crop_most_like_a_crop_is_from_the_same_photograph() -> None:
    from sklearn.datasets import load_sample_images

    generator = np.random.default_rng(0)
    crops = []
    for photo in load_sample_images().images:
        for _ in range(6):
            top, left = generator.integers(0, (180, 390))
            crops.append(photo[top : top + 240, left : left + 240].transpose(2, 0, 1) / 255)
    spec = EfficientNetLite0(image_size=96)
    pixels = torch.tensor(np.stack(crops), dtype=torch.float32)
    with torch.inference_mode():
        found = functional.normalize(spec.load()({"pixel_values": pixels}))
    likeness = found @ found.T - 2 * torch.eye(12)

    assert spec.problems(SampleSpec(modality="image", shape=(3, 240, 240))) == ()
    assert found.shape == (12, 1280)
    assert (likeness.argmax(dim=1) // 6).tolist() == [0] * 6 + [1] * 6


def test_features_of_a_picture_are_those_of_the_published_network() -> None:
    # Recorded from the model code that was published with the weights; ours differs by 1e-5.
    ramp = torch.linspace(0, 1, 64)
    pixels = torch.stack([ramp.expand(64, 64), ramp.expand(64, 64).T, torch.full((64, 64), 0.5)])
    with torch.inference_mode():
        (found,) = EfficientNetLite0(image_size=64).load()({"pixel_values": pixels[None]})

    assert found.mean().item() == pytest.approx(0.353850, rel=1e-4)
    assert found.topk(3).indices.tolist() == [512, 405, 403]


def test_questions_that_mean_the_same_are_closest() -> None:
    spec = MiniLm(max_tokens=32)
    rows = spec.tokenizer().encode(TEXTS)
    longest = max(map(len, rows))
    inputs = {
        "input_ids": torch.tensor([row + [0] * (longest - len(row)) for row in rows]),
        "attention_mask": torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in rows]),
    }
    with torch.inference_mode():
        found = functional.normalize(spec.load()(inputs))
    likeness = found @ found.T - 2 * torch.eye(4)

    assert spec.problems(SampleSpec(modality="text")) == ()
    assert found.shape == (4, 384)
    assert likeness.argmax(dim=1).tolist() == [1, 0, 3, 2]
