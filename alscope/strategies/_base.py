"""What every strategy is.

A strategy is a frozen dataclass: its fields are its hyper-parameters and nothing else. It declares
the inputs it needs, receives arrays, returns positions in the pool. It never sees data sets, pool
labels, models or devices.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.ranking import top_k
from alscope.config import ScenarioConfig
from alscope.errors import SelectionError
from alscope.inputs import Input
from alscope.learn.protocols import Attachment
from alscope.params import make_floats
from alscope.types import Outcome, PoolView, Selection, State

__all__ = ["Load", "ScoreStrategy", "Strategy", "require_labels"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much one selection looks at.

    Attributes:
        n_pool: Candidates.
        n_labeled: Annotated samples of known classes.
        n_unknowns: Annotated samples of unknown classes.
        query_size: How many are to be chosen.
    """

    n_pool: int
    n_labeled: int
    n_unknowns: int
    query_size: int


@dataclass(frozen=True, kw_only=True)
class Strategy(ABC):
    """Base of all strategies."""

    key: ClassVar[str] = ""
    """Registry name; set by the registry."""
    version: ClassVar[int] = 1
    """Raised when the same inputs give another selection."""
    needs_labels: ClassVar[bool] = False
    """Whether it is undefined without a labeled sample of a known class."""

    def __post_init__(self) -> None:
        """Equal strategies have one form."""
        make_floats(self)

    def problems(self, scenario: ScenarioConfig) -> tuple[str, ...]:
        """Why it cannot run in a scenario, or with its hyper-parameters; empty if it can."""
        if self.needs_labels and scenario.initial != "given" and scenario.n_initial == 0:
            return ("it needs at least one label before the first query; raise n_initial above 0",)
        return ()

    def excess(self, load: Load) -> str:
        """Why so much cannot be looked at, with the value and the way out; "" if it can.

        Asked before anything is trained, and again by whoever selects. Larger numbers never fit
        where smaller ones do not.
        """
        return ""

    def remarks(self, scenario: ScenarioConfig) -> tuple[str, ...]:
        """What to know before running it in a scenario that it was not made for."""
        return ()

    def attachments(self) -> tuple[Attachment, ...]:
        """Heads to be trained together with the target model."""
        return ()

    def needs(self) -> tuple[Input, ...]:
        """The inputs `select` reads."""
        return ()

    @abstractmethod
    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """Choose samples.

        Args:
            view: What may be seen; pool arrays are in ascending sample order.
            query_size: How many to choose; all of the pool if it is smaller.
            rng: For random choices; the only source of randomness.
            state: What `observe` returned in the round before; None in round 0.

        Returns:
            Exactly `min(query_size, view.n_pool)` distinct positions, best first.
        """

    def observe(
        self,
        view: PoolView,
        selection: Selection,
        outcome: Outcome,
        rng: np.random.Generator,
        state: State | None,
    ) -> State | None:
        """Learn from the answers; returns the state for the next round. By default nothing."""
        return state


@dataclass(frozen=True, kw_only=True)
class ScoreStrategy(Strategy):
    """A strategy that scores every sample by itself and takes the highest scores."""

    @abstractmethod
    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Acquisition scores, (n_pool,); higher = more worth labelling."""

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """The `query_size` highest scores; ties broken by the view's keys."""
        scores = self.scores(view)
        return Selection(top_k(scores, query_size, keys=view.tie_keys), scores)


def require_labels(view: PoolView, name: str) -> None:
    """Refuse to select without a labeled sample of a known class.

    Raises:
        SelectionError: If there is none.
    """
    if view.n_labeled == 0:
        raise SelectionError(
            f"{name} needs a labeled sample of a known class, and there is none in round "
            f"{view.round}; raise n_initial, or let the initial set hold known classes only"
        )
