"""Inputs of the target model with its dropout sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.backbones.protocols import BackboneSpec
from alscope.inputs._base import Input, InputContext
from alscope.inputs._forward import Forward
from alscope.params import param
from alscope.types import Arrays, SampleSpec

__all__ = ["McMoments", "McMomentsValue", "McProbs"]

_NO_DROPOUT = (
    "no stochastic layer: the backbone's dropout is 0, so all passes would be equal; "
    "set backbone.params.dropout above 0"
)


class McMomentsValue(NamedTuple):
    """What T stochastic passes leave behind, without the (T, n, n_classes) tensor."""

    mean_probs: NDArray[np.float64]
    """Mean probability over the passes, (n, n_classes)."""
    mean_entropy: NDArray[np.float64]
    """Mean entropy of the passes in nats, (n,)."""
    std_probs: NDArray[np.float64]
    """Population standard deviation over the passes, (n, n_classes)."""
    votes: NDArray[np.int64]
    """How many passes vote for each class, (n, n_classes)."""
    n_samples: int
    """T."""


@dataclass(frozen=True, kw_only=True)
class McMoments(Input):
    """Moments of T stochastic (dropout) passes.

    Only dropout is switched to sampling; everything else stays in evaluation mode. When all active
    dropout lies between embedding and head, the backbone runs once and only the head is repeated,
    with one mask per pass that all samples share: one draw of the weights, the setting in which
    mutual information between label and weights is defined. Otherwise the network runs once per
    pass, and every sample has masks of its own: what one sample says has the same distribution, but
    pass t of one sample and pass t of another are not one network.

    Attributes:
        n_samples: Number of passes T.

    References:
        Gal and Ghahramani 2016, arXiv:1506.02142.
    """

    asks = "dropout"

    n_samples: int = param(10, low=2, high=1000, help="Stochastic passes.", paper="10 to 100")

    def parents(self) -> tuple[Input, ...]:
        """The forward pass, whose embeddings serve all passes in the head-only form."""
        return (Forward(on=self.on),)

    def extract(self, arrays: Arrays) -> McMomentsValue:
        """The moments."""
        return McMomentsValue(
            mean_probs=arrays["mean_probs"],
            mean_entropy=arrays["mean_entropy"],
            std_probs=arrays["std_probs"],
            votes=arrays["votes"],
            n_samples=self.n_samples,
        )

    def problems(self, backbone: BackboneSpec, sample: SampleSpec) -> tuple[str, ...]:
        """A backbone without dropout has nothing to sample from."""
        return (_NO_DROPOUT,) if backbone.stochastic == "none" else ()

    def compute(self, context: InputContext) -> Arrays:
        """Run the stochastic passes."""
        from alscope.learn.passes import mc_moments

        return mc_moments(
            context.model,
            context.batches,
            n_samples=self.n_samples,
            n_classes=context.n_classes,
            embeddings=context.parents[Forward(on=self.on)]["embeddings"],
            generator=context.generator,
        )


@dataclass(frozen=True, kw_only=True)
class McProbs(Input):
    """Class probabilities of each of T stochastic (dropout) passes, (n, T, n_classes), float32.

    One mask per pass is shared by all samples, so that pass t is the same network everywhere: what
    one sample's label says about the network can be carried over to the others. The masks are drawn
    as those of `McMoments` are, from a stream of their own. Only dropout directly before the head
    can be sampled so; where a backbone samples from its inner layers as well, this input is
    refused. Memory and cache entry:
    4 * n * T * n_classes bytes (200 MB for n = 50,000, T = 10 and 100 classes).

    Attributes:
        n_samples: Number of passes T; memory grows with it.

    References:
        Gal and Ghahramani 2016, arXiv:1506.02142.
    """

    asks = "dropout"

    n_samples: int = param(10, low=2, high=50, help="Stochastic passes, all of them kept.")

    def parents(self) -> tuple[Input, ...]:
        """The forward pass, whose embeddings serve all passes."""
        return (Forward(on=self.on),)

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The probabilities."""
        return arrays["probs"]

    def problems(self, backbone: BackboneSpec, sample: SampleSpec) -> tuple[str, ...]:
        """A backbone needs dropout, and passes that are one network for all samples."""
        if backbone.stochastic == "full":
            return (
                "the backbone draws dropout masks for each sample, but passes must be one network "
                "for all samples; sample from the dropout before the head only",
            )
        return (_NO_DROPOUT,) if backbone.stochastic == "none" else ()

    def compute(self, context: InputContext) -> Arrays:
        """Run the head once per pass."""
        from alscope.learn.passes import mc_probs

        return mc_probs(
            context.model,
            context.batches,
            n_samples=self.n_samples,
            n_classes=context.n_classes,
            embeddings=context.parents[Forward(on=self.on)]["embeddings"],
            generator=context.generator,
        )
