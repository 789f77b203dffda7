"""Classification models of timm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import timm
from torch import nn

from alscope.backbones._trunks import Tap, Trunk
from alscope.errors import ConfigError, Problem

__all__ = ["download", "make_model"]


def make_model(name: str, *, weights: Path | None, side: int) -> tuple[Trunk, int]:
    """A model without its classifier, and the number of its features.

    Args:
        name: timm's name.
        weights: A safetensors file; None: freshly initialized.
        side: Side that images are resized to; 0: none.

    Raises:
        ConfigError: If timm refuses, or the model does not end in a linear layer.
    """
    try:
        # Given the path of a safetensors file, timm reads it as such.
        model: Any = timm.create_model(name, pretrained=False, checkpoint_path=str(weights or ""))
    except RuntimeError as error:
        message = f"timm cannot make {name!r}: {error}"
        raise ConfigError([Problem("backbone.params.model", message)]) from error
    classifier = model.get_classifier()
    if not isinstance(classifier, nn.Linear):
        message = f"{name} does not end in one linear layer; choose another model"
        raise ConfigError([Problem("backbone.params.model", message)])
    model.reset_classifier(0)
    return Trunk(model, list(_taps(model)), side=side), classifier.in_features


def download(name: str) -> None:
    """Bring the weights of a model from the Hub into the local cache, as safetensors only."""
    from transformers.utils.hub import cached_file

    cached_file(f"timm/{name}", "model.safetensors")


def _taps(model: Any) -> Iterator[Tap]:
    for level in getattr(model, "feature_info", ()):
        module = model.get_submodule(level["module"])
        yield Tap(module, channels_last=getattr(model, "output_fmt", "NCHW") == "NHWC")
