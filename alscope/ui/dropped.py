"""Which seeds a paired comparison has to leave out, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.cube import dropped_frame
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["show_dropped"]


def show_dropped(rounds: pd.DataFrame, metric: str) -> None:
    """A folded list of seeds that some strategies have and others lack; nothing if there are none.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
    """
    dropped = dropped_frame(rounds, metric)
    if not len(dropped):
        return
    with st.expander(
        f"Only common seeds are compared: {count(len(dropped), 'run')} not complete",
        icon=":material/filter_alt_off:",
    ):
        names = ["scenario", "strategy", "reason"]
        seeds = dropped.astype({"seed": "str"}).groupby(names, sort=True)["seed"].agg(", ".join)
        lines = [
            f"- {plain(str(row.scenario))}, {plain(str(row.strategy))}: "
            f"{row.reason}, seed {row.seed}"
            for row in seeds.reset_index().itertuples(index=False)
        ]
        st.markdown("\n".join(lines))
