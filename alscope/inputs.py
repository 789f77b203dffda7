"""What a strategy can ask for.

An input is a frozen value: its fields are its identity, and part of the key under which its arrays
are cached. `Logits`, `Probs` and `Embeddings` are parts of one `Forward` pass; asking for several
of them costs one pass. A strategy that needs a new kind of pass defines an `Input` in its own file.

Cheap to import: torch is loaded by `compute` only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.backbones.protocols import BackboneSpec
from alscope.params import param
from alscope.types import Arrays

if TYPE_CHECKING:
    import torch

    from alscope.backbones.protocols import Backbone
    from alscope.learn.passes import Batches

__all__ = [
    "Embeddings",
    "Forward",
    "Head",
    "HeadParams",
    "Input",
    "InputContext",
    "Logits",
    "McMoments",
    "McMomentsValue",
    "McProbs",
    "Probs",
]

_NO_DROPOUT = (
    "no stochastic layer: the backbone's dropout is 0, so all passes would be equal; "
    "set backbone.params.dropout above 0"
)


@dataclass(frozen=True, eq=False)
class InputContext:
    """What `Input.compute` may use; made by the engine.

    Attributes:
        model: The target model in evaluation mode, on `device`.
        batches: The samples of the index set the input is defined on, in ascending order.
        device: Where the model is.
        n_classes: Known classes.
        parents: The arrays of the inputs named by `Input.parents`.
        generator: `generator("masks", t)` is a torch generator (CPU) for a named stream.
    """

    model: Backbone
    batches: Batches
    device: torch.device
    n_classes: int
    parents: Mapping[Input, Arrays]
    generator: Callable[..., torch.Generator]


@dataclass(frozen=True, kw_only=True)
class Input:
    """Base of all inputs.

    Attributes:
        on: The index set it is computed on: "pool", "labeled" or "unknowns".
    """

    on: str = param("pool", choices=("pool", "labeled", "unknowns"))

    version = 1

    def source(self) -> Input:
        """The input that is computed and cached; itself unless this is a part of another one."""
        return self

    def parents(self) -> tuple[Input, ...]:
        """Inputs whose arrays `compute` needs."""
        return ()

    def extract(self, arrays: Arrays) -> Any:
        """The value a strategy sees, from the arrays of `source()`."""
        return arrays

    def problems(self, backbone: BackboneSpec) -> tuple[str, ...]:
        """Why this input cannot be had from a backbone; empty if it can."""
        return ()

    def compute(self, context: InputContext) -> Arrays:
        """The arrays; rows in ascending sample order."""
        raise TypeError(f"{type(self).__name__} is a part of {self.source()!r}, not a pass")


@dataclass(frozen=True, kw_only=True)
class Forward(Input):
    """One deterministic pass: `logits` (n, n_classes) and `embeddings` (n, n_features), float32."""

    def compute(self, context: InputContext) -> Arrays:
        """Run the model once over the index set."""
        from alscope.learn.passes import forward_pass

        return forward_pass(context.model, context.batches, n_classes=context.n_classes)


@dataclass(frozen=True, kw_only=True)
class Logits(Input):
    """Logits of the target model, (n, n_classes), float32."""

    def source(self) -> Input:
        """Part of the forward pass."""
        return Forward(on=self.on)

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The logits."""
        return arrays["logits"]


@dataclass(frozen=True, kw_only=True)
class Probs(Input):
    """Class probabilities of the target model, (n, n_classes), float64; rows sum to 1."""

    def source(self) -> Input:
        """Part of the forward pass."""
        return Forward(on=self.on)

    def extract(self, arrays: Arrays) -> NDArray[np.float64]:
        """Softmax of the logits."""
        logits = arrays["logits"].astype(np.float64)
        # Logits that are not finite become NaN quietly; who reads them names the row.
        with np.errstate(invalid="ignore"):
            shifted = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
            probs: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
        return probs


@dataclass(frozen=True, kw_only=True)
class Embeddings(Input):
    """Input of the final linear layer, (n, n_features), float32."""

    def source(self) -> Input:
        """Part of the forward pass."""
        return Forward(on=self.on)

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The embeddings."""
        return arrays["embeddings"]


class HeadParams(NamedTuple):
    """The final linear layer: logits = embeddings @ weight.T + bias."""

    weight: NDArray[np.float32]
    """(n_classes, n_features)."""
    bias: NDArray[np.float32]
    """(n_classes,)."""


@dataclass(frozen=True, kw_only=True)
class Head(Input):
    """The final linear layer, as `HeadParams`."""

    def extract(self, arrays: Arrays) -> HeadParams:
        """Weight and bias."""
        return HeadParams(arrays["weight"], arrays["bias"])

    def compute(self, context: InputContext) -> Arrays:
        """Read the parameters."""
        head = context.model.head
        return {
            "weight": head.weight.detach().float().cpu().numpy().copy(),
            "bias": head.bias.detach().float().cpu().numpy().copy(),
        }


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

    Only dropout is switched to sampling; everything else stays in evaluation mode. One mask per
    pass is shared by all samples: one draw of the weights, the setting in which mutual information
    between label and weights is defined. When all active dropout lies between embedding and head,
    the backbone runs once and only the head is repeated.

    Attributes:
        n_samples: Number of passes T.

    References:
        Gal and Ghahramani 2016, arXiv:1506.02142.
    """

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

    def problems(self, backbone: BackboneSpec) -> tuple[str, ...]:
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

    n_samples: int = param(10, low=2, high=50, help="Stochastic passes, all of them kept.")

    def parents(self) -> tuple[Input, ...]:
        """The forward pass, whose embeddings serve all passes."""
        return (Forward(on=self.on),)

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The probabilities."""
        return arrays["probs"]

    def problems(self, backbone: BackboneSpec) -> tuple[str, ...]:
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
