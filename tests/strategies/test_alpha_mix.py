from __future__ import annotations

import logging

import numpy as np
import pytest

from alscope.inputs import Embeddings, Forward, Head, Logits
from alscope.params import check_fields
from alscope.rng import generator
from alscope.strategies.alpha_mix import AlphaMix
from alscope.testing.fakes import FakePool, make_pool, make_view
from alscope.types import PoolView
from tests import oracles_mixing as oracles

LABELED = Forward(on="labeled")


def definition(pool: FakePool, n_query: int) -> tuple[np.ndarray, float]:
    head = pool.values[Head()]
    weight, bias = (head[name].astype(np.float64) for name in ("weight", "bias"))
    anchors = oracles.anchors_of(pool.values[LABELED]["embeddings"], pool.labels, pool.n_classes)
    embeddings = pool.values[Forward()]["embeddings"]
    return oracles.candidate_set(embeddings, weight, bias, anchors, n_query)


def choice(view: PoolView, n: int, stream: int = 0) -> np.ndarray:
    return AlphaMix().select(view, n, generator(stream), None).positions


def two_classes(points: np.ndarray, labeled: np.ndarray) -> PoolView:
    """Class 0 where the first coordinate is negative, class 1 where it is positive."""
    weight = np.zeros((2, points.shape[1]), dtype=np.float32)
    weight[:, 0] = -1, 1
    return make_view(
        [],
        n_pool=len(points),
        n_classes=2,
        n_labeled=len(labeled),
        n_unknowns=0,
        overrides={
            Forward(): {"embeddings": points, "logits": points @ weight.T},
            LABELED: {"embeddings": labeled, "logits": labeled @ weight.T},
            Head(): {"weight": weight, "bias": np.zeros(2, dtype=np.float32)},
        },
    )


@pytest.mark.slow
def test_candidates_and_cap_are_the_definition() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n_pool, n = int(rng.integers(1, 41)), int(rng.integers(1, 12))
        pool = make_pool(
            AlphaMix(),
            n_pool=n_pool,
            n_classes=int(rng.integers(2, 6)),
            n_features=int(rng.integers(2, 9)),
            n_labeled=int(rng.integers(1, 10)),
            seed=seed,
        )
        candidates, cap = definition(pool, min(n, n_pool))
        selection = AlphaMix().select(pool.view(), n, generator(seed), None)
        chosen = selection.positions

        assert selection.diagnostics["n_candidates"] == candidates.sum()
        assert selection.diagnostics["cap"] == pytest.approx(cap)
        if candidates.sum() > n:
            assert candidates[chosen].all()
        else:
            assert set(np.flatnonzero(candidates)) <= set(chosen)


def test_it_takes_samples_near_the_boundary_from_every_group() -> None:
    # Four groups at the boundary, and most of the pool far from it.
    rng = np.random.default_rng(0)
    corners = np.array([[0, 9, 0], [0, -9, 0], [0, 0, 9], [0, 0, -9]])
    near = corners[np.arange(40) % 4] + rng.uniform(0.1, 0.5, (40, 3))
    far = np.array([60, 0, 0]) + rng.uniform(-9, 9, (160, 3))
    points = np.concatenate([far, near]).astype(np.float32)
    labeled = np.array([[-9, 0, 1], [9, 0, 1], [-9, 3, 1], [9, 3, 1]], dtype=np.float32)
    view = two_classes(points, labeled)
    for stream in range(10):
        chosen = choice(view, 4, stream)

        assert (chosen >= 160).all()
        assert sorted(chosen % 4) == [0, 1, 2, 3]


def test_it_is_not_random() -> None:
    pool = make_pool(AlphaMix(), n_pool=200, seed=3)
    view = pool.view()
    candidates, _ = definition(pool, 20)
    by_key = np.argsort(view.tie_keys)[:20]

    assert 20 < candidates.sum() < 100
    assert not candidates[by_key].all()
    assert candidates[choice(view, 20)].all()


def test_too_few_candidates_are_all_taken_and_the_rest_is_filled_without_repeats() -> None:
    points = np.array([[0.1, 1], [-0.1, 1], *([[500 + i, 1] for i in range(30)])], np.float32)
    view = two_classes(points, np.array([[-3, 0], [3, 0]], dtype=np.float32))
    selection = AlphaMix().select(view, 8, generator(0), None)
    filled = [p for p in np.argsort(view.tie_keys) if p > 1][:6]

    assert set(selection.positions[:2]) == {0, 1}
    assert selection.positions[2:].tolist() == filled
    assert selection.diagnostics == {
        "cap": pytest.approx(1.0),
        "n_candidates": 2,
        "random_ratio": 0.75,
    }


def test_those_that_flip_most_easily_come_first() -> None:
    points = np.array([[0.3, 1], [0.1, 1], [-0.2, 1], [500, 1]], dtype=np.float32)
    view = two_classes(points, np.array([[-3, 0], [3, 0]], dtype=np.float32))

    assert choice(view, 3).tolist() == [1, 2, 0]


def test_the_order_of_labeled_samples_is_irrelevant() -> None:
    pool = make_pool(AlphaMix(), n_pool=60, n_labeled=12)
    order = np.random.default_rng(0).permutation(12)
    arrays = {name: array[order] for name, array in pool.values[LABELED].items()}
    shuffled = FakePool(
        **{**vars(pool), "labels": pool.labels[order], "values": {**pool.values, LABELED: arrays}}
    )

    assert choice(shuffled.view(), 9).tolist() == choice(pool.view(), 9).tolist()


def test_without_labels_the_choice_is_random_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    view = make_view(AlphaMix(), n_labeled=0)
    with caplog.at_level(logging.WARNING):
        selection = AlphaMix().select(view, 5, generator(0), None)

    assert selection.positions.tolist() == np.argsort(view.tie_keys)[:5].tolist()
    assert selection.diagnostics["random_ratio"] == 1
    assert "nothing to mix with" in caplog.text


def test_coinciding_candidates_are_taken_before_samples_that_are_none() -> None:
    pool = make_pool(AlphaMix(), n_pool=40)
    candidates, _ = definition(pool, 1)
    one = int(np.flatnonzero(candidates)[0])
    other = int(np.flatnonzero(~candidates)[0])
    same = pool.repeated(np.repeat([one, other], 20))

    assert (choice(same.view(), 12) < 20).all()


def test_a_smaller_step_of_the_cap_gives_no_more_candidates() -> None:
    view = make_view(AlphaMix(), n_pool=300, seed=1)
    fine, coarse = (
        AlphaMix(cap=cap).select(view, 10, generator(0), None).diagnostics for cap in (0.05, 0.6)
    )

    assert 10 < fine["n_candidates"] < coarse["n_candidates"]
    assert fine["cap"] < coarse["cap"]
    assert len(list(check_fields(AlphaMix(cap=0.0)))) == 1


def test_it_needs_both_sets_and_the_head() -> None:
    assert AlphaMix().needs() == (Logits(), Embeddings(), Embeddings(on="labeled"), Head())
