"""The part of Data that shows what a scenario makes of a data set, before anything is trained."""

from __future__ import annotations

from typing import Any

import streamlit as st

from alscope.charts.pool import pool_chart, pool_data
from alscope.config import ScenarioConfig
from alscope.data.pools import pool_summary
from alscope.data.protocols import DataRoot
from alscope.data.scenario import scenario_problems
from alscope.errors import ALScopeError, ConfigError
from alscope.ui import nav
from alscope.ui.cards import show_chart
from alscope.ui.notices import guarded, show_problems
from alscope.ui.scenario_form import at_hand, scenario_form
from alscope.ui.text import plain

__all__ = ["show_preview"]

_MOST_BARS = 400  # browsers cannot draw a canvas much higher than that


def show_preview(root: DataRoot) -> None:
    """The scenario form of Build, and the pool it makes; both pages share their values."""
    form, side = st.columns([1, 1], gap="large")
    with form:
        scenario = scenario_form(root, page="data")
        seed = int(st.number_input("Seed", min_value=0, step=1, key="data_preview_seed"))
        nav.link("build", "Use this scenario on Build")
    with side, guarded("building the scenario"):
        _preview(scenario, root, seed)


def _preview(scenario: ScenarioConfig, root: DataRoot, seed: int) -> None:
    from alscope.engine.service import composition

    if not at_hand(scenario, root):
        st.info("The classes can be counted once the data set is here.")
        return
    try:
        summary = pool_summary(scenario, root)
    except ConfigError as error:
        show_problems(error.problems, "**This scenario cannot be built**")
        return
    except ALScopeError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    problems = scenario_problems(scenario, summary, seed=seed)
    if problems:
        show_problems(problems, "**This scenario cannot be built**")
        return
    rows = composition(scenario, summary, seed=seed)
    _numbers(scenario, rows)
    if len(rows) > _MOST_BARS:
        st.caption(f"A chart is drawn for up to {_MOST_BARS:,} classes; the table has them all.")
    else:
        show_chart(
            pool_chart(pool_data(rows)),
            key="pool",
            alt="Training samples of every class: known and used, unknown and used, left out",
        )
    st.dataframe(
        [
            {
                "Class": row["class_name"],
                "Known": row["known"],
                "In the data": row["available"],
                "Start": row["initial"],
                "Pool": row["pool"],
                "Test": row["test"],
            }
            for row in rows
        ],
        hide_index=True,
        alt="Samples of each class in the data, the initial set, the pool and the test set",
    )


def _numbers(scenario: ScenarioConfig, rows: list[dict[str, Any]]) -> None:
    known = sum(row["initial"] + row["pool"] for row in rows if row["known"])
    unknown = sum(row["initial"] + row["pool"] for row in rows if not row["known"])
    sizes = [row["initial"] + row["pool"] for row in rows if row["known"]]
    left, middle, share, right = st.columns(4)
    left.metric("Known", f"{known:,}")
    middle.metric("Unknown", f"{unknown:,}")
    share.metric("Unknown share", f"{unknown / (known + unknown):.1%}")
    right.metric(
        "Imbalance",
        f"{max(sizes) / max(min(sizes), 1):.3g}",
        help="Largest / smallest known class of the pool.",
    )
    starts = [row["class_name"] for row in rows if row["known"] and row["initial"] == 0]
    if starts and scenario.n_initial:
        st.warning(
            f"No sample at the start of {plain(', '.join(starts[:5]))}"
            + (f" and {len(starts) - 5} more classes." if len(starts) > 5 else "."),
            icon=":material/warning:",
        )
    tiny = [row["class_name"] for row in rows if row["known"] and row["test"] < 10]
    if tiny:
        st.warning(
            f"Fewer than 10 test samples of {plain(', '.join(tiny[:5]))}: their recall is a coin "
            "flip.",
            icon=":material/warning:",
        )
    if scenario.label_noise:
        st.caption(
            f"About {scenario.label_noise * known:,.0f} of the known samples would get a wrong "
            "label."
        )
