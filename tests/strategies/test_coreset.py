from __future__ import annotations

import numpy as np

from alscope.inputs import Embeddings, Forward
from alscope.params import check_fields
from alscope.rng import generator
from alscope.strategies.coreset import CoreSet
from alscope.testing.fakes import make_view
from alscope.types import PoolView
from tests import oracles

HOME, AWAY = np.array([0.0, 0.0]), np.array([20.0, 0.0])


def cluster(centre: np.ndarray, n: int, seed: int) -> np.ndarray:
    return centre + np.random.default_rng(seed).normal(size=(n, 2))


def view_of(pool: np.ndarray, labeled: np.ndarray, unknowns: np.ndarray) -> PoolView:
    sets = {"pool": pool, "labeled": labeled, "unknowns": unknowns}
    return make_view(
        [],
        n_pool=len(pool),
        n_labeled=len(labeled),
        n_unknowns=len(unknowns),
        overrides={
            Forward(on=on): {"embeddings": points.astype(np.float32)} for on, points in sets.items()
        },
    )


def test_the_cluster_far_from_all_labels_is_visited_first() -> None:
    pool = np.concatenate([cluster(HOME, 95, 0), cluster(AWAY, 5, 1)])
    view = view_of(pool, cluster(HOME, 10, 2), np.empty((0, 2)))

    assert CoreSet().select(view, 1, generator(0), None).positions[0] >= 95


def test_it_is_farthest_first_from_every_annotated_sample() -> None:
    pool, labeled, unknowns = (cluster(HOME, n, n) for n in (50, 6, 4))
    view = view_of(pool, labeled, unknowns)
    centres = np.concatenate([labeled, unknowns]).astype(np.float32)
    expected = oracles.k_center_picks(pool.astype(np.float32), centres, 12, view.tie_keys)

    assert CoreSet().select(view, 12, generator(0), None).positions.tolist() == expected


def test_unknowns_already_found_keep_it_from_returning_to_them() -> None:
    pool = np.concatenate([cluster(HOME, 60, 0), cluster(AWAY, 40, 1)])
    view = view_of(pool, cluster(HOME, 3, 2), cluster(AWAY, 20, 3))
    n_away = {
        centres: int(
            (CoreSet(centres=centres).select(view, 6, generator(0), None).positions >= 60).sum()
        )
        for centres in ("annotated", "labeled")
    }

    assert n_away["annotated"] < n_away["labeled"]


def test_it_asks_for_unknowns_only_when_they_count() -> None:
    labeled_only = (Embeddings(), Embeddings(on="labeled"))

    assert CoreSet(centres="labeled").needs() == labeled_only
    assert CoreSet().needs() == (*labeled_only, Embeddings(on="unknowns"))
    assert len(list(check_fields(CoreSet(centres="all")))) == 1
