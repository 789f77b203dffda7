"""Points that people place themselves, and the text that carries them in an address.

A point is three characters: column, row and class. Columns and rows count from 0 at the lower left
corner of a square of `GRID` by `GRID` places; the class is a digit, or "u" for unknown.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.errors import ConfigError, Problem
from alscope.playground.shapes import HALF_WIDTH

__all__ = ["EXAMPLE", "GRID", "MOST_POINTS", "Dot", "coordinates", "parse_dots", "write_dots"]

GRID = 62
MOST_POINTS = 400
MOST_CLASSES = 6
FEWEST_POINTS = 10

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UNKNOWN = "u"
_TEXT = re.compile(r"(?:[0-9a-zA-Z]{2}[0-5u])*")


class Dot(NamedTuple):
    """A point that somebody placed."""

    column: int
    """0 at the left, below `GRID`."""
    row: int
    """0 at the bottom, below `GRID`."""
    label: int
    """Class, or -1 for unknown."""


def write_dots(dots: tuple[Dot, ...]) -> str:
    """The text of points, three characters each."""
    return "".join(
        _DIGITS[dot.column] + _DIGITS[dot.row] + (_UNKNOWN if dot.label < 0 else str(dot.label))
        for dot in dots
    )


def parse_dots(text: str) -> tuple[Dot, ...]:
    """The points of a text.

    Raises:
        ConfigError: If it is no text of points, or holds more than `MOST_POINTS`.
    """
    if len(text) > 3 * MOST_POINTS:
        raise ConfigError(
            [Problem("pts", f"holds {len(text) // 3} points, but at most {MOST_POINTS} fit")]
        )
    if not _TEXT.fullmatch(text):
        raise ConfigError(
            [Problem("pts", "is no list of points; draw them again, or copy the whole address")]
        )
    return tuple(
        Dot(
            _DIGITS.index(text[place]),
            _DIGITS.index(text[place + 1]),
            -1 if text[place + 2] == _UNKNOWN else int(text[place + 2]),
        )
        for place in range(0, len(text), 3)
    )


def dot_problems(dots: tuple[Dot, ...]) -> list[Problem]:
    """Why points are no game: too few of them, or of classes."""
    labels = {dot.label for dot in dots if dot.label >= 0}
    problems = []
    if len(dots) < FEWEST_POINTS:
        problems.append(Problem("pts", f"holds {len(dots)} points; draw at least {FEWEST_POINTS}"))
    if len(labels) < 2:
        problems.append(
            Problem("pts", f"holds {len(labels)} known classes; draw points of at least 2")
        )
    elif labels != set(range(len(labels))):
        names = ", ".join(str(label + 1) for label in sorted(labels))
        problems.append(
            Problem("pts", f"uses the classes {names}; use them in order, from 1, without a gap")
        )
    return problems


def coordinates(dots: tuple[Dot, ...]) -> NDArray[np.float64]:
    """Where points are in the plane, (n, 2): centres of their places."""
    places = np.array([(dot.column, dot.row) for dot in dots], dtype=np.float64).reshape(-1, 2)
    placed: NDArray[np.float64] = ((places + 0.5) / GRID * 2 - 1) * HALF_WIDTH
    return placed


def _example() -> str:
    rng = np.random.default_rng(3)
    centers = ((16, 16, 0), (46, 46, 0), (16, 46, 1), (46, 16, 1))
    dots = []
    for x, y, label in centers:
        places = np.clip(rng.normal((x, y), 5.0, size=(12, 2)), 0, GRID - 1)
        dots += [Dot(int(column), int(row), label) for column, row in places]
    return write_dots(tuple(dots))


EXAMPLE = _example()
"""What the drawing board shows at first: two classes in crossed corners."""
