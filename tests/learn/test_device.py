from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from alscope.errors import ConfigError
from alscope.learn import device


def test_one_core_is_left_to_the_interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Four logical CPUs on two cores.
    for cpu, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings)
    monkeypatch.setattr(device, "_CPUS", tmp_path)
    monkeypatch.setattr(device, "_QUOTA", tmp_path / "no limit")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)

    assert device.default_threads() == 1


@pytest.mark.parametrize(
    ("limit", "threads"), [("max 100000", 7), ("400000 100000", 3), ("50000 100000", 1)]
)
def test_the_limit_of_a_container_is_respected(
    limit: str, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(device, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(device, "_CPUS", tmp_path / "not told")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)

    assert device.default_threads() == threads


def test_the_processor_can_always_be_chosen() -> None:
    assert device.pick_device("cpu") == torch.device("cpu")


def test_auto_takes_the_processor_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert device.pick_device() == torch.device("cpu")


def test_auto_takes_the_first_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    assert device.pick_device() == torch.device("cuda", 0)
    assert device.pick_device("cuda") == torch.device("cuda", 0)
    assert device.pick_device("cuda:1") == torch.device("cuda", 1)


def test_processes_beside_each_other_take_the_gpus_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    picked = [device.pick_device("auto", slot=slot).index for slot in range(4)]
    assert picked == [0, 1, 0, 1]
    assert device.pick_device("cuda:1", slot=2).index == 1


def test_runs_beside_each_other_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "n_cores", lambda: 8)

    assert [device.default_threads(n) for n in (1, 2, 3, 8, 9)] == [7, 4, 2, 1, 1]


@pytest.mark.parametrize(
    ("name", "message"),
    [("cuda:2", "torch sees 0 CUDA devices"), ("tpu", "must be auto, cpu, cuda or cuda:N")],
)
def test_a_device_that_is_not_there_is_refused_in_words(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ConfigError, match=message):
        device.pick_device(name)


def test_the_tag_names_what_decides_rounding() -> None:
    tag = device.numerics_tag(torch.device("cpu"), 3)

    assert tag == f"cpu|threads=3|torch={torch.__version__}|float32"
    assert device.device_name(torch.device("cpu")) == "cpu"


def test_counting_threads_loads_no_torch() -> None:
    code = (
        "import sys; from alscope.learn.device import default_threads; "
        "print(default_threads() >= 1, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["True", "False"]


def test_configuring_sets_threads_and_determinism() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    try:
        device.configure(1)

        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
