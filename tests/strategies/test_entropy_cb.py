from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alscope.inputs import Forward
from alscope.params import check_fields
from alscope.strategies.entropy import Entropy
from alscope.strategies.entropy_cb import EntropyCB
from alscope.testing.fakes import FakePool, make_pool
from alscope.testing.strategies import choose
from tests import oracles, oracles_balance


def pool_of(probs: np.ndarray, labels: list[int], **sizes: int) -> FakePool:
    with np.errstate(divide="ignore"):
        logits = np.maximum(np.log(probs), -200).astype(np.float32)
    pool = make_pool(
        [],
        n_pool=len(probs),
        n_classes=probs.shape[1],
        overrides={Forward(): {"logits": logits}},
        **sizes,
    )
    return replace(pool, labels=np.array(labels, dtype=np.int64))


def random_pool(seed: int, n: int = 9, n_classes: int = 3) -> FakePool:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, rng.integers(0, 6)).tolist()
    return pool_of(rng.dirichlet(np.full(n_classes, 0.5), n), labels)


def test_samples_of_the_class_without_labels_come_before_equally_uncertain_ones() -> None:
    full, missing = [0.7, 0.3, 0.0], [0.3, 0.0, 0.7]
    pool = pool_of(np.array([full] * 20 + [missing] * 20), [0] * 10 + [1] * 10)

    assert (choose(EntropyCB(), pool, 6).positions >= 20).all()


@pytest.mark.slow
def test_the_batch_is_the_best_of_all_batches() -> None:
    for seed in range(200):
        pool = random_pool(seed)
        counts = np.bincount(pool.labels, minlength=3).tolist()
        wanted = np.array(oracles_balance.quotas(counts, 4))
        probs = oracles.softmax(pool.values[Forward()]["logits"])
        best, _ = oracles_balance.best_batch(probs, wanted, 0.6, 4)
        selection = choose(EntropyCB(lam=0.6), pool, 4)
        cost = oracles_balance.batch_cost(probs, wanted, 0.6, selection.positions)

        # The certificate is what is promised; a gap of 0 is what is nearly always had.
        assert selection.diagnostics["lower_bound"] <= best + 1e-9
        assert best <= cost + 1e-9
        assert cost <= best + selection.diagnostics["gap"] * abs(cost) + 1e-9


def test_without_weight_it_is_entropy() -> None:
    for seed in range(20):
        pool = random_pool(seed, n=40)
        expected = choose(Entropy(), pool).positions.tolist()

        assert choose(EntropyCB(lam=0.0), pool).positions.tolist() == expected


def test_it_is_entropy_where_no_quota_can_be_exceeded() -> None:
    # Class 0 alone has its share already, and nothing is predicted to be of class 0.
    probs = np.insert(np.random.default_rng(0).dirichlet(np.ones(2), 40), 0, 0.0, axis=1)
    pool = pool_of(probs, [0] * 40)

    assert (
        choose(EntropyCB(), pool).positions.tolist() == choose(Entropy(), pool).positions.tolist()
    )


def test_the_default_weight_grows_with_the_number_of_classes() -> None:
    for n_classes, lam in ((10, 0.6), (100, 0.6 * 10**0.52)):
        pool = random_pool(1, n=60, n_classes=n_classes)
        default, explicit = choose(EntropyCB(), pool), choose(EntropyCB(lam=lam), pool)

        assert default.positions.tolist() == explicit.positions.tolist()
        assert default.diagnostics == explicit.diagnostics


def test_unknowns_fill_no_quota() -> None:
    pool = random_pool(2, n=40)
    more = replace(pool, n_unknowns=pool.n_unknowns + 30)

    assert (
        choose(EntropyCB(), more).positions.tolist() == choose(EntropyCB(), pool).positions.tolist()
    )


def test_the_quota_rule_can_be_chosen() -> None:
    pool = replace(random_pool(3, n=60), labels=np.repeat([0, 1], [40, 3]))
    paper, waterfill = (choose(EntropyCB(quota=rule), pool, 6) for rule in ("paper", "waterfill"))

    # Quotas of the paper sum to more than the query, so that its batch is farther from them.
    assert paper.diagnostics["upper_bound"] > waterfill.diagnostics["upper_bound"]


@pytest.mark.parametrize("bad", [{"lam": -1.0}, {"quota": "3n"}])
def test_values_out_of_range_are_reported(bad: dict) -> None:
    assert len(list(check_fields(EntropyCB(**bad)))) == 1
