"""The catalogue of strategies: filters, the overview as cards or as a table."""

from __future__ import annotations

import streamlit as st

from alscope.catalogue import ASKS, COSTS, REGIMES, SETTINGS, Card, Filter
from alscope.ui import nav
from alscope.ui.filters import several
from alscope.ui.state import Key
from alscope.ui.text import plain
from alscope.ui.urlstate import publish, restore_text

__all__ = ["choose_filter", "family_name", "show_cards", "show_table"]

_COLUMNS = 3


def family_name(group: str) -> str:
    """`open set` for `open_set`."""
    return group.replace("_", " ")


def choose_filter(found: tuple[Card, ...]) -> Filter:
    """Widgets above the catalogue; all of them in the address."""
    families = {c.group: family_name(c.group) for c in found}
    first, second = st.columns([2, 3])
    with first:
        text = _text()
    with second:
        chosen_families = several(Key.FAMILY, "Family", families)
    columns = st.columns(4)
    with columns[0]:
        asks = several(Key.ASKS, "Needs at most", ASKS)
    with columns[1]:
        settings = several(Key.SETTING, "Runs with", {key: key for key in SETTINGS})
    with columns[2]:
        regimes = several(Key.REGIME, "Budget", REGIMES)
    with columns[3]:
        costs = several(Key.COST, "Cost of a query", {cost: cost for cost in COSTS})
    return Filter(
        text=text,
        families=chosen_families,
        asks=asks,
        settings=settings,
        regimes=regimes,
        costs=costs,
    )


def show_cards(found: tuple[Card, ...]) -> None:
    """A grid of small cards, each with a link to the whole card."""
    for start in range(0, len(found), _COLUMNS):
        row = st.columns(_COLUMNS)
        for column, card in zip(row, found[start : start + _COLUMNS], strict=False):
            with column, st.container(border=True, height="stretch"):
                _small(card)


def show_table(found: tuple[Card, ...]) -> None:
    """One row per strategy, sortable."""
    import pandas as pd

    rows = [
        {
            "Strategy": c.title,
            "Family": family_name(c.group),
            "Idea": c.summary,
            "Needs": ", ".join(ASKS.get(word, word) for word in c.asks) or "nothing",
            "Cost of a query": c.cost,
            "Budget": REGIMES[c.regime],
            "Name": c.key,
        }
        for c in found
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        alt="Strategies with family, idea, needs, cost and budget",
        column_config={"Idea": st.column_config.TextColumn(width="large")},
    )


def _small(card: Card) -> None:
    st.markdown(f"**{plain(card.title)}**  :gray-badge[{family_name(card.group)}]")
    st.markdown(plain(card.summary))
    st.caption(f"{plain(card.cost)} · {plain(REGIMES[card.regime])}")
    nav.link("strategies", f"Details of {plain(card.title)}", s=card.key)


def _text() -> str:
    restore_text(Key.SEARCH, limit=100)
    text: str = st.text_input(
        "Search", key=Key.SEARCH, placeholder="entropy, duplicates, 1708.00489 ...", max_chars=100
    )
    publish(Key.SEARCH, [text] if text else [])
    return text
