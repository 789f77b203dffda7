from __future__ import annotations

import json

import numpy as np
import torch

from alscope import rng
from alscope.backbones.mlp import MlpSpec
from alscope.learn.evaluate import evaluate
from alscope.learn.passes import Batches
from tests.learn.fakes import CPU, PLANE, RecordingControl, TensorSource, blobs


def test_measures_come_from_the_predictions_on_the_test_samples() -> None:
    values, labels = blobs(30)
    with rng.seeded(0, "test"):
        model = MlpSpec(hidden=8, depth=1).build(PLANE, 3)
    indices = np.arange(5, 30)
    batches = Batches(
        TensorSource(values), indices, batch_size=8, device=CPU, control=RecordingControl()
    )

    found = evaluate(model, batches, labels[indices])
    model.eval()  # type: ignore[attr-defined]
    with torch.no_grad():
        logits = model({"features": values[5:]})
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels[indices]))

    assert found["n_test"] == 25
    assert found["accuracy"] == np.mean(logits.argmax(dim=1).numpy() == labels[indices])
    assert abs(found["nll"] - float(loss)) < 1e-6
    assert json.loads(json.dumps(found)) == found
