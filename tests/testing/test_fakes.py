from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from alscope.inputs import Embeddings, Head, Input, Logits, McMoments, Probs
from alscope.rng import tie_keys
from alscope.strategies.coreset import CoreSet
from alscope.strategies.margin import Margin
from alscope.testing.fakes import make_pool, make_view, softmax, with_winner_at

EVERYTHING = (Logits(), Embeddings(on="labeled"), Head(), McMoments(n_samples=200))


def test_logits_are_the_head_applied_to_the_embeddings() -> None:
    view = make_view(EVERYTHING, n_pool=30, n_classes=4, n_features=5)
    weight, bias = view[Head()]

    assert view[Logits()].shape == (30, 4)
    np.testing.assert_allclose(view[Logits()], view[Embeddings()] @ weight.T + bias, atol=1e-5)


def test_moments_come_from_different_passes_of_that_head() -> None:
    view = make_view(EVERYTHING)
    moments = view[McMoments(n_samples=200)]

    assert moments.votes.sum(axis=1).tolist() == [200] * 40
    assert moments.std_probs.max() > 0.05
    assert moments.mean_probs.sum(axis=1) == pytest.approx(1)
    assert np.abs(moments.mean_probs - view[Probs()]).mean() < 0.15


def test_only_what_a_strategy_needs_can_be_seen() -> None:
    view = make_view(CoreSet(), n_labeled=7, n_unknowns=3)

    assert view[Embeddings(on="labeled")].shape == (7, 6)
    assert view[Embeddings(on="unknowns")].shape == (3, 6)
    with pytest.raises(KeyError):
        view[Head()]


def test_rows_are_handed_over_by_ascending_id() -> None:
    ids = np.array([9, 2, 5])
    pool = make_pool([Logits()], n_pool=3, ids=ids)
    view = make_view([Logits()], n_pool=3, ids=ids)

    assert view[Logits()].tolist() == pool.view()[Logits()][[1, 2, 0]].tolist()
    assert view.tie_keys.tolist() == tie_keys(np.array([2, 5, 9]), seed=0, round=0).tolist()


def test_a_seed_repeats_a_pool_and_another_changes_it() -> None:
    first, again, other = (make_view(EVERYTHING, seed=s)[Logits()] for s in (1, 1, 2))

    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_the_winner_is_moved_and_nothing_else_changes() -> None:
    pool = make_pool(Margin())
    moved = with_winner_at(pool, Margin(), 17)

    assert Margin().scores(moved.view()).argmax() == 17
    assert sorted(moved.ids) == list(range(40))


def test_repeated_rows_have_ids_of_their_own() -> None:
    pool = make_pool(Margin()).repeated(np.array([3, 3, 8]))

    assert pool.ids.tolist() == [0, 1, 2]
    assert np.unique(pool.view()[Logits()], axis=0).shape == (2, 3)


def test_unknown_inputs_need_their_arrays() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Mine(Input):
        pass

    arrays = {"values": np.ones(40)}

    assert make_view([Mine()], overrides={Mine(): arrays})[Mine()]["values"].sum() == 40
    with pytest.raises(TypeError, match="pass its arrays in overrides"):
        make_view([Mine()])


def test_softmax_of_large_logits_is_finite() -> None:
    assert softmax(np.array([[1000.0, 0.0]])).tolist() == [[1.0, 0.0]]
