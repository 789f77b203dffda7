"""The game: frozen boards, one per player, that a step turns into the next.

A board is a pure function of configuration, player and moves. Strategies have no moves to choose,
so theirs is a function of the number of steps; people's is one of the points they bought.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from alscope import rng
from alscope.engine.validate import check_selection
from alscope.errors import SelectionError
from alscope.playground.config import GameConfig
from alscope.playground.deal import Deal, deal
from alscope.playground.models import MODELS, Fitted
from alscope.playground.offers import Scene, make_view, strategy_of
from alscope.strategies._base import Strategy
from alscope.types import IntArray, Outcome, PoolView, Selection, State

__all__ = ["YOU", "Board", "Score", "bought", "choose", "learned", "play", "scene_of"]

YOU = "you"


class Score(NamedTuple):
    """How good the classifier is at one moment."""

    n_annotated: int
    """Labels paid for, first ones and unknown points included."""
    n_unknown: int
    """Unknown points among them."""
    accuracy: float
    """On the test points, whose classes have equal shares."""
    worst: float
    """Recall of the worst known class."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """A moment of one player's game.

    Attributes:
        config: The game.
        player: Name of a strategy, or `YOU`.
        batches: Ids in the order they were bought; the first batch is given at the start.
        scores: One per batch.
        state: What the strategy remembers.
    """

    config: GameConfig
    player: str
    batches: tuple[tuple[int, ...], ...]
    scores: tuple[Score, ...]
    state: State | None = field(default=None, compare=False)

    @property
    def annotated(self) -> tuple[int, ...]:
        """All ids that were bought."""
        return tuple(row for batch in self.batches for row in batch)

    @property
    def n_bought(self) -> int:
        """Labels bought after the start."""
        return len(self.annotated) - len(self.batches[0])

    @property
    def n_next(self) -> int:
        """Labels the next step buys; 0 when budget or pool is used up."""
        n_pool = len(deal(self.config.table).labels) - len(self.annotated)
        return min(self.config.query_size, self.config.budget - self.n_bought, n_pool)

    @property
    def area(self) -> float:
        """Mean accuracy over the labels bought: trapezoids over the length of the axis."""
        x = np.array([score.n_annotated for score in self.scores], dtype=np.float64)
        y = np.array([score.accuracy for score in self.scores])
        return float(np.trapezoid(y, x) / (x[-1] - x[0])) if x[-1] > x[0] else float(y[0])


def play(config: GameConfig, player: str, n_steps: int) -> Board:
    """The board of a strategy after some steps, fewer if budget or pool are used up.

    Raises:
        UnknownNameError: If there is no such strategy.
        SelectionError: If it cannot choose here.
    """
    board = _start(config, player)
    for number in range(1, n_steps + 1):
        if not board.n_next:
            break
        board = _played(config, player, number)
    return board


def bought(config: GameConfig, picks: tuple[int, ...]) -> Board:
    """The board of a person who bought these points, in this order; full batches are learned from.

    Raises:
        SelectionError: If a point does not exist, was bought before, or is not paid for.
    """
    board = _start(config, YOU)
    _check_picks(config, board, picks)
    size = config.query_size
    full = len(picks) if len(picks) == config.budget else len(picks) // size * size
    for begin in range(0, full, size):
        board = _bought(config, picks[: min(begin + size, full)])
    return board


def choose(board: Board) -> Selection:
    """What the strategy of a board takes next: positions in the pool of `scene_of(board)`."""
    strategy, scene = strategy_of(board.player), scene_of(board)
    return _selected(strategy, scene, make_view(strategy, scene), board)


def scene_of(board: Board) -> Scene:
    """A board as strategies may see it."""
    config, cards = board.config, deal(board.config.table)
    labeled, unknowns = _known_and_unknown(cards, board.annotated)
    pool = np.setdiff1d(np.arange(len(cards.labels)), board.annotated)
    return Scene(
        model=config.model,
        fitted=learned(config, tuple(sorted(board.annotated))),
        points={
            "pool": cards.points[pool],
            "labeled": cards.points[labeled],
            "unknowns": cards.points[unknowns],
        },
        ids=pool,
        labels=cards.labels[labeled],
        n_classes=cards.n_classes,
        seed=config.table.seed,
        round=len(board.batches) - 1,
    )


@lru_cache(maxsize=128)
def learned(config: GameConfig, annotated: tuple[int, ...]) -> Fitted:
    """The classifier after some points were bought, in whatever order; ids ascending."""
    cards = deal(config.table)
    labeled, _ = _known_and_unknown(cards, annotated)
    # As in a study: equal weights at equal numbers of labels, whoever chose them.
    init = rng.generator(config.table.seed, "playground", "model_init", labeled.size)
    return MODELS[config.model].fit(
        cards.points[labeled], cards.labels[labeled], cards.n_classes, 1.0, init
    )


def _selected(strategy: Strategy, scene: Scene, view: PoolView, board: Board) -> Selection:
    draws = rng.generator(scene.seed, "strategy", strategy.key, scene.round)
    selection = strategy.select(view, board.n_next, draws, board.state)
    check_selection(selection, n_pool=view.n_pool, query_size=board.n_next)
    return selection


@lru_cache(maxsize=512)
def _start(config: GameConfig, player: str) -> Board:
    first = deal(config.table).start
    return Board(config=config, player=player, batches=(first,), scores=(_score(config, first),))


@lru_cache(maxsize=4096)
def _played(config: GameConfig, player: str, n_steps: int) -> Board:
    before = _played(config, player, n_steps - 1) if n_steps > 1 else _start(config, player)
    strategy, scene = strategy_of(player), scene_of(before)
    view = make_view(strategy, scene)
    selection = _selected(strategy, scene, view, before)
    batch = tuple(int(row) for row in scene.ids[selection.positions])
    outcome = Outcome(deal(config.table).labels[list(batch)])
    draws = rng.generator(scene.seed, "observe", strategy.key, scene.round)
    state = strategy.observe(view, selection, outcome, draws, before.state)
    return _after(before, batch, state)


@lru_cache(maxsize=1024)
def _bought(config: GameConfig, picks: tuple[int, ...]) -> Board:
    size = config.query_size
    last = (len(picks) - 1) // size * size
    before = _bought(config, picks[:last]) if last else _start(config, YOU)
    return _after(before, picks[last:], None)


def _after(board: Board, batch: tuple[int, ...], state: State | None) -> Board:
    return Board(
        config=board.config,
        player=board.player,
        batches=(*board.batches, batch),
        scores=(*board.scores, _score(board.config, (*board.annotated, *batch))),
        state=state,
    )


def _score(config: GameConfig, annotated: tuple[int, ...]) -> Score:
    cards = deal(config.table)
    fitted = learned(config, tuple(sorted(annotated)))
    right = fitted.logits(cards.test_points).argmax(axis=1) == cards.test_labels
    recalls = [right[cards.test_labels == label].mean() for label in range(cards.n_classes)]
    return Score(
        n_annotated=len(annotated),
        n_unknown=int((cards.labels[list(annotated)] < 0).sum()),
        accuracy=float(right.mean()),
        worst=float(min(recalls)),
    )


def _known_and_unknown(cards: Deal, annotated: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    rows = np.sort(np.array(annotated, dtype=np.int64))
    known = cards.labels[rows] >= 0
    return rows[known], rows[~known]


def _check_picks(config: GameConfig, board: Board, picks: tuple[int, ...]) -> None:
    n = len(deal(config.table).labels)
    taken = set(board.annotated)
    if len(picks) > config.budget:
        raise SelectionError(
            f"{len(picks)} points were bought, but the budget is {config.budget}; undo some"
        )
    for pick in picks:
        if not 0 <= pick < n:
            raise SelectionError(f"there is no point {pick}; points have the numbers 0 to {n - 1}")
        if pick in taken:
            raise SelectionError(f"point {pick} is labeled already; buy another one")
        taken.add(pick)
