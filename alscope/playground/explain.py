"""Why this point? What the classifier says about it, and what every strategy makes of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alscope.acquisition.uncertainty import entropy, margin
from alscope.playground.game import Board, choose, scene_of
from alscope.playground.offers import Scene, make_view, playable, strategy_of
from alscope.playground.shapes import HALF_WIDTH
from alscope.registry import strategies
from alscope.strategies._base import ScoreStrategy

__all__ = ["Facts", "facts_of", "grid_points", "next_point", "ranks", "utility"]

NEAR = 0.25
"""Distance within which points count as dense."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a point of the pool before its label is.

    Attributes:
        point: Its id.
        place: Where it is.
        probs: Class probabilities, (n_classes,).
        margin: Gap between the two largest.
        entropy: In nats.
        n_near: Points of the pool within `NEAR`, without itself.
        n_pool: Points in the pool.
        distance: To the nearest annotated point.
        n_farther: Points of the pool that are farther from theirs.
    """

    point: int
    place: tuple[float, float]
    probs: tuple[float, ...]
    margin: float
    entropy: float
    n_near: int
    n_pool: int
    distance: float
    n_farther: int


def grid_points(side: int) -> NDArray[np.float64]:
    """Centres of the cells of a square grid over the picture, (side^2, 2), row by row."""
    ticks = (np.arange(side) + 0.5) / side * 2 * HALF_WIDTH - HALF_WIDTH
    x, y = np.meshgrid(ticks, ticks)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def utility(board: Board, side: int) -> NDArray[np.float64] | None:
    """The score of the board's strategy wherever a point could be, (side^2,).

    None for strategies that do not score points one by one: those that choose batches, and those
    whose scores are relative to the pool.
    """
    strategy, scene = strategy_of(board.player), scene_of(board)
    if not isinstance(strategy, ScoreStrategy):
        return None
    points = grid_points(side)
    everywhere = replace(scene, points={**scene.points, "pool": points}, ids=np.arange(len(points)))
    return strategy.scores(make_view(strategy, everywhere))


def next_point(board: Board) -> int:
    """The first point the strategy would buy next; -1 if the game is over."""
    if not board.n_next:
        return -1
    return int(scene_of(board).ids[choose(board).positions[0]])


def facts_of(scene: Scene, point: int) -> Facts:
    """What is known about a point of the pool.

    Raises:
        ValueError: If the point is not in the pool.
    """
    row = position_of(scene, point)
    place = scene.points["pool"][row]
    logits = scene.fitted.logits(place[None])
    annotated = np.concatenate([scene.points["labeled"], scene.points["unknowns"]])
    near = np.linalg.norm(scene.points["pool"] - place, axis=1) <= NEAR
    apart = cdist(scene.points["pool"], annotated).min(axis=1)
    return Facts(
        point=point,
        place=(float(place[0]), float(place[1])),
        probs=tuple(map(float, scene.fitted.probs(place[None])[0])),
        margin=-float(margin(logits)[0]),
        entropy=float(entropy(logits)[0]),
        n_near=int(near.sum()) - 1,
        n_pool=scene.ids.size,
        distance=float(apart[row]),
        n_farther=int((apart > apart[row]).sum()),
    )


def position_of(scene: Scene, point: int) -> int:
    """The row of a point in the pool.

    Raises:
        ValueError: If it is not there.
    """
    row = int(np.searchsorted(scene.ids, point))
    if row >= scene.ids.size or scene.ids[row] != point:
        raise ValueError(f"point {point} is not in the pool; choose one without a label")
    return row


def ranks(board: Board, point: int, *, names: tuple[str, ...] | None = None) -> pd.DataFrame:
    """What strategies would make of a point now.

    Args:
        board: Whose labels everybody starts from; strategies remember nothing else.
        point: Of the pool.
        names: Of strategies; by default all that can play.

    Returns:
        One row per strategy: strategy (name), title, score (NaN if it has none), rank (1 = first;
        points with the same score share the best; 0 if it is not in the batch of a strategy without
        scores), n_pool, n_batch.
    """
    scene = scene_of(board)
    row = position_of(scene, point)
    rows = []
    for name in playable(board.config.model) if names is None else names:
        positions, scores = _answers(replace(board, player=name, state=None))
        if scores is None:
            found = np.flatnonzero(positions == row)
            score, rank = np.nan, int(found[0]) + 1 if found.size else 0
        else:
            score, rank = float(scores[row]), 1 + int((scores > scores[row]).sum())
        title = strategies.info(name).get("title", name)
        rows.append((name, title, score, rank, scene.ids.size, len(positions)))
    columns = ["strategy", "title", "score", "rank", "n_pool", "n_batch"]
    return pd.DataFrame(rows, columns=columns)


@lru_cache(maxsize=256)
def _answers(board: Board) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    selection = choose(board)
    return selection.positions, selection.scores
