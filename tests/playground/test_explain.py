from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from alscope.acquisition.uncertainty import entropy
from alscope.playground.config import GameConfig, of_shape
from alscope.playground.explain import (
    NEAR,
    facts_of,
    grid_points,
    next_point,
    ranks,
    utility,
)
from alscope.playground.game import choose, play, scene_of
from alscope.playground.offers import playable

CONFIG = GameConfig(table=dataclasses.replace(of_shape("moons"), n=120), query_size=3, budget=12)


def test_facts_are_what_brute_force_says() -> None:
    scene = scene_of(play(CONFIG, "margin", 2))
    point = int(scene.ids[17])
    facts = facts_of(scene, point)
    place = scene.points["pool"][17]
    p = scene.fitted.probs(place[None])[0]

    assert np.allclose(facts.probs, p)
    assert np.isclose(facts.margin, np.sort(p)[-1] - np.sort(p)[-2])
    assert np.isclose(facts.entropy, -(p * np.log(p)).sum())
    gaps = np.sqrt(((scene.points["pool"] - place) ** 2).sum(axis=1))
    assert facts.n_near == (gaps <= NEAR).sum() - 1
    labeled = np.sqrt(((scene.points["labeled"] - place) ** 2).sum(axis=1))
    assert np.isclose(facts.distance, labeled.min())
    assert facts.n_farther == sum(
        facts_of(scene, int(other)).distance > facts.distance for other in scene.ids
    )


def test_a_labeled_point_has_no_explanation() -> None:
    board = play(CONFIG, "margin", 1)

    with pytest.raises(ValueError, match="not in the pool"):
        facts_of(scene_of(board), board.annotated[0])


def test_the_utility_field_at_a_pool_point_is_the_score_the_strategy_gave_it() -> None:
    board = play(CONFIG, "entropy", 1)
    field = utility(board, 60)
    scores = choose(board).scores

    assert field is not None
    assert scores is not None
    assert np.allclose(field, entropy(scene_of(board).fitted.logits(grid_points(60))), atol=1e-5)
    # The cell under a point has nearly its score.
    cells = np.floor((scene_of(board).points["pool"] + 1.4) / 2.8 * 60).astype(int)
    near = field[cells[:, 1] * 60 + cells[:, 0]]
    assert np.corrcoef(near, scores)[0, 1] > 0.99


@pytest.mark.parametrize("name", ["coreset", "badge", "random", "mqnet"])
def test_strategies_that_do_not_score_points_one_by_one_have_no_field(name: str) -> None:

    assert utility(play(CONFIG, name, 0), 10) is None


def test_the_point_that_is_bought_next_is_ranked_first() -> None:
    for name in ("margin", "coreset", "badge", "bald"):
        board = play(CONFIG, name, 1)
        table = ranks(board, next_point(board)).set_index("strategy")

        assert table.loc[name, "rank"] == 1
        assert play(CONFIG, name, 2).batches[-1][0] == next_point(board)


def test_ranks_name_every_strategy_that_can_play() -> None:
    board = play(CONFIG, "margin", 1)
    last = int(scene_of(board).ids[np.argsort(choose(board).scores)[0]])
    table = ranks(board, last).set_index("strategy")

    assert sorted(table.index) == sorted(playable("rbf"))
    assert table.loc["margin", "rank"] == table.loc["margin", "n_pool"] == 113
    assert np.isnan(table.loc["coreset", "score"])
    assert table.loc["coreset", "n_batch"] == 3


def test_nothing_is_bought_next_when_the_budget_is_spent() -> None:
    assert next_point(play(CONFIG, "margin", 4)) == -1
