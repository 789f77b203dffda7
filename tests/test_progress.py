from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from alscope.acquisition import cover, expected_gain, facility, log_det, mixing, seeding
from alscope.acquisition.kmeans import k_means
from alscope.engine.control import RunControl, SelectionListener, StopToken
from alscope.errors import Cancelled, Interrupted, Paused, SelectionError
from alscope.progress import listening, report
from alscope.rng import generator, tie_keys
from alscope.strategies.similar import Similar
from alscope.testing.fakes import make_view


def test_only_who_listens_is_told() -> None:
    heard: list[float] = []
    report(1, 2)
    with listening(heard.append):
        report(1, 2)
        report(9, 3)
        report(0, 0)
    report(1, 2)

    assert heard == [0.5, 1.0]


def test_what_the_listener_raises_ends_the_work() -> None:
    def stop(fraction: float) -> None:
        raise InterruptedError

    keys, rng = tie_keys(np.arange(300), seed=0, round=0), generator(0)
    with listening(stop), pytest.raises(InterruptedError):
        k_means(rng.normal(size=(300, 4)), 20, keys=keys, rng=rng)
    report(1, 2)


def test_long_selections_say_how_far_they_are() -> None:
    n, rng = 600, generator(0)
    keys = tie_keys(np.arange(n), seed=0, round=0)
    points, logits = rng.normal(size=(n, 40)), rng.normal(size=(n, 5))
    probs = rng.dirichlet(np.ones(4), size=(n, 3))
    works = {
        "k-center": lambda: cover._lazy(points, points[:9], 50, keys, n_candidates=8),
        "seeding": lambda: seeding.point_seeding(points, 90, keys=keys, rng=rng),
        "k-means": lambda: k_means(points, 20, keys=keys, rng=rng),
        "gains": lambda: expected_gain.log_gains(probs, np.arange(9)),
        "mixing": lambda: mixing.flip_thresholds(logits, points, rng.normal(size=(5, 40)), points),
    }
    for function in ("log_det_cmi", "flcmi"):
        strategy = Similar(function=function)
        view = make_view(strategy, n_pool=n)
        works[function] = lambda one=strategy, view=view: one.select(view, 50, rng, None)
    for name, work in works.items():
        heard: list[float] = []
        with listening(heard.append):
            work()

        assert heard, name
        assert all(0 <= fraction <= 1 for fraction in heard)


@pytest.mark.parametrize(
    ("function", "module", "name"),
    [("flcmi", facility, "_MOST_COMPARED"), ("log_det_cmi", log_det, "_MOST_BYTES")],
)
def test_similar_names_the_way_out_of_pools_that_are_too_large(
    function: str, module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = Similar(function=function)
    view = make_view(strategy, n_pool=80)
    strategy.select(view, 5, generator(0), None)
    monkeypatch.setattr(module, name, 4 * 40 * 20 if module is log_det else 40 * 40)

    with pytest.raises(SelectionError, match=r"80 samples.*candidates to 40 or fewer"):
        strategy.select(view, 5, generator(0), None)


def test_pools_of_a_hundred_thousand_are_taken() -> None:
    assert facility.largest_pool() > 100_000
    assert log_det.largest_pool(1_000, 1_000, np.dtype(np.float32)) > 100_000


def test_the_engine_hears_of_long_selections_only(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float]] = []
    token = StopToken()
    publish = lambda **fields: told.append((fields["stage"], fields["fraction"]))  # noqa: E731
    clock = iter([0.0, 0.1, 0.7, 0.7, 0.8, 1.3, 1.3, 2.0, 2.0])
    monkeypatch.setattr("alscope.engine.control.time.monotonic", lambda: next(clock))
    listener = SelectionListener(RunControl(token, publish, n_rounds=0))
    for fraction in (0.2, 0.6, 0.7, 0.1):
        listener(fraction)
    token.request("cancel")

    assert [stage for stage, _ in told] == ["select", "select"]
    assert told[0][1] < told[1][1]
    with pytest.raises(Cancelled):
        listener(0.9)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (("stop", "pause"), Paused),
        (("pause", "stop"), Paused),
        (("cancel", "pause", "stop"), Cancelled),
        (("stop",), Interrupted),
    ],
)
def test_what_a_user_asked_for_wins_over_making_room(
    asked: tuple[str, ...], error: type[Exception]
) -> None:
    token = StopToken()
    for action in asked:
        token.request(action)

    with pytest.raises(error):
        token.check()
