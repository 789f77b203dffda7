from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from alscope.charts.playground import (
    PICK,
    board_chart,
    contest_chart,
    drawing_chart,
    looks_in_words,
    race_chart,
)
from alscope.charts.render import render
from alscope.charts.spec import chart_parts
from alscope.playground.config import GameConfig, of_shape
from alscope.playground.frames import curve_rows, points_frame
from alscope.playground.game import Board, bought, play
from alscope.playground.shown import background

CONFIG = GameConfig(
    table=dataclasses.replace(of_shape("unknown"), n=80), query_size=3, budget=9, model="knn"
)


@pytest.fixture
def board() -> Board:
    return play(CONFIG, "entropy", 2)


def drawn(board: Board, **options):
    behind = background(board, 20, options.pop("shown", "classes"))
    return board_chart(points_frame(board), behind.field, behind.border, edge=1.4, **options)


def marks(spec: dict) -> list[str]:
    if "layer" in spec:
        return [mark for layer in spec["layer"] for mark in marks(layer)]
    return [spec["mark"]["type"]]


def test_a_board_draws_field_border_pool_rings_and_bought_points(board: Board) -> None:
    parts = drawn(board)

    assert marks(parts.spec)[:3] == ["rect", "rule", "point"]
    assert marks(parts.spec).count("text") == 2
    assert parts.frames["points"].equals(points_frame(board))
    assert "params" not in parts.spec


def test_a_clickable_board_selects_the_id_of_a_point(board: Board) -> None:
    (pick,) = drawn(board, clickable=True).spec["params"]

    assert pick["name"] == PICK
    assert pick["select"]["fields"] == ["id"]


def test_many_rings_have_no_numbers() -> None:
    many = play(dataclasses.replace(CONFIG, query_size=9), "entropy", 1)

    assert "text" not in marks(drawn(many).spec)


def test_the_legend_names_only_what_was_bought(board: Board) -> None:
    spec = str(drawn(board).spec)
    names = set(points_frame(board)["label"]) - {"not bought"}

    assert all(name in spec for name in names)
    assert f"'values': {sorted(names)}" in spec


def test_a_specification_is_made_once_and_not_shared(board: Board) -> None:
    first, second = drawn(board), drawn(board)
    first.spec["height"] = 1

    assert second.spec["height"] == 560


def test_scores_without_a_field_leave_it_out() -> None:
    board = play(CONFIG, "coreset", 1)
    parts = drawn(board, shown="scores", scores=True)

    assert "field" not in parts.frames
    assert marks(parts.spec)[0] == "rule"


@pytest.mark.slow
def test_a_board_becomes_a_file(board: Board) -> None:
    assert render(drawn(board), "svg").startswith(b"<svg")
    assert render(drawn(board, legend=False, clickable=True), "png")[:4] == b"\x89PNG"


def test_you_have_a_look_of_your_own_in_the_curves(board: Board) -> None:
    rows = curve_rows([bought(CONFIG, ()), board])
    spec = str(chart_parts(race_chart(rows, n_last=15, ceiling=0.9)).spec)

    assert "'domain': ['You', 'Entropy'], 'range': ['#e6004c', '#0072b2']" in spec
    assert "'domain': [6, 15]" in spec


def test_a_contest_draws_ticks_intervals_means_and_your_line() -> None:
    outcomes = pd.DataFrame(
        {
            "strategy": ["Margin", "Margin"],
            "player": ["margin", "margin"],
            "seed": [1, 2],
            "accuracy": [0.8, 0.9],
        }
    )
    means = pd.DataFrame(
        [("margin", "Margin", 0.85, 0.7, 1.0, 2)],
        columns=["player", "strategy", "mean", "low", "high", "n"],
    )

    with_you = chart_parts(contest_chart(outcomes, means, yours=0.87)).spec
    without = chart_parts(contest_chart(outcomes, means, yours=None)).spec
    assert marks(with_you) == ["tick", "rule", "point", "rule"]
    assert marks(without) == ["tick", "rule", "point"]


def test_a_drawing_board_has_places_to_click_and_the_points() -> None:
    places = pd.DataFrame({"x": [0.0], "y": [0.0], "column": [31], "row": [31]})
    dots = pd.DataFrame({"x": [0.1], "y": [0.2], "label": ["unknown"]})
    parts = chart_parts(drawing_chart(dots, places, edge=1.4))

    assert marks(parts.spec) == ["square", "point"]
    assert parts.spec["params"][0]["select"]["fields"] == ["column", "row"]


def test_looks_are_said_in_words() -> None:
    assert looks_in_words(2) == "circles are class 1, squares are class 2, crosses are unknown"
