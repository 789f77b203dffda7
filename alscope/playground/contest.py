"""The same game with other seeds: is a result skill or luck?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import pandas as pd

from alscope.playground.config import GameConfig
from alscope.playground.game import play

__all__ = ["hidden_seeds", "outcomes", "outcomes_of_seed"]

_HIDDEN = 500_000


def hidden_seeds(config: GameConfig, n: int) -> tuple[int, ...]:
    """Seeds that nobody has played: not that of the game, and the same ones for everybody."""
    first = (config.table.seed + _HIDDEN) % 1_000_000
    return tuple((first + number) % 1_000_000 for number in range(n))


def outcomes(config: GameConfig, players: Sequence[str], seeds: Iterable[int]) -> pd.DataFrame:
    """How whole games end.

    Args:
        config: The game; its own seed plays no part.
        players: Names of strategies.
        seeds: Of data, first labels, models and strategies.

    Returns:
        One row per player and seed: player, seed, accuracy (on the test points, at the end),
        area (mean accuracy over the labels bought), worst (recall of the worst class at the end),
        unknown_ratio (share of unknown points among the labels bought).
    """
    rows = [row for seed in seeds for row in outcomes_of_seed(config, tuple(players), seed)]
    return pd.DataFrame(
        rows, columns=["player", "seed", "accuracy", "area", "worst", "unknown_ratio"]
    )


@lru_cache(maxsize=4096)
def outcomes_of_seed(
    config: GameConfig, players: tuple[str, ...], seed: int
) -> tuple[tuple[str, int, float, float, float, float], ...]:
    """The rows of one seed, see `outcomes`."""
    rows = []
    for player in players:
        board = play(config.with_seed(seed), player, config.n_steps)
        last = board.scores[-1]
        share = last.n_unknown / max(board.n_bought, 1)
        rows.append((player, seed, last.accuracy, board.area, last.worst, share))
    return tuple(rows)
