"""Classification models of torchvision by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.backbones._models import find_checkpoint
from alscope.backbones._torchvision_table import MODELS
from alscope.backbones.protocols import BackboneSpec, channel_problems
from alscope.errors import ConfigError, Problem, nearest
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from alscope.backbones.protocols import Backbone

__all__ = ["TorchvisionModelSpec"]


@backbones.register("torchvision_model", title="torchvision model")
@dataclass(frozen=True, kw_only=True)
class TorchvisionModelSpec(BackboneSpec):
    """A classification model of torchvision without its last layer, with a fresh linear head.

    The embedding is what the model's last linear layer reads. Grey images are repeated in three
    channels. Images come standardized by their own data set, as for every backbone; for photographs
    that is close to the statistics of ImageNet.

    Attributes:
        model: torchvision's name, such as "mobilenet_v3_small", "convnext_tiny" or "vit_b_16".
        weights: "none" to start from scratch, or "imagenet".
        image_size: Side that images are resized to; 0: they stay as they are.
        allow_download: Fetch the weights if they are not on this machine.
    """

    modalities = frozenset({"image"})
    title = "torchvision model"

    model: str = param("mobilenet_v3_small", help="torchvision's name of the model.")
    weights: str = param("none", choices=("none", "imagenet"), help="What it starts from.")
    image_size: int = param(
        0, low=0, high=1024, unit="pixels", help="Side images are resized to; 0: not at all."
    )
    allow_download: bool = param(False, help="Fetch the weights if they are not here.")

    @property
    def pretrained(self) -> bool:
        """Whether it starts from ImageNet weights."""
        return self.weights == "imagenet"

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """A name that torchvision does not have, weights that are not here, a wrong size."""
        wrong = super().problems(sample) or channel_problems(self.key, sample)
        if wrong:
            return wrong
        known = MODELS.get(self.model)
        if known is None:
            guess = nearest(self.model, MODELS)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(MODELS)}"
            return (f"torchvision has no model {self.model!r}; {hint}",)
        side = self.image_size or min(sample.shape[1:])
        size = known.size_problem(side)
        found = [f"{self.model} {size}"] if size else []
        if self.pretrained and not self.allow_download and self._file() is None:
            found.append(self._missing())
        return tuple(found)

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """The model, freshly initialized or with ImageNet weights, and a fresh head."""
        from alscope.backbones._torchvision import make_model
        from alscope.backbones._trunks import TrunkNetwork

        if self.model not in MODELS:
            raise ConfigError([Problem("backbone.params.model", self.problems(sample)[0])])
        trunk = make_model(self.model, side=self.image_size)
        if self.pretrained:
            self._load(trunk.model)
        return TrunkNetwork(
            trunk,
            n_features=MODELS[self.model].n_features,
            n_classes=n_classes,
            dropout=self.dropout,
        )

    def _load(self, model: nn.Module) -> None:
        from alscope.backbones._torchvision import download, load_weights

        if self._file() is None and self.allow_download:
            download(self.model)
        path = self._file()
        if path is None:
            raise ConfigError([Problem("backbone.params.weights", self._missing())])
        load_weights(model, path)

    def _file(self) -> Path | None:
        return find_checkpoint(MODELS[self.model].weights)

    def _missing(self) -> str:
        return (
            f"the ImageNet weights of {self.model} are not on this machine; put "
            f"{MODELS[self.model].weights} into the folder hub/checkpoints of torch's cache, or "
            "set backbone.params.allow_download = true"
        )
