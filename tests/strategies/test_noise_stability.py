from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import alscope
from alscope import rng
from alscope.backbones.mlp import MlpSpec
from alscope.errors import ConfigError
from alscope.inputs import InputContext
from alscope.learn.passes import Batches, module_of
from alscope.params import check_fields
from alscope.strategies.noise_stability import NoiseDeviations, NoiseStability
from alscope.testing.fakes import FakePool, make_pool
from alscope.testing.strategies import choose
from alscope.types import RunState
from tests.engine.conftest import Bench, tiny_run
from tests.learn.fakes import CPU, PLANE, RecordingControl, TensorSource
from tests.oracles_perturbation import farthest_first_from_origin

SETTINGS: dict[str, dict[str, Any]] = {
    "closed": {},
    "open": {"setting": "open", "n_known": 6, "ood_ratio": 0.4},
}


def pool_of(points: np.ndarray, *, seed: int = 0) -> FakePool:
    """A pool with given deviations."""
    arrays = {"deviations": points.astype(np.float32)}
    return make_pool(
        NoiseStability(), n_pool=len(points), seed=seed, overrides={NoiseDeviations(): arrays}
    )


def picks(pool: FakePool, query_size: int) -> list[int]:
    found: list[int] = choose(NoiseStability(), pool, query_size).positions.tolist()
    return found


def test_the_choice_is_farthest_first_from_the_origin() -> None:
    for seed in range(200):
        draws = np.random.default_rng(seed)
        n, width = draws.integers(1, 16), draws.integers(1, 7)
        points = draws.normal(size=(n, width)).astype(np.float32)
        if seed % 3 == 0:
            points = np.round(points)  # ties, duplicates and points on the origin
        pool = pool_of(points, seed=seed)

        query_size = int(draws.integers(1, n + 1))
        expected = farthest_first_from_origin(points, query_size, pool.view().tie_keys)
        assert picks(pool, query_size) == expected


def test_the_first_choice_moves_most_and_smaller_batches_begin_larger_ones() -> None:
    points = np.random.default_rng(1).normal(size=(40, 9))
    pool = pool_of(points)
    batches = [picks(pool, size) for size in range(1, 20)]

    assert batches[0] == [int((points**2).sum(axis=1).argmax())]
    assert all(large[:-1] == small for small, large in itertools.pairwise(batches))


def test_eight_points_that_do_not_move_give_five_different_ones_by_key() -> None:
    pool = pool_of(np.zeros((8, 3)))

    assert picks(pool, 5) == np.argsort(pool.view().tie_keys)[:5].tolist()


def test_two_samples_that_move_alike_are_not_both_taken() -> None:
    # Rows 0 and 1 move farthest and almost alike, row 2 a little less far in another direction,
    # row 3 hardly at all.
    points = np.array([[3.0, 0, 0], [2.99, 0.01, 0], [0, 2, 0], [0.01, 0, 0.01]])

    assert picks(pool_of(points), 2) == [0, 2]


def compute(model: object, x: torch.Tensor, *, batch_size: int = 50) -> FakePool:
    """A pool with the deviations of a network, as the engine computes them."""
    rows = np.arange(len(x), dtype=np.int64)
    batches = Batches(
        TensorSource(x), rows, batch_size=batch_size, device=CPU, control=RecordingControl()
    )
    context = InputContext(
        model=model,  # type: ignore[arg-type]
        batches=batches,
        device=CPU,
        n_classes=2,
        parents={},
        generator=lambda *names: rng.torch_generator(3, *names),
    )
    return pool_of(NoiseDeviations().compute(context)["deviations"])


def test_batches_of_another_size_give_the_same_choice() -> None:
    with rng.seeded(0, "model"):
        model = MlpSpec(hidden=16, depth=2).build(PLANE, 2)
    x = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))

    assert picks(compute(model, x, batch_size=7), 10) == picks(compute(model, x), 10)


def test_samples_between_the_classes_come_before_samples_the_model_is_sure_of() -> None:
    with rng.seeded(0, "model"):
        model = MlpSpec(hidden=8, depth=1).build(PLANE, 2)
    # The class is the sign of the first feature, with a margin that grows with it.
    hidden = module_of(model).stages[0][0]  # type: ignore[index]
    with torch.no_grad():
        hidden.weight.zero_()
        hidden.bias.zero_()
        hidden.weight[0, 0], hidden.weight[1, 0] = 3.0, -3.0
        model.head.weight.zero_()
        model.head.weight[0, 0] = model.head.weight[1, 1] = 3.0
    x = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    x[:, 0] = torch.tensor([0.05, -0.05, 2.0, -2.0, 3.0, -3.0]).repeat(10)
    chosen = picks(compute(model, x), 8)

    assert (x[chosen, 0].abs() < 0.1).all()


@pytest.mark.parametrize("change", [{"scale": 0.0}, {"scale": -0.1}, {"n_draws": 0}])
def test_noise_that_is_none_is_refused(change: dict[str, float]) -> None:
    (problem,) = check_fields(NoiseStability(**change))  # type: ignore[arg-type]

    assert problem.path in change
    assert "is " in problem.message


def test_arrays_cannot_replace_the_network() -> None:
    with pytest.raises(ConfigError, match=r"needs NoiseDeviations.*run it in a study"):
        alscope.select("noise_stability", logits=np.zeros((4, 2)), query_size=2)


@pytest.mark.parametrize("scenario", SETTINGS.values(), ids=SETTINGS)
def test_a_run_is_repeated_bit_for_bit(scenario: dict[str, Any], tmp_path: Path) -> None:
    config = tiny_run("noise_stability", **scenario)
    records = []
    for name, cached in (("first", True), ("second", False)):
        bench = Bench(tmp_path / name, cached=cached)

        assert bench.execute(config) == RunState.DONE
        records.append(bench.records(config))

    assert records[0] == records[1]
