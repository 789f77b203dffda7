from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alscope.inputs import Embeddings, Forward, Probs
from alscope.params import check_fields
from alscope.strategies.coreset import CoreSet
from alscope.strategies.coreset_cb import CoresetCB
from alscope.testing.fakes import FakePool, make_pool
from alscope.testing.strategies import choose
from tests import oracles, oracles_balance


def random_pool(seed: int, n: int = 30) -> FakePool:
    return make_pool(
        CoresetCB(), n_pool=n, n_labeled=seed % 9, n_unknowns=min(2, seed % 9), seed=seed
    )


def test_of_two_clusters_equally_far_the_one_of_the_missing_class_is_visited() -> None:
    rng = np.random.default_rng(0)
    sides = np.repeat([[9.0, 0.0], [-9.0, 0.0]], 20, axis=0)
    pool = sides + rng.normal(size=(40, 2))
    logits = 4.0 * np.eye(2)[np.arange(40) // 20]
    far = {"embeddings": pool.astype(np.float32), "logits": logits.astype(np.float32)}
    home = {"embeddings": np.zeros((6, 2), dtype=np.float32)}
    fake = make_pool(
        [],
        n_pool=40,
        n_classes=2,
        overrides={Forward(): far, Forward(on="labeled"): home},
    )
    fake = replace(fake, labels=np.zeros(6, dtype=np.int64))
    strategy = CoresetCB(lam=40.0, centres="labeled")

    assert (choose(strategy, fake, 4).positions >= 20).all()


def test_it_takes_what_is_far_and_lacking_one_after_the_other() -> None:
    for seed in range(60):
        pool = random_pool(seed)
        counts = np.bincount(pool.labels, minlength=3).tolist()
        centres = [pool.values[Forward(on=on)]["embeddings"] for on in ("labeled", "unknowns")]
        expected = oracles_balance.coreset_cb_picks(
            pool.values[Forward()]["embeddings"],
            np.concatenate(centres),
            oracles.softmax(pool.values[Forward()]["logits"]),
            7,
            wanted=np.array(oracles_balance.quotas(counts, 7)),
            weight=0.5,
            keys=pool.view().tie_keys,
        )

        assert choose(CoresetCB(), pool, 7).positions.tolist() == expected


def test_without_weight_it_is_coreset() -> None:
    for seed in range(20):
        pool = random_pool(seed)
        expected = choose(CoreSet(), pool).positions.tolist()

        assert choose(CoresetCB(lam=0.0), pool).positions.tolist() == expected


def test_the_default_weight_is_half_the_number_of_classes() -> None:
    pool = random_pool(5)

    assert (
        choose(CoresetCB(), pool).positions.tolist()
        == choose(CoresetCB(lam=1.5), pool).positions.tolist()
    )


def test_it_asks_for_unknowns_only_when_they_count() -> None:
    labeled_only = (Embeddings(), Probs(), Embeddings(on="labeled"))

    assert CoresetCB(centres="labeled").needs() == labeled_only
    assert CoresetCB().needs() == (*labeled_only, Embeddings(on="unknowns"))


@pytest.mark.parametrize("bad", [{"lam": -1.0}, {"quota": "3n"}, {"centres": "all"}])
def test_values_out_of_range_are_reported(bad: dict) -> None:
    assert len(list(check_fields(CoresetCB(**bad)))) == 1
