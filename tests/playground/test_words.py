from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from alscope.playground.config import GameConfig, of_shape
from alscope.playground.contest import hidden_seeds, outcomes
from alscope.playground.cursor import DIRECTIONS, nearest, walk
from alscope.playground.game import play, scene_of
from alscope.playground.verdict import Standing, rank_words, verdict
from alscope.playground.words import board_words, game_words

CONFIG = GameConfig(table=dataclasses.replace(of_shape("unknown"), n=60), query_size=2, budget=4)


def test_a_game_and_a_board_are_said_in_words() -> None:
    assert game_words(CONFIG) == (
        "Blobs with an unknown cloud, 60 points, 40 % unknown, RBF, 4 labels 2 at a time, seed 0"
    )
    said = board_words(play(CONFIG, "random", 1))
    assert said.startswith("Random on Blobs with an unknown cloud: 8 of 60 points are labeled (")
    assert "the test accuracy is 0." in said


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_walking_goes_to_the_closest_point_in_the_quarter_ahead(direction) -> None:
    scene = scene_of(play(CONFIG, "random", 0))
    start = nearest(scene, (0.0, 0.0))
    place = scene.points["pool"][np.searchsorted(scene.ids, start)]
    found = walk(scene, (float(place[0]), float(place[1])), direction)
    move = scene.points["pool"][np.searchsorted(scene.ids, found)] - place
    along = move @ np.array(DIRECTIONS[direction])

    assert found != start
    assert along > 0
    assert along >= np.abs(move @ np.array(DIRECTIONS[direction])[::-1])
    gaps = scene.points["pool"] - place
    ahead = gaps @ np.array(DIRECTIONS[direction])
    aside = np.abs(gaps @ np.array(DIRECTIONS[direction])[::-1])
    rivals = np.linalg.norm(gaps[(ahead > 0) & (aside <= ahead)], axis=1)
    assert np.isclose(np.linalg.norm(move), rivals.min())


def test_walking_off_the_edge_stays() -> None:
    scene = scene_of(play(CONFIG, "random", 0))
    row = int(scene.points["pool"][:, 0].argmax())
    place = scene.points["pool"][row]

    assert walk(scene, (float(place[0]), float(place[1])), "right") == scene.ids[row]


def test_hidden_seeds_are_not_the_one_that_was_played() -> None:
    seeds = hidden_seeds(CONFIG.with_seed(999_999), 20)

    assert len(set(seeds)) == 20
    assert 999_999 not in seeds
    assert all(0 <= seed <= 999_999 for seed in seeds)


def test_outcomes_are_the_ends_of_whole_games() -> None:
    frame = outcomes(CONFIG, ["random", "margin"], [3, 4])
    board = play(CONFIG.with_seed(4), "margin", 2)
    row = frame[(frame["player"] == "margin") & (frame["seed"] == 4)].iloc[0]

    assert len(frame) == 4
    assert row["accuracy"] == board.scores[-1].accuracy
    assert row["unknown_ratio"] == board.scores[-1].n_unknown / 4


def test_a_verdict_gives_place_intervals_and_games_won() -> None:
    standings = [
        Standing("margin", "Margin", 0.93, 0.92, 0.94, 20),
        Standing("random", "Random", 0.86, 0.83, 0.89, 20),
    ]
    said = verdict(standings, {"Margin": [0.9, 0.95], "Random": [0.8, 0.85]}, 0.91)

    assert said.startswith("**You 0.91; Margin 0.93 ± 0.01; Random 0.86 ± 0.03**.")
    assert "place 2 of 3" in said
    assert "1 of 2 games of Margin and 2 of 2 games of Random" in said
    assert verdict(standings, {}, None) == (
        "**Margin 0.93 ± 0.01; Random 0.86 ± 0.03** (mean over 20 games)."
    )
    alone = [Standing("margin", "Margin", 0.93, math.nan, math.nan, 1)]
    assert "±" not in verdict(alone, {}, None)


def test_ranks_are_said_in_words() -> None:
    scored = rank_words("Margin", rank=3, n_pool=240, n_batch=1, score=-0.1)
    chosen = rank_words("BADGE", rank=2, n_pool=240, n_batch=5, score=math.nan)
    left = rank_words("CoreSet", rank=0, n_pool=240, n_batch=1, score=math.nan)

    assert scored == "Margin ranks it **3** of 240."
    assert chosen == "BADGE takes it as number **2** of its 5 choices."
    assert left == "CoreSet takes another point next."
