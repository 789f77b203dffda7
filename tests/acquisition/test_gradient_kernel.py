from __future__ import annotations

import numpy as np
import pytest

from alscope.acquisition import gradient_kernel
from alscope.acquisition.gradient_kernel import GradientKernel, similarities, unit_gradients
from alscope.errors import ShapeError
from tests import oracles_similar


@pytest.fixture(autouse=True)
def several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even small arrays take more than one."""
    monkeypatch.setattr(gradient_kernel, "_ROW_CHUNK", 3)


def instance(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n, n_outputs, n_features = rng.integers(1, 12), rng.integers(2, 6), rng.integers(1, 6)
    logits = 2 * rng.normal(size=(n, n_outputs))
    return logits, rng.normal(size=(n, n_features)), rng.integers(0, n_outputs, n)


def test_similarities_are_those_of_the_gradients() -> None:
    for seed in range(200):
        logits, embeddings, labels = instance(seed)
        given = unit_gradients(logits, embeddings, labels, name="labeled")
        own = unit_gradients(logits, embeddings, name="pool")
        rows = [
            oracles_similar.gradients(logits, embeddings, of)
            for of in (labels, logits.argmax(axis=1))
        ]
        expected = oracles_similar.kernel(np.concatenate(rows))

        n = len(logits)
        np.testing.assert_allclose(similarities(given, own), expected[:n, n:], atol=1e-10)
        np.testing.assert_allclose(similarities(own, own), expected[n:, n:], atol=1e-10)


def test_single_precision_is_near() -> None:
    logits, embeddings, _ = instance(1)
    single, double = (
        unit_gradients(logits, embeddings, name="pool", dtype=dtype)
        for dtype in (np.float32, np.float64)
    )

    assert similarities(single, single).dtype == np.float32
    np.testing.assert_allclose(
        similarities(single, single), similarities(double, double), atol=1e-6
    )


def test_a_prediction_that_is_sure_keeps_its_direction() -> None:
    # p = (1 - e, e) / (...): whatever e, the rest goes to outputs 1 and 2 as 1 to exp(-1).
    logits = np.array([[20.0, 0.0, -1.0], [200.0, 0.0, -1.0], [1e30, 0.0, -1.0]])
    residual = unit_gradients(logits, np.zeros((3, 1)), name="pool").residual
    others = np.array([1.0, np.exp(-1.0)]) / (1.0 + np.exp(-1.0))
    expected = np.array([-1.0, *others])

    np.testing.assert_allclose(residual, np.tile(expected / np.linalg.norm(expected), (3, 1)))


def test_a_single_output_makes_everything_equally_similar() -> None:
    alone = unit_gradients(np.ones((4, 1)), np.arange(8.0).reshape(4, 2), name="pool")

    assert (similarities(alone, alone) == 0.5).all()
    assert (GradientKernel.of(alone).diagonal() == 0.5).all()


def test_very_long_embeddings_are_legal() -> None:
    rows = unit_gradients(np.eye(3), np.full((3, 2), 1e30, dtype=np.float32), name="pool")

    np.testing.assert_allclose(np.diag(similarities(rows, rows)), 1.0)


def test_blocks_are_parts_of_the_whole() -> None:
    logits, embeddings, _ = instance(3)
    rows = unit_gradients(logits, embeddings, name="pool")
    kernel, whole = GradientKernel.of(rows), similarities(rows, rows)
    some, n = np.array([2, 0]), len(logits)

    np.testing.assert_allclose(kernel.block(slice(1, 4), some), whole[1:4][:, some])
    np.testing.assert_allclose(kernel.among(some).block(slice(None), np.arange(n)), whole[some])
    np.testing.assert_allclose(kernel.diagonal(), np.diag(whole))


def test_no_samples_have_no_gradients() -> None:
    none = unit_gradients(np.empty((0, 3)), np.empty((0, 2)), name="pool")

    assert similarities(none, none).shape == (0, 0)


def test_what_is_not_finite_is_refused_with_its_row() -> None:
    logits, embeddings = np.zeros((4, 2)), np.zeros((4, 3))
    embeddings[2, 1] = np.nan
    with pytest.raises(ShapeError, match="pool embeddings of row 2"):
        unit_gradients(logits, embeddings, name="pool")
    logits[3, 0] = np.inf
    with pytest.raises(ShapeError, match="pool logits of row 3"):
        unit_gradients(logits, embeddings, name="pool")


def test_rows_and_labels_must_fit() -> None:
    with pytest.raises(ShapeError, match="4 rows of unknown logits, 3 of embeddings"):
        unit_gradients(np.zeros((4, 2)), np.zeros((3, 2)), name="unknown")
    with pytest.raises(ShapeError, match="label of row 1 is 2, but there are 2 outputs"):
        unit_gradients(np.zeros((2, 2)), np.zeros((2, 2)), np.array([0, 2]), name="unknown")
