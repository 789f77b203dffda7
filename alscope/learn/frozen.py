"""Plain features of samples, for strategies that compare samples without a trained encoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from alscope import rng
from alscope.learn.passes import Batches, module_of
from alscope.learn.protocols import LearnerContext
from alscope.rng import tie_keys
from alscope.types import Arrays, IntArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["fit_frozen", "frozen_features"]

_MOST_PIXELS = 3072
_N_WORDS = 8
"""64 signs each: texts become vectors of 512 numbers."""
_SIGN_SEED = 0
_ANY_CLASSES = 2  # outputs of a head that nobody reads

Reader = Callable[[dict[str, "Tensor"]], NDArray[np.float32]]


def fit_frozen(context: LearnerContext) -> tuple[Arrays, dict[str, Any]]:
    """What plain features need to know of all samples of a trial: their mean, and word weights.

    Returns:
        `mean` (n_features,), and for texts `idf` (n_ids,); facts name the kind of features.

    Raises:
        Interrupted: If `control` asks to stop.
    """
    batches = Batches(
        context.data.train,
        context.indices,
        batch_size=context.train.eval_batch,
        device=context.device,
        control=context.control,
        stage="auxiliary",
    )
    state: Arrays = {}
    if _is_bag(context):
        state["idf"] = _inverse_frequencies(batches)
    read = _reader(context, state)
    total = sum((read(inputs).sum(axis=0, dtype=np.float64) for _, inputs in batches), np.zeros(1))
    state["mean"] = (total / max(batches.n, 1)).astype(np.float32)
    return state, {"encoder": f"frozen: {_kind(context)}", "n_samples": batches.n}


def frozen_features(
    context: LearnerContext, state: Arrays, batches: Batches
) -> NDArray[np.float32]:
    """Plain features, centred over the trial and scaled to length 1.

    A pretrained network gives its embeddings. Without one: standardized pixels, averaged over
    squares down to at most 3072 numbers; term frequency times inverse document frequency of the
    tokens, projected onto 512 random signs; or the features as they are. A sample that equals the
    mean has the length 0.

    Args:
        context: Data and network of the run.
        state: What `fit_frozen` returned.
        batches: The samples.

    Returns:
        (n, n_features), float32.

    References:
        Achlioptas 2003, doi:10.1016/S0022-0000(03)00025-4 (projection onto random signs).
    """
    read = _reader(context, state)
    rows = np.empty((batches.n, state["mean"].size), dtype=np.float32)
    for positions, inputs in batches:
        centred = read(inputs) - state["mean"]
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        rows[positions] = centred / np.where(lengths > 0, lengths, 1.0)
    return rows


def _is_bag(context: LearnerContext) -> bool:
    return context.data.sample.modality == "text" and not context.backbone.pretrained


def _kind(context: LearnerContext) -> str:
    if context.backbone.pretrained:
        return f"pretrained {context.backbone.key}"
    kinds = {"image": "pixels", "text": "tf-idf of words", "features": "features"}
    return kinds[context.data.sample.modality]


def _reader(context: LearnerContext, state: Arrays) -> Reader:
    if context.backbone.pretrained:
        return _embedder(context)
    if _is_bag(context):
        return lambda inputs: _weighted_words(inputs, state["idf"])
    if context.data.sample.modality == "image":
        return _pixels
    return lambda inputs: inputs["features"].float().cpu().numpy()


def _embedder(context: LearnerContext) -> Reader:
    with rng.seeded(context.seed, "rebuild"):
        model = context.backbone.build(context.data.sample, _ANY_CLASSES)
    module_of(model).to(context.device).eval()

    @torch.no_grad()
    def embed(inputs: dict[str, Tensor]) -> NDArray[np.float32]:
        return model.embed(inputs).float().cpu().numpy()

    return embed


def _pixels(inputs: dict[str, Tensor]) -> NDArray[np.float32]:
    images = inputs["pixel_values"].float()
    side = math.ceil(math.sqrt(images[0].numel() / _MOST_PIXELS))
    if side > 1:
        images = functional.avg_pool2d(images, side, ceil_mode=True)
    return images.flatten(1).cpu().numpy()


def _inverse_frequencies(batches: Batches) -> NDArray[np.float32]:
    """log((1 + n) / (1 + texts with the token)) + 1 of every id, (n_ids,)."""
    counts = np.zeros(1, dtype=np.int64)
    for _, inputs in batches:
        _, ids = _occurrences(inputs)
        seen = np.bincount(ids, minlength=counts.size)
        seen[: counts.size] += counts
        counts = seen
    return (np.log((1 + batches.n) / (1 + counts)) + 1).astype(np.float32)


def _weighted_words(inputs: dict[str, Tensor], idf: NDArray[np.float32]) -> NDArray[np.float32]:
    tokens, places = np.unique(inputs["input_ids"].cpu().numpy(), return_inverse=True)
    n = len(inputs["input_ids"])
    weights = np.zeros((n, tokens.size), dtype=np.float32)
    mask = inputs["attention_mask"].cpu().numpy() > 0
    rows = np.broadcast_to(np.arange(n)[:, None], mask.shape)
    np.add.at(weights, (rows[mask], places.reshape(mask.shape)[mask]), 1.0)
    weights *= idf[np.minimum(tokens, idf.size - 1)]  # ids above are padding, with weight 0
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    weights /= np.where(lengths > 0, lengths, 1.0)
    projected: NDArray[np.float32] = weights @ _signs(tokens)
    return projected


def _occurrences(inputs: dict[str, Tensor]) -> tuple[IntArray, IntArray]:
    """Row and id of every token of a batch, each pair once."""
    ids = inputs["input_ids"].cpu().numpy()
    rows = np.broadcast_to(np.arange(len(ids))[:, None], ids.shape)
    mask = inputs["attention_mask"].cpu().numpy() > 0
    pairs = np.unique(np.stack([rows[mask], ids[mask]]), axis=1)
    return pairs[0], pairs[1]


def _signs(tokens: IntArray) -> NDArray[np.float32]:
    """Random signs of every token over the root of their number, (n_tokens, 512)."""
    cells = tokens[:, None].astype(np.int64) * _N_WORDS + np.arange(_N_WORDS)
    words = tie_keys(cells, seed=_SIGN_SEED, round=0).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8), axis=1)
    return (2.0 * bits - 1.0).astype(np.float32) / math.sqrt(bits.shape[1])
