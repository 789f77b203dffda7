"""A companion that tells known from unknown classes by one more output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.inputs._auxiliary import CompanionContext, CompanionOutput
from alscope.learn.protocols import Companion, LearnerContext
from alscope.params import param
from alscope.types import Arrays

__all__ = ["Detector", "DetectorForward", "DetectorValue"]


@dataclass(frozen=True, kw_only=True)
class Detector(Companion):
    """The run's network with one more output for unknown classes, trained on all that is annotated.

    It is trained as the target model is, but always from scratch.

    Attributes:
        temperature: Logits are divided by it in the loss.
        spare_output: Keep the additional output while no unknown sample is annotated; nothing then
            ever speaks for it. Otherwise the network has as many outputs as there are known
            classes until then.

    References:
        Ning, Zhao, Li and Huang 2022, arXiv:2201.06758.
    """

    temperature: float = param(1.0, low=0.05, high=10.0, help="Divides logits in the loss.")
    spare_output: bool = True

    @property
    def title(self) -> str:
        """In words."""
        return "detector of unknown classes"

    def fit(self, context: LearnerContext) -> tuple[Arrays, dict[str, Any]]:
        """Train as the target model is trained."""
        from alscope.learn.passes import state_arrays
        from alscope.learn.trainer import fit

        any_unknown = bool((context.labels == context.n_classes).any())
        result = fit(
            context.backbone,
            context.data.sample,
            context.data.train,
            indices=context.indices,
            labels=context.labels,
            n_classes=context.n_classes + (self.spare_output or any_unknown),
            train=context.train,
            seed=context.seed,
            device=context.device,
            control=context.control,
            temperature=self.temperature,
        )
        facts = {"steps": result.n_steps, "loss": result.loss, "accuracy": result.accuracy}
        return state_arrays(result.model), facts


class DetectorValue(NamedTuple):
    """What a detector says; the output at n_classes, if there, stands for unknown classes."""

    logits: NDArray[np.float32]
    """(n, n_classes + 1), or (n, n_classes) without an output for unknown classes."""
    embeddings: NDArray[np.float32]
    """Input of the final linear layer, (n, n_features)."""


@dataclass(frozen=True, kw_only=True)
class DetectorForward(CompanionOutput):
    """One deterministic pass of a detector; see `DetectorValue`."""

    companion: Detector

    def extract(self, arrays: Arrays) -> DetectorValue:
        """Logits and embeddings."""
        return DetectorValue(arrays["logits"], arrays["embeddings"])

    def infer(self, context: CompanionContext) -> Arrays:
        """Run the detector once over the samples."""
        from alscope import rng
        from alscope.learn.passes import forward_pass, load_state

        n_outputs = len(context.state["head.bias"])
        with rng.seeded(context.seed, "rebuild"):
            model = context.backbone.build(context.data.sample, n_outputs)
        load_state(model, context.state)
        model.to(context.device)  # type: ignore[attr-defined]
        return forward_pass(model, context.batches, n_classes=n_outputs)
