"""Classification models of torchvision."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import nn
from torch.hub import download_url_to_file
from torchvision import models

from alscope.backbones._checkpoint import check_sha256
from alscope.backbones._converted import pinned_weights
from alscope.backbones._models import checkpoint_folder
from alscope.backbones._torchvision_table import MODELS
from alscope.backbones._trunks import Tap, Trunk
from alscope.errors import StoreError

__all__ = ["download", "load_weights", "make_model"]

# Where the layers are, by the names that torchvision gives them.
_CONTAINERS = ("features", "trunk_output", "encoder.layers")
_PARTS = ("layer1", "layer2", "layer3", "layer4", "stage2", "stage3", "stage4", "conv5")

_HASH = re.compile(r"-([0-9a-f]{8,})\.pth$")
# Files of the densely connected networks have names from before dots were forbidden in them.
_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")


def make_model(name: str, *, side: int = 0) -> Trunk:
    """A freshly initialized model without its last linear layer."""
    model: Any = models.get_model(name, weights=None)
    path, last = _last_linear(model)
    if last.in_features != MODELS[name].n_features:
        raise RuntimeError(f"{name} has {last.in_features} features in this torchvision")
    parent = model.get_submodule(path.rpartition(".")[0])
    _replace(parent, path.rpartition(".")[2])
    return Trunk(model, _taps(model), side=side)


def load_weights(model: nn.Module, path: Path, *, cache: Path | None = None) -> None:
    """Give a model the weights of a file, whose name ends in the beginning of its SHA-256.

    Args:
        model: Without its last linear layer.
        path: A checkpoint of torchvision.
        cache: Folder for what is derived, where it is kept as safetensors; None: nowhere.

    Raises:
        StoreError: If the file is another one, or does not fit.
    """
    found = _HASH.search(path.name)
    if found is None:
        raise StoreError(f"{path.name} does not carry its digest in its name; fetch it again")
    tensors = pinned_weights(path, sha256=check_sha256(path, found[1]), cache=cache)
    stored = {_OLD_NAME.sub(r"\1\2.", key): value for key, value in tensors.items()}
    missing, _ = model.load_state_dict(stored, strict=False)  # the classifier is left out
    if missing:
        raise StoreError(f"{path} has no {missing[0]}; remove it and fetch it again")


def download(name: str) -> None:
    """Bring the ImageNet weights of a model into torch's cache."""
    folder = checkpoint_folder()
    folder.mkdir(parents=True, exist_ok=True)
    file = MODELS[name].weights
    found = _HASH.search(file)
    url = models.get_model_weights(name).DEFAULT.url
    download_url_to_file(url, str(folder / file), found[1] if found else None, progress=False)


def _last_linear(model: nn.Module) -> tuple[str, nn.Linear]:
    layers = [(path, layer) for path, layer in model.named_modules() if type(layer) is nn.Linear]
    return layers[-1]


def _replace(parent: nn.Module, name: str) -> None:
    """Take out the last layer, and the dropout before it: the network has its own."""
    setattr(parent, name, nn.Identity())
    if isinstance(parent, nn.Sequential) and name.isdecimal() and int(name) > 0:
        before = str(int(name) - 1)
        if isinstance(parent.get_submodule(before), nn.Dropout):
            setattr(parent, before, nn.Identity())


def _taps(model: nn.Module) -> list[Tap]:
    # Swin transformers keep channels last and bring them to the front with `permute` at the end.
    last = hasattr(model, "permute")
    for name in _CONTAINERS:
        parts = name.split(".")
        if hasattr(model, parts[0]):
            return [Tap(layer, last) for layer in model.get_submodule(name).children()]
    return [Tap(model.get_submodule(name)) for name in _PARTS if hasattr(model, name)]
