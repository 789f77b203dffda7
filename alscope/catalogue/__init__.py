"""What is known about every strategy, for people: lists, cards and the page docs/strategies.md.

Everything is read from the registry, the docstrings and the tests, so that no second text can drift
away from the code.
"""

from alscope.catalogue._cards import ASKS, COSTS, REGIMES, SETTINGS, Card, card, cards
from alscope.catalogue._checks import Check, checks, conformance
from alscope.catalogue._filter import Filter, filtered
from alscope.catalogue._page import catalogue_page, range_text

__all__ = [
    "ASKS",
    "COSTS",
    "REGIMES",
    "SETTINGS",
    "Card",
    "Check",
    "Filter",
    "card",
    "cards",
    "catalogue_page",
    "checks",
    "conformance",
    "filtered",
    "range_text",
]
