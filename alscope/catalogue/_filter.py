"""Which strategies of the catalogue a reader wants to see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from alscope.catalogue._cards import Card

__all__ = ["Filter", "filtered"]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What to show; empty means everything.

    Attributes:
        text: Words that must all occur in name, summary, explanation or references.
        families: Registry groups.
        asks: Keys of `ASKS`; a strategy fits if it asks for nothing else.
        settings: Keys of `SETTINGS` in which it must run on every kind of sample.
        regimes: Keys of `REGIMES`.
        costs: Members of `COSTS`.
    """

    text: str = ""
    families: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    regimes: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()


def filtered(found: Iterable[Card], wanted: Filter) -> tuple[Card, ...]:
    """The cards that a filter lets through, in their order."""
    return tuple(card for card in found if _fits(card, wanted))


def _fits(card: Card, wanted: Filter) -> bool:
    words = f"{card.key} {card.title} {card.summary} {card.idea} {card.references}".lower()
    return (
        all(word in words for word in wanted.text.lower().split())
        and (not wanted.families or card.group in wanted.families)
        and (not wanted.asks or set(card.asks) <= set(wanted.asks))
        and all(_runs(card, setting) for setting in wanted.settings)
        and (not wanted.regimes or card.regime in wanted.regimes)
        and (not wanted.costs or card.cost in wanted.costs)
    )


def _runs(card: Card, setting: str) -> bool:
    return not any(reasons for (where, _), reasons in card.runs.items() if where == setting)
