"""What the numbers depend on: shares of variance by strategy, scenario, budget and seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.results.columns import Column
from alscope.results.cube import cubes
from alscope.results.frames import typed_frame

__all__ = ["FACTOR_COLUMNS", "factor_frame"]

FACTOR_COLUMNS = {
    "factor": Column("str", "", "What varies."),
    "share": Column("float64", "share", "Of the sum of squares; all factors add up to 1."),
    "meaning": Column("str", "", "How to read it."),
}

_MEANINGS = {
    "scenario": "How much harder one problem is than another.",
    "budget": "The learning curve itself, within a scenario.",
    "seed": "Luck of the split, the initial set and the weights, shared by all strategies.",
    "strategy": "Which strategy is better everywhere.",
    "strategy x scenario": "Which strategy is better depends on the problem.",
    "strategy x budget": "Which strategy is better depends on the budget.",
    "rest": "Luck that strategies do not share.",
}


def factor_frame(rounds: pd.DataFrame, metric: str = "accuracy") -> pd.DataFrame:
    """A decomposition of the variance of all values after round 0.

    Scenarios weigh the same however many budgets and seeds they have; budgets and seeds are nested
    in the scenario. Strategies that are not in every scenario and seeds that not all strategies
    completed are left out, so the parts are orthogonal and add up. It describes these runs; it is
    no test.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.

    Returns:
        Columns as in `FACTOR_COLUMNS`; no rows if nothing varies or nothing remains.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    found = [cube for cube in cubes(rounds, metric) if cube.budgets.size > 1]
    names = sorted(set.intersection(*(set(cube.strategies) for cube in found))) if found else []
    blocks = []
    for cube in found:
        values = cube.values[[cube.strategies.index(name) for name in names], :, 1:]
        values = values[:, np.isfinite(values).all(axis=(0, 2))]
        if values.size:
            blocks.append(values)
    parts = _parts(blocks) if blocks else {}
    total = sum(parts.values())
    rows = [
        {"factor": name, "share": part / total, "meaning": _MEANINGS[name]}
        for name, part in parts.items()
        if total > 0
    ]
    return typed_frame(rows, FACTOR_COLUMNS)


def _parts(blocks: list[NDArray[np.float64]]) -> dict[str, float]:
    """Mean squares of the effects, each block (n_strategies, n_seeds, n_budgets) weighing 1."""
    of_block = np.array([block.mean() for block in blocks])
    cells = np.array([block.mean(axis=(1, 2)) for block in blocks])  # (n_blocks, n_strategies)
    grand, of_strategy = of_block.mean(), cells.mean(axis=0)
    inner = [_within(block) for block in blocks]
    return {
        "scenario": float(((of_block - grand) ** 2).mean()),
        "budget": float(np.mean([part["budget"] for part in inner])),
        "seed": float(np.mean([part["seed"] for part in inner])),
        "strategy": float(((of_strategy - grand) ** 2).mean()),
        "strategy x scenario": float(
            ((cells - of_block[:, None] - of_strategy[None, :] + grand) ** 2).mean()
        ),
        "strategy x budget": float(np.mean([part["interaction"] for part in inner])),
        "rest": float(np.mean([part["rest"] for part in inner])),
    }


def _within(block: NDArray[np.float64]) -> dict[str, float]:
    grand = block.mean()
    strategy = block.mean(axis=(1, 2), keepdims=True) - grand
    seed = block.mean(axis=(0, 2), keepdims=True) - grand
    budget = block.mean(axis=(0, 1), keepdims=True) - grand
    interaction = block.mean(axis=1, keepdims=True) - grand - strategy - budget
    rest = block - grand - strategy - seed - budget - interaction
    effects = {"seed": seed, "budget": budget, "interaction": interaction, "rest": rest}
    return {name: float((effect**2).mean()) for name, effect in effects.items()}
