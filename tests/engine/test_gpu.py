"""Whole runs on a GPU: an emulated one, which forgives no mistake of place, and a real one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

import tests.backbones.fakes  # noqa: F401 - registers small encoders
from alscope.config import BackboneConfig, RunConfig, StrategySpec
from alscope.registry import strategies
from alscope.types import RunState
from tests.emulated_gpu import GPU, GpuTensor, emulated_gpu
from tests.engine.conftest import Bench, tiny_run, tiny_train

OPEN = {"setting": "open", "n_known": 6, "ood_ratio": 0.4, "initial": "random", "n_initial": 20}


def run_with(
    strategy: str = "bald",
    backbone: str = "mlp",
    params: dict[str, Any] | None = None,
    *,
    scenario: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    **train: Any,
) -> RunConfig:
    """A tiny run."""
    return dataclasses.replace(
        tiny_run(strategy, **(scenario or {})),
        strategy=StrategySpec(name=strategy, params=given or {}),
        backbone=BackboneConfig(name=backbone, params=params or {}),
        train=tiny_train(**train),
    )


def is_same_there(make_bench: Callable[..., Bench], config: RunConfig, **gpu: Any) -> bool:
    """Whether the emulated GPU gives the records of the CPU, whose kernels it uses."""
    here = make_bench("here")
    assert here.execute(config) is RunState.DONE
    with emulated_gpu(**gpu):
        there = make_bench("there", device="cuda")
        assert there.resources.device == GPU
        assert there.execute(config) is RunState.DONE
    return there.records(config) == here.records(config)


@pytest.mark.slow
@pytest.mark.parametrize("name", strategies.names())
def test_a_strategy_finds_everything_where_it_is(
    make_bench: Callable[..., Bench], name: str
) -> None:
    assert is_same_there(make_bench, run_with(name, scenario=OPEN))


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        run_with(backbone="small_cnn", params={"width": 4}, layout="channels_last"),
        run_with(backbone="wide_resnet28", params={"depth": 10, "widen": 1}),
        run_with(backbone="frozen", params={"encoder": "tiny_pixels", "image_size": 16}),
        run_with(optimizer="sgd", grad_clip=1.0, label_smoothing=0.1),
        run_with(init="previous"),
        run_with("ccal", "small_cnn", {"width": 4}, scenario=OPEN, given={"encoder": "ssl:1"}),
    ],
    ids=["channels last", "batch norm", "frozen", "sgd", "warm start", "contrastive"],
)
def test_a_network_finds_everything_where_it_is(
    make_bench: Callable[..., Bench], config: RunConfig
) -> None:
    assert is_same_there(make_bench, config)


@pytest.mark.slow
def test_data_that_do_not_fit_come_batch_by_batch(make_bench: Callable[..., Bench]) -> None:
    assert is_same_there(make_bench, run_with("coreset"), free_bytes=0)


def test_the_emulated_gpu_refuses_what_a_real_one_refuses() -> None:
    with emulated_gpu():
        there = torch.ones(2, 3, device="cuda")
        back = (there @ torch.ones(3, 1).to(GPU)).cpu()
        for mistake in (
            lambda: there + torch.ones(2, 3),
            lambda: there @ torch.ones(3, 1),
            lambda: torch.stack([there.sum(), torch.tensor(1.0)]),
            lambda: there.index_select(0, torch.tensor([0])),
            lambda: torch.rand(2, generator=torch.Generator(), device="cuda"),
            lambda: there.normal_(generator=torch.Generator()),
            lambda: torch.ones(2)[there[0, :2].long()],
            lambda: torch.ones(2).index_put_((torch.tensor([0]),), there[0, :1]),
            lambda: there.numpy(),
            lambda: there.long() @ there.long().T,
        ):
            with pytest.raises((RuntimeError, TypeError)):
                mistake()

        assert isinstance(there[torch.tensor([True, False])] + torch.tensor(1.0), GpuTensor)
        assert back.tolist() == [[3.0], [3.0]]


@pytest.mark.gpu
@pytest.mark.filterwarnings("default:.*deterministic")  # torch warns where it has no such kernel
@pytest.mark.parametrize("name", strategies.names())
def test_a_real_gpu_gives_the_same_records_again(
    make_bench: Callable[..., Bench], name: str
) -> None:
    config = run_with(name, "small_cnn", scenario=OPEN)
    benches = [make_bench(folder, device="cuda") for folder in ("one", "other")]
    assert [bench.execute(config) for bench in benches] == [RunState.DONE] * 2

    assert benches[0].records(config) == benches[1].records(config)


@pytest.mark.gpu
@pytest.mark.filterwarnings("default:.*deterministic")  # torch warns where it has no such kernel
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_real_gpu_learns_as_well_as_the_cpu(
    make_bench: Callable[..., Bench], precision: str
) -> None:
    config = run_with("margin", "small_cnn", min_steps=200, precision=precision)
    accuracies = []
    for device in ("cpu", "cuda"):
        bench = make_bench(device, device=device)
        assert bench.execute(config) is RunState.DONE
        last = bench.store.history(config.run_id).rounds[-1].data["result"]["metrics"]
        accuracies.append(last["accuracy"])

    assert accuracies[1] == pytest.approx(accuracies[0], abs=0.15)
