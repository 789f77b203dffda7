"""Heads that are trained together with the target model: making, training, keeping, using them.

`build_heads` makes the modules, `AttachedHeads` trains them, `heads_state` and `load_heads` carry
them through the artifact of the trained model, where `target_state` is what belongs to the network,
and `attachment_pass` looks at samples with one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from alscope.config import TrainConfig
from alscope.errors import StoreError
from alscope.learn.optim import make_optimizer, rate
from alscope.learn.passes import Batches, module_of
from alscope.learn.protocols import Attachment, TrainBatch
from alscope.types import Arrays

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone
    from alscope.data.views import Source

__all__ = [
    "AttachedHeads",
    "attachment_pass",
    "build_heads",
    "heads_state",
    "load_heads",
    "target_state",
]

_PREFIX = "attachments/"
_LOWEST_RATE = 1e-3


def build_heads(
    attachments: Sequence[Attachment], model: Backbone, source: Source, *, n_classes: int
) -> nn.ModuleList:
    """Freshly initialized heads for a network; random numbers come from torch's global generator.

    The widths of the taps are those of one sample, whichever it is.

    Args:
        attachments: What to build, in this order.
        model: On its device; left in evaluation mode, otherwise untouched.
        source: Any data the network reads; not read without attachments.
        n_classes: Known classes.

    Returns:
        One module per attachment, on the device of the model, in evaluation mode.
    """
    if not attachments:
        return nn.ModuleList()
    device = model.head.weight.device
    inputs = source.eval_batch(np.zeros(1, dtype=np.int64))
    module_of(model).eval()
    with torch.no_grad():
        _, taps = model.with_taps({name: tensor.to(device) for name, tensor in inputs.items()})
    widths = tuple(tap.shape[1] for tap in taps)
    heads = nn.ModuleList([attachment.build(widths, n_classes) for attachment in attachments])
    return heads.to(device).eval()


class AttachedHeads:
    """Heads in training, with an optimizer of their own.

    It is of the kind the run uses, with the same schedule, and a peak rate of at least 0.001: at
    the rates that fine-tune a pretrained network a fresh head would stay where it began. Gradients
    are clipped head by head. So the update of the network is the same, to the last bit, as without
    heads, unless their gradients reach it through the taps.

    One step is `losses`, `zero_grad`, a backward pass through the sum of all losses, `update`.

    Args:
        attachments: What the heads are.
        modules: The heads, in the same order.
        train: How the run trains.
    """

    def __init__(
        self, attachments: Sequence[Attachment], modules: nn.ModuleList, train: TrainConfig
    ) -> None:
        self._attachments = tuple(attachments)
        self._modules = modules.train()
        self._train = replace(train, lr=max(train.lr, _LOWEST_RATE))
        self._optimizer = make_optimizer(self._train, modules.parameters())
        self._memories: list[dict[str, Any]] = [{} for _ in attachments]

    def losses(self, batch: TrainBatch) -> tuple[Tensor, ...]:
        """What every head adds to the loss of the network, scalars."""
        parts = zip(self._attachments, self._modules, self._memories, strict=True)
        return tuple(one.loss(module, batch, memory) for one, module, memory in parts)

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        self._optimizer.zero_grad()

    def update(self, step: int, n_steps: int) -> None:
        """Move the heads along their gradients.

        Args:
            step: From 0.
            n_steps: Steps of the whole training.
        """
        if self._train.grad_clip > 0:
            for module in self._modules:
                nn.utils.clip_grad_norm_(module.parameters(), self._train.grad_clip)
        self._optimizer.step(rate(self._train, step, n_steps))


def heads_state(heads: nn.ModuleList) -> Arrays:
    """Parameters and buffers of all heads as copies, called "attachments/<position>/<name>"."""
    return {
        _PREFIX + name.replace(".", "/", 1): tensor.detach().cpu().numpy().copy()
        for name, tensor in heads.state_dict().items()
    }


def load_heads(heads: nn.ModuleList, arrays: Arrays) -> None:
    """Give heads what `heads_state` read; entries that belong to the network are passed over.

    Raises:
        StoreError: If names or shapes are not those of the heads.
    """
    given = {name: array for name, array in arrays.items() if name.startswith(_PREFIX)}
    shapes = {name: array.shape for name, array in given.items()}
    wanted = {name: array.shape for name, array in heads_state(heads).items()}
    if wanted != shapes:
        odd = min(name for name in wanted | shapes if wanted.get(name) != shapes.get(name))
        raise StoreError(
            f"the stored state does not fit the heads that are trained with the network; the first "
            f"entry that differs is {odd!r} (stored {shapes.get(odd)}, wanted {wanted.get(odd)})"
        )
    heads.load_state_dict(
        {
            name.removeprefix(_PREFIX).replace("/", ".", 1): torch.from_numpy(np.array(array))
            for name, array in given.items()
        }
    )


def target_state(arrays: Arrays) -> Arrays:
    """The entries that belong to the network itself."""
    return {name: array for name, array in arrays.items() if not name.startswith(_PREFIX)}


@torch.no_grad()
def attachment_pass(
    model: Backbone, module: nn.Module, batches: Batches, *, n_outputs: int
) -> Arrays:
    """What a head says about every sample, in the order of the index set.

    Args:
        model: On the device of `batches`; left in evaluation mode, otherwise untouched.
        module: A head that was trained with it; likewise.
        batches: The samples.
        n_outputs: Outputs of the head.

    Returns:
        `output`, (n, n_outputs), float32.
    """
    module_of(model).eval()
    module.eval()
    output = np.empty((batches.n, n_outputs), dtype=np.float32)
    for positions, inputs in batches:
        _, taps = model.with_taps(inputs)
        output[positions] = module(taps).float().cpu().numpy()
    return {"output": output}
