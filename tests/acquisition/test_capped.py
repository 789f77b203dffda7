from __future__ import annotations

import numpy as np

from alscope.acquisition._capped import capped, shares


def test_shares_are_as_equal_as_counts_allow() -> None:
    assert shares(np.array([10, 2, 10]), 8).tolist() == [3, 2, 3]
    assert shares(np.array([0, 5, 5]), 7).tolist() == [0, 3, 4]
    assert shares(np.array([1, 2]), 9).tolist() == [1, 2]


def test_shares_use_everything() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        counts, total = rng.integers(0, 9, rng.integers(1, 7)), int(rng.integers(0, 40))
        given = shares(counts, total)

        assert given.sum() == min(total, counts.sum())
        assert (given <= counts).all()
        assert (given[given < counts] >= given.max(initial=0) - 1).all()


def test_small_sets_are_kept_whole() -> None:
    assert capped(np.zeros((4, 2)), np.zeros(4, dtype=np.int64), 4).tolist() == [0, 1, 2, 3]


def test_each_class_keeps_rows_that_lie_apart() -> None:
    # Two groups in class 0, three in class 1.
    places = np.array([0.0, 0.1, 5.0, 5.1, 0.0, 0.1, 4.0, 4.1, 9.0, 9.1, 9.2])
    labels = np.array([0] * 4 + [1] * 7)
    kept = capped(places[:, None], labels, 5)

    assert np.bincount(labels[kept]).tolist() == [2, 3]
    assert sorted(places[kept].round().tolist()) == [0, 0, 4, 5, 9]
    assert (np.diff(kept) > 0).all()


def test_identical_rows_are_kept_up_to_the_cap() -> None:
    assert capped(np.ones((9, 2)), np.zeros(9, dtype=np.int64), 3).tolist() == [0, 1, 2]
