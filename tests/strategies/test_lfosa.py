from __future__ import annotations

import numpy as np
import pytest

from alscope.acquisition.mixture import activation_log_odds
from alscope.config import ScenarioConfig
from alscope.errors import SelectionError, ShapeError
from alscope.inputs import Detector, DetectorForward
from alscope.rng import tie_keys
from alscope.strategies.lfosa import LfOSA, known_first
from alscope.testing.fakes import FakePool, make_pool, softmax
from alscope.testing.strategies import choose
from alscope.types import Selection
from tests import oracles_openset

FORWARD = DetectorForward(companion=Detector(temperature=0.5, spare_output=True))


def pool_of(logits: np.ndarray, *, n_labeled: int = 8, seed: int = 0) -> FakePool:
    values = {"logits": logits, "embeddings": np.zeros((len(logits), 2), dtype=np.float32)}
    return make_pool(
        [],
        n_pool=len(logits),
        n_classes=logits.shape[1] - 1,
        n_labeled=n_labeled,
        overrides={FORWARD: values},
        seed=seed,
    )


def picks(logits: np.ndarray, k: int, **params: bool) -> list[int]:
    selection: Selection = choose(LfOSA(**params), pool_of(logits), k)
    found: list[int] = selection.positions.tolist()
    return found


def random_logits(seed: int) -> np.ndarray:
    """Some rows come twice, some classes are rare, some samples are predicted unknown."""
    rng = np.random.default_rng(seed)
    n, n_classes = int(rng.integers(1, 40)), int(rng.integers(1, 6))
    logits = rng.normal(size=(n, n_classes + 1)).astype(np.float32)
    logits[np.arange(n), rng.integers(0, n_classes, n)] += rng.choice([1.0, 5.0], n)
    return logits[rng.integers(0, n, n)] if seed % 2 else logits


@pytest.mark.parametrize("monotone", [False, True])
def test_the_query_is_the_definition(monotone: bool) -> None:
    for seed in range(150):
        logits = random_logits(seed)
        pool, k = pool_of(logits, seed=seed), 1 + seed % 12
        expected = oracles_openset.lfosa_picks(
            logits, logits.shape[1] - 1, k, pool.view().tie_keys, monotone=monotone
        )

        assert choose(LfOSA(monotone=monotone), pool, k).positions.tolist() == expected


def trained_detector(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a linear detector on a pool of ten clusters, four of them known; and who is."""
    rng = np.random.default_rng(seed)
    centres, classes = rng.normal(size=(10, 16)), rng.integers(0, 10, 3000)
    points = centres[classes] + 0.75 * rng.normal(size=(3000, 16))
    targets = np.eye(5)[np.minimum(classes[:100], 4)]
    weight = np.zeros((16, 5))
    for _ in range(200):
        # The gradient of cross-entropy at temperature 0.5, with respect to the logits.
        slopes = (softmax(points[:100] @ weight / 0.5) - targets) / 0.5
        weight -= 0.5 * points[:100].T @ slopes / 100
    return points[100:] @ weight, classes[100:] < 4


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nearly_all_it_asks_for_is_known(seed: int) -> None:
    logits, known = trained_detector(seed)

    assert known.mean() < 0.5
    assert known[picks(logits, 60)].mean() > 0.9


def test_in_a_closed_set_it_asks_for_what_is_known_already() -> None:
    logits = 2 * np.random.default_rng(0).normal(size=(2000, 5))
    logits[:, 4] -= 20
    probs = softmax(logits[:, :4])
    entropy = -(probs * np.log(probs)).sum(axis=1)

    assert entropy[picks(logits, 100)].mean() < 0.6 * entropy.mean()


def test_classes_that_are_equally_sure_share_the_query() -> None:
    # Probabilities of the upper component are 1 for hundreds of samples, and say no more.
    rng = np.random.default_rng(0)
    logits = np.zeros((3000, 5))
    classes, loud = np.arange(3000) % 4, rng.random(3000) < 0.5
    logits[np.arange(3000), classes] = np.where(
        loud, rng.normal(20, 1, 3000), rng.normal(4, 1, 3000)
    )

    assert np.bincount(classes[picks(logits, 200)], minlength=4).min() > 20


def test_what_is_predicted_unknown_comes_last_by_margin() -> None:
    logits = np.random.default_rng(1).normal(size=(60, 4)).astype(np.float32)
    unknown = logits.argmax(axis=1) == 3
    margins = logits[:, :3].max(axis=1) - logits[:, 3]
    order = np.array(picks(logits, 60))
    n_known = int((~unknown).sum())

    assert not unknown[order[:n_known]].any()
    assert (np.diff(margins[order[n_known:]]) <= 0).all()
    assert set(picks(logits, n_known + 3)[:n_known]) == set(np.flatnonzero(~unknown))


def test_undecided_samples_are_ordered_by_activation() -> None:
    logits = np.array([[3.0, 0, 0, 0], [0, 5.0, 0, 0], [0, 0, 4.0, 0]])

    assert picks(logits, 3) == [1, 2, 0]


def test_a_very_quiet_sample_ranks_first_unless_odds_are_monotone() -> None:
    rng = np.random.default_rng(0)
    logits = np.full((1001, 3), -50.0)
    logits[:, 0] = [*rng.normal(6, 1.8, 400), *rng.normal(3, 0.35, 600), -20.0]

    assert picks(logits, 1) == [1000]
    assert 1000 not in picks(logits, 400, monotone=True)


def test_a_constant_added_to_all_logits_changes_nothing() -> None:
    logits = np.random.default_rng(0).normal(size=(300, 5)) * 2

    assert picks(logits + 3.0, 60) == picks(logits, 60)


def test_odds_that_differ_by_less_than_float32_tells_have_different_places() -> None:
    # Huge gaps between the clusters: hundreds of odds round to one float32, and some to infinity.
    rng = np.random.default_rng(0)
    logits = np.zeros((400, 3))
    logits[:200, 0] = 1e6 + rng.normal(size=200) * 1e-3
    logits[200:, 0] = 1e21 * (1 + rng.random(200))
    odds = activation_log_odds(logits, n_classes=2).log_odds
    order = np.lexsort((logits[:, 0], odds))

    with np.errstate(over="ignore"):
        assert np.unique(odds.astype(np.float32)).size < np.unique(odds).size
    assert np.argsort(known_first(logits, n_classes=2), kind="stable").tolist() == order.tolist()


def test_places_follow_the_samples() -> None:
    for seed in range(20):
        logits = random_logits(seed)
        order = np.random.default_rng(seed).permutation(len(logits))
        places = known_first(logits, n_classes=logits.shape[1] - 1)
        moved = known_first(logits[order], n_classes=logits.shape[1] - 1)

        np.testing.assert_array_equal(moved, places[order])


def test_equal_samples_share_a_place_and_none_is_left_out() -> None:
    logits = np.repeat(random_logits(8), 3, axis=0)
    places = known_first(logits, n_classes=logits.shape[1] - 1)

    assert (places.reshape(-1, 3) == places[::3, None]).all()
    assert np.unique(places).tolist() == list(range(np.unique(places).size))


def test_samples_of_equal_places_are_ordered_by_key() -> None:
    logits = np.tile([[2.0, 0.0, 0.0]], (20, 1))

    assert picks(logits, 20) == np.argsort(tie_keys(np.arange(20), seed=0, round=0)).tolist()


def test_without_a_labeled_sample_it_is_refused() -> None:
    with pytest.raises(SelectionError, match="lfosa needs a labeled sample"):
        choose(LfOSA(), pool_of(np.zeros((4, 3)), n_labeled=0), 2)


def test_a_cold_start_is_refused_before_the_run() -> None:
    assert LfOSA().problems(ScenarioConfig(n_initial=0))
    assert not LfOSA().problems(ScenarioConfig(n_initial=4))


def test_closed_sets_are_remarked_upon_and_not_refused() -> None:
    open_set = ScenarioConfig(setting="open", n_known=4, ood_ratio=0.4)
    all_known = ScenarioConfig(setting="open", n_known=4)

    assert LfOSA().remarks(open_set) == ()
    assert "not meant for data without unknown classes" in LfOSA().remarks(ScenarioConfig())[0]
    assert LfOSA().remarks(all_known)
    assert not LfOSA().problems(ScenarioConfig())


def test_the_temperature_reaches_the_detector() -> None:
    (forward,) = LfOSA(temperature=0.7).needs()

    assert forward == DetectorForward(companion=Detector(temperature=0.7, spare_output=True))


def test_logits_that_are_not_finite_are_refused() -> None:
    logits = np.zeros((4, 3), dtype=np.float32)
    logits[2, 0] = np.nan

    with pytest.raises(ShapeError, match="row 2"):
        picks(logits, 2)
