"""Real charts for tests of what becomes of charts."""

from __future__ import annotations

from functools import cache

import altair as alt
import numpy as np
import pandas as pd

from alscope.charts.composition import purity_chart, purity_data
from alscope.charts.curves import curve_chart, curve_data
from alscope.charts.timing import timing_chart, timing_data
from alscope.results.curves import curve_frame
from alscope.results.timing import timing_table
from tests.results.records import Curve, make_rounds

__all__ = ["NAMES", "figures", "made_anew", "rounds"]

NAMES = ("random", "margin", "entropy", "bald", "coreset", "badge", "least_confidence", "core_log")


def _curve(place: int) -> Curve:
    def heights(seed: int) -> list[float]:
        noise = np.random.default_rng([place, seed]).normal(0, 0.01, 6)
        return list(0.5 + 0.35 * (1 - np.exp(-np.arange(6) / (3 + place / 2))) + noise)

    return heights


def rounds(*scenarios: str) -> pd.DataFrame:
    """Eight strategies and five seeds on one or several scenarios."""
    curves = {name: _curve(place) for place, name in enumerate(NAMES)}
    times = {"load_s": 0.1, "inference_s": 0.1, "acquisition_s": 0.05, "selection_s": 0.25}
    parts = [
        make_rounds(curves, seeds=range(5), scenario=title, setting="open", purity=0.8, **times)
        for title in scenarios or ("digits",)
    ]
    return pd.concat(parts, ignore_index=True)


@cache
def figures() -> dict[str, tuple[alt.TopLevelMixin, pd.DataFrame]]:
    """One chart of every form, made once: several modules of tests ask while they are collected."""
    return made_anew()


def made_anew() -> dict[str, tuple[alt.TopLevelMixin, pd.DataFrame]]:
    """One chart of every form: layers, facets, bars, and layers with two frames."""
    one, two = rounds(), rounds("digits", 'docs · "open" set = {x}')
    curves, panels = curve_data(curve_frame(one)), curve_data(curve_frame(two))
    seconds, purity = timing_data(timing_table(two)), purity_data(one)
    line = pd.DataFrame({"at": [0.8]})
    ruled = alt.layer(
        curve_chart(curves, y_title="Accuracy"),
        alt.Chart(line).mark_rule().encode(y=alt.Y("at:Q")),
        alt.Chart(alt.sequence(1)).mark_rule().encode(x=alt.datum(30)),
    )
    return {
        "layers": (curve_chart(curves, y_title="Accuracy"), curves),
        "facets": (curve_chart(panels, y_title="Accuracy"), panels),
        "bars": (timing_chart(seconds), seconds),
        "purity": (purity_chart(purity), purity),
        "two frames": (ruled, curves),
        "side by side": (alt.hconcat(timing_chart(seconds), purity_chart(purity)), seconds),
    }
