"""Training and inference on an emulated GPU, which uses the kernels of the CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from alscope.backbones.protocols import BackboneSpec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.backbones.text_bag import TextBagSpec
from alscope.backbones.text_cnn import TextCnnSpec
from alscope.backbones.transformer import TransformerSpec
from alscope.config import TrainConfig
from alscope.data.protocols import Examples, RawData
from alscope.data.views import prepare
from alscope.inputs import ContrastiveEncoder, Projections
from alscope.learn.passes import Batches, forward_pass
from alscope.learn.trainer import fit
from alscope.types import Arrays, SampleSpec
from tests.backbones.checkpoints import save_tiny_bert
from tests.emulated_gpu import GPU, emulated_gpu
from tests.learn.contexts import Trial, image_trial, text_trial
from tests.learn.fakes import CPU, RecordingControl

pytestmark = pytest.mark.slow

WORDS = ("red", "green", "blue", "cat", "dog")
TRAIN = TrainConfig(epochs=2, batch_size=4, augment=True)
INDICES = np.arange(10, dtype=np.int64)


def part_of(inputs: object) -> Examples:
    """Ten examples of two classes."""
    return Examples(inputs=inputs, targets=INDICES % 2)  # type: ignore[arg-type]


def texts() -> RawData:
    """Texts of several lengths."""
    part = part_of([" ".join(WORDS[: 1 + n % 5]) for n in INDICES])
    return RawData("texts", SampleSpec(modality="text"), ("a", "b"), part, part, "1")


def photos() -> RawData:
    """Coloured images, cropped and mirrored in training."""
    shape = (3, 8, 8)
    part = part_of(np.random.default_rng(0).integers(0, 256, (10, *shape), dtype=np.uint8))
    return RawData(
        "photos",
        SampleSpec(modality="image", shape=shape),
        ("a", "b"),
        part,
        part,
        "2",
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.2, 0.2),
        crop_padding=2,
        flip=True,
    )


def learned(raw: RawData, spec: BackboneSpec, device: torch.device, cache: Path) -> Arrays:
    """What a network says after training, where it was trained."""
    tokenizer = spec.tokenizer() if raw.sample.modality == "text" else None
    ready = prepare(raw, tokenizer, augment=True, cache=cache, device=device)
    control = RecordingControl()
    trained = fit(
        spec,
        ready.sample,
        ready.train,
        indices=INDICES,
        labels=INDICES % 2,
        n_classes=2,
        train=TRAIN,
        seed=0,
        device=device,
        control=control,
    )
    batches = Batches(ready.test, INDICES, batch_size=4, device=device, control=control)
    return forward_pass(trained.model, batches, n_classes=2)


@pytest.mark.parametrize("free_bytes", [0, 2**34], ids=["batch by batch", "resident"])
@pytest.mark.parametrize("name", ["small_cnn", "text_bag", "text_cnn", "transformer"])
def test_a_network_learns_there_what_it_learns_here(
    tmp_path: Path, name: str, free_bytes: int
) -> None:
    spec: BackboneSpec = {
        "small_cnn": SmallCnnSpec(width=4),
        "text_bag": TextBagSpec(n_buckets=32, width=4),
        "text_cnn": TextCnnSpec(n_buckets=32, width=4),
        "transformer": TransformerSpec(model=str(save_tiny_bert(tmp_path / "bert")), max_tokens=16),
    }[name]
    raw = photos() if name == "small_cnn" else texts()
    here = learned(raw, spec, CPU, tmp_path / "here")
    with emulated_gpu(free_bytes=free_bytes):
        there = learned(raw, spec, GPU, tmp_path / "there")

    for key, values in here.items():
        np.testing.assert_allclose(there[key], values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("setting", ["ssl:1", "paper:1"])
@pytest.mark.parametrize("trial", [image_trial(channels=3), text_trial()], ids=["images", "texts"])
def test_an_encoder_contrasts_there_what_it_contrasts_here(trial: Trial, setting: str) -> None:
    encoder = ContrastiveEncoder(setting=setting, shifts=True)
    output = Projections(companion=encoder)
    here = trial.projections(output, trial.fit(encoder)[0])
    with emulated_gpu():
        moved = replace(trial, device=GPU)
        there = moved.projections(output, moved.fit(encoder)[0])

    np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-6)
