"""A game in words: for captions, and for people who do not see the picture."""

from __future__ import annotations

from collections import Counter

from alscope.playground.config import DRAWN, GameConfig
from alscope.playground.deal import deal
from alscope.playground.frames import player_title
from alscope.playground.game import Board
from alscope.playground.models import MODELS
from alscope.playground.shapes import SHAPES

__all__ = ["board_words", "data_title", "game_words"]


def data_title(data: str) -> str:
    """The title of a kind of data."""
    return "Your drawing" if data == DRAWN else SHAPES[data].title


def game_words(config: GameConfig) -> str:
    """`Moons, 300 points, RBF, 30 labels one by one, seed 7`."""
    table, size = config.table, config.query_size
    parts = [data_title(table.data), f"{len(deal(table).labels)} points"]
    if table.data != DRAWN and table.ratio > 1:
        parts.append(f"largest class {table.ratio} times the smallest")
    if table.data != DRAWN and table.ood:
        parts.append(f"{table.ood} % unknown")
    pace = "one by one" if size == 1 else f"{size} at a time"
    parts += [MODELS[config.model].title, f"{config.budget} labels {pace}", f"seed {table.seed}"]
    return ", ".join(parts)


def board_words(board: Board) -> str:
    """What a picture of the board shows."""
    cards, score = deal(board.config.table), board.scores[-1]
    counts = Counter(int(cards.labels[row]) for row in board.annotated)
    classes = [f"{counts[label]} of class {label + 1}" for label in range(cards.n_classes)]
    if score.n_unknown:
        classes.append(f"{score.n_unknown} unknown")
    return (
        f"{player_title(board.player)} on {data_title(board.config.table.data)}: "
        f"{score.n_annotated} of {len(cards.labels)} points are labeled ({', '.join(classes)}); "
        f"the test accuracy is {score.accuracy:.3f}."
    )
