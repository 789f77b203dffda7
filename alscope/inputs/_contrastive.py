"""Companions that learn without labels which samples are alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from alscope.backbones.protocols import BackboneSpec
from alscope.errors import ConfigError, Problem
from alscope.inputs._auxiliary import CompanionContext, CompanionOutput
from alscope.learn.protocols import Companion, LearnerContext
from alscope.params import param
from alscope.types import Arrays, SampleSpec

__all__ = ["ContrastiveEncoder", "Projections", "encoder_setting", "setting_problem"]

_FROZEN, _PAPER = "frozen", "paper"
_TRAINED = re.compile(r"(?:ssl|paper):([1-9][0-9]{0,3})")
_MOST_EPOCHS = 5000


@dataclass(frozen=True, kw_only=True)
class ContrastiveEncoder(Companion):
    """An encoder that brings two views of a sample together and keeps samples apart; no labels.

    The run's own network with a projection head is trained by NT-Xent on all samples of the trial
    (SimCLR). With shifts, every sample comes in a few strongly changed copies as well (images
    turned by quarters, texts with their words in another order), which count as samples of their
    own, and a second head says which copy it sees (CSI).

    "frozen" trains nothing and takes plain features: of a pretrained network if the run has one,
    else pixels, weighted words, or the features themselves. It has no shifts, so that two frozen
    encoders are one.

    Attributes:
        setting: "frozen"; "ssl:<epochs>", a small training with settings of our own; or
            "paper:<epochs>", the published optimizer.
        shifts: Train with shifted copies too, which takes as many times longer as there are shifts.

    References:
        Chen, Kornblith, Norouzi and Hinton 2020, arXiv:2002.05709 (SimCLR).
        Tack, Mo, Jeong and Shin 2020, arXiv:2007.08176 (CSI).
        Gao, Yao and Chen 2021, arXiv:2104.08821 (dropout as a view of a text).

    Deviations:
        See `alscope.learn.contrastive`.
    """

    label_free: ClassVar[bool] = True
    uses_train: ClassVar[bool] = False

    setting: str = _FROZEN
    shifts: bool = False

    def __post_init__(self) -> None:
        if self.is_frozen:
            object.__setattr__(self, "shifts", False)

    @property
    def is_frozen(self) -> bool:
        """Whether nothing is trained."""
        return self.setting == _FROZEN

    @property
    def is_random(self) -> bool:
        """Unless nothing is trained."""
        return not self.is_frozen

    @property
    def is_published(self) -> bool:
        """Whether the published optimizer is used."""
        return self.setting.startswith(_PAPER)

    @property
    def n_epochs(self) -> int:
        """Passes over all samples of the trial; 0 if nothing is trained.

        Raises:
            ConfigError: If the setting is not legal.
        """
        if self.is_frozen:
            return 0
        n_epochs = _epochs_of(self.setting)
        if n_epochs is None:
            raise ConfigError([Problem("encoder", _complaint(self.setting))])
        return n_epochs

    @property
    def title(self) -> str:
        """In words."""
        if self.is_frozen:
            return "frozen features, nothing trained"
        kind = "contrastive encoder" + (" with shifted copies" if self.shifts else "")
        unit = "epoch" if self.n_epochs == 1 else "epochs"
        return f"{kind}, {self.n_epochs} {unit}" + (" as published" if self.is_published else "")

    def problems(self, backbone: BackboneSpec, sample: SampleSpec) -> tuple[str, ...]:
        """An illegal setting, and features: there is nothing to augment in them."""
        if self.is_frozen:
            return ()
        if _epochs_of(self.setting) is None:
            return (_complaint(self.setting),)
        if sample.modality != "features":
            return ()
        return (
            f"the encoder {self.setting!r} learns from changed copies of images or texts, and "
            "these samples are plain features; choose 'frozen'",
        )

    def fit(self, context: LearnerContext) -> tuple[Arrays, dict[str, Any]]:
        """Statistics of plain features, or a trained network with its heads.

        Raises:
            ShapeError: If there are too few samples to compare.
            TrainingDiverged: If the loss stopped being finite.
            Interrupted: If the run is to stop.
        """
        if self.is_frozen:
            from alscope.learn.frozen import fit_frozen

            return fit_frozen(context)
        from alscope.learn.contrastive import fit_encoder

        return fit_encoder(
            context, n_epochs=self.n_epochs, shifts=self.shifts, published=self.is_published
        )


@dataclass(frozen=True, kw_only=True)
class Projections(CompanionOutput):
    """Where an encoder puts samples, (n, n_shifts, d), float32, not normalized.

    With "frozen", rows of plain features, of length 1; there n_shifts is 1 and `n_views` has no
    meaning. Else what the projection head says; n_shifts is 1 unless the encoder was trained with
    shifts and the samples have them (square images 4, other images 2, texts 2 if the network sees
    the order of words), and the first one is the sample as it is.

    Attributes:
        n_views: 1: the sample as it is. More: so many random views, with a crop of fixed size for
            images, averaged per shift; takes as many times longer.
    """

    companion: ContrastiveEncoder
    n_views: int = param(1, low=1, high=100, help="Random views that are averaged.", paper="10")

    def __post_init__(self) -> None:
        if self.companion.is_frozen:
            object.__setattr__(self, "n_views", 1)

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The projections."""
        return arrays["projections"]

    def infer(self, context: CompanionContext) -> Arrays:
        """Run the encoder over the samples, once per shift and view."""
        if self.companion.is_frozen:
            from alscope.learn.frozen import frozen_features

            features = frozen_features(context, context.state, context.batches)
            return {"projections": features[:, None]}
        from alscope.learn.contrastive import project

        projections = project(
            context,
            context.state,
            context.batches,
            shifts=self.companion.shifts,
            n_views=self.n_views,
        )
        return {"projections": projections}


def encoder_setting(setting: str, *, paper_epochs: int) -> str:
    """The setting of `ContrastiveEncoder` for what a user chose.

    Args:
        setting: "frozen", "ssl:<epochs>" or "paper".
        paper_epochs: Epochs that "paper" stands for.
    """
    return f"{_PAPER}:{paper_epochs}" if setting == _PAPER else setting


def setting_problem(setting: str) -> str | None:
    """Why a user's choice of an encoder is not legal; None if it is.

    Args:
        setting: Legal are "frozen", "ssl:<epochs>" with 1 to 5000 epochs, and "paper".
    """
    if setting in (_FROZEN, _PAPER):
        return None
    own = isinstance(setting, str) and setting.startswith("ssl:")
    return None if own and _epochs_of(setting) is not None else _complaint(setting)


def _epochs_of(setting: str) -> int | None:
    match = _TRAINED.fullmatch(setting) if isinstance(setting, str) else None
    return int(match[1]) if match and int(match[1]) <= _MOST_EPOCHS else None


def _complaint(setting: str) -> str:
    return (
        f"the encoder is {setting!r}, but must be {_FROZEN!r}, 'ssl:<epochs>' with 1 to "
        f"{_MOST_EPOCHS} epochs (as in 'ssl:30'), or {_PAPER!r}"
    )
