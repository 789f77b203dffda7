from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pytest
from scipy import stats

from alscope.acquisition import _gradients, seeding
from alscope.acquisition._gradients import gradients_of
from alscope.acquisition.seeding import gradient_seeding, point_seeding
from alscope.errors import ShapeError
from alscope.rng import generator, tie_keys
from tests import oracles
from tests.tensors import on_tensors


@pytest.fixture(params=["factored", "rejection", "tensors"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both algorithms; rejection catches up every four choices, on tensors with all on a device."""
    monkeypatch.setattr(seeding, "_FACTORED_WORK", np.inf if request.param == "factored" else -1)
    monkeypatch.setattr(seeding, "_PICKS_PER_FLUSH", 4)
    monkeypatch.setattr(seeding, "_ROW_CHUNK", 7)
    device = on_tensors(monkeypatch) if request.param == "tensors" else nullcontext()
    with device:
        yield "factored" if request.param == "factored" else "rejection"


def keys_of(n: int, seed: int = 0) -> np.ndarray:
    return tie_keys(np.arange(n), seed=seed, round=0)


def random_pool(seed: int, n: int | None = None) -> tuple[np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(seed)
    n, n_classes, d = n or rng.integers(1, 61), rng.integers(2, 7), rng.integers(1, 9)
    logits = rng.normal(size=(n, n_classes)) * rng.choice([0.5, 3])
    embeddings = rng.normal(size=(n, d)) * rng.choice([0.01, 1, 100])
    return logits.astype(np.float32), embeddings.astype(np.float32), int(rng.integers(1, 20))


def second_choices(logits: np.ndarray, embeddings: np.ndarray, n_draws: int) -> np.ndarray:
    keys, rng = keys_of(len(logits)), np.random.default_rng(7)
    draws = [
        gradient_seeding(logits, embeddings, 2, keys=keys, rng=rng).positions[1]
        for _ in range(n_draws)
    ]
    return np.bincount(draws, minlength=len(logits))


def test_draws_are_the_definition_for_given_uniforms() -> None:
    for seed in range(200):
        logits, embeddings, k = random_pool(seed)
        k = min(k, len(logits))
        keys = keys_of(len(logits), seed)
        uniforms = np.random.default_rng(seed).random(k)
        vectors = oracles.gradients(embeddings, oracles.softmax(logits))
        seeds = gradient_seeding(logits, embeddings, k, keys=keys, rng=np.random.default_rng(seed))

        assert seeds.positions.tolist() == oracles.badge_picks(vectors, k, uniforms, keys)


@pytest.mark.parametrize(("uniform", "second"), [(0.16, 0), (0.17, 1)])
def test_example_d_draws_by_squared_distance(uniform: float, second: int) -> None:
    embeddings = np.array([[1.0, 0], [0, 1], [2, 0]])
    gradients = gradients_of(np.zeros((3, 2)), embeddings, np.float64)
    seeds = seeding._factored(gradients, 2, keys_of(3), np.array([0, uniform]))

    assert seeds.positions.tolist() == [2, second]


def test_factored_distances_are_those_of_the_outer_products() -> None:
    for seed in range(50):
        logits, embeddings, _ = random_pool(seed)
        vectors = oracles.gradients(embeddings, oracles.softmax(logits))
        expected = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
        gradients = gradients_of(logits, embeddings, np.float64)
        ones = [gradients.chosen(np.array([one])) for one in range(len(logits))]
        distances = np.stack([gradients.nearest(one) for one in ones], axis=1)

        scale = (vectors**2).sum(axis=1).max()
        np.testing.assert_allclose(distances * scale, expected, atol=1e-12 * scale)


def test_the_vectors_are_the_gradients_of_the_last_layer() -> None:
    rng = np.random.default_rng(3)
    weight, h, step = rng.normal(size=(4, 6)), rng.normal(size=6), 1e-6
    predicted = int((weight @ h).argmax())

    def loss(changed: np.ndarray) -> float:
        return -float(np.log(oracles.softmax((changed @ h)[None])[0, predicted]))

    def slope(c: int, d: int) -> float:
        change = np.zeros_like(weight)
        change[c, d] = step
        return (loss(weight + change) - loss(weight - change)) / (2 * step)

    numeric = np.array([[slope(c, d) for d in range(6)] for c in range(4)])
    residual = _gradients._residuals((weight @ h)[None])[0]

    np.testing.assert_allclose(np.outer(residual, h), numeric, atol=1e-7)


def test_residuals_keep_their_digits_where_the_prediction_saturates() -> None:
    residual = _gradients._residuals(np.array([[60.0, 0.0, 0.0]], dtype=np.float32))[0]

    assert residual[0] == pytest.approx(-2 * np.exp(-60.0))
    assert residual.sum() == 0


@pytest.mark.slow
@pytest.mark.parametrize("case", range(3))
def test_the_second_choice_follows_the_exact_law(form: str, case: int) -> None:
    logits, embeddings, _ = random_pool(20 + case, n=12)
    vectors = oracles.gradients(embeddings, oracles.softmax(logits))
    first = oracles.ranked((vectors**2).sum(axis=1), 1, keys_of(len(vectors)))
    weights = oracles.badge_weights(vectors, first)
    counts = second_choices(logits, embeddings, 2000)
    likely = weights / weights.sum() * 2000 > 5

    assert counts[weights == 0].sum() == 0
    assert _p_value(counts, weights, likely) > 1e-3


@pytest.mark.slow
def test_later_choices_follow_the_exact_law(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # No catching up within the batch: the fourth choice is proposed from three stale ones.
    monkeypatch.setattr(seeding, "_PICKS_PER_FLUSH", 64)
    logits, embeddings, _ = random_pool(23, n=6)
    vectors = oracles.gradients(embeddings, oracles.softmax(logits))
    keys, rng = keys_of(6), np.random.default_rng(1)
    expected, counts = np.zeros(6), np.zeros(6)
    for _ in range(1500):
        picks = gradient_seeding(logits, embeddings, 4, keys=keys, rng=rng).positions
        weights = oracles.badge_weights(vectors, picks[:3].tolist())
        expected += weights / weights.sum()
        counts[picks[3]] += 1

    # The expectation is conditional on what was chosen before, so the statistic is conservative.
    assert _p_value(counts, expected, expected > 5) > 1e-3


def _p_value(counts: np.ndarray, weights: np.ndarray, likely: np.ndarray) -> float:
    expected = weights / weights.sum() * counts.sum()
    observed, wanted = counts[likely], expected[likely]
    if not likely.all() and expected[~likely].sum() > 0:
        observed = np.append(observed, counts[~likely].sum())
        wanted = np.append(wanted, expected[~likely].sum())
    return float(stats.chisquare(observed, wanted, sum_check=False).pvalue)


def test_the_first_choice_is_the_longest_gradient(form: str) -> None:
    for seed in range(20):
        logits, embeddings, _ = random_pool(seed)
        vectors = oracles.gradients(embeddings, oracles.softmax(logits))
        seeds = gradient_seeding(
            logits,
            embeddings,
            1,
            keys=keys_of(len(logits)),
            rng=np.random.default_rng(0),
        )

        assert seeds.positions.tolist() == [(vectors**2).sum(axis=1).argmax()]


def test_both_forms_cover_clusters_alike(form: str) -> None:
    # 20 tight clusters on distinct directions: k-means++ visits nearly all of them in 20 draws.
    rng = np.random.default_rng(0)
    embeddings = (np.eye(20)[np.arange(600) % 20] + 0.01 * rng.normal(size=(600, 20))) * 3
    logits = 0.01 * rng.normal(size=(600, 3)) + np.array([0.5, 0, 0])
    seeds = gradient_seeding(logits, embeddings, 20, keys=keys_of(600), rng=rng)

    assert np.unique(seeds.positions % 20).size >= 18
    assert seeds.diagnostics["algorithm"] == form


def test_rotating_the_embedding_changes_no_draw() -> None:
    logits, embeddings, _ = random_pool(9)
    d, keys = embeddings.shape[1], keys_of(len(logits))
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))
    chosen = [
        gradient_seeding(logits, e, 8, keys=keys, rng=np.random.default_rng(4)).positions.tolist()
        for e in (embeddings, embeddings @ rotation)
    ]

    assert chosen[0] == chosen[1]


def test_duplicates_of_a_choice_are_never_drawn(form: str) -> None:
    rng = np.random.default_rng(2)
    logits, embeddings = rng.normal(size=(5, 3)), rng.normal(size=(5, 40)) * 10
    copies = np.arange(200) % 5
    keys = keys_of(200)
    seeds = gradient_seeding(logits[copies], embeddings[copies], 30, keys=keys, rng=rng)
    rest = np.setdiff1d(np.arange(200), seeds.positions[:5])

    assert set(seeds.positions[:5] % 5) == {0, 1, 2, 3, 4}
    assert seeds.positions[5:].tolist() == rest[np.argsort(keys[rest])][:25].tolist()
    assert seeds.diagnostics["n_by_key"] == 25


@pytest.mark.parametrize("zero", ["gradients", "embeddings"])
def test_without_any_gradient_the_choice_goes_by_key(form: str, zero: str) -> None:
    logits, embeddings = np.zeros((30, 2)), np.ones((30, 4))
    if zero == "gradients":
        logits[:, 0] = 5000
    else:
        embeddings[:] = 0
    keys = keys_of(30)
    seeds = gradient_seeding(logits, embeddings, 12, keys=keys, rng=np.random.default_rng(0))

    assert seeds.positions.tolist() == np.argsort(keys)[:12].tolist()


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_unit_of_the_embedding_does_not_matter(form: str, scale: float) -> None:
    logits, embeddings, _ = random_pool(10)
    keys = keys_of(len(logits))
    chosen = [
        gradient_seeding(logits, e, 9, keys=keys, rng=np.random.default_rng(4)).positions.tolist()
        for e in (embeddings, embeddings * np.float32(scale))
    ]

    assert chosen[0] == chosen[1]


def test_all_can_be_asked_for_without_repeats(form: str) -> None:
    logits, embeddings, _ = random_pool(11)
    keys, n = keys_of(len(logits)), len(logits)
    seeds = gradient_seeding(logits, embeddings, n + 9, keys=keys, rng=np.random.default_rng(0))

    assert sorted(seeds.positions.tolist()) == list(range(n))


def test_the_form_depends_on_the_amount_of_work_and_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seeding, "_FACTORED_WORK", 200)
    rng = np.random.default_rng(0)
    logits, embeddings, keys = rng.normal(size=(10, 3)), rng.normal(size=(10, 1)), keys_of(10)
    below = gradient_seeding(logits, embeddings, 4, keys=keys, rng=rng)
    from_there = gradient_seeding(logits, embeddings, 5, keys=keys, rng=rng)

    assert below.diagnostics == {"algorithm": "factored", "n_by_key": 0}
    assert from_there.diagnostics["algorithm"] == "rejection"
    assert from_there.diagnostics["n_proposals"] >= 4
    assert from_there.diagnostics["n_passes"] == 1


def test_many_choices_by_rejection_are_distinct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "_FACTORED_WORK", -1)
    rng = np.random.default_rng(0)
    logits, embeddings = rng.normal(size=(1000, 5)), rng.normal(size=(1000, 4))
    seeds = gradient_seeding(logits, embeddings, 500, keys=keys_of(1000), rng=rng)

    assert np.unique(seeds.positions).size == 500
    assert seeds.diagnostics["n_passes"] > 500 / 64 - 1


def test_a_threshold_that_rounds_up_to_the_total_takes_the_last_weight() -> None:
    assert seeding._locate(np.array([1.0, 3.0, 3.0]), 1.0) == 1
    assert seeding._locate(np.array([0.0, 3.0, 3.0]), 0.0) == 1


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_rows_that_are_not_finite_are_named(value: float) -> None:
    right, wrong = np.zeros((6, 2)), np.zeros((6, 2))
    wrong[3, 0] = value
    rng = np.random.default_rng(0)

    with pytest.raises(ShapeError, match=r"^logits of row 3 "):
        gradient_seeding(wrong, right, 2, keys=keys_of(6), rng=rng)
    with pytest.raises(ShapeError, match=r"^embeddings of row 3 "):
        gradient_seeding(right, wrong, 2, keys=keys_of(6), rng=rng)


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="6 rows of logits, 5 of embeddings and 6 keys"):
        gradient_seeding(
            np.zeros((6, 2)),
            np.zeros((5, 2)),
            2,
            keys=keys_of(6),
            rng=np.random.default_rng(0),
        )


def test_one_copy_of_the_points_is_held() -> None:
    n = 40_000
    points = np.random.default_rng(0).normal(size=(n, 64)).astype(np.float32)
    tracemalloc.start()
    point_seeding(points, 20, keys=keys_of(n), rng=generator(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1.6 * points.nbytes
