"""What the strategies on stochastic (dropout) passes share."""

from __future__ import annotations

from dataclasses import dataclass

from alscope.inputs import Input, McMoments, McMomentsValue
from alscope.params import param
from alscope.strategies._base import ScoreStrategy
from alscope.types import PoolView

__all__ = ["DropoutStrategy"]


@dataclass(frozen=True, kw_only=True)
class DropoutStrategy(ScoreStrategy):
    """A score made from the moments of stochastic passes.

    Attributes:
        n_samples: Stochastic passes; more of them give a less noisy score for more inference.
    """

    n_samples: int = param(
        10,
        low=2,
        high=1000,
        help="Stochastic passes; more are less noisy and slower.",
        paper="100 in early public code",
    )

    def needs(self) -> tuple[Input, ...]:
        """Moments of stochastic passes over the pool."""
        return (McMoments(n_samples=self.n_samples),)

    def moments(self, view: PoolView) -> McMomentsValue:
        """The moments of this many passes."""
        value: McMomentsValue = view[McMoments(n_samples=self.n_samples)]
        return value
