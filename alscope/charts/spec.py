"""A chart as a complete Vega-Lite specification, independent of Altair's global settings.

Altair keeps its data transformers and themes in globals, which Streamlit changes while it draws in
another thread. Here the frames are taken out of a copy of the chart first, so no transformer is
asked, and the configuration is the chart's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

__all__ = ["AnyChart", "ChartParts", "chart_parts", "chart_spec", "merged"]

_CHILDREN = ("layer", "hconcat", "vconcat", "concat")
_NAMED = re.compile(r'"name": "((?:view|param)_(?:[0-9a-f]+_)?\d+)"')


class ChartParts(NamedTuple):
    """A chart and its data, apart."""

    spec: dict[str, Any]
    """Vega-Lite; refers to the frames by name."""
    frames: dict[str, pd.DataFrame]
    """The frames, by name: `data`, `frame_2`, ... in the order of the chart."""


AnyChart = alt.TopLevelMixin | ChartParts
"""A chart of Altair, or one that was taken apart because Altair is too slow to be asked often."""


def chart_parts(chart: AnyChart) -> ChartParts:
    """The specification of a chart without its data, and the data.

    Equal charts give equal specifications: names that Altair counts up are counted anew. Every
    encoding must name its type, as those of `alscope.charts` do.

    Args:
        chart: Unchanged; one that is apart already stays so.
    """
    if isinstance(chart, ChartParts):
        return ChartParts(dict(chart.spec), chart.frames)
    original: Any = chart  # the base class does not say that it can be copied
    copied = original.copy(deep=True)
    frames: dict[str, pd.DataFrame] = {}
    for part in _parts(copied):
        if isinstance(part.data, pd.DataFrame):
            part.data = alt.NamedData(name=_name_of(part.data, frames))
    spec: dict[str, Any] = copied.to_dict()
    for name in ("config", "usermeta"):  # may hold what a global theme adds
        spec.pop(name, None)
    if copied.config is not alt.Undefined:
        spec["config"] = copied.config.to_dict()
    return ChartParts(_renamed(spec), frames)


def chart_spec(chart: AnyChart, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """A chart as a self-contained Vega-Lite specification.

    Args:
        chart: Unchanged.
        config: Vega-Lite configuration; what the chart itself configures comes before it.
    """
    spec, frames = chart_parts(chart)
    own = spec.pop("config", {})
    spec["config"] = merged(config or {}, own)
    spec["datasets"] = {name: alt.to_values(frame)["values"] for name, frame in frames.items()}
    return spec


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Nested settings with some of them changed."""
    both = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = merged(both[key], value) if nested else value
    return both


def _parts(chart: Any) -> Iterator[Any]:
    """A chart and everything in it that may have data of its own."""
    yield chart
    for name in _CHILDREN:
        children = getattr(chart, name, alt.Undefined)
        if isinstance(children, list):
            for child in children:
                yield from _parts(child)
    spec = getattr(chart, "spec", alt.Undefined)
    if isinstance(spec, alt.TopLevelMixin):
        yield from _parts(spec)


def _name_of(frame: pd.DataFrame, frames: dict[str, pd.DataFrame]) -> str:
    """The name of a frame; the same frame has one name."""
    for name, known in frames.items():
        if known is frame or known.equals(frame):
            return name
    # Not data_2: Vega-Lite gives such names itself.
    name = f"frame_{len(frames) + 1}" if frames else "data"
    frames[name] = frame
    return name


def _renamed(spec: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(spec)
    counted: dict[str, str] = {}
    for name in _NAMED.findall(text):
        kind = name.split("_")[0]
        counted.setdefault(name, f"{kind}_{sum(n.startswith(kind) for n in counted) + 1}")
    if not counted:
        return spec
    pattern = re.compile(rf"\b({'|'.join(counted)})\b")
    renamed: dict[str, Any] = json.loads(pattern.sub(lambda found: counted[found[1]], text))
    return renamed
