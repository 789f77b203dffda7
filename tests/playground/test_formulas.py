from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from alscope.playground.config import MODELS, GameConfig, of_shape
from alscope.playground.formulas import written
from alscope.playground.game import choose, play, scene_of
from alscope.registry import strategies
from alscope.strategies._base import ScoreStrategy

WRITTEN = (
    "entropy",
    "margin",
    "least_confidence",
    "bald",
    "var_ratio",
    "mean_std",
    "entropy_dropout",
    "margin_dropout",
    "least_confidence_dropout",
)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", WRITTEN)
def test_a_formula_comes_to_the_score_that_the_strategy_gave(name: str, model: str) -> None:
    table = dataclasses.replace(of_shape("long_tail"), n=80)
    board = play(GameConfig(table=table, model=model, query_size=2), name, 1)
    scores = choose(board).scores

    assert scores is not None
    for row in (0, 20, int(np.argmax(scores))):
        formula = written(name, scene_of(board), row)
        assert formula is not None
        assert np.isclose(formula.value, scores[row], atol=1e-5)


def test_every_strategy_that_scores_points_one_by_one_is_written_out() -> None:
    alone = {name for name in strategies if issubclass(strategies.get(name), ScoreStrategy)}

    assert set(WRITTEN) == alone - {"tidal", "learning_loss", "saal", "noise_stability"}


def test_numbers_are_those_of_the_point() -> None:
    board = play(GameConfig(), "margin", 1)
    scene = scene_of(board)
    p = np.sort(scene.fitted.probs(scene.points["pool"][:1])[0])[::-1]
    formula = written("margin", scene, 0)

    assert formula is not None
    assert formula.numbers == (f"-({p[0]:.3f} - {p[1]:.3f})",)
    assert written("coreset", scene, 0) is None


def test_long_sums_are_broken_into_lines_that_close_their_bracket() -> None:
    board = play(GameConfig(table=of_shape("long_tail")), "entropy", 1)
    formula = written("entropy", scene_of(board), 0)

    assert formula is not None
    assert len(formula.numbers) == 3
    assert formula.numbers[0].startswith("-(")
    assert formula.numbers[1].startswith("+ ")
    assert formula.numbers[2].endswith(")")
    assert formula.latex().count(r"\\") == 4
    assert f"{formula.value:.3f}" in formula.latex()
