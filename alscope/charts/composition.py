"""What was bought: purity of the queries, and classes of the labeled set."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from alscope.charts.curves import curve_chart, curve_data

__all__ = ["class_chart", "class_data", "purity_chart", "purity_data"]


def purity_data(rounds: pd.DataFrame) -> pd.DataFrame:
    """Exactly the rows that `purity_chart` draws: mean purity per strategy and round.

    Args:
        rounds: From `alscope.results.frames.rounds_frame`; every run counts once.

    Returns:
        The columns of `curve_data` over the rounds that have a query; no band.
    """
    once = rounds.drop_duplicates(["run_id", "round"])
    once = once[once["query_size"] > 0]
    groups = once.groupby(["scenario", "strategy", "round"], sort=True)
    purity = groups["purity"]
    means = pd.DataFrame(
        {
            "n_annotated": groups["n_annotated"].mean(),
            "mean": purity.mean(),
            "low": np.nan,
            "high": np.nan,
            "std": purity.std(ddof=1),
            "n": purity.count(),
            "metric": "purity",
            "band": "none",
        }
    )
    return curve_data(means.reset_index())


def purity_chart(data: pd.DataFrame, *, height: int = 300) -> alt.LayerChart | alt.FacetChart:
    """Known share of the queries over the annotations spent before them.

    Args:
        data: From `purity_data`.
        height: Of one panel, in pixels.
    """
    return curve_chart(data, y_title="Known share of the query", height=height)


def class_data(classes: pd.DataFrame, *, class_names: Sequence[str] = ()) -> pd.DataFrame:
    """Exactly the rows that `class_chart` draws: mean labeled samples per class and round.

    Args:
        classes: From `alscope.results.frames.classes_frame`; every run counts once.
        class_names: Names of the known classes in label order; numbers are shown without.

    Returns:
        scenario, strategy, round, n_annotated, class_index, class_name, n_labeled (mean over
        seeds), n (seeds), panel.
    """
    once = classes.drop_duplicates(["run_id", "round", "class_index"])
    groups = once.groupby(["scenario", "strategy", "round", "class_index"], sort=True)
    data = groups.agg(n_annotated=("n_annotated", "mean"), n_labeled=("n_labeled", "mean"))
    data = data.assign(n=groups.size()).reset_index()
    names = [
        class_names[index] if index < len(class_names) else str(index)
        for index in data["class_index"]
    ]
    panels = [
        f"{strategy}, {scenario}"
        for strategy, scenario in zip(data["strategy"], data["scenario"], strict=True)
    ]
    return data.assign(
        class_name=pd.Series(names, dtype="str", index=data.index),
        panel=pd.Series(panels, dtype="str", index=data.index),
    )


def class_chart(data: pd.DataFrame, *, height: int = 160) -> alt.FacetChart:
    """Labeled samples by class over the annotations, one panel per strategy.

    Args:
        data: From `class_data`.
        height: Of one panel, in pixels.
    """
    order = data.drop_duplicates("class_index").sort_values("class_index")["class_name"].tolist()
    bars: alt.Chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("n_annotated:O", title="Annotations"),
            y=alt.Y("n_labeled:Q", title="Labeled samples", stack="zero"),
            color=alt.Color(
                "class_name:N", sort=order, title="Class", scale=alt.Scale(scheme="viridis")
            ),
            order=alt.Order("class_index:Q"),
            tooltip=[
                alt.Tooltip("strategy:N", title="Strategy"),
                alt.Tooltip("n_annotated:Q", title="Annotations"),
                alt.Tooltip("class_name:N", title="Class"),
                alt.Tooltip("n_labeled:Q", title="Labeled samples (mean)", format=".1f"),
                alt.Tooltip("n:Q", title="Seeds"),
            ],
        )
        .properties(height=height)
    )
    panels: alt.FacetChart = bars.facet(facet=alt.Facet("panel:N", title=None), columns=2)
    return panels.properties(description="Labeled samples per class over the annotations")
