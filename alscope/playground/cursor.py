"""Walking from point to point without a mouse."""

from __future__ import annotations

from typing import Literal

import numpy as np

from alscope.playground.offers import Scene

__all__ = ["DIRECTIONS", "Direction", "nearest", "walk"]

Direction = Literal["left", "right", "up", "down"]
DIRECTIONS: dict[Direction, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, 1),
    "down": (0, -1),
}


def nearest(scene: Scene, place: tuple[float, float]) -> int:
    """The pool point closest to a place; -1 if the pool is empty."""
    if not scene.ids.size:
        return -1
    gaps = np.linalg.norm(scene.points["pool"] - place, axis=1)
    return int(scene.ids[gaps.argmin()])


def walk(scene: Scene, place: tuple[float, float], direction: Direction) -> int:
    """The closest pool point within the quarter of the plane that lies in a direction.

    Args:
        scene: Whose pool is walked through.
        place: From where.
        direction: Where to.

    Returns:
        Its id; where nothing lies ahead, the point closest to `place`; -1 if the pool is empty.
    """
    step = np.array(DIRECTIONS[direction], dtype=np.float64)
    moves = scene.points["pool"] - place
    ahead = moves @ step
    aside = np.abs(moves @ step[::-1])
    rows = np.flatnonzero((ahead > 1e-9) & (aside <= ahead))
    if not rows.size:
        return nearest(scene, place)
    return int(scene.ids[rows[np.linalg.norm(moves[rows], axis=1).argmin()]])
