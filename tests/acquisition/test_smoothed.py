from __future__ import annotations

import numpy as np
import pytest

from alscope.acquisition._smoothed import SmoothedDual

N, N_CLASSES, K = 3_000, 6, 60


def dual_at(temperature: float) -> SmoothedDual:
    rng = np.random.default_rng(0)
    return SmoothedDual(
        values=rng.random(N),
        probs=rng.dirichlet(np.full(N_CLASSES, 0.3), N),
        k=K,
        quotas=np.full(N_CLASSES, 12.0),
        weight=1.0,
        temperature=temperature,
    )


@pytest.mark.parametrize("temperature", [1.0, 0.01, 0.001])
def test_shares_and_gradient_are_those_of_the_definition(temperature: float) -> None:
    dual, prices = dual_at(temperature), np.linspace(-0.4, 0.4, N_CLASSES)
    worth = dual.values + dual.probs @ prices

    point = dual.at(prices)
    with np.errstate(over="ignore"):
        shares = 1 / (1 + np.exp((point.threshold - worth) / temperature))

    assert point.shares.sum() == pytest.approx(K)
    assert np.allclose(point.shares, shares, atol=1e-12)
    assert np.allclose(point.gradient, dual.quotas - shares @ dual.probs)


def test_rows_without_a_share_can_be_left_out() -> None:
    dual, prices = dual_at(0.002), np.linspace(-0.2, 0.2, N_CLASSES)
    point = dual.at(prices)
    rows = np.flatnonzero(point.shares > 1e-17)
    few = dual.among(rows).at(prices + 1e-4, point.threshold)
    plain = dual.at(prices + 1e-4)

    assert K < rows.size < N / 4
    assert few.value == pytest.approx(plain.value, rel=1e-12)
    assert np.allclose(few.gradient, plain.gradient, atol=1e-8)
    assert np.allclose(few.shares, plain.shares[rows], atol=1e-9)


@pytest.mark.parametrize("temperature", [1.0, 0.02])
def test_the_curvature_is_how_the_gradient_changes(temperature: float) -> None:
    dual, prices, step = dual_at(temperature), np.linspace(-0.2, 0.2, N_CLASSES), 1e-5
    point = dual.at(prices)
    curvature, slope = dual.curvature(point.shares)
    around = [(dual.at(prices - x), dual.at(prices + x)) for x in step * np.eye(N_CLASSES)]
    moved = [(low.gradient - high.gradient) / (2 * step) for low, high in around]
    risen = [(high.threshold - low.threshold) / (2 * step) for low, high in around]

    assert np.allclose(curvature, moved, rtol=1e-4, atol=1e-4 * np.abs(curvature).max())
    assert np.allclose(slope, risen, atol=1e-4)
