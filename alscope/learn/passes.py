"""Inference: batches in, arrays out, the model unchanged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from alscope import rng
from alscope.errors import ConfigError, Problem, StoreError
from alscope.learn.device import synchronize, to_device
from alscope.learn.moments import Moments, Running
from alscope.types import Arrays, Control, FloatArray, IntArray

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone
    from alscope.config import TrainConfig
    from alscope.data.views import Source

__all__ = [
    "Batches",
    "forward_pass",
    "load_state",
    "mc_moments",
    "mc_probs",
    "module_of",
    "state_arrays",
]

_BLOCK = 4096
"""Samples per product of the head: enough for full speed, few enough to stay in memory."""

Generators = Callable[..., torch.Generator]


class Batches:
    """Deterministic views of some samples, batch by batch, on the device.

    Texts are grouped by length, which saves padding; `positions` says where each sample belongs.
    Can be iterated again; every iteration gives the same batches.

    Args:
        source: Where the samples are.
        indices: Which ones, (n,), sorted.
        batch_size: Samples per batch.
        device: Where the model is.
        control: Asked once per batch whether to go on, and told how far it is.
        stage: Name of the work in progress reports.
    """

    def __init__(
        self,
        source: Source,
        indices: IntArray,
        *,
        batch_size: int,
        device: torch.device,
        control: Control,
        stage: str = "infer",
    ) -> None:
        self.n = int(indices.size)
        self.load_s = 0.0
        self._source = source
        self._indices = indices
        self._batch_size = batch_size
        self._device = device
        self._control = control
        self._stage = stage

    def __iter__(self) -> Iterator[tuple[IntArray, dict[str, Tensor]]]:
        """Positions within `indices`, (batch,), and inputs on the device."""
        return self.part(0, 1)

    def part(self, index: int, n_parts: int) -> Iterator[tuple[IntArray, dict[str, Tensor]]]:
        """The same as one of `n_parts` iterations: progress goes up once over all of them."""
        order = self._order()
        for start in range(0, self.n, self._batch_size):
            self.tick((index + start / self.n) / n_parts)
            positions = order[start : start + self._batch_size]
            yield positions, self._load(positions)
        self.tick((index + 1) / n_parts)

    def tick(self, fraction: float) -> None:
        """Report progress, and stop if somebody asked for it.

        Raises:
            Interrupted: The run is to stop.
        """
        self._control.check()
        self._control.progress(self._stage, fraction)

    def _order(self) -> IntArray:
        if self._source.lengths is None:
            return np.arange(self.n, dtype=np.int64)
        return np.argsort(self._source.lengths[self._indices], kind="stable").astype(np.int64)

    def _load(self, positions: IntArray) -> dict[str, Tensor]:
        synchronize(self._device)  # what still runs is not loading
        start = time.perf_counter()
        inputs = self._source.eval_batch(self._indices[positions])
        inputs = to_device(inputs, self._device)
        synchronize(self._device)
        self.load_s += time.perf_counter() - start
        return inputs


@torch.no_grad()
def forward_pass(model: Backbone, batches: Batches, *, n_classes: int) -> Arrays:
    """Logits and embeddings of every sample, in the order of the index set.

    The model is left in evaluation mode, its parameters and buffers untouched.

    Args:
        model: On the device of `batches`.
        batches: The samples.
        n_classes: Outputs of the head.

    Returns:
        `logits` (n, n_classes) and `embeddings` (n, n_features), float32.
    """
    module_of(model).eval()
    logits = np.empty((batches.n, n_classes), dtype=np.float32)
    embeddings = np.empty((batches.n, model.n_features), dtype=np.float32)
    for positions, inputs in batches:
        features = model.embed(inputs)
        embeddings[positions] = features.float().cpu().numpy()
        logits[positions] = model.head(features).float().cpu().numpy()
    return {"logits": logits, "embeddings": embeddings}


@torch.no_grad()
def mc_moments(
    model: Backbone,
    batches: Batches,
    *,
    n_samples: int,
    n_classes: int,
    embeddings: FloatArray,
    generator: Generators,
) -> Arrays:
    """Moments of `n_samples` stochastic passes, without keeping the passes.

    If the dropout before the head is the only one sampled from, the embeddings serve all passes
    and pass t multiplies them by one mask, shared by all samples and drawn from
    `generator("masks", t)`. Otherwise the network runs `n_samples` times over each batch with its
    dropout layers, and nothing else, in training mode; there each sample has masks of its own, and
    the global generators are seeded per pass and batch.

    Args:
        model: On the device of `batches`.
        batches: The samples; read in the second form only.
        n_samples: Number of passes T, at least 2.
        n_classes: Outputs of the head.
        embeddings: Exact inputs of the head, (n, n_features); read in the first form only.
        generator: Named random streams.

    Returns:
        `mean_probs`, `std_probs` (population) (n, n_classes) float64; `mean_entropy` in nats, (n,)
        float64; `votes` (n, n_classes) int64, for the first of equally probable classes.

    Raises:
        ConfigError: If no dropout is active, or what is has no effect: all passes would be equal.

    References:
        Gal and Ghahramani 2016, arXiv:1506.02142; Welford 1962, doi:10.1080/00401706.1962.10490022.
    """
    module_of(model).eval()
    layers = _dropout_layers(model)
    if model.head_only_dropout:
        moments = Moments(len(embeddings), n_classes)
        masks = _masks(model, n_samples, generator)
        for positions, passes in _head_passes(model, batches, embeddings, masks):
            running = Running()
            for logits in passes:
                running.add(logits)
            moments.put(positions, running)
        return moments.arrays()
    moments = Moments(batches.n, n_classes)
    streams = [generator("masks", t).initial_seed() for t in range(n_samples)]
    used: set[nn.Module] = set()
    hooks = [layer.register_forward_hook(lambda it, *_: used.add(it)) for layer in layers]
    try:
        for layer in layers:
            layer.train()
        _full_passes(model, batches, moments, streams)
    finally:
        module_of(model).eval()
        for hook in hooks:
            hook.remove()
    # Equal passes alone say nothing: those of a network that is sure of everything are equal too.
    if batches.n and not used:
        raise _no_dropout(
            "all passes are equal, because dropout of attention weights is no layer and stays off"
        )
    return moments.arrays()


@torch.no_grad()
def mc_probs(
    model: Backbone,
    batches: Batches,
    *,
    n_samples: int,
    n_classes: int,
    embeddings: FloatArray,
    generator: Generators,
) -> Arrays:
    """Class probabilities of `n_samples` stochastic passes that all samples share.

    The first form of `mc_moments`, with the same masks and arguments.

    Returns:
        `probs`, (n, n_samples, n_classes), float32.

    Raises:
        ConfigError: If no dropout is active, or masks would differ between samples.
    """
    module_of(model).eval()
    _dropout_layers(model)
    if not model.head_only_dropout:
        message = "passes must share one mask per pass; sample from the dropout before the head"
        raise ConfigError([Problem("backbone", message)])
    probs = np.empty((len(embeddings), n_samples, n_classes), dtype=np.float32)
    masks = _masks(model, n_samples, generator)
    for positions, passes in _head_passes(model, batches, embeddings, masks):
        block = torch.stack([torch.softmax(logits.double(), dim=1) for logits in passes], dim=1)
        probs[positions] = block.float().cpu().numpy()
    return {"probs": probs}


def state_arrays(model: Backbone) -> Arrays:
    """Parameters and buffers by name, as copies."""
    state = module_of(model).state_dict()
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}


def load_state(model: Backbone, arrays: Arrays) -> None:
    """Give a model the parameters and buffers that `state_arrays` read.

    Raises:
        StoreError: If names or shapes are not those of the model.
    """
    state = module_of(model).state_dict()
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
    given = {name: array.shape for name, array in arrays.items()}
    if wanted != given:
        odd = sorted(name for name in wanted | given if wanted.get(name) != given.get(name))
        raise StoreError(
            f"the stored state does not fit the network: {len(odd)} entries differ, the first is "
            f"{odd[0]!r} (stored {given.get(odd[0])}, wanted {wanted.get(odd[0])})"
        )
    module_of(model).load_state_dict(
        {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    )


def arrange(model: Backbone, train: TrainConfig) -> None:
    """Lay the model out in memory as the configuration says; values stay.

    Convolutions follow the layout of their weights, so batches need not be touched.
    """
    if train.layout == "channels_last":
        module_of(model).to(memory_format=torch.channels_last)


def module_of(model: Backbone) -> nn.Module:
    """The same object as torch knows it."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"a backbone must be a torch module, not {type(model).__name__}")
    return model


def _head_passes(
    model: Backbone, batches: Batches, embeddings: FloatArray, masks: Tensor
) -> Iterator[tuple[IntArray, Iterator[Tensor]]]:
    # Blocks of positions, each with the logits (block, n_classes) of one pass after the other.
    head, device = model.head, model.head.weight.device
    for start in range(0, len(embeddings), _BLOCK):
        batches.tick(start / len(embeddings))
        rows = torch.from_numpy(np.array(embeddings[start : start + _BLOCK])).to(device)
        # (rows * mask) @ weight.T, with the mask on the smaller factor
        passes = (
            nn.functional.linear(rows, head.weight * mask, head.bias) for mask in masks.to(device)
        )
        yield np.arange(start, start + len(rows)), passes


def _full_passes(model: Backbone, batches: Batches, moments: Moments, streams: list[int]) -> None:
    for index, (positions, inputs) in enumerate(batches):
        running = Running()
        for stream in streams:
            with rng.seeded(stream, "batch", index):
                running.add(model(inputs))
        moments.put(positions, running)


def _masks(model: Backbone, n_samples: int, generator: Generators) -> Tensor:
    """One mask per pass, scaled so that its mean is 1, (n_samples, n_features)."""
    p = model.dropout.p
    draws = [
        torch.rand(model.n_features, generator=generator("masks", t)) for t in range(n_samples)
    ]
    return (torch.stack(draws) >= p).float() / (1 - p)


def _dropout_layers(model: Backbone) -> list[nn.Module]:
    """The active dropout layers that passes sample from; refused if there are none."""
    found = [model.dropout] if model.head_only_dropout else list(module_of(model).modules())
    kinds = (nn.modules.dropout._DropoutNd,)
    active = [layer for layer in found if isinstance(layer, kinds) and layer.p > 0]
    if not active:
        raise _no_dropout("no dropout is above 0, so all passes are equal")
    return list(active)


def _no_dropout(why: str) -> ConfigError:
    return ConfigError(
        [Problem("backbone.params.dropout", f"no stochastic layer: {why}; raise it above 0")]
    )
