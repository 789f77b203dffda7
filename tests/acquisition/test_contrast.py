from __future__ import annotations

import numpy as np
import pytest

from alscope.acquisition import contrast as module
from alscope.acquisition.contrast import (
    contrast,
    fill_quotas,
    joint_scores,
    nearest_anchors,
    own_closeness,
)
from alscope.errors import ShapeError
from alscope.rng import tie_keys
from tests import oracles_openset as oracle


@pytest.fixture(params=["whole", "blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All points at once, or two or three at a time."""
    if request.param == "blocks":
        monkeypatch.setattr(module, "_BLOCK", 90)


def instance(seed: int) -> dict[str, np.ndarray]:
    """A pool with some equal samples, and anchors; a class may have one anchor or none."""
    rng = np.random.default_rng(seed)
    n, m, n_shifts = int(rng.integers(1, 20)), int(rng.integers(1, 9)), int(rng.integers(1, 5))
    rows = rng.integers(0, n, n) if seed % 3 == 0 else np.arange(n)
    return {
        "semantic": rng.normal(size=(n, 3)).astype(np.float32)[rows],
        "distinctive": rng.normal(size=(n, n_shifts, 4)).astype(np.float32)[rows],
        "semantic_anchors": rng.normal(size=(m, 3)).astype(np.float32),
        "distinctive_anchors": rng.normal(size=(m, n_shifts, 4)).astype(np.float32),
        "labels": rng.integers(0, 4, m),
    }


@pytest.mark.usefixtures("blocks")
def test_the_nearest_anchor_is_the_definition() -> None:
    for seed in range(100):
        case = instance(seed)
        arrays = case["semantic"], case["semantic_anchors"], case["labels"]
        cosines, classes = oracle.ccal_semantic(*arrays)
        found = nearest_anchors(*arrays)

        np.testing.assert_allclose(found.cosines, cosines, atol=1e-8)
        assert found.classes.tolist() == classes


@pytest.mark.usefixtures("blocks")
def test_closeness_to_the_own_class_is_the_definition() -> None:
    for seed in range(100):
        case = instance(seed)
        points, anchors, labels = (
            case[name] for name in ("distinctive", "distinctive_anchors", "labels")
        )
        classes = np.random.default_rng(seed).choice(labels, len(points))
        raw = {c: np.array(oracle.ccal_closeness(points, anchors[labels == c])) for c in labels}
        expected = [
            (raw[c][i] - raw[c].min()) / (np.ptp(raw[c]) or 1.0) for i, c in enumerate(classes)
        ]

        np.testing.assert_allclose(
            own_closeness(points, anchors, labels, classes), expected, atol=1e-6
        )


def test_similarity_is_scaled_over_the_pool() -> None:
    found = contrast(**instance(1))

    assert (found.similarity.min(), found.similarity.max()) == (0, 1)
    assert found.closeness.min() >= 0
    assert found.closeness.max() <= 1


def test_equal_similarities_are_scaled_to_zero() -> None:
    same = {**instance(4)}
    same["semantic"] = np.tile(same["semantic"][:1], (len(same["semantic"]), 1))
    same["distinctive"] = np.tile(same["distinctive"][:1], (len(same["distinctive"]), 1, 1))
    found = contrast(**same)

    assert not found.similarity.any()
    assert not found.closeness.any()


def test_a_class_with_one_anchor_is_close_by_its_cosine() -> None:
    points = np.array([[[1.0, 0]], [[0, 1.0]], [[1.0, 1.0]]])
    found = own_closeness(points, points[:1], np.array([2]), np.array([2, 2, 2]))

    np.testing.assert_allclose(found, [1, 0, 0.5**0.5], atol=1e-9)


def test_two_anchors_count_by_their_distance_from_each_other() -> None:
    # Closeness before scaling is 2 v1 - v2 + g with g = 0.6.
    anchors = np.array([[[1.0, 0]], [[0.6, 0.8]]])
    points = np.array([[[1.0, 0]], [[0.6, 0.8]], [[0, 1.0]], [[-1.0, 0]]])
    raw = np.array([2 - 0.6 + 0.6, 2 - 0.6 + 0.6, 2 * 0.8 - 0 + 0.6, 2 * -0.6 - -1 + 0.6])
    found = own_closeness(points, anchors, np.zeros(2, dtype=int), np.zeros(4, dtype=int))

    np.testing.assert_allclose(found, (raw - raw.min()) / np.ptp(raw), atol=1e-8)


def test_of_equal_anchors_the_one_of_the_first_class_is_nearest() -> None:
    anchors = np.ones((3, 2))

    assert nearest_anchors(np.ones((2, 2)), anchors, np.array([2, 1, 3])).classes.tolist() == [1, 1]


def test_lengths_do_not_matter_and_a_vector_without_length_is_like_nothing() -> None:
    case = instance(2)
    arrays = case["semantic"], case["semantic_anchors"], case["labels"]
    nothing = np.zeros((1, 3), dtype=np.float32)

    np.testing.assert_array_equal(
        nearest_anchors(4 * arrays[0], arrays[1] / 8, arrays[2]).cosines,
        nearest_anchors(*arrays).cosines,
    )
    assert nearest_anchors(nothing, *arrays[1:]).cosines.tolist() == [0]


def test_equal_points_are_equal_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    anchors, labels = rng.normal(size=(23, 1, 57)).astype(np.float32), np.arange(23) % 3
    points = np.repeat(rng.normal(size=(11, 1, 57)).astype(np.float32), 7, axis=0)[:-2]
    monkeypatch.setattr(module, "_BLOCK", 57 * 13)
    nearest = nearest_anchors(points[:, 0], anchors[:, 0], labels)
    closeness = own_closeness(points, anchors, labels, nearest.classes)

    for values in (nearest.cosines, closeness):
        assert all(np.unique(values[i : i + 7]).size == 1 for i in range(0, len(points), 7))


def test_the_inputs_are_left_unchanged() -> None:
    case = instance(5)
    before = {name: array.copy() for name, array in case.items()}
    contrast(**case)

    assert all((case[name] == array).all() for name, array in before.items())


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("semantic", "semantic projections of the pool of row 1"),
        ("semantic_anchors", "semantic projections of the labeled set of row 1"),
        ("distinctive", "distinctive projections of the pool of row 1"),
        ("distinctive_anchors", "distinctive projections of the labeled set of row 1"),
    ],
)
def test_projections_that_are_not_finite_are_refused(name: str, message: str, value: float) -> None:
    case = instance(5)
    case[name][1] = value

    with pytest.raises(ShapeError, match=message):
        contrast(**case)


@pytest.mark.parametrize(
    ("name", "cut", "message"),
    [
        ("semantic_anchors", np.s_[:, :2], "take both from one encoder"),
        ("distinctive_anchors", np.s_[:, :, :2], "take both from one encoder"),
        ("labels", np.s_[:-1], "give as many, and at least one"),
    ],
)
def test_projections_that_do_not_fit_are_refused(name: str, cut: object, message: str) -> None:
    case = instance(5)
    case[name] = case[name][cut]

    with pytest.raises(ShapeError, match=message):
        contrast(**case)


def test_a_labeled_set_of_nobody_is_refused() -> None:
    with pytest.raises(ShapeError, match="at least one"):
        nearest_anchors(np.ones((3, 2)), np.ones((0, 2)), np.zeros(0, dtype=np.int64))


def test_the_score_is_finite_where_the_published_form_overflows() -> None:
    similarity = np.array([0, 0.2, 0.9, 1.0])
    found = joint_scores(similarity, np.zeros(4), sharpness=100, threshold=0.9)
    x = 100 * (similarity[1:] - 0.9)

    np.testing.assert_allclose(found[1:], (1 - np.exp(-x)) / (1 + np.exp(-x)) + 1)
    assert found[0] == 0
    assert found[2] == 1


def test_scores_fall_with_closeness_and_rise_with_similarity() -> None:
    scores = joint_scores(
        np.array([0.95, 0.95, 0.5]), np.array([0.2, 0.7, 0.0]), sharpness=100, threshold=0.9
    )

    assert scores[0] > scores[1] > scores[2]


def fill(classes: list[int], k: int, *, n_classes: int = 4, **changes: np.ndarray) -> object:
    n = len(classes)
    given = {
        "eligible": np.ones(n, dtype=bool),
        "fallback": np.zeros(n),
        "keys": tie_keys(np.arange(n), seed=0, round=0),
        "scores": -np.arange(n, dtype=np.float64),
        **changes,
    }
    return fill_quotas(classes=np.array(classes), k=k, n_classes=n_classes, **given)


@pytest.mark.parametrize("k", [0, 3, 10, 80, 83])
def test_quotas_differ_by_one_at_most(k: int) -> None:
    classes = np.arange(200) % 4
    found = fill(classes.tolist(), k)
    counts = np.bincount(classes[found.positions], minlength=4)

    assert counts.tolist() == [k // 4 + (c < k % 4) for c in range(4)]
    assert found.n_refilled == 0


def test_what_a_class_cannot_fill_goes_to_the_best_that_are_left() -> None:
    found = fill([0, 0, 0, 0, 0, 1, 3, 3, 3], 8)

    assert found.positions.tolist() == [0, 1, 5, 6, 7, 2, 3, 4]
    assert found.n_refilled == 3


def test_quotas_take_eligible_points_only_and_the_rest_goes_by_fallback() -> None:
    found = fill(
        [0, 0, 0, 1, 1, 1],
        5,
        n_classes=2,
        eligible=np.array([True, False, False, True, True, True]),
        fallback=np.array([0, 0.1, 0.2, 0, 0, 0]),
    )

    assert found.positions.tolist() == [0, 3, 4, 5, 2]
    assert found.n_refilled == 2


def test_equal_scores_go_by_key_within_quotas_and_after_them() -> None:
    keys = np.array([5, 3, 4, 1, 2, 0], dtype=np.uint64)
    found = fill([0, 0, 0, 0, 0, 0], 4, n_classes=2, keys=keys, scores=np.zeros(6))

    assert found.positions.tolist() == [5, 3, 4, 1]


def test_no_more_are_taken_than_there_are() -> None:
    assert sorted(fill([1, 1, 1], 9).positions.tolist()) == [0, 1, 2]
    assert fill([], 4).positions.tolist() == []
