"""Classification models of timm by name; an optional package."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from alscope.backbones._models import file_in, find_model, package_folder
from alscope.backbones.protocols import BackboneSpec, channel_problems
from alscope.errors import ConfigError, MissingDependency, Problem, nearest
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["TimmModelSpec"]

_INSTALL = "the package timm is not installed; pip install timm (18 MB)"
_NAME = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)


@backbones.register("timm_model", title="timm model")
@dataclass(frozen=True, kw_only=True)
class TimmModelSpec(BackboneSpec):
    """A classification model of timm without its classifier, with a fresh linear head.

    Needs the optional package timm. The embedding is what the model's classifier reads. Grey images
    are repeated in three channels. Weights are read from safetensors files only.

    Attributes:
        model: timm's name, such as "resnet18d"; with its tag, "resnet18d.ra2_in1k", for weights.
        weights: "none" to start from scratch, or "pretrained".
        image_size: Side that images are resized to; 0: they stay as they are.
        allow_download: Fetch the weights from the Hugging Face Hub if they are not here.

    References:
        Wightman 2019, doi:10.5281/zenodo.4414861 (PyTorch Image Models).
    """

    modalities = frozenset({"image"})
    title = "timm model"

    model: str = param("resnet18d", help="timm's name of the model.")
    weights: str = param("none", choices=("none", "pretrained"), help="What it starts from.")
    image_size: int = param(
        0, low=0, high=1024, unit="pixels", help="Side images are resized to; 0: not at all."
    )
    allow_download: bool = param(False, help="Fetch the weights if they are not here.")

    @property
    def pretrained(self) -> bool:
        """Whether it starts from weights that were trained before."""
        return self.weights == "pretrained"

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """A missing package, a name that timm does not have, or weights that are not here."""
        wrong = super().problems(sample) or channel_problems(self.key, sample)
        return wrong or self._missing()

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """The model, freshly initialized or with weights, and a fresh head."""
        if package_folder("timm") is None:
            raise MissingDependency(_INSTALL)
        from alscope.backbones._timm import download, make_model
        from alscope.backbones._trunks import TrunkNetwork

        if self.pretrained and self._file() is None and self.allow_download:
            download(self.model)
        missing = self._missing()
        if missing:
            raise ConfigError([Problem("backbone.params.model", missing[0])])
        trunk, n_features = make_model(
            self.model, weights=self._file() if self.pretrained else None, side=self.image_size
        )
        return TrunkNetwork(trunk, n_features=n_features, n_classes=n_classes, dropout=self.dropout)

    def _missing(self) -> tuple[str, ...]:
        folder = package_folder("timm")
        if folder is None:
            return (_INSTALL,)
        name = self.model.partition(".")[0]
        known = _names(folder)
        if name not in known:
            guess = nearest(name, known)
            hint = f"; did you mean {guess!r}?" if guess else ""
            return (f"timm has no model {name!r}{hint}",)
        if self.pretrained and not self.allow_download and self._file() is None:
            return (
                f"timm/{self.model} with model.safetensors is not in the local Hugging Face cache; "
                "give the name with its tag (resnet18d.ra2_in1k), and set "
                "backbone.params.allow_download = true to fetch it from the Hub",
            )
        return ()

    def _file(self) -> Path | None:
        return file_in(find_model(f"timm/{self.model}"), "model.safetensors")


@lru_cache(maxsize=1)
def _names(folder: Path) -> frozenset[str]:
    """Names of models, read from the source: importing timm loads torch."""
    files = (folder / "models").glob("*.py")
    return frozenset(
        name for path in files for name in _NAME.findall(path.read_text(encoding="utf-8"))
    )
