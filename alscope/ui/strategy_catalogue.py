"""The catalogue of strategies: filters, the overview as cards or as a table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import streamlit as st

from alscope.catalogue import ASKS, COSTS, REGIMES, SETTINGS, Card, Filter
from alscope.ui import nav
from alscope.ui.filters import several
from alscope.ui.samples import sample_evidence, show_arriving
from alscope.ui.service import get_service
from alscope.ui.state import Key
from alscope.ui.text import count, plain
from alscope.ui.urlstate import publish, restore_text

__all__ = ["choose_filter", "family_name", "show_cards", "show_table"]

_COLUMNS = 3
_GAIN, _TESTS, _QUERY = "Gain over Random", "Significantly", "Selection"
_GAIN_HELP = "Mean over scenarios of the paired difference in area under the accuracy curve."
_TESTS_HELP = (
    "Scenarios with p of at most 0.05 by the paired sign-flip test with Holm's correction."
)
_QUERY_HELP = "Median seconds of one selection, inference included, on the machine of the samples."


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
    """One row per strategy, sortable, with what the sample results say about it."""
    import pandas as pd

    ids, evidence = sample_evidence(get_service())
    measured = {row["strategy"]: row for row in evidence.to_dict("records")}
    rows = [
        {
            "Strategy": c.title,
            "Family": family_name(c.group),
            **_measured(measured.get(c.key), any_samples=bool(ids)),
            "Cost of a query": c.cost,
            "Budget": REGIMES[c.regime],
            "Needs": ", ".join(ASKS.get(word, word) for word in c.asks) or "nothing",
            "Idea": c.summary,
            "Name": c.key,
        }
        for c in found
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        placeholder="-",
        alt="Strategies with family, idea, needs, cost, budget and gain over Random in the samples",
        column_config={
            "Strategy": st.column_config.TextColumn(pinned=True),
            "Idea": st.column_config.TextColumn(width="large"),
            _TESTS: st.column_config.TextColumn(width="medium", help=_TESTS_HELP),
            _GAIN: st.column_config.NumberColumn(format="%+.3f", help=_GAIN_HELP),
            _QUERY: st.column_config.NumberColumn(format="%.2g s", help=_QUERY_HELP),
        },
    )
    show_arriving()
    if ids:
        _say_measured(int(evidence["n_scenarios"].max()), ids)


def _measured(row: Mapping[Hashable, Any] | None, *, any_samples: bool) -> dict[str, Any]:
    """The measured cells of one strategy; none without samples."""
    if not any_samples:
        return {}
    if row is None:
        return {_GAIN: None, _TESTS: "", _QUERY: None}
    tests = f"{row['n_better']} better, {row['n_worse']} worse of {row['n_scenarios']}"
    return {_GAIN: row["gain"], _TESTS: tests, _QUERY: row["query_s"]}


def _say_measured(n_scenarios: int, ids: Sequence[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Gains and seconds are those of the sample results: "
            f"{count(n_scenarios, 'small scenario')} on digits, photographs or texts, 10 seeds "
            "each. Other data, networks and budgets give other orders. Without a value: not part "
            "of the samples.",
            width="stretch",
        )
        nav.link("compare", "See the curves", icon=":material/compare_arrows:", exp=list(ids))


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
