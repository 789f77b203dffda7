"""How many runs go at the same time, asked for in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from alscope.engine.executors import slots
from alscope.engine.executors.slots import fitting_workers, workers_asked_for
from alscope.errors import ConfigError


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores, 64 GiB, no GPU."""
    monkeypatch.setattr(slots, "n_cores", lambda: 8)
    monkeypatch.setattr(slots, "_memory", lambda: 64 * 2**30)
    monkeypatch.setattr(slots, "_GPUS", tmp_path / "gpus")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("ALSCOPE_WORKERS", raising=False)


def test_one_run_at_a_time_is_the_default() -> None:
    assert workers_asked_for(None, device="auto") == 1


@pytest.mark.parametrize(("value", "expected"), [("3", 3), ("auto", 4), ("", 1)])
def test_the_variable_is_asked_where_nothing_is_given(
    value: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALSCOPE_WORKERS", value)

    assert workers_asked_for(None, device="auto") == expected
    assert workers_asked_for(2, device="auto") == 2


@pytest.mark.parametrize("value", ["0", "-1", "2.5", "many", "٣", "1025"])
def test_what_is_no_number_of_workers_is_refused_in_words(value: str) -> None:
    with pytest.raises(ConfigError, match="give a number from 1 to 1024, or auto"):
        workers_asked_for(value, device="auto")


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (2, 2), (3, 1), (4, 2), (16, 8)])
def test_two_cores_make_a_worker_and_two_cores_alone_make_two(
    cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "n_cores", lambda: cores)

    assert fitting_workers("auto") == expected


def test_memory_limits_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_memory", lambda: 5 * 2**30)

    assert fitting_workers("cpu") == 2


def test_every_gpu_gets_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("0000:01:00.0", "0000:02:00.0", "0000:03:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)

    assert fitting_workers("auto") == 3
    assert fitting_workers("cuda:1") == 1
    assert fitting_workers("cpu") == 4

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2")
    assert fitting_workers("auto") == 2

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert fitting_workers("auto") == 4
