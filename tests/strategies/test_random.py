from __future__ import annotations

import numpy as np
from scipy import stats

from alscope.rng import generator
from alscope.strategies.random import Random
from alscope.testing.fakes import make_view
from tests import oracles


def choice(query_size: int, *, n_pool: int = 20, seed: int = 0, round: int = 0) -> list[int]:
    view = make_view(Random(), n_pool=n_pool, seed=seed, round=round)
    return Random().select(view, query_size, generator(0), None).positions.tolist()


def test_the_smallest_keys_of_seed_round_and_sample_are_taken() -> None:
    for seed in range(200):
        draws = np.random.default_rng(seed)
        ids = np.sort(draws.permutation(1000)[: draws.integers(0, 40)])
        view = make_view(Random(), n_pool=ids.size, ids=ids.tolist(), seed=seed, round=seed % 7)
        hashed = oracles.splitmix64(oracles.splitmix64(seed) ^ (seed % 7))
        keys = [oracles.splitmix64(hashed ^ int(one)) for one in ids]
        selection = Random().select(view, 9, generator(0), None)

        assert selection.positions.tolist() == oracles.ranked([0] * ids.size, 9, keys)


def test_every_sample_is_equally_likely() -> None:
    counts = np.zeros(20)
    for seed in range(400):
        counts[choice(5, seed=seed)] += 1

    # Sampling without replacement varies less than the independent draws of the test.
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_smaller_query_is_the_head_of_a_larger_one() -> None:
    assert choice(25, n_pool=50)[:10] == choice(10, n_pool=50)


def test_rounds_overlap_as_independent_draws_do() -> None:
    first, second = (set(choice(100, n_pool=1000, round=r)) for r in (1, 2))

    # Hypergeometric with mean 10 and standard deviation 2.8.
    assert len(first & second) <= 20


def test_it_asks_for_nothing_and_scores_nothing() -> None:
    view = make_view(Random())

    assert Random().needs() == ()
    assert Random().select(view, 3, generator(0), None).scores is None
