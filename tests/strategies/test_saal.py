from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

import alscope
from alscope import rng
from alscope.acquisition import levels
from alscope.acquisition.levels import level_seeding
from alscope.backbones._modules import Inputs, Network
from alscope.backbones.mlp import MlpSpec
from alscope.backbones.protocols import Backbone, BackboneSpec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.backbones.text_bag import TextBagSpec
from alscope.errors import Cancelled, ConfigError, ShapeError
from alscope.learn.passes import Batches, module_of, state_arrays
from alscope.learn.perturbation import worst_case_losses
from alscope.strategies.saal import SAAL, WorstCaseLosses
from alscope.testing.fakes import FakePool, make_pool
from alscope.testing.strategies import choose
from alscope.types import Arrays, RunState
from tests.engine.conftest import Bench, tiny_run
from tests.learn.fakes import (
    CPU,
    PIXELS,
    PLANE,
    TEXT,
    RecordingControl,
    TensorSource,
    TextSource,
    blobs,
    images,
)
from tests.oracles_perturbation import worst_case_pair

pytestmark = pytest.mark.slow

SPECS = [MlpSpec(hidden=8, depth=2), SmallCnnSpec(width=4, hidden=8)]
SETTINGS: dict[str, dict[str, Any]] = {
    "closed": {},
    "open": {"setting": "open", "n_known": 6, "ood_ratio": 0.4},
}


class Plain(Network):
    """A head that is the identity, on two features."""

    def __init__(self) -> None:
        super().__init__([nn.Identity()], n_features=2, n_classes=2, dropout=0.0)
        nn.init.eye_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def read(self, inputs: Inputs) -> torch.Tensor:
        return inputs["features"]


def built(spec: BackboneSpec, seed: int = 0) -> Backbone:
    sample = PIXELS if isinstance(spec, SmallCnnSpec) else PLANE
    with rng.seeded(seed, "test"):
        return spec.build(sample, 3)


def source_of(spec: BackboneSpec, n: int = 10, seed: int = 0) -> TensorSource:
    make = images if isinstance(spec, SmallCnnSpec) else blobs
    return TensorSource(make(n, seed=seed)[0])


def losses(
    model: Backbone,
    source: TensorSource | TextSource,
    *,
    batch_size: int = 4,
    radius: float = 0.05,
    adaptive: bool = True,
    control: RecordingControl | None = None,
) -> Arrays:
    batches = Batches(
        source,
        np.arange(source.n, dtype=np.int64),
        batch_size=batch_size,
        device=CPU,
        control=control or RecordingControl(),
    )
    return worst_case_losses(model, batches, radius=radius, adaptive=adaptive)


def pool_of(scores: np.ndarray, *, clean: np.ndarray | None = None, **params: Any) -> FakePool:
    arrays = {"clean": np.zeros_like(scores) if clean is None else clean, "perturbed": scores}
    return make_pool(SAAL(), n_pool=scores.size, overrides={WorstCaseLosses(): arrays}, **params)


@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_losses_are_those_of_changed_copies(spec: BackboneSpec, adaptive: bool) -> None:
    for seed in range(20):
        model, source = built(spec, seed), source_of(spec, seed=seed)
        module_of(model).eval()
        expected = [
            worst_case_pair(module_of(model), source.eval_batch(row[None]), 0.05, adaptive=adaptive)
            for row in np.arange(10)
        ]
        found = losses(model, source, adaptive=adaptive)
        pairs = np.stack([found["clean"], found["perturbed"]], axis=1)

        np.testing.assert_allclose(pairs, expected, rtol=1e-4, atol=1e-7)
        assert (found["perturbed"] > found["clean"]).all()


def test_the_worked_example() -> None:
    found = losses(cast(Backbone, Plain()), TensorSource(torch.tensor([[1.0, 0.5]])))

    np.testing.assert_allclose(found["clean"], 0.4740770, atol=1e-6)
    np.testing.assert_allclose(found["perturbed"], 0.4955510, atol=1e-6)


def test_of_two_samples_equally_unsure_the_sharper_one_comes_first() -> None:
    # Equal differences of the logits, so equal losses; the larger input amplifies a change.
    found = losses(cast(Backbone, Plain()), TensorSource(torch.tensor([[1.0, 0.5], [3.0, 2.5]])))
    pool = pool_of(found["perturbed"], clean=found["clean"])

    np.testing.assert_allclose(found["clean"][0], found["clean"][1])
    for mode in ("max", "diff", "max_diversity", "diff_diversity"):
        assert choose(SAAL(mode=mode), pool, 1).positions.tolist() == [1]


def test_texts_are_scored_alike_in_any_batch() -> None:
    with rng.seeded(0, "test"):
        model = TextBagSpec(n_buckets=30, width=4, hidden=8).build(TEXT, 3)
    source = TextSource([[2 + i] * (1 + i % 4) for i in range(9)])
    small, large = (losses(model, source, batch_size=size) for size in (1, 9))

    assert (small["perturbed"] > small["clean"]).all()
    np.testing.assert_allclose(small["perturbed"], large["perturbed"], rtol=1e-6)


def test_no_samples_give_no_losses() -> None:
    assert losses(built(SPECS[0]), TensorSource(torch.empty(0, 4)))["perturbed"].shape == (0,)


def test_control_is_asked_for_every_sample() -> None:
    control = RecordingControl()
    losses(built(SPECS[0]), source_of(SPECS[0]), control=control)
    fractions = [fraction for _, fraction in control.seen]

    assert control.checks >= 10
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_vanishing_gradient_leaves_the_loss() -> None:
    found = losses(cast(Backbone, Plain()), TensorSource(torch.tensor([[2000.0, -2000.0]])))

    assert found["clean"].tolist() == found["perturbed"].tolist() == [0.0]


@pytest.mark.parametrize("gap", [30.0, 101.0, 600.0])
def test_confident_predictions_are_told_apart(gap: float) -> None:
    # Long before the loss does, its gradient rounds to 0: the change of the weights must not.
    samples = torch.tensor([[gap, 0.0], [gap + 1, 0.0]])
    found = losses(cast(Backbone, Plain()), TensorSource(samples))
    moved = (1 - 0.05) * samples[:, 0]  # the other weights are 0 and stay

    np.testing.assert_allclose(np.log(found["clean"]), -samples[:, 0], rtol=1e-6)
    np.testing.assert_allclose(np.log(found["perturbed"]), -moved, rtol=1e-5)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_the_model_is_left_bit_for_bit_as_it_was(spec: BackboneSpec) -> None:
    model = built(spec)
    before = state_arrays(model)
    losses(model, source_of(spec), radius=1.0)
    with pytest.raises(Cancelled):
        losses(model, source_of(spec), control=RecordingControl(stop_at=7))

    assert all(before[name].tobytes() == a.tobytes() for name, a in state_arrays(model).items())
    assert all(p.grad is None and p.requires_grad for p in module_of(model).parameters())
    assert not module_of(model).training


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_the_batch_size_does_not_matter(spec: BackboneSpec) -> None:
    model, source = built(spec), source_of(spec)
    small, large = (losses(model, source, batch_size=size) for size in (1, 10))

    np.testing.assert_array_equal(small["perturbed"], large["perturbed"])


def test_frozen_parameters_stay_where_they_are() -> None:
    model, source = built(SPECS[0]), source_of(SPECS[0])
    free = losses(model, source)["perturbed"]
    module_of(model).stages.requires_grad_(False)

    assert (losses(model, source)["perturbed"] != free).any()


@pytest.mark.parametrize(("mode", "expected"), [("max", [0, 2, 1]), ("diff", [2, 1, 0])])
def test_the_highest_scores_are_chosen(mode: str, expected: list[int]) -> None:
    pool = pool_of(np.array([0.9, 0.3, 0.8]), clean=np.array([0.8, 0.1, 0.5]))

    assert choose(SAAL(mode=mode), pool, 3).positions.tolist() == expected


def test_ten_equal_scores_give_four_different_samples() -> None:
    assert np.unique(choose(SAAL(), pool_of(np.ones(10)), 4).positions).size == 4


def test_the_first_of_a_diverse_batch_is_the_sharpest() -> None:
    assert choose(SAAL(), pool_of(np.array([0.1, 5.0, 0.2])), 1).positions.tolist() == [1]


def test_a_diverse_batch_takes_one_of_every_level() -> None:
    scores = np.repeat([3.0, 2.0, 1.0], 5)

    assert sorted(scores[choose(SAAL(), pool_of(scores), 3).positions]) == [1, 2, 3]


@pytest.mark.parametrize("few", [0, 5, 100])
def test_seeds_are_those_of_the_definition(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Below `few` levels all distances are renewed, afterwards those between two levels.
    monkeypatch.setattr(levels, "_FEW", few)
    for seed in range(200):
        draws = np.random.default_rng(seed)
        scores = np.round(draws.normal(size=draws.integers(1, 12)), 1)
        keys = draws.permutation(scores.size).astype(np.uint64)
        k = int(draws.integers(1, scores.size + 1))

        found = level_seeding(scores, k, keys=keys, rng=rng.generator(seed)).tolist()
        assert found == _seeds(scores, k, keys, rng.generator(seed))


def _seeds(scores: np.ndarray, k: int, keys: np.ndarray, draws: np.random.Generator) -> list[int]:
    taken = [min(range(scores.size), key=lambda i: (-abs(scores[i]), keys[i]))]
    while len(taken) < k:
        weights = np.array([min((s - scores[t]) ** 2 for t in taken) for s in scores])
        if weights.sum() == 0:
            left = [i for i in range(scores.size) if i not in taken]
            return taken + sorted(left, key=lambda i: (-scores[i], keys[i]))[: k - len(taken)]
        taken.append(int(draws.choice(scores.size, p=weights / weights.sum())))
    return taken


@pytest.mark.parametrize("mode", ["max", "diff", "max_diversity", "diff_diversity"])
def test_losses_that_are_not_finite_are_refused(mode: str) -> None:
    with pytest.raises(ShapeError, match="perturbed losses of row 1"):
        choose(SAAL(mode=mode), pool_of(np.array([0.1, np.inf, 0.2])), 2)


def test_arrays_cannot_replace_the_network() -> None:
    with pytest.raises(ConfigError, match=r"needs WorstCaseLosses.*run it in a study"):
        alscope.select("saal", logits=np.zeros((4, 2)), query_size=2)


@pytest.mark.parametrize("scenario", SETTINGS.values(), ids=SETTINGS)
def test_a_run_is_repeated_bit_for_bit(scenario: dict[str, Any], tmp_path: Path) -> None:
    config = tiny_run("saal", **scenario)
    records = []
    for name, cached in (("first", True), ("second", False)):
        bench = Bench(tmp_path / name, cached=cached)

        assert bench.execute(config) == RunState.DONE
        records.append(bench.records(config))

    assert records[0] == records[1]
