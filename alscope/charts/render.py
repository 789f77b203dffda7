"""Charts as files for print: SVG, PNG and PDF, without a browser and without a network.

Vega runs inside `vl-convert`. The same chart gives the same bytes with one version of it.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from alscope.charts.spec import AnyChart, chart_spec

__all__ = ["FORMATS", "PRINT", "render", "screen_config"]

FORMATS = ("svg", "png", "pdf")
_PPI = 300
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"  # the first one comes with vl-convert
_INK, _RULE = "#1b1b1b", "#d9dde2"

PRINT: dict[str, Any] = {
    "background": "#ffffff",
    "font": _FONT,
    "padding": 8,
    "view": {"continuousWidth": 460, "continuousHeight": 300, "stroke": None},
    "axis": {
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelColor": _INK,
        "titleColor": _INK,
        "domainColor": _INK,
        "tickColor": _INK,
        "gridColor": _RULE,
        "titlePadding": 8,
        "labelFlush": False,
    },
    "header": {"labelFontSize": 12, "labelColor": _INK, "titleColor": _INK},
    "legend": {
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelColor": _INK,
        "titleColor": _INK,
        "labelLimit": 0,
        "symbolStrokeWidth": 2,
        "symbolSize": 200,
    },
    "title": {"fontSize": 13, "color": _INK, "anchor": "start"},
}
"""Vega-Lite configuration of files: dark on white, fonts that are there, no truncated names."""


def render(chart: AnyChart, fmt: str) -> bytes:
    """A chart in the bytes of a file.

    Args:
        chart: From `alscope.charts`.
        fmt: "svg", "png" (300 pixels per inch) or "pdf".

    Raises:
        KeyError: If there is no such format.
    """
    import vl_convert

    spec = chart_spec(chart, _print_config(chart))
    options: dict[str, Any] = {"allowed_base_urls": []}  # nothing is ever fetched
    makers: dict[str, Any] = {
        "svg": lambda: vl_convert.vegalite_to_svg(spec, **options).encode(),
        "png": lambda: vl_convert.vegalite_to_png(spec, ppi=_PPI, **options),
        "pdf": lambda: vl_convert.vegalite_to_pdf(spec, **options),
    }
    made: bytes = makers[fmt]()
    return made


def screen_config(*, dark: bool) -> dict[str, Any]:
    """Configuration of an interactive chart in a page of our own."""
    ink, rule = ("#eef2f6", "#3a4552") if dark else (_INK, _RULE)
    colors = {"labelColor": ink, "titleColor": ink}
    axis = {**PRINT["axis"], **colors, "domainColor": ink, "tickColor": ink, "gridColor": rule}
    return {
        **PRINT,
        "background": None,
        "axis": axis,
        "header": {**PRINT["header"], **colors},
        "legend": {**PRINT["legend"], **colors},
        "title": {**PRINT["title"], "color": ink},
        "text": {"color": ink},
    }


def _print_config(chart: AnyChart) -> dict[str, Any]:
    if isinstance(chart, alt.FacetChart | alt.ConcatChart | alt.HConcatChart):
        return {**PRINT, "view": {**PRINT["view"], "continuousWidth": 320}}
    return PRINT
