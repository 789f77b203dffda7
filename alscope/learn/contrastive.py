"""Encoders that learn without labels: two views of a sample belong together.

The run's network, freshly built, with a projection head on its embedding (linear, ReLU, linear,
128 outputs) and a linear head that names the shift. Labels are never read, nor is the number of
classes.

References:
    Chen, Kornblith, Norouzi and Hinton 2020, arXiv:2002.05709 (SimCLR).
    Tack, Mo, Jeong and Shin 2020, arXiv:2007.08176 (CSI).
    Gao, Yao and Chen 2021, arXiv:2104.08821 (dropout as a view of a text, temperature 0.05).
    You, Gitman and Ginsburg 2017, arXiv:1708.03888 (LARS).

Deviations:
    The small training has settings of our own: images SGD with Nesterov momentum, texts AdamW, both
    with warm-up and cosine. A crop keeps at least about 6 x 6 pixels, and images are mirrored only
    where the data set's own training transform does so. No paper defines text: views drop a tenth
    of the tokens besides dropout, the shift is another order of the inner tokens, and networks
    blind to the order have no shift. "paper" is the published schedule of images, for texts too, of
    SGD with LARS for all, which CCAL's authors do without.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from alscope import rng
from alscope.errors import ShapeError, TrainingDiverged
from alscope.learn._contrastive_plan import Plan, plan_of
from alscope.learn.augment import hashed_draws
from alscope.learn.optim import Optimizer, batch_bounds
from alscope.learn.passes import load_state, module_of, state_arrays
from alscope.learn.protocols import LearnerContext
from alscope.learn.shifted_views import Draw, Inputs, Views, views_of
from alscope.types import Arrays, IntArray

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone
    from alscope.learn.passes import Batches

__all__ = ["csi_loss", "fit_encoder", "nt_xent", "project"]

_WIDTH = 128
_ANY_CLASSES = 2  # outputs of a head that nobody reads


def nt_xent(projections: Tensor, *, temperature: float) -> Tensor:
    """Normalized, temperature-scaled cross-entropy; a scalar.

    Every view has to find the other view of its sample among all others by cosine similarity.

    Args:
        projections: (2 m, d); rows i and i + m are the views of sample i.
        temperature: Similarities are divided by it.

    References:
        Chen, Kornblith, Norouzi and Hinton 2020, arXiv:2002.05709, eq. 1.
    """
    n = len(projections)
    unit = functional.normalize(projections, dim=1)
    itself = torch.eye(n, dtype=torch.bool, device=unit.device)
    similarities = (unit @ unit.T / temperature).masked_fill(itself, -math.inf)  # (2 m, 2 m)
    partners = torch.arange(n, device=unit.device).roll(n // 2)
    return functional.cross_entropy(similarities, partners)


def csi_loss(
    projections: Tensor, shift_logits: Tensor, *, n_shifts: int, temperature: float
) -> Tensor:
    """NT-Xent over shifted copies as samples of their own, plus the error in naming the shift.

    Args:
        projections: (2 * n_shifts * m, d), ordered by view, then shift, then sample.
        shift_logits: (2 * n_shifts * m, n_shifts), in the same order.
        n_shifts: 1: NT-Xent alone, because there is nothing to name.
        temperature: Of NT-Xent.

    References:
        Tack, Mo, Jeong and Shin 2020, arXiv:2007.08176, eq. 3 to 5 (both terms with weight 1).
    """
    m = len(projections) // (2 * n_shifts)
    shifts = torch.arange(n_shifts, device=projections.device).repeat_interleave(m).repeat(2)
    return nt_xent(projections, temperature=temperature) + functional.cross_entropy(
        shift_logits, shifts
    )


def fit_encoder(
    context: LearnerContext, *, n_epochs: int, shifts: bool, published: bool
) -> tuple[Arrays, dict[str, Any]]:
    """Train on all samples of a trial.

    Args:
        context: Samples, network, seed, device.
        n_epochs: Passes over the samples.
        shifts: With shifted copies (CSI) instead of without (SimCLR).
        published: SGD with LARS and a warm-up of ten epochs instead of our settings.

    Returns:
        Parameters and buffers of network and heads, and facts.

    Raises:
        ShapeError: If there are fewer than two samples.
        TrainingDiverged: If the loss or a weight stops being finite.
        Interrupted: If `control` asks to stop.
    """
    if context.indices.size < 2:
        raise ShapeError(
            f"a contrastive encoder compares samples, and there are {context.indices.size}; "
            "choose a larger pool or the encoder 'frozen'"
        )
    views = views_of(context, shifts=shifts)
    model = _built(context, views.n_shifts, "model_init")
    modality = context.data.sample.modality
    plan = plan_of(context.backbone, modality, n_epochs, published=published)
    job = _Training(context, model, views, plan)
    loss = job.run()
    kind = "published" if published else "ssl"
    facts = {
        "encoder": f"{kind}: {context.backbone.key}, {n_epochs} epochs",
        "n_samples": int(context.indices.size),
        "n_shifts": views.n_shifts,
        "steps": job.n_steps,
        "loss": loss,
    }
    return state_arrays(_stored(model)), facts


@torch.no_grad()
def project(
    context: LearnerContext, state: Arrays, batches: Batches, *, shifts: bool, n_views: int
) -> NDArray[np.float32]:
    """Projections of every sample, in evaluation mode.

    Random views follow from the seed and the sample, not from the batch or the set it is in; their
    crops keep 54 % of an image. Dropout is off.

    Args:
        context: As in `fit_encoder`; `indices` are the samples of `batches`.
        state: What `fit_encoder` returned.
        batches: The samples.
        shifts: As in `fit_encoder`.
        n_views: 1: samples as they are; more: the mean over so many random views.

    Returns:
        (n, n_shifts, 128), float32.
    """
    views = views_of(context, shifts=shifts, fixed=True)
    model = _built(context, views.n_shifts, "rebuild")
    load_state(_stored(model), state)
    model.eval()
    projections = np.empty((batches.n, views.n_shifts, _WIDTH), dtype=np.float32)
    n_done, n_all = 0, batches.n * views.n_shifts * n_views
    for positions, inputs in batches:
        ids = context.indices[positions]
        for shift in range(views.n_shifts):
            shifted = views.shifted(inputs, shift, ids)
            total = torch.zeros(len(ids), _WIDTH, device=context.device)
            for view in range(n_views):
                # Many views of a batch can take minutes.
                context.control.check()
                context.control.progress("infer", n_done / n_all)
                n_done += len(ids)
                seed = rng.seed_for(context.seed, "view", shift, view)
                seen = views.random(shifted, _hashed(ids, seed)) if n_views > 1 else shifted
                total += model(seen)[0]
            projections[positions, shift] = (total / n_views).cpu().numpy()
    return projections


class _Encoder(nn.Module):
    """A network and its two heads; `forward` gives projections and shift logits."""

    def __init__(self, network: Backbone, n_shifts: int, *, dropout: float) -> None:
        super().__init__()
        n_features = network.n_features
        self.network = module_of(network)
        self.dropout = nn.Dropout(dropout)
        self.projection = nn.Sequential(
            nn.Linear(n_features, n_features), nn.ReLU(), nn.Linear(n_features, _WIDTH)
        )
        self.shift_head = nn.Linear(n_features, n_shifts)

    def forward(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        embedding = self.dropout(cast("Backbone", self.network).embed(inputs))
        return self.projection(embedding), self.shift_head(embedding)


def _built(context: LearnerContext, n_shifts: int, stream: str) -> _Encoder:
    dropout = 0.1 if context.data.sample.modality == "text" else 0.0
    with rng.seeded(context.seed, stream):
        network = context.backbone.build(context.data.sample, _ANY_CLASSES)
        model = _Encoder(network, n_shifts, dropout=dropout)
    return model.to(context.device)


def _stored(model: _Encoder) -> Backbone:
    # Reading and loading parameters is the same for every module.
    return cast("Backbone", model)


@dataclass(frozen=True, eq=False)
class _Training:
    """One training; `model` is changed in place."""

    context: LearnerContext
    model: _Encoder
    views: Views
    plan: Plan

    @property
    def n_steps(self) -> int:
        return self.plan.n_epochs * len(self._bounds())

    def run(self) -> float:
        """Mean loss of the last pass."""
        optimizer = self.plan.optimizer(self.model.parameters())
        self.model.train()
        step, losses = 0, [0.0]
        for epoch in range(self.plan.n_epochs):
            losses = []
            draws = self.context.generator("views", epoch)
            with rng.seeded(self.context.seed, "dropout", epoch):
                for rows in self._batches(epoch):
                    self.context.control.check()
                    self.context.control.progress("auxiliary", step / self.n_steps)
                    lr = self.plan.rate(step, self.n_steps)
                    losses.append(self._step(optimizer, lr, self.context.indices[rows], draws))
                    step += 1
                    if not math.isfinite(losses[-1]):
                        raise self._diverged(f"loss became {losses[-1]}", step)
        if not all(bool(weights.isfinite().all()) for weights in self.model.parameters()):
            raise self._diverged("weights became infinite", step)
        self.context.control.progress("auxiliary", 1.0)
        return float(np.mean(losses))

    def _step(
        self, optimizer: Optimizer, lr: float, ids: IntArray, draws: torch.Generator
    ) -> float:
        projections, shift_logits = self.model(self._copies(ids, draws))
        loss = csi_loss(
            projections,
            shift_logits,
            n_shifts=self.views.n_shifts,
            temperature=self.plan.temperature,
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.plan.adjust(self.model.parameters())
        optimizer.step(lr)
        return float(loss.item())

    def _copies(self, ids: IntArray, draws: torch.Generator) -> Inputs:
        """Two views of every shifted copy, (2 * n_shifts * batch, ...), ordered as the loss."""
        inputs = self.context.data.train.eval_batch(ids)
        inputs = {name: tensor.to(self.context.device) for name, tensor in inputs.items()}
        shifted = [self.views.shifted(inputs, s, ids) for s in range(self.views.n_shifts)]
        draw = _drawn(len(ids), draws)
        copies = [self.views.random(copy, draw) for _ in range(2) for copy in shifted]
        return {name: torch.cat([copy[name] for copy in copies]) for name in inputs}

    def _bounds(self) -> list[tuple[int, int]]:
        return batch_bounds(self.context.indices.size, self.plan.batch_size)

    def _batches(self, epoch: int) -> Iterator[IntArray]:
        generator = self.context.generator("data_order", epoch)
        order = torch.randperm(self.context.indices.size, generator=generator).numpy()
        return (order[start:end] for start, end in self._bounds())

    def _diverged(self, what: str, step: int) -> TrainingDiverged:
        return TrainingDiverged(
            f"the contrastive encoder's {what} in step {step} of {self.n_steps}; choose the "
            "encoder 'frozen', or another network"
        )


def _drawn(n: int, generator: torch.Generator) -> Draw:
    return lambda width: torch.rand(n, width, generator=generator)


def _hashed(ids: IntArray, seed: int) -> Draw:
    return lambda width: hashed_draws(ids, width, seed=seed)
