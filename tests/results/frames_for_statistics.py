"""Frames of many scenarios, strategies and seeds with random curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tests.results.records import make_rounds

__all__ = ["noisy_rounds"]


def noisy_rounds(
    gains: dict[str, float],
    *,
    scenarios: Sequence[str] = ("a", "b"),
    seeds: Sequence[int] = range(6),
    n_evaluations: int | Sequence[int] = 4,
    noise: float = 0.02,
    digits: int = 3,
    datasets: Sequence[str] | None = None,
    rng_seed: int = 0,
) -> pd.DataFrame:
    """Strategies gain what is given after round 0; seeds share an effect; values are coarse."""
    rng = np.random.default_rng(rng_seed)
    lengths = [n_evaluations] * len(scenarios) if isinstance(n_evaluations, int) else n_evaluations
    parts = []
    for place, (scenario, length) in enumerate(zip(scenarios, lengths, strict=True)):
        shared = rng.normal(0, 0.05, size=max(seeds) + 1)

        def curve(seed: int, *, gain: float, length: int = length, shared=shared) -> np.ndarray:
            steps = np.arange(length)
            values = 0.5 + shared[seed] + 0.05 * steps + gain * (steps > 0)
            return np.round(values + rng.normal(0, noise, length) * (steps > 0), digits)

        curves = {
            name: (lambda seed, gain=gain: curve(seed, gain=gain)) for name, gain in gains.items()
        }
        dataset = datasets[place] if datasets else scenario
        parts.append(make_rounds(curves, seeds=seeds, scenario=scenario, dataset=dataset))
    return pd.concat(parts, ignore_index=True)
