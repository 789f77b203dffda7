import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alscope.data._counts import apportion, open_sizes, profile_shares, take, thin

counts = st.lists(st.integers(1, 200), min_size=2, max_size=12).map(np.array)


def tail(available: list[int], ratio: float, profile: str = "exponential") -> np.ndarray:
    sizes = np.array(available)
    return thin(sizes, profile_shares(sizes, profile, ratio))


@given(counts, st.integers(0, 3000))
def test_apportion_keeps_exactly_the_requested_total(sizes, total):
    kept = apportion(sizes, total)

    assert kept.sum() == min(total, sizes.sum())
    assert (kept <= sizes).all()


@given(counts, st.integers(0, 500))
def test_apportion_never_takes_back_when_the_total_grows(sizes, total):
    assert (apportion(sizes, total) <= apportion(sizes, total + 1)).all()


def test_apportion_follows_proportions():
    assert apportion([60, 30, 10], 10).tolist() == [6, 3, 1]


def test_apportion_of_nothing_is_nothing():
    assert apportion([0, 4], 0).tolist() == [0, 0]


def test_take_returns_prefixes_sorted():
    assert take([np.array([5, 1]), np.array([4, 0])], [1, 2]).tolist() == [0, 4, 5]


@pytest.mark.parametrize(
    ("smallest", "expected"), [(0.2, 25_423), (0.1, 20_431), (0.02, 13_996), (0.01, 12_406)]
)
def test_long_tail_of_cifar10_has_the_known_sizes(smallest, expected):
    assert tail([5000] * 10, 1 / smallest).sum() == expected


def test_long_tail_of_trec6_is_the_largest_that_fits():
    assert tail([86, 1250, 1162, 1223, 835, 896], 5).sum() == 1333


def test_long_tail_of_sst5_is_the_largest_that_fits():
    assert tail([1092, 2218, 1624, 2322, 1288], 5).sum() == 6070


def test_largest_class_stays_the_head():
    assert tail([10, 100, 50], 4).argmax() == 1


def test_step_profile_keeps_half_the_classes_and_thins_the_others():
    assert tail([100] * 5, 10, "step").tolist() == [100, 100, 100, 10, 10]


@given(counts, st.floats(1, 500), st.sampled_from(["exponential", "step"]))
def test_thinning_never_takes_more_than_there_is_and_leaves_one(sizes, ratio, profile):
    kept = thin(sizes, profile_shares(sizes, profile, ratio))

    assert (kept <= sizes).all()
    assert (kept >= 1).all()


@given(counts, st.floats(1, 50), st.sampled_from(["exponential", "step"]))
def test_thinning_gives_the_exact_profile(sizes, ratio, profile):
    shares = profile_shares(sizes, profile, ratio)
    kept = thin(sizes, shares)
    head = kept.max()

    assert (kept == np.maximum(1, np.floor(head * shares + 1e-9))).all()


@given(counts, st.floats(1, 50), st.sampled_from(["exponential", "step"]))
def test_thinning_is_the_largest_possible(sizes, ratio, profile):
    shares = profile_shares(sizes, profile, ratio)
    head = thin(sizes, shares).max()

    assert ((head + 1) * shares > sizes).any()


@given(st.floats(0, 0.95), st.integers(1, 5000), st.integers(1, 5000))
def test_open_set_share_is_exact_within_one_sample(ratio, n_known, n_unknown):
    known, unknown = open_sizes(ratio, n_known, n_unknown)

    assert known <= n_known
    assert unknown <= n_unknown
    assert known == n_known or unknown == n_unknown
    assert abs(unknown - ratio * (known + unknown)) <= 1
