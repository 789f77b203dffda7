"""What a contest over many seeds says, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Standing", "rank_words", "verdict"]


class Standing(NamedTuple):
    """How a strategy did over seeds."""

    player: str
    """Name."""
    strategy: str
    """Title."""
    mean: float
    """Mean accuracy at the end."""
    low: float
    """Lower end of its interval; NaN for one seed."""
    high: float
    """Upper end."""
    n: int
    """Seeds."""


def verdict(
    standings: Sequence[Standing], accuracies: Mapping[str, Sequence[float]], yours: float | None
) -> str:
    """Who won, how surely, and where you are.

    Args:
        standings: Best first.
        accuracies: By title, the accuracy in every seed.
        yours: Your accuracy; None if you did not play.
    """
    said = "; ".join(_standing(one) for one in standings)
    if yours is None:
        n = max((one.n for one in standings), default=0)
        return f"**{said}** (mean over {n} games)."
    beaten = " and ".join(
        f"{sum(value < yours for value in values)} of {len(values)} games of {title}"
        for title, values in accuracies.items()
    )
    place = 1 + sum(one.mean > yours for one in standings)
    return (
        f"**You {yours:.2f}; {said}**. That is place {place} of {len(standings) + 1}. You were "
        f"better than {beaten}. Yours was one game: from one seed, nobody can tell luck from skill."
    )


def rank_words(title: str, *, rank: int, n_pool: int, n_batch: int, score: float) -> str:
    """What a strategy makes of a point: `Margin ranks it 3 of 240`, as a sentence.

    Args:
        title: Of the strategy.
        rank: See `explain.ranks`.
        n_pool: Points in the pool.
        n_batch: Points of the next step.
        score: NaN for strategies without scores.
    """
    if not math.isnan(score):
        return f"{title} ranks it **{rank}** of {n_pool}."
    if n_batch == 1:
        return f"{title} {'takes it next' if rank else 'takes another point next'}."
    if rank:
        return f"{title} takes it as number **{rank}** of its {n_batch} choices."
    return f"{title} leaves it out of its {n_batch} choices."


def _standing(one: Standing) -> str:
    spread = "" if math.isnan(one.low) else f" ± {(one.high - one.low) / 2:.2f}"
    return f"{one.strategy} {one.mean:.2f}{spread}"
