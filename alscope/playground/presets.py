"""Games in which something is to be seen, and how surely it is seen over many seeds.

Each preset states one effect: by how much one player is ahead of another at the end. The numbers
were measured by `benchmarks/ui/presets.py`; a test measures them again.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.playground.config import GameConfig, of_shape
from alscope.playground.contest import outcomes
from alscope.playground.link import Game
from alscope.playground.shown import ceiling

__all__ = ["ALL_LABELS", "PRESETS", "Effect", "Preset", "leads"]

ALL_LABELS = "all_labels"
"""In place of a player: the classifier that learned from every known point of the pool."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a preset shows.

    Attributes:
        column: Of `contest.outcomes`.
        ahead: The player whose value is larger.
        behind: The player it is compared with.
        n_seeds: Seeds 0 to n_seeds - 1 were measured.
        lead: Mean of ahead minus behind.
        low: Lower end of its 95 % t-interval.
        high: Upper end.
        ahead_mean: Mean of the one.
        behind_mean: Mean of the other.
    """

    column: str
    ahead: str
    behind: str
    n_seeds: int
    lead: float
    low: float
    high: float
    ahead_mean: float
    behind_mean: float


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A game worth showing.

    Attributes:
        title: For people.
        claim: What is to be seen, in a sentence.
        game: As an address would have it.
        effect: The measurement behind the claim.
    """

    title: str
    claim: str
    game: Game
    effect: Effect


def leads(game: Game, effect: Effect, n_seeds: int) -> NDArray[np.float64]:
    """The lead in each of the first seeds, (n_seeds,): ahead minus behind."""
    ahead, behind = (
        _values(game.config, player, effect.column, n_seeds)
        for player in (effect.ahead, effect.behind)
    )
    return ahead - behind


def _values(config: GameConfig, player: str, column: str, n_seeds: int) -> NDArray[np.float64]:
    if player == ALL_LABELS:
        return np.array([ceiling(config.with_seed(seed)) for seed in range(n_seeds)])
    return outcomes(config, [player], range(n_seeds))[column].to_numpy(dtype=np.float64)


def _game(
    data: str, model: str, players: tuple[str, ...], mode: str = "race", **options: Any
) -> Game:
    rules = {key: options.pop(key) for key in ("query_size", "budget") if key in options}
    table = dataclasses.replace(of_shape(data), **options)
    return Game(config=GameConfig(table=table, model=model, **rules), mode=mode, players=players)


PRESETS = {
    "everything": Preset(
        title="Why not label everything?",
        claim="Thirty labels, well chosen, do what three hundred do.",
        game=_game("moons", "rbf", ("margin",), "watch", budget=30),
        effect=Effect(
            column="accuracy",
            ahead=ALL_LABELS,
            behind="margin",
            n_seeds=20,
            lead=0.001,
            low=-0.001,
            high=0.002,
            ahead_mean=0.987,
            behind_mean=0.986,
        ),
    ),
    "uncertainty": Preset(
        title="Uncertainty",
        claim="Labels where the classifier doubts are worth more than labels anywhere.",
        game=_game("moons", "rbf", ("random", "margin"), budget=20),
        effect=Effect(
            column="area",
            ahead="margin",
            behind="random",
            n_seeds=20,
            lead=0.053,
            low=0.034,
            high=0.071,
            ahead_mean=0.945,
            behind_mean=0.893,
        ),
    ),
    "sampling_bias": Preset(
        title="Sampling bias",
        claim="Where labels are coin flips, doubt never ends: Margin stays and loses to Random.",
        game=_game("honeypot", "knn", ("random", "margin"), budget=30),
        effect=Effect(
            column="accuracy",
            ahead="random",
            behind="margin",
            n_seeds=20,
            lead=0.111,
            low=0.069,
            high=0.152,
            ahead_mean=0.769,
            behind_mean=0.659,
        ),
    ),
    "cold_start": Preset(
        title="Cold start",
        claim="With two labels for six classes, doubt misleads: Entropy loses to Random.",
        game=_game(
            "long_tail",
            "logistic",
            ("random", "entropy", "coreset"),
            ratio=1,
            start="random",
            n_start=2,
            query_size=5,
            budget=15,
        ),
        effect=Effect(
            column="area",
            ahead="random",
            behind="entropy",
            n_seeds=20,
            lead=0.137,
            low=0.095,
            high=0.180,
            ahead_mean=0.755,
            behind_mean=0.617,
        ),
    ),
    "batches": Preset(
        title="Batches and duplicates",
        claim="Twenty labels at once: Margin buys the same doubt twenty times, BADGE spreads out.",
        game=_game("spirals", "rbf", ("margin", "badge", "random"), query_size=20, budget=40),
        effect=Effect(
            column="accuracy",
            ahead="badge",
            behind="margin",
            n_seeds=20,
            lead=0.131,
            low=0.098,
            high=0.164,
            ahead_mean=0.886,
            behind_mean=0.755,
        ),
    ),
    "long_tail": Preset(
        title="Long tails",
        claim="Random rarely meets the rare class; Entropy looks for it.",
        game=_game("long_tail", "rbf", ("random", "entropy"), start="random", n_start=6, budget=30),
        effect=Effect(
            column="worst",
            ahead="entropy",
            behind="random",
            n_seeds=20,
            lead=0.420,
            low=0.198,
            high=0.641,
            ahead_mean=0.983,
            behind_mean=0.563,
        ),
    ),
    "unknown_classes": Preset(
        title="Unknown classes",
        claim="Entropy is highest where no class is right: it spends its labels on unknown points.",
        # Seed 14 of the twenty is nearest to their means in share and accuracy; with seed 0 Entropy
        # buys least unknown points of all and happens to win.
        game=_game("unknown", "rbf", ("random", "entropy"), n_start=3, budget=30, seed=14),
        effect=Effect(
            column="unknown_ratio",
            ahead="entropy",
            behind="random",
            n_seeds=20,
            lead=0.488,
            low=0.435,
            high=0.542,
            ahead_mean=0.903,
            behind_mean=0.415,
        ),
    ),
    "seeds": Preset(
        title="Seeds and significance",
        claim="Margin is better here, yet three games can say the opposite.",
        game=_game("circles", "rbf", ("random", "margin"), noise=15, budget=10),
        effect=Effect(
            column="accuracy",
            ahead="margin",
            behind="random",
            n_seeds=50,
            lead=0.043,
            low=0.021,
            high=0.065,
            ahead_mean=0.881,
            behind_mean=0.838,
        ),
    ),
}
"""By name; the order is that of the lessons."""
