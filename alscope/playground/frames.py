"""Boards as tidy frames, for charts and tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.playground.deal import deal
from alscope.playground.explain import grid_points, utility
from alscope.playground.game import YOU, Board, scene_of
from alscope.playground.shapes import HALF_WIDTH
from alscope.registry import strategies

__all__ = ["border_frame", "curve_rows", "field_frame", "player_title", "points_frame"]


def player_title(player: str) -> str:
    """`You`, or the title of a strategy."""
    return "You" if player == YOU else str(strategies.info(player).get("title", player))


def points_frame(board: Board, *, picks: Sequence[int] = (), marked: int = -1) -> pd.DataFrame:
    """The points of a board as a player may see them: classes of what was bought, no others.

    Args:
        board: The board.
        picks: Points that are paid for but not yet learned from; their classes are known.
        marked: A point to draw attention to; -1 for none.

    Returns:
        One row per point: player, id, x, y, state ("pool", "labeled", "unknown"), label (class from
        1; "not bought", "unknown"), step (0 for first labels; -1 in the pool), is_last (whether
        bought in the last step), is_marked.
    """
    cards, n_steps = deal(board.config.table), len(board.batches) - 1
    step = np.full(len(cards.labels), -1)
    for number, batch in enumerate((*board.batches, tuple(picks)[board.n_bought :])):
        step[list(batch)] = number
    is_bought, is_known = step >= 0, cards.labels >= 0
    states = np.where(is_bought, np.where(is_known, "labeled", "unknown"), "pool")
    names = np.where(is_known, (cards.labels + 1).astype(str), "unknown")
    return pd.DataFrame(
        {
            "player": player_title(board.player),
            "id": np.arange(step.size),
            "x": cards.points[:, 0].round(4),
            "y": cards.points[:, 1].round(4),
            "state": states,
            "label": np.where(is_bought, names, "not bought"),
            "step": step,
            "is_last": (step >= max(n_steps, 1)),
            "is_marked": np.arange(step.size) == marked,
        }
    )


def field_frame(board: Board, *, side: int, shown: str) -> pd.DataFrame:
    """What lies behind the points, cell by cell.

    Args:
        board: The board.
        side: Cells along an edge.
        shown: "classes": the predicted class and how sure the classifier is; "scores": how much the
            strategy wants a label there.

    Returns:
        player, x, x2, y, y2 (edges), predicted (class, from 1), value: for classes the largest
        probability scaled from chance (0) to certainty (1), for scores their rank among the cells
        from 0 to 1. Empty if the strategy does not score points one by one.
    """
    if shown == "scores":
        scores = utility(board, side)
        if scores is None:
            return _cells(board, side, np.zeros(0, dtype=np.int64), np.zeros(0))
        return _cells(board, side, np.zeros(side * side, dtype=np.int64), _shares(scores))
    probs = scene_of(board).fitted.probs(grid_points(side))
    chance = 1 / probs.shape[1]
    return _cells(board, side, probs.argmax(axis=1), (probs.max(axis=1) - chance) / (1 - chance))


def border_frame(board: Board, *, side: int) -> pd.DataFrame:
    """Where the predicted class changes: edges between cells, x, x2, y, y2, with player."""
    labels = scene_of(board).fitted.logits(grid_points(side)).argmax(axis=1).reshape(side, side)
    edge = 2 * HALF_WIDTH / side
    rows, columns = np.nonzero(labels[:, 1:] != labels[:, :-1])
    x = (columns + 1) * edge - HALF_WIDTH
    upright = np.stack([x, x, rows * edge - HALF_WIDTH, (rows + 1) * edge - HALF_WIDTH], axis=1)
    rows, columns = np.nonzero(labels[1:] != labels[:-1])
    y = (rows + 1) * edge - HALF_WIDTH
    level = np.stack([columns * edge - HALF_WIDTH, (columns + 1) * edge - HALF_WIDTH, y, y], axis=1)
    frame = pd.DataFrame(np.concatenate([upright, level]).round(4), columns=["x", "x2", "y", "y2"])
    return frame.assign(player=player_title(board.player))


def curve_rows(boards: Sequence[Board]) -> pd.DataFrame:
    """Learning curves: player (name), strategy (title), n_annotated, n_unknown, accuracy, worst."""
    rows = [
        (board.player, player_title(board.player), *score)
        for board in boards
        for score in board.scores
    ]
    columns = ["player", "strategy", "n_annotated", "n_unknown", "accuracy", "worst"]
    return pd.DataFrame(rows, columns=columns)


def _cells(
    board: Board, side: int, labels: NDArray[np.int64], values: NDArray[np.float64]
) -> pd.DataFrame:
    edge = 2 * HALF_WIDTH / side
    corners = grid_points(side)[: labels.size] - edge / 2
    return pd.DataFrame(
        {
            "player": player_title(board.player),
            "x": corners[:, 0].round(4),
            "x2": (corners[:, 0] + edge).round(4),
            "y": corners[:, 1].round(4),
            "y2": (corners[:, 1] + edge).round(4),
            "predicted": pd.Series(labels + 1).astype(str),
            "value": values.round(4),
        }
    )


def _shares(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0 to 1, equal scores alike: a few large scores must not hide the others."""
    _, places = np.unique(scores, return_inverse=True)
    return places / max(int(places.max()), 1)
