"""The boundary between strategies and the engine: a legal selection, or an error."""

from __future__ import annotations

import numpy as np

from alscope.errors import SelectionError
from alscope.types import Selection

__all__ = ["check_selection"]


def check_selection(selection: object, *, n_pool: int, query_size: int) -> None:
    """Refuse a selection that is not exactly `query_size` distinct positions of the pool.

    Nothing is repaired: a strategy that returns too few or the same sample twice fails its run.

    Args:
        selection: What a strategy returned.
        n_pool: Samples in the pool.
        query_size: How many were asked for.

    Raises:
        SelectionError: Naming the rule and the first offender.
    """
    if not isinstance(selection, Selection):
        raise SelectionError(
            f"a strategy returns a Selection, not {type(selection).__name__}; wrap the positions"
        )
    positions = selection.positions
    if not isinstance(positions, np.ndarray) or positions.ndim != 1:
        raise SelectionError(
            f"positions must be a one-dimensional array, not {type(positions).__name__}"
        )
    if not np.issubdtype(positions.dtype, np.integer):
        raise SelectionError(f"positions must be integers, not {positions.dtype}")
    wanted = min(query_size, n_pool)
    if positions.size != wanted:
        raise SelectionError(f"{positions.size} positions were returned, {wanted} were asked for")
    outside = positions[(positions < 0) | (positions >= n_pool)]
    if outside.size:
        raise SelectionError(
            f"position {int(outside[0])} is not in the pool, which has {n_pool} samples"
        )
    unique, counts = np.unique(positions, return_counts=True)
    if unique.size != positions.size:
        raise SelectionError(f"position {int(unique[counts > 1][0])} was returned twice")
    _check_scores(selection, n_pool)


def _check_scores(selection: Selection, n_pool: int) -> None:
    scores = selection.scores
    if scores is None:
        return
    if not isinstance(scores, np.ndarray) or not np.issubdtype(scores.dtype, np.floating):
        kind = scores.dtype if isinstance(scores, np.ndarray) else type(scores).__name__
        raise SelectionError(f"scores must be an array of floats, not {kind}")
    if scores.shape != (n_pool,):
        raise SelectionError(f"scores have shape {scores.shape}, but the pool has {n_pool} samples")
    bad = np.flatnonzero(np.isnan(scores))
    if bad.size:
        raise SelectionError(f"the score at position {int(bad[0])} is not a number")
