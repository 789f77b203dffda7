"""Estimates against times that were made up, so that the right answer is known."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from alscope.config import BackboneConfig, RunConfig, StrategySpec, TrainConfig
from alscope.engine.service import Service
from alscope.engine.timings import Estimate, Measured, Rates, Sizes, TimingBook, steps_of
from alscope.hashing import digest
from alscope.results.bundle import bundle_bytes, import_bundle
from alscope.store.runs import RunStore
from tests.engine.conftest import tiny_run, tiny_study

RUN = tiny_run()  # 12 + 2 x 6 labels; 10 steps in every round
POOL = Sizes(n_pool=112, n_test=50)


def measured(run: RunConfig = RUN, *, slower: float = 1.0, **changes: object) -> Measured:
    """Steps of 1 s, 0.1 s for a test sample, 0.01 s for a pool sample."""
    known = Measured(
        run_id=run.run_id,
        dataset=run.scenario.dataset,
        backbone=digest(run.backbone),
        strategy=run.strategy.name,
        machine="cpu, 1",
        train=1.0 * slower,
        evaluate=0.1 * slower,
        select=0.01 * slower,
        n_test=50,
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def estimate(rates: Rates, *runs: RunConfig, workers: int = 1) -> Estimate | None:
    return rates.estimate([(run, 0, False) for run in runs], lambda _: POOL, workers=workers)


def test_a_run_is_its_steps_test_samples_and_pool_samples() -> None:
    # Three trainings of 10 steps and three evaluations of 50 samples; pools of 100 and 94.
    found = estimate(Rates([measured()]), RUN)
    exact = 3 * (10 * 1.0 + 50 * 0.1) + (100 + 94) * 0.01

    assert found is not None
    assert found.low == pytest.approx(exact / 1.15)
    assert found.high == pytest.approx(exact * 1.15)
    assert (found.n_runs, found.n_rounds, found.borrowed) == (1, 1, ())


def test_the_range_follows_the_spread_of_what_was_measured() -> None:
    rounds = [measured(slower=1 + 0.1 * place) for place in range(11)]
    narrow, wide = estimate(Rates(rounds[:1]), RUN), estimate(Rates(rounds), RUN)

    assert narrow is not None
    assert wide is not None
    assert wide.high / wide.low == pytest.approx(1.9 / 1.1 * 1.15**2)
    assert narrow.high / narrow.low == pytest.approx(1.15**2)


def test_another_strategy_stands_in_and_is_named() -> None:
    found = estimate(Rates([measured()]), replace(RUN, strategy=StrategySpec(name="badge")))

    assert found is not None
    assert found.borrowed == ("badge, judged by other strategies",)


def test_another_data_set_stands_in_and_widens_the_range() -> None:
    own, other = measured(), measured(dataset="mnist")
    near, far = estimate(Rates([own]), RUN), estimate(Rates([other]), RUN)

    assert near is not None
    assert far is not None
    assert far.high == pytest.approx(near.high * 2 / 1.15)
    assert "judged by other data sets" in far.borrowed[0]


def test_another_network_or_machine_says_nothing() -> None:
    other_net = measured(backbone="x")
    newest_elsewhere = [measured(machine="cuda, 1", backbone="y"), measured()]

    assert estimate(Rates([]), RUN) is None
    assert estimate(Rates([other_net]), RUN) is None
    assert estimate(Rates(newest_elsewhere), RUN) is None


def test_workers_share_the_time_but_a_run_takes_as_long_as_it_takes() -> None:
    rates = Rates([measured()])
    one, alone = estimate(rates, RUN), estimate(rates, RUN, workers=8)
    four = estimate(rates, RUN, RUN, RUN, RUN, workers=2)

    assert one is not None
    assert four is not None
    assert alone == one
    assert four.high == pytest.approx(2 * one.high)


def test_a_model_that_another_run_trains_is_not_counted_twice() -> None:
    rates = Rates([measured()])
    todo = [(RUN, 0, False), (RUN, 0, True)]
    both = rates.estimate(todo, lambda _: POOL, workers=1)
    one = estimate(rates, RUN)

    assert both is not None
    assert one is not None
    assert 2 * one.high - both.high == pytest.approx((10 * 1.0 + 50 * 0.1) * 1.15)


def test_steps_are_clipped() -> None:
    train = TrainConfig(epochs=10, batch_size=32, min_steps=25, max_steps=60)

    assert [steps_of(train, n) for n in (10, 96, 1000)] == [25, 30, 60]


def test_a_book_reads_every_journal_once(
    open_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(seeds=(0,)))
    service.wait(study_id, timeout=60)
    book = TimingBook(service.runs)
    first = book.rates()
    monkeypatch.setattr(RunStore, "config", lambda *_: pytest.fail("read again"))

    assert first.n_runs == 2
    assert book.rates().n_rounds == first.n_rounds == 6


@pytest.mark.slow
def test_the_estimate_of_a_real_study_holds_its_real_time(
    open_service: Callable[..., Service],
) -> None:
    service = open_service()
    service.wait(service.submit(tiny_study(seeds=(0, 1))), timeout=60)
    more = tiny_study(name="more", seeds=(2, 3))
    plan = service.preview(more)
    study_id = service.submit(more)
    left = service.remaining(study_id)

    assert plan.time is not None
    assert left is not None
    assert plan.disk_bytes > 0
    # The machine may be busy, so only the order of magnitude can be held to.
    spent = sum(run.elapsed_s for run in service.wait(study_id, timeout=60).runs)
    assert plan.time.low / 10 < spent < plan.time.high * 10


def test_an_empty_store_measures_nothing(tmp_path: Path) -> None:
    assert TimingBook(RunStore(tmp_path / "runs")).rates().n_runs == 0


@pytest.mark.slow
def test_imported_runs_say_nothing_about_this_machine(
    open_service: Callable[..., Service],
) -> None:
    ours, theirs = open_service("ours"), open_service("theirs")
    study_id = theirs.submit(tiny_study(seeds=(0,)))
    theirs.wait(study_id, timeout=60)
    packed = io.BytesIO(bundle_bytes(study_id, runs=theirs.runs, studies=theirs.studies_store))
    import_bundle(packed, runs=ours.runs, studies=ours.studies_store, name="study.zip")

    assert len(ours.runs.newest(10)) == 2
    assert TimingBook(theirs.runs).rates().n_runs == 2
    assert TimingBook(ours.runs).rates().n_runs == 0


def test_a_training_that_seeds_share_is_judged_by_shared_ones() -> None:
    frozen = BackboneConfig(name="frozen", params={"encoder": "tiny_pixels"})
    one, two = (replace(tiny_run(seed=seed), backbone=frozen) for seed in (0, 1))
    alone = measured(one, train=1.0)
    shared = measured(one, train=0.5, shared=True)
    rest = 3 * 50 * 0.1 + (100 + 94) * 0.01

    both = Rates([alone, shared])
    single, pair = estimate(both, one), estimate(both, one, two)
    assert single is not None
    assert pair is not None
    assert single.high == pytest.approx((3 * 10 * 1.0 + rest) * 1.15)
    assert pair.high == pytest.approx(2 * (3 * 10 * 0.5 + rest) * 1.15)
    assert single.borrowed == pair.borrowed == ()

    borrowed = estimate(Rates([shared]), one)
    assert borrowed is not None
    assert borrowed.high == pytest.approx(3 * 10 * 0.5 * 2 + rest * 1.15)
    assert borrowed.borrowed == ("training of seeds alone or together, each judged by the other",)
    elsewhere = replace(one, scenario=replace(one.scenario, dataset="docstrings"))
    found = estimate(Rates([shared]), elsewhere)
    assert found is not None
    assert len([words for words in found.borrowed if "training" in words]) == 2


def test_seeds_of_other_networks_do_not_share() -> None:
    one, two = tiny_run(seed=0), tiny_run(seed=1)
    found = estimate(Rates([measured(one)]), one, two)

    assert found is not None
    assert found.borrowed == ()
