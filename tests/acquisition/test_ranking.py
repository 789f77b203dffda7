from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alscope.acquisition.ranking import by_key, coarse_order, first_of, largest, narrowed, top_k
from alscope.errors import ShapeError
from tests.oracles import ranked


def keys_of(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(n).astype(np.uint64)


@given(
    # Few distinct values: ties at the boundary are the rule.
    scores=st.lists(st.sampled_from([-2.0, -0.0, 0.0, 1.0, 1e-300, 3.5]), max_size=40),
    k=st.integers(-1, 45),
    seed=st.integers(0, 20),
)
def test_top_k_is_the_head_of_the_full_sort(scores: list[float], k: int, seed: int) -> None:
    keys = keys_of(len(scores), seed)

    assert top_k(np.array(scores), k, keys=keys).tolist() == ranked(scores, k, keys)


@pytest.mark.parametrize("k", [1, 150, 1_500, 3_000])
@pytest.mark.parametrize(
    "scores",
    [
        np.random.default_rng(0).normal(size=3_000),
        np.arange(3_000.0),
        # What one in 32 says of all is wrong: none of those looked at is high, or all of them are.
        (np.arange(3_000) % 32 > 0) * 1.0,
        (np.arange(3_000) % 32 == 0) * 1.0,
    ],
    ids=["random", "sorted", "low samples", "high samples"],
)
def test_many_scores_are_ranked_like_few(scores: np.ndarray, k: int) -> None:
    keys = keys_of(scores.size)

    assert top_k(scores, k, keys=keys).tolist() == ranked(scores.tolist(), k, keys)
    assert by_key(keys, k).tolist() == np.argsort(keys)[:k].tolist()


def test_top_k_breaks_equal_keys_by_position() -> None:
    keys = np.array([5, 5, 1, 5], dtype=np.uint64)

    assert top_k(np.zeros(4), 3, keys=keys).tolist() == [2, 0, 1]


def test_top_k_reads_keys_as_unsigned() -> None:
    keys = np.array([2**64 - 1, 1, 2**63], dtype=np.uint64)

    assert top_k(np.zeros(3), 2, keys=keys).tolist() == [1, 2]


def test_top_k_returns_int64_positions_even_of_nothing() -> None:
    assert top_k(np.empty(0), 5, keys=keys_of(0)).dtype == np.int64
    assert top_k(np.ones(3, dtype=np.float32), 2, keys=keys_of(3)).dtype == np.int64


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("k", [0, 2, 9])
def test_top_k_names_the_first_score_that_is_not_finite(value: float, k: int) -> None:
    scores = np.array([0.5, 1.0, value, 2.0, value])

    with pytest.raises(ShapeError, match=r"position 2 is .*2 of 5"):
        top_k(scores, k, keys=keys_of(5))


@pytest.mark.parametrize("shape", [(3, 1), (2,), ()])
def test_top_k_wants_one_score_and_one_key_per_sample(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="one score and one key"):
        top_k(np.zeros(shape), 1, keys=keys_of(3))


def test_by_key_is_nested() -> None:
    keys = keys_of(50)

    assert by_key(keys, 50)[:7].tolist() == by_key(keys, 7).tolist()
    assert keys[by_key(keys, 50)].tolist() == list(range(50))


def test_first_of_takes_the_smallest_key_among_the_highest() -> None:
    scores = np.array([1.0, 3.0, -np.inf, 3.0])
    keys = np.array([0, 9, 1, 4], dtype=np.uint64)

    assert first_of(scores, keys=keys) == 3
    assert first_of(scores[:2], keys=keys[:2]) == 1


@pytest.mark.parametrize("n", [5, 5000, 40_000])
def test_largest_are_the_head_of_the_sort(n: int) -> None:
    values = np.random.default_rng(n).integers(0, 3000, n).astype(np.float32)
    for k in (1, 4, n // 50 + 1, n - 1, n, n + 1):
        found = largest(values, k)

        assert np.unique(found).size == min(k, n)
        assert np.sort(values[found]).tolist() == np.sort(values)[max(n - k, 0) :].tolist()


@pytest.mark.parametrize("smallest", [False, True])
def test_narrowing_keeps_all_that_equal_the_last(smallest: bool) -> None:
    # Whether or not the sample shows where the head begins: in the second, only one place is high.
    for values in (np.arange(40_000.0) // 7, np.repeat([0.0, 1.0, 0.0], [100, 900, 39_000])):
        signed = -values if smallest else values
        rows = narrowed(signed, 500, smallest=smallest)

        assert np.isin(np.flatnonzero(values >= np.sort(values)[-500]), rows).all()
        assert rows.size < 5000


@given(
    values=st.lists(st.floats(width=32, allow_nan=False), max_size=60),
    repeated=st.integers(1, 3),
)
def test_the_coarse_order_is_ascending_and_stable(values: list[float], repeated: int) -> None:
    rounded = np.array(values * repeated, dtype=np.float32)

    assert coarse_order(rounded).tolist() == np.argsort(rounded, kind="stable").tolist()
