"""Bars of the pool."""

from __future__ import annotations

from alscope.charts.pool import pool_chart, pool_data

ROWS = [
    {"class_name": "owl", "known": True, "available": 50, "initial": 2, "pool": 18, "test": 5},
    {"class_name": "jay", "known": False, "available": 40, "initial": 0, "pool": 40, "test": 0},
]


def test_every_class_has_what_is_used_and_what_is_left_out() -> None:
    data = pool_data(ROWS)

    assert data[["class_name", "state", "n"]].to_numpy().tolist() == [
        ["owl", "known", 20],
        ["owl", "left out", 30],
        ["jay", "unknown", 40],
        ["jay", "left out", 0],
    ]
    assert data["share"].tolist() == [0.4, 0.4, 1.0, 1.0]


def test_the_chart_draws_these_rows_and_grows_with_the_classes() -> None:
    data = pool_data(ROWS)
    chart = pool_chart(data)

    assert chart.data.equals(data)
    assert pool_chart(pool_data(ROWS * 20)).to_dict()["height"] > 0
    assert chart.to_dict()["encoding"]["color"]["scale"]["domain"] == [
        "known",
        "unknown",
        "left out",
    ]


def test_no_class_makes_an_empty_table() -> None:
    assert pool_data([]).columns.tolist() == ["place", "class_name", "state", "n", "share"]
