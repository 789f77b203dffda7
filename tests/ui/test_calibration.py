"""The calibration in Build, and where the seconds went in Compare."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alscope.engine.calibration import keep, machine_key
from alscope.engine.defaults import Paths
from alscope.engine.service import Service
from alscope.errors import StoreError
from alscope.ui.compare_timing import _shared, _where
from tests.engine.test_calibration import MADE, SPEED
from tests.results.records import make_rounds
from tests.ui.records import page, texts


def test_a_calibration_gives_the_first_estimate(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(seconds: float) -> None:
        config = service.calibrations.config
        key = machine_key(device=config.device, n_threads=service.calibrations._n_threads)
        made = replace(MADE, networks={"small_cnn": SPEED}, skipped=("resnet34",))
        keep(Paths(service.cache).calibration, key, made)
        service._timings._made = None  # rates are kept for two seconds

    monkeypatch.setattr(service.calibrations, "_run", measure)
    app = page("build")
    assert "Time: unknown until this network was run or calibrated here" in texts(app)
    assert "has not been measured" in texts(app)

    app.get_by_key("build_calibrate").click().run()
    service.calibrations._one.acquire(timeout=30)  # it has ended
    service.calibrations._one.release()
    app.run()

    assert not app.exception
    assert not service.calibrations.problem
    assert "a first guess from the calibration of this machine" in texts(app)
    assert "Measured 2026-11-30 01:00 UTC on cpu, 1 thread: 1 kind of network; " in texts(app)
    assert "there was no time for ResNet-34. It serves" in texts(app)


def test_a_calibration_that_failed_in_the_background_says_why(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seconds: float) -> None:
        raise StoreError("the calibration failed: no such device")

    monkeypatch.setattr(service.calibrations, "_run", fail)
    service.begin_calibration()
    service.calibrations._one.acquire(timeout=30)
    service.calibrations._one.release()

    assert service.calibrations.problem == "the calibration failed: no such device"
    assert "no such device" in texts(page("build"))


def test_the_timing_tab_says_where_the_seconds_went() -> None:
    rounds = make_rounds({"random": [0.1, 0.2]}, seeds=[0])
    rounds["train_s"], rounds["executed_s"], rounds["train_cached"] = 80.0, 100.0, [False, True]
    rounds["evaluate_s"] = rounds["load_s"] = rounds["inference_s"] = rounds["aux_s"] = 0.0
    rounds["acquisition_s"] = 20.0

    assert _where(rounds) == (
        "These rounds took **3 min** as they were executed: training **40 %**, everything else "
        "**40 %**, acquisition **20 %**. What runs share was computed once, which saved 80 s."
    )
    assert _where(rounds.assign(executed_s=0.0)) == ""


def test_the_timing_tab_says_which_trainings_were_done_together() -> None:
    rounds = make_rounds({"random": [0.1, 0.2]}, seeds=[0, 1])

    assert _shared(rounds.assign(trained_with=1)) == ""
    assert _shared(rounds.iloc[:0].assign(trained_with=1)) == ""
    said = _shared(rounds.assign(trained_with=[1, 1, 4, 4]))
    assert "Heads of up to 4 runs were trained in one solve, and each is charged" in said
