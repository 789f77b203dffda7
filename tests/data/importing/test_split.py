"""The test part that is made where a source has none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alscope.data.importing._split import test_rows as rows_to_test

SAMPLES = st.lists(st.tuples(st.binary(max_size=3), st.sampled_from("abc")), max_size=60)
SHARES = st.floats(0.05, 0.95)


def split(samples, share=0.2, seed=0):
    keys = {row: key for row, (key, _) in enumerate(samples)}
    labels = {row: label for row, (_, label) in enumerate(samples)}
    return rows_to_test(keys, labels, share=share, seed=seed)


def unlike(samples):
    """The samples with one label per content."""
    return list({key: (key, label) for key, label in samples}.values())


@given(SAMPLES, SHARES)
def test_every_class_has_the_share_and_something_in_both_parts(samples, share):
    samples = unlike(samples)
    test = split(samples, share)

    for label in "abc":
        rows = [row for row, each in enumerate(samples) if each[1] == label]
        n_test = len(test.intersection(rows))
        assert abs(n_test - share * len(rows)) <= 1
        assert len(rows) < 2 or 0 < n_test < len(rows)


@given(SAMPLES, SHARES)
def test_equal_contents_are_in_one_part(samples, share):
    test = split(samples, share)

    assert not {samples[row][0] for row in test} & {
        key for row, (key, _) in enumerate(samples) if row not in test
    }


@given(SAMPLES, st.randoms(use_true_random=False))
def test_the_order_of_the_source_does_not_matter(samples, random):
    mixed = random.sample(samples, len(samples))

    assert {samples[row] for row in split(samples)} == {mixed[row] for row in split(mixed)}


@given(SAMPLES, st.binary(min_size=4, max_size=5), SHARES)
def test_adding_a_sample_moves_at_most_one_other_of_its_class(samples, key, share):
    samples = unlike(samples)
    before = {samples[row] for row in split(samples, share)}
    more = [(key, "a"), *samples]
    after = {more[row] for row in split(more, share)} - {(key, "a")}
    moved = before ^ after

    assert len(moved) <= 1
    assert all(label == "a" for _, label in moved)


def test_another_seed_gives_another_split():
    samples = [(bytes([i]), "a") for i in range(100)]

    assert len(split(samples, seed=0) & split(samples, seed=1)) < 12
