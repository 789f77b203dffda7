from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alscope.errors import SelectionError, ShapeError
from alscope.inputs import Embeddings, Forward, Logits, Probs
from alscope.types import Cost, Outcome, PoolView, RunState, Split


def split_of(labeled: list[int], unknowns: list[int], pool: list[int]) -> Split:
    return Split(
        labeled=np.array(labeled, dtype=np.int64),
        unknowns=np.array(unknowns, dtype=np.int64),
        pool=np.array(pool, dtype=np.int64),
        test=np.array([0, 1]),
    )


def answers(*labels: int) -> Outcome:
    return Outcome(np.array(labels, dtype=np.int64))


def view_of(n_pool: int = 3) -> PoolView:
    arrays = {
        "logits": np.arange(2.0 * n_pool, dtype=np.float32).reshape(n_pool, 2),
        "embeddings": np.ones((n_pool, 4), dtype=np.float32),
    }
    return PoolView(
        {Forward(): arrays},
        n_pool=n_pool,
        n_classes=2,
        round=1,
        labels=np.array([0, 1, 1]),
        n_unknowns=2,
        tie_keys=np.arange(n_pool, dtype=np.uint64),
    )


def test_a_split_is_sorted_and_cannot_be_changed() -> None:
    split = split_of([5, 1], [2], [9, 7])

    assert split.labeled.tolist() == [1, 5]
    assert split.pool.tolist() == [7, 9]
    assert split.n_annotated == 3
    with pytest.raises(ValueError, match="read-only"):
        split.pool[0] = 1


def test_a_split_does_not_freeze_the_arrays_it_was_made_from() -> None:
    pool = np.array([1, 2])
    Split(labeled=pool[:0], unknowns=pool[:0], pool=pool, test=pool)
    pool[0] = 7

    assert pool[0] == 7


def test_an_index_may_be_in_one_part_once() -> None:
    with pytest.raises(ShapeError, match="pool holds an index twice"):
        split_of([], [], [1, 1])
    with pytest.raises(ShapeError, match="overlap"):
        split_of([1], [], [1, 2])


def test_answers_move_samples_to_where_they_belong() -> None:
    split = split_of([0], [], [1, 2, 3, 4])
    after = split.annotate(np.array([4, 1, 3]), answers(2, -1, 0))

    assert after.labeled.tolist() == [0, 3, 4]
    assert after.unknowns.tolist() == [1]
    assert after.pool.tolist() == [2]
    assert split.pool.tolist() == [1, 2, 3, 4]


@given(st.data())
def test_annotating_never_loses_a_sample(data: st.DataObject) -> None:
    pool = sorted(data.draw(st.sets(st.integers(0, 50), min_size=1)))
    queried = data.draw(st.lists(st.sampled_from(pool), unique=True))
    labels = data.draw(st.lists(st.integers(-1, 3), min_size=len(queried), max_size=len(queried)))
    after = split_of([], [], pool).annotate(np.array(queried, dtype=np.int64), answers(*labels))

    assert sorted([*after.labeled, *after.unknowns, *after.pool]) == pool
    assert after.unknowns.size == labels.count(-1)


@pytest.mark.parametrize(
    ("queried", "labels", "message"),
    [
        ([1, 2], [0], "2 samples were queried but 1 answers came"),
        ([0], [0], "not in the pool"),
        ([1, 1], [0, 0], "queried twice"),
    ],
)
def test_illegal_queries_annotate_nothing(
    queried: list[int], labels: list[int], message: str
) -> None:
    split = split_of([0], [], [1, 2])

    with pytest.raises(SelectionError, match=message):
        split.annotate(np.array(queried), answers(*labels))
    assert split.pool.tolist() == [1, 2]


def test_a_view_gives_the_declared_inputs_and_their_parts() -> None:
    view = view_of()

    assert view[Logits()].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert view[Embeddings()].shape == (3, 4)
    assert view[Probs()].sum(axis=1) == pytest.approx(1)
    assert view.n_labeled == 3


def test_a_view_refuses_what_was_not_declared() -> None:
    with pytest.raises(KeyError, match="was not declared in needs"):
        view_of()[Logits(on="labeled")]


def test_a_view_is_read_only_and_leaves_its_sources_writable() -> None:
    logits = np.zeros((3, 2), dtype=np.float32)
    view = view_of()
    frozen = PoolView(
        {Forward(): {"logits": logits}},
        n_pool=3,
        n_classes=2,
        round=0,
        labels=np.zeros(0, dtype=np.int64),
        n_unknowns=0,
        tie_keys=np.zeros(3, dtype=np.uint64),
    )
    logits[0] = 1

    for array in (view[Embeddings()], view.labels, view.tie_keys, frozen[Logits()]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5


def test_known_answers_are_those_of_a_class() -> None:
    assert answers(0, -1, 3).known.tolist() == [True, False, True]


def test_a_run_state_is_a_word_and_knows_whether_it_is_final() -> None:
    assert str(RunState.DONE) == "done"
    assert [state.value for state in RunState if state.is_final] == ["done", "failed", "cancelled"]


def test_the_cost_of_an_artifact_is_loading_and_computing() -> None:
    assert Cost(load_s=1.5, compute_s=2.0).total_s == 3.5
