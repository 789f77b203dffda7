from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from alscope.params import check_fields, param, params_of


@dataclass(frozen=True, kw_only=True)
class Settings:
    n: int = param(3, low=1, high=9, unit="labels", help="How many.", paper="5")
    rate: float = param(0.5, low=0.0)
    shape: str = param("round", choices=("round", "square"))
    cap: int | None = param(None, low=2)
    free: str = "anything"


def complaints(**changes: Any) -> list[str]:
    return [str(problem) for problem in check_fields(Settings(**changes))]


def test_params_are_listed_in_order_with_their_metadata() -> None:
    listed = params_of(Settings)

    assert [one.name for one in listed] == ["n", "rate", "shape", "cap"]
    assert (listed[0].default, listed[0].low, listed[0].high) == (3, 1, 9)
    assert (listed[0].unit, listed[0].help, listed[0].paper) == ("labels", "How many.", "5")
    assert listed[2].choices == ("round", "square")


def test_a_field_keeps_its_default() -> None:
    assert Settings().n == 3
    assert not complaints()


@pytest.mark.parametrize("n", [1, 9])
def test_bounds_are_inclusive(n: int) -> None:
    assert not complaints(n=n)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 0}, "n: is 0, but must be at least 1"),
        ({"n": 10}, "n: is 10, but must be at most 9"),
        ({"n": "3"}, "n: is '3', but must be a number"),
        ({"n": True}, "n: is True, but must be a number"),
        ({"n": None}, "n: needs a value, not nothing"),
        ({"rate": float("nan")}, "rate: is NaN, but must be a number"),
        ({"cap": 1}, "cap: is 1, but must be at least 2"),
        (
            {"shape": "sqare"},
            "shape: is 'sqare', but must be one of round, square; did you mean 'square'?",
        ),
    ],
)
def test_each_complaint_says_what_is_wrong_and_what_is_right(
    changes: dict[str, Any], message: str
) -> None:
    assert complaints(**changes) == [message]


def test_all_problems_are_reported_at_once_with_their_path() -> None:
    problems = list(check_fields(Settings(n=0, rate=-1.0), "strategies[2].params"))

    assert [problem.path for problem in problems] == [
        "strategies[2].params.n",
        "strategies[2].params.rate",
    ]


def test_nothing_is_legal_only_where_it_is_the_default() -> None:
    assert not complaints(cap=None)
