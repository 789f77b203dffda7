"""Figures of a machine: kept, found again under the same conditions, used for estimates."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alscope.config import BackboneConfig
from alscope.engine import calibrating
from alscope.engine.access import Role, Visitor
from alscope.engine.calibration import (
    Calibration,
    NetworkSpeed,
    keep,
    machine_key,
    read_calibration,
)
from alscope.engine.defaults import Paths
from alscope.engine.service import Service
from alscope.engine.timings import Measured, Rates, Sizes
from alscope.errors import AccessError, StoreError
from alscope.hashing import digest
from tests.engine.conftest import tiny_run, tiny_study

RUN = tiny_run()  # 12 + 2 x 6 labels; 10 steps of 16 samples in every round
SPEED = NetworkSpeed(step_s=0.2, sample_s=0.05, infer_s=0.01, n_pixels=64)
MADE = Calibration(
    at="2026-11-30T01:00:00+00:00",
    took_s=20.0,
    device="cpu",
    n_threads=1,
    networks={"mlp": SPEED},
    ranking=((2_000, 2.0), (20_000, 40.0)),
    covering=((2_000, 8.0), (20_000, 100.0)),
)


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "calibration.json"
    keep(path, "here", MADE)

    assert read_calibration(path, "here") == MADE
    assert read_calibration(path, "elsewhere") is None


def test_several_machines_share_a_folder_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    for place in range(25):
        keep(path, str(place), replace(MADE, at=f"2026-11-{place + 1:02}"))
    found = {place for place in range(25) if read_calibration(path, str(place)) is not None}

    assert found == set(range(5, 25))


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"machines": 3}', b"\x00\xff"])
def test_a_damaged_file_is_no_calibration_and_is_replaced(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(damage)

    assert read_calibration(path, "here") is None
    keep(path, "here", MADE)
    assert read_calibration(path, "here") == MADE


def test_other_threads_or_devices_have_other_figures() -> None:
    keys = {machine_key(device=device, n_threads=n) for device in ("cpu", "auto") for n in (1, 2)}

    assert len(keys) == 4


def test_a_step_grows_with_its_batch_and_with_the_pixels() -> None:
    assert SPEED.per_step(10, 64) == pytest.approx(0.2 + 10 * 0.05)
    assert SPEED.per_step(10, 4 * 64) == pytest.approx(0.2 + 10 * 0.05 * 4)
    assert SPEED.per_step(10, None) == SPEED.per_step(10, 64)
    assert SPEED.per_sample(2 * 64) == pytest.approx(0.02)


@pytest.mark.parametrize(("n_pool", "low", "high"), [(100, 0.001, 0.004), (10**6, 0.002, 0.005)])
def test_selecting_is_judged_by_the_nearest_size(n_pool: int, low: float, high: float) -> None:
    assert MADE.selecting(n_pool) == pytest.approx((low, high))


def _estimate(rates: Rates, n_pixels: int | None = None) -> Any:
    sizes = Sizes(n_pool=112, n_test=50, n_pixels=n_pixels)
    return rates.estimate([(RUN, 0, False)], lambda _: sizes, workers=1)


def test_a_network_that_never_ran_is_judged_by_the_calibration() -> None:
    found = _estimate(Rates([], MADE))
    training, testing, n_passed = 3 * 10 * (0.2 + 16 * 0.05), 3 * 50 * 0.01, 100 + 94

    assert found.low == pytest.approx((training + testing + n_passed * 0.011) / 2.5)
    assert found.high == pytest.approx((training + testing + n_passed * 0.014) * 2.5)
    assert (found.n_runs, found.n_rounds) == (0, 0)
    assert found.borrowed == ("mlp on digits, judged by the calibration of its usual size",)


def test_larger_images_take_longer() -> None:
    assert _estimate(Rates([], MADE), 4 * 64).high > _estimate(Rates([], MADE), 64).high


def test_what_runs_measured_goes_before_the_calibration() -> None:
    one = Measured(
        run_id="a",
        dataset="digits",
        backbone=digest(RUN.backbone),
        strategy="margin",
        machine="cpu, 1",
        train=1.0,
        evaluate=0.1,
        select=0.01,
        n_test=50,
    )

    assert _estimate(Rates([one], MADE)) == _estimate(Rates([one]))


def test_a_network_that_was_not_calibrated_has_no_estimate() -> None:
    assert _estimate(Rates([], replace(MADE, networks={}))) is None
    assert _estimate(Rates([])) is None


def test_a_plan_uses_the_figures_of_this_machine(open_service: Callable[..., Service]) -> None:
    service = open_service(executor="serial")
    assert service.preview(tiny_study()).time is None

    key = machine_key(device="cpu", n_threads=1)
    keep(Paths(service.cache).calibration, key, MADE)
    service._timings._made = None  # rates are kept for two seconds
    time = service.preview(tiny_study()).time

    assert service.calibrations.current() == MADE
    assert time is not None
    assert time.borrowed == ("mlp on digits, judged by the calibration of its usual size",)
    other = tiny_study(backbone=BackboneConfig(name="small_cnn"))
    assert service.preview(other).time is None


def test_a_calibration_that_fails_says_why(
    open_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "first\nno such device\n")

    service = open_service(executor="serial")
    monkeypatch.setattr(calibrating.subprocess, "run", fail)

    with pytest.raises(StoreError, match="the calibration failed: first / no such device"):
        service.calibrate(1)
    assert not service.calibrations.busy


def test_one_calibration_at_a_time(open_service: Callable[..., Service]) -> None:
    service = open_service(executor="serial")
    with service.calibrations._one, pytest.raises(StoreError, match="going on already"):
        service.calibrate(1)


def test_viewers_do_not_calibrate(open_service: Callable[..., Service]) -> None:
    service = open_service(executor="serial")
    service.guard.who = lambda: Visitor(id="v", name="v", role=Role.VIEWER)

    with pytest.raises(AccessError):
        service.calibrate(1)


def test_networks_without_time_are_named_and_kept(tmp_path: Path) -> None:
    path, made = tmp_path / "calibration.json", replace(MADE, skipped=("resnet18", "resnet34"))
    keep(path, "here", made)

    assert read_calibration(path, "here") == made


@pytest.mark.slow
def test_a_calibration_without_time_begins_no_network_and_names_them_all(
    open_service: Callable[..., Service],
) -> None:
    found = open_service(executor="serial").calibrate(0.001)

    assert not found.networks
    assert {"mlp", "frozen", "resnet34"} <= set(found.skipped)
    assert all(seconds > 0 for _, seconds in (*found.ranking, *found.covering))


@pytest.mark.slow
def test_a_short_calibration_measures_something(open_service: Callable[..., Service]) -> None:
    service = open_service(executor="serial")
    found = service.calibrate(2.0)

    assert service.calibrations.current() == found
    assert {"frozen", "mlp"} & found.networks.keys()
    assert all(speed.sample_s >= 0 and speed.infer_s > 0 for speed in found.networks.values())
    assert all(seconds > 0 for _, seconds in (*found.ranking, *found.covering))


def test_a_step_is_measured_once_although_nothing_can_be_learned_from_noise() -> None:
    from alscope.engine import measure  # loads torch

    family = next(family for family in measure._families() if family.spec.key == "mlp")
    steps: list[int] = []

    class Counted(measure._Made):
        def train_batch(self, indices: Any, generator: Any) -> Any:
            steps.append(indices.size)
            return super().train_batch(indices, generator)

    counted = replace(family, source=Counted(family.source.inputs))
    control = measure._Until(60)

    assert counted._train(measure.torch.device("cpu"), 4, 3, control) > 0
    assert steps == [4, 4, 4]
