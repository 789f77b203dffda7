"""One colour and dash per strategy, the same in every chart.

Hue tells the family (blue: uncertainty, green: diversity, orange: hybrid, red: posterior, purple:
imbalance, ochre: learned, brown: open set, grey and dashed: Random), dash tells members of a family
apart, also without colour vision. All colours have a contrast of at least 3:1 to both the light and
the dark background.

References:
    Okabe and Ito 2008, Color universal design (most hues); WCAG 2.2, 1.4.11 (contrast).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import altair as alt

from alscope.registry import strategies

__all__ = ["PARTS", "Style", "color_and_dash", "style_of", "styles"]


class Style(NamedTuple):
    """How the line of a strategy looks."""

    color: str
    """Hexadecimal."""
    dash: tuple[int, ...]
    """Lengths of stroke and gap in pixels; (1, 0) is solid."""


_SOLID = (1, 0)
_GREY = Style("#a3a3a3", _SOLID)
_DASHES = (_SOLID, (7, 3), (2, 2), (8, 2, 2, 2), (4, 4), (12, 3), (8, 2, 2, 2, 2, 2))

_COLORS = {
    "baseline": ("#7f7f7f",),
    "uncertainty": ("#0072b2", "#3b8ed0", "#6f6fd0", "#1f8a9e"),
    "diversity": ("#009e73", "#117733"),
    "hybrid": ("#d55e00", "#cc3311"),
    "posterior": ("#ee3377",),
    "imbalance": ("#aa4499", "#cc79a7"),
    "learned": ("#9a6a00", "#b8860b"),
    "open_set": ("#8c564b", "#a0522d"),
}
_OTHER = ("#cc79a7", "#9a6a00", "#aa4499", "#b8860b", "#ee3377")

_FIXED = {
    "random": Style("#7f7f7f", (5, 4)),
    "entropy": Style("#0072b2", _SOLID),
    "margin": Style("#3b8ed0", (7, 3)),
    "least_confidence": Style("#6f6fd0", (2, 2)),
    "bald": Style("#1f8a9e", (8, 2, 2, 2)),
    "coreset": Style("#009e73", _SOLID),
    "badge": Style("#d55e00", _SOLID),
}

PARTS = {
    "load": "#b8860b",
    "inference": "#3b8ed0",
    "acquisition": "#d55e00",
    "own learners": "#aa4499",
    "whole round": "#7f7f7f",
}
"""Colours of the parts of a selection, and of a whole round."""


def styles(titles: Iterable[str]) -> dict[str, Style]:
    """The styles of the strategies in one chart, all different while there are enough.

    Built-in strategies always look the same. Others take a place in their family that follows from
    their title alone, and move on only if another strategy of the same chart has it.

    Args:
        titles: Titles of strategies: `margin`, `bald(n_samples=20)`.
    """
    wanted = sorted(set(titles))
    chosen = {title: _FIXED[title] for title in wanted if title in _FIXED}
    taken = set(chosen.values())
    for title in wanted:
        if title not in chosen:
            places = _places(title)
            chosen[title] = next((style for style in places if style not in taken), places[0])
            taken.add(chosen[title])
    return {title: chosen[title] for title in wanted}


def style_of(title: str) -> Style:
    """The style of a strategy alone in a chart."""
    return styles([title])[title]


def color_and_dash(
    titles: Iterable[str],
    labels: dict[str, str],
    *,
    grey: Collection[str] = (),
    title: str = "Strategy (n seeds)",
) -> tuple[alt.Color, alt.StrokeDash]:
    """Encodings of the field `label` that give every strategy its style, with one legend.

    Args:
        titles: Strategies in the chart.
        labels: Text of the legend for each.
        grey: Texts of the legend that are grey, and stand last.
        title: Of the legend.
    """
    chosen = styles(titles)
    looks = {
        labels[name]: _GREY if labels[name] in grey else style for name, style in chosen.items()
    }
    domain = sorted(looks, key=lambda text: text in grey)
    colors = alt.Scale(domain=domain, range=[looks[text].color for text in domain])
    # Two arrays of different lengths are no type error in Vega-Lite, only in its Python types.
    dashes: Any = [list(looks[text].dash) for text in domain]
    # The symbols would take the faint opacity of the bands.
    legend = alt.Legend(title=title, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1)
    return (
        alt.Color("label:N", scale=colors, legend=legend),
        alt.StrokeDash("label:N", scale=alt.Scale(domain=domain, range=dashes), legend=legend),
    )


def _places(title: str) -> list[Style]:
    """All styles of the family, beginning where the hash of the title points."""
    colors = _COLORS.get(_family(title), _OTHER)
    places = [Style(color, dash) for dash in _DASHES for color in colors]
    places = [place for place in places if place not in _FIXED.values()]
    start = int.from_bytes(hashlib.blake2b(title.encode(), digest_size=8).digest(), "big")
    start %= len(places)
    return places[start:] + places[:start]


def _family(title: str) -> str:
    name = title.split("(", 1)[0]
    return str(strategies.info(name).get("group", "")) if name in strategies else ""
