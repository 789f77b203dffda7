"""What a page shows of a board, made once and shared by all sessions that play the same game."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from alscope.playground.config import GameConfig
from alscope.playground.deal import deal
from alscope.playground.frames import border_frame, field_frame
from alscope.playground.game import Board, learned

__all__ = ["Background", "background", "ceiling"]


class Background(NamedTuple):
    """What lies behind the points; do not change the frames, others see them too."""

    field: pd.DataFrame
    """See `frames.field_frame`."""
    border: pd.DataFrame
    """See `frames.border_frame`."""


@lru_cache(maxsize=128)
def background(board: Board, side: int, shown: str) -> Background:
    """The field and the border of a board.

    Args:
        board: The board.
        side: Cells along an edge.
        shown: "classes", "scores" or "nothing".
    """
    border = border_frame(board, side=side)
    if shown == "nothing":
        return Background(pd.DataFrame(), border.iloc[:0])
    return Background(field_frame(board, side=side, shown=shown), border)


@lru_cache(maxsize=256)
def ceiling(config: GameConfig) -> float:
    """Test accuracy of the classifier that learned from every known point."""
    cards = deal(config.table)
    fitted = learned(config, tuple(range(len(cards.labels))))
    return float((fitted.logits(cards.test_points).argmax(axis=1) == cards.test_labels).mean())
