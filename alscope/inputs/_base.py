"""What an input is, and what it is computed from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from alscope.backbones.protocols import BackboneSpec
from alscope.learn.protocols import Attachment
from alscope.params import param
from alscope.types import Arrays, SampleSpec

if TYPE_CHECKING:
    import torch
    from torch import nn

    from alscope.backbones.protocols import Backbone
    from alscope.learn.passes import Batches

__all__ = ["Input", "InputContext"]


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
        attachments: Heads that were trained with the model, by what declared them.
    """

    model: Backbone
    batches: Batches
    device: torch.device
    n_classes: int
    parents: Mapping[Input, Arrays]
    generator: Callable[..., torch.Generator]
    attachments: Mapping[Attachment, nn.Module] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Input:
    """Base of all inputs.

    Attributes:
        on: The index set it is computed on: "pool", "labeled" or "unknowns".
    """

    on: str = param("pool", choices=("pool", "labeled", "unknowns"))

    version = 1

    asks: ClassVar[str] = "other"
    """What it asks for, in a word that strategies are filtered by; see `alscope.catalogue.ASKS`."""

    def source(self) -> Input:
        """The input that is computed and cached; itself unless this is a part of another one."""
        return self

    def parents(self) -> tuple[Input, ...]:
        """Inputs whose arrays `compute` needs."""
        return ()

    def extract(self, arrays: Arrays) -> Any:
        """The value a strategy sees, from the arrays of `source()`."""
        return arrays

    def problems(self, backbone: BackboneSpec, sample: SampleSpec) -> tuple[str, ...]:
        """Why this input cannot be had from a backbone and such samples; empty if it can."""
        return ()

    def compute(self, context: InputContext) -> Arrays:
        """The arrays; rows in ascending sample order."""
        raise TypeError(f"{type(self).__name__} is a part of {self.source()!r}, not a pass")
