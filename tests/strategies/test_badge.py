from __future__ import annotations

import numpy as np

from alscope.inputs import Forward
from alscope.rng import generator
from alscope.strategies.badge import BADGE
from alscope.testing.fakes import make_pool, make_view
from tests import oracles


def test_its_batch_is_uncertain_and_diverse() -> None:
    # 40 sure samples, and six groups of 10 unsure ones, each in a direction of its own.
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(7), [40, 10, 10, 10, 10, 10, 10])
    embeddings = 5 * np.eye(7)[group] + 0.01 * rng.normal(size=(100, 7))
    logits = np.where(group > 0, 0.1, 20)[:, None] * [1, 0]
    arrays = {
        "logits": logits.astype(np.float32),
        "embeddings": embeddings.astype(np.float32),
    }
    view = make_view([], n_pool=100, n_classes=2, overrides={Forward(): arrays})
    for stream in range(20):
        chosen = BADGE().select(view, 7, generator(stream), None).positions

        assert sorted(group[chosen]) == [0, 1, 2, 3, 4, 5, 6]
        assert group[chosen[0]] > 0


def test_it_seeds_on_the_gradients_of_the_view() -> None:
    pool = make_pool(BADGE())
    arrays, view = pool.values[Forward()], pool.view()
    vectors = oracles.gradients(arrays["embeddings"], oracles.softmax(arrays["logits"]))
    uniforms = generator(3).random(12)
    selection = BADGE().select(view, 12, generator(3), None)

    expected = oracles.badge_picks(vectors, 12, uniforms, view.tie_keys)
    assert selection.positions.tolist() == expected


def test_the_algorithm_is_reported() -> None:
    selection = BADGE().select(make_view(BADGE()), 5, generator(0), None)

    assert selection.scores is None
    assert selection.diagnostics == {"algorithm": "factored", "n_by_key": 0}
