"""Inputs that come from heads trained with the target model, and from learners beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alscope.backbones.protocols import BackboneSpec
from alscope.inputs._base import Input, InputContext
from alscope.learn.protocols import Attachment, Companion, LearnerContext
from alscope.types import Arrays, SampleSpec

if TYPE_CHECKING:
    from alscope.learn.passes import Batches

__all__ = ["AttachmentOutput", "CompanionContext", "CompanionOutput"]


@dataclass(frozen=True, kw_only=True)
class AttachmentOutput(Input):
    """What a head trained with the target model says, (n, n_outputs), float32.

    Attributes:
        attachment: The head; the strategy must declare it in `attachments` as well.
    """

    asks = "training"

    attachment: Attachment

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The outputs."""
        return arrays["output"]

    def compute(self, context: InputContext) -> Arrays:
        """Run network and head once over the index set."""
        from alscope.learn.attachments import attachment_pass

        return attachment_pass(
            context.model,
            context.attachments[self.attachment],
            context.batches,
            n_outputs=self.attachment.n_outputs(context.n_classes),
        )


@dataclass(frozen=True, eq=False)
class CompanionContext(LearnerContext):
    """What a fitted companion may use to look at samples.

    Attributes:
        state: What `Companion.fit` returned.
        batches: The samples, in ascending order; deterministic views.
    """

    state: Arrays
    batches: Batches


@dataclass(frozen=True, kw_only=True)
class CompanionOutput(Input):
    """Base of what fitted companions say about samples; the target model has no part in it.

    Attributes:
        companion: The learner.
    """

    asks = "training"

    companion: Companion

    def problems(self, backbone: BackboneSpec, sample: SampleSpec) -> tuple[str, ...]:
        """Why the companion cannot be fitted."""
        return self.companion.problems(backbone, sample)

    def infer(self, context: CompanionContext) -> Arrays:
        """The arrays; the first axis of each is the samples in ascending order."""
        raise NotImplementedError

    def compute(self, context: InputContext) -> Any:
        """Refused: a companion is not the target model."""
        raise TypeError(f"{type(self).__name__} is inferred by its companion")
