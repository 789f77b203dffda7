"""From a trained model to the measures of one evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alscope.learn.passes import forward_pass
from alscope.metrics.classification import classification_metrics
from alscope.types import IntArray

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone
    from alscope.learn.passes import Batches

__all__ = ["evaluate"]


def evaluate(model: Backbone, batches: Batches, labels: IntArray) -> dict[str, Any]:
    """Measures on test samples; see `classification_metrics`.

    Args:
        model: On the device of `batches`.
        batches: Test samples.
        labels: Their classes, (n_test,), in the order of the batches' indices.
    """
    arrays = forward_pass(model, batches, n_classes=model.head.out_features)
    logits = arrays["logits"].astype(np.float64)  # (n_test, n_classes)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return classification_metrics(weights / weights.sum(axis=1, keepdims=True), labels)
