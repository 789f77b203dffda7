"""Styles of strategies: fixed, distinct, and visible to everyone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from alscope.charts.theme import style_of, styles

BUILT_IN = ("random", "least_confidence", "margin", "entropy", "bald", "coreset", "badge")
LIGHT, DARK = "#ffffff", "#0e1117"

# Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113, severity 1.0, linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
XYZ = np.array(
    [
        [0.412456, 0.357576, 0.180438],
        [0.212673, 0.715152, 0.072175],
        [0.019334, 0.119192, 0.950304],
    ]
)


def linear(color: str) -> NDArray[np.float64]:
    srgb = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    values = sorted(float(XYZ[1] @ linear(color)) + 0.05 for color in (first, second))
    return values[1] / values[0]


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = np.cbrt(np.maximum(XYZ @ rgb / XYZ.sum(axis=1), 0.0))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_random_is_grey_and_dashed() -> None:
    style = style_of("random")
    red, green, blue = (style.color[place : place + 2] for place in (1, 3, 5))

    assert red == green == blue
    assert style.dash != (1, 0)


@pytest.mark.parametrize("background", [LIGHT, DARK])
def test_every_color_is_visible_on_light_and_dark(background: str) -> None:
    for style in styles([*BUILT_IN, *(f"plug_in_{i}" for i in range(30))]).values():
        assert contrast(style.color, background) >= 3.0


@pytest.mark.parametrize("vision", sorted(VISION))
def test_built_in_strategies_differ_in_dash_or_clearly_in_color(vision: str) -> None:
    for first, second in itertools.combinations(styles(BUILT_IN).values(), 2):
        seen = [lab(np.clip(VISION[vision] @ linear(s.color), 0, 1)) for s in (first, second)]

        assert first.dash != second.dash or np.linalg.norm(seen[0] - seen[1]) > 15


@pytest.mark.parametrize("others", [(), ("zeta",), ("my_method", "bald(n_samples=50)", "alpha")])
def test_a_built_in_strategy_looks_the_same_in_every_chart(others: tuple[str, ...]) -> None:
    alone = {title: style_of(title) for title in BUILT_IN}

    assert {title: styles([*BUILT_IN, *others])[title] for title in BUILT_IN} == alone


def test_an_unknown_strategy_looks_the_same_whatever_the_order() -> None:
    titles = ["zeta", *BUILT_IN, "alpha"]

    assert styles(titles) == styles(titles[::-1])
    assert style_of("zeta") == style_of("zeta")


def test_twenty_five_strategies_all_look_different() -> None:
    titles = [*BUILT_IN, *(f"plug_in_{i}" for i in range(18))]

    assert len(set(styles(titles).values())) == 25


def test_a_variant_has_the_hue_of_its_family_and_a_look_of_its_own() -> None:
    chosen = styles(["bald", "bald(n_samples=20)", "entropy", "margin", "least_confidence"])
    variant = chosen.pop("bald(n_samples=20)")

    assert variant.color in {style.color for style in chosen.values()}
    assert variant not in chosen.values()


def test_more_strategies_than_looks_still_get_one_each() -> None:
    assert len(styles([f"plug_in_{i}" for i in range(60)])) == 60
