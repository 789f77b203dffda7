from __future__ import annotations

import pytest
import torch

from alscope.backbones.mlp import MlpSpec
from alscope.backbones.protocols import BackboneSpec
from alscope.backbones.resnet18 import ResNet18Spec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.types import SampleSpec


def image(*shape: int) -> SampleSpec:
    return SampleSpec(modality="image", shape=shape)


@pytest.mark.parametrize("spec", [SmallCnnSpec(), ResNet18Spec()], ids=["small_cnn", "resnet18"])
@pytest.mark.parametrize("shape", [(1, 7, 8), (3, 28, 4)])
def test_too_small_an_image_is_refused_with_a_way_out(
    spec: BackboneSpec, shape: tuple[int, ...]
) -> None:
    (problem,) = spec.problems(image(*shape))

    assert f"{shape[1]}x{shape[2]}" in problem
    assert "use mlp" in problem


@pytest.mark.parametrize("size", [8, 9, 28, 32])
def test_the_small_network_reads_images_of_any_size_from_eight(size: int) -> None:
    model = SmallCnnSpec(width=4).build(image(1, size, size), 10)

    assert model({"pixel_values": torch.zeros(2, 1, size, size)}).shape == (2, 10)


def test_the_residual_network_has_the_published_size() -> None:
    # 11,173,962 for ten classes at 32 pixels: as in the paper's form without pooling.
    model = ResNet18Spec().build(image(3, 32, 32), 10)
    n_weights = sum(p.numel() for p in model.parameters())  # type: ignore[attr-defined]

    assert n_weights == 11_173_962
    assert model.n_features == 512


def test_the_residual_network_halves_the_image_three_times() -> None:
    model = ResNet18Spec().build(image(3, 32, 32), 10)
    outputs = model.stage_outputs({"pixel_values": torch.zeros(1, 3, 32, 32)})

    assert [tuple(o.shape[1:]) for o in outputs] == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
    ]


def test_the_perceptron_has_the_width_and_depth_asked_for() -> None:
    model = MlpSpec(hidden=7, depth=3).build(image(1, 8, 8), 2)

    assert len(model.stages) == 3
    assert model.n_features == 7
    assert model({"pixel_values": torch.zeros(2, 1, 8, 8)}).shape == (2, 2)
