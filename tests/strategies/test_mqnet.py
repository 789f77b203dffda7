from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alscope import rng
from alscope.acquisition.pairs import count_pairs
from alscope.config import ScenarioConfig
from alscope.errors import SelectionError, ShapeError
from alscope.inputs import AttachmentOutput, Forward, Input, Projections
from alscope.strategies._base import Strategy
from alscope.strategies.learning_loss import LossHead
from alscope.strategies.mqnet import MQNet
from alscope.testing.fakes import FakePool, make_pool
from alscope.testing.strategies import StrategyConformance, choose
from alscope.types import Arrays, Outcome, Selection, State
from tests import oracles, oracles_mqnet

VARIANTS = {
    "robust": MQNet(meta_input="rank", history=True),
    "predicted losses": MQNet(informativeness="predicted_loss"),
    "trained encoder": MQNet(encoder="ssl:3"),
}
FORMS = {"exp_z": oracles_mqnet.exp_z, "rank": oracles_mqnet.ranks}


@pytest.mark.parametrize("strategy", VARIANTS.values(), ids=VARIANTS)
class TestVariantsConform(StrategyConformance):
    pass


def observe(
    strategy: MQNet,
    pool: FakePool,
    positions: np.ndarray | list[int],
    labels: np.ndarray | list[int],
    *,
    state: State | None = None,
    stream: int = 0,
) -> dict[str, np.ndarray]:
    found = strategy.observe(
        pool.view(),
        Selection(np.array(positions, dtype=np.int64)),
        Outcome(np.array(labels, dtype=np.int64)),
        rng.generator(stream, "observe"),
        state,
    )
    return dict(found)


def later(strategy: MQNet, pool: FakePool, query_size: int, state: State) -> Selection:
    return strategy.select(pool.view(), query_size, rng.generator(0, "select"), state)


def of(pool: FakePool, kind: type[Input], on: str = "pool") -> Input:
    return next(key for key in pool.values if isinstance(key, kind) and key.on == on)


def pool_of(
    strategy: MQNet,
    *,
    logits: np.ndarray,
    projections: np.ndarray,
    labeled: np.ndarray,
    others: Mapping[Input, Arrays] | None = None,
) -> FakePool:
    """Values by hand; the first shift of the projections is given, the others are noise."""
    noise = np.random.default_rng(0)
    given: dict[Input, Arrays] = {Forward(): {"logits": logits, "embeddings": logits}}
    for key in strategy.needs():
        if isinstance(key, Projections):
            rows = projections if key.on == "pool" else labeled
            shifts = [rows, *(noise.normal(size=rows.shape) for _ in range(3))]
            given[key] = {"projections": np.stack(shifts, axis=1).astype(np.float32)}
    pool = make_pool(
        strategy,
        n_pool=len(logits),
        n_classes=logits.shape[1],
        n_labeled=len(labeled),
        overrides=given | dict(others or {}),
    )
    return replace(pool, labels=np.arange(len(labeled)) % logits.shape[1])


def separable(strategy: MQNet, n: int = 200) -> tuple[FakePool, np.ndarray]:
    """Known samples (40 %) resemble labeled ones; the model is least sure of unknown ones."""
    draws = np.random.default_rng(0)
    labels = np.where(np.arange(n) % 5 < 2, np.arange(n) % 2, -1)
    centres = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]])
    certainty = np.where(labels >= 0, draws.uniform(0.5, 3, n), draws.uniform(0, 1.5, n))
    logits = np.stack([certainty, -certainty], axis=1) * np.where(labels == 1, -1, 1)[:, None]
    pool = pool_of(
        strategy,
        logits=logits,
        projections=centres[labels] + draws.normal(size=(n, 3)),
        labeled=centres[np.arange(8) % 2] + 0.5 * draws.normal(size=(8, 3)),
    )
    return pool, labels


def reference_inputs(pool: FakePool, form: str) -> np.ndarray:
    """Meta-inputs by the definitions, (n_pool, 2)."""
    probs = oracles.softmax(pool.values[Forward()]["logits"])
    rows, labeled = (
        pool.values[of(pool, Projections, on)]["projections"][:, 0].astype(np.float64)
        for on in ("pool", "labeled")
    )
    purity = oracles_mqnet.max_cosine(rows, labeled)
    measures = ((1 - probs.max(axis=1)).tolist(), purity)
    return np.array([FORMS[form](list(values)) for values in measures]).T


@pytest.mark.parametrize("form", FORMS)
def test_the_first_query_is_that_of_the_highest_sums(form: str) -> None:
    for seed in range(100):
        strategy = MQNet(meta_input=form, encoder=("frozen", "ssl:3")[seed % 2])
        pool = make_pool(strategy, n_pool=15, n_labeled=1 + seed % 6, seed=seed)
        expected = reference_inputs(pool, form).sum(axis=1)
        found = choose(strategy, pool, 5)

        np.testing.assert_allclose(found.scores, expected, rtol=1e-9)
        assert found.diagnostics["warm_start"] is True


@pytest.mark.parametrize("form", FORMS)
def test_the_network_is_trained_on_what_the_definition_says(form: str) -> None:
    strategy = MQNet(meta_input=form, n_steps=25, hidden=8)
    for seed in range(8):
        pool = make_pool(strategy, n_pool=30, seed=seed)
        draws = np.random.default_rng(seed)
        positions, labels = draws.permutation(30)[:10], draws.integers(-1, 3, 10)
        found = observe(strategy, pool, positions, labels, stream=seed)

        probs = oracles.softmax(pool.values[Forward()]["logits"])[positions]
        losses = [0.0 if y < 0 else -np.log(p[y]) for y, p in zip(labels, probs, strict=True)]
        start = rng.generator(seed, "observe")
        fresh = [
            start.normal(-1.0, 0.1, (2, 8)),
            start.uniform(-4.0, 0.0, 8),
            start.normal(-1.0, 0.1, 8),
        ]
        inputs = reference_inputs(pool, form)[positions]
        expected = oracles_mqnet.train_net(
            fresh, inputs, np.array(losses), margin=0.1, n_steps=25, lr=0.02
        )
        for name, array in zip(("raw_in", "bias", "raw_out"), expected, strict=True):
            np.testing.assert_allclose(found[name], array, atol=1e-5)


def test_after_mixed_answers_the_next_query_is_purer_than_the_pool() -> None:
    strategy = MQNet(meta_input="rank")
    pool, labels = separable(strategy)
    for stream in range(5):
        asked = np.random.default_rng(stream).permutation(200)[:30]
        state = observe(strategy, pool, asked, labels[asked], stream=stream)
        rest = pool.take(np.setdiff1d(np.arange(200), asked))
        found = later(strategy, rest, 30, state)

        purity = (labels[rest.ids[found.positions]] >= 0).mean()
        assert purity > 0.8 > 0.4
        assert found.diagnostics["purity_correlation"] > 0.8


def test_of_samples_equally_pure_the_more_informative_come_first() -> None:
    # All are known: the network learns that a larger loss is better, and the least sure have it.
    strategy = MQNet(meta_input="rank")
    certainty = np.linspace(0, 3, 40)
    pool = pool_of(
        strategy,
        logits=np.stack([certainty, np.zeros(40)], axis=1),
        projections=np.tile([1.0, 2.0], (40, 1)),
        labeled=np.ones((4, 2)),
    )
    asked = np.arange(0, 40, 2)
    found = later(strategy, pool, 5, observe(strategy, pool, asked, np.zeros(20)))

    assert found.positions.tolist() == [0, 1, 2, 3, 4]


def test_of_samples_equally_informative_those_like_labeled_ones_come_first() -> None:
    strategy = MQNet(meta_input="rank")
    angles = np.linspace(0, np.pi, 40)
    pool = pool_of(
        strategy,
        logits=np.tile([1.0, 0.0], (40, 1)),
        projections=np.stack([np.cos(angles), np.sin(angles)], axis=1),
        labeled=np.array([[2.0, 0.0]]),
    )
    asked = np.arange(0, 40, 2)
    labels = np.where(asked < 16, 0, -1)
    found = later(strategy, pool, 5, observe(strategy, pool, asked, labels))

    assert choose(strategy, pool, 5).positions.tolist() == [0, 1, 2, 3, 4]
    assert found.positions.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_sample_above_another_in_both_parts_is_never_asked_after_it(form: str) -> None:
    strategy = MQNet(meta_input=form)
    for seed in range(20):
        pool = make_pool(strategy, n_pool=30, seed=seed)
        labels = np.random.default_rng(seed).integers(-1, 3, 12)
        state = observe(strategy, pool, np.arange(12), labels, stream=seed)
        inputs, found = reference_inputs(pool, form), later(strategy, pool, 30, state)
        above = (inputs[:, None] > inputs[None] + 1e-9).all(axis=2)

        assert (found.scores[:, None] >= found.scores[None])[above].all()


def test_the_sample_as_it_is_decides_on_purity_and_not_its_shifts() -> None:
    strategy = MQNet(encoder="ssl:3")
    pool = make_pool(strategy)
    key = of(pool, Projections)
    changed = pool.values[key]["projections"].copy()
    changed[:, 1:] *= -1

    assert changed.shape[1] == 4
    expected = choose(strategy, pool).scores
    found = choose(strategy, pool.with_values({key: {"projections": changed}})).scores
    np.testing.assert_array_equal(found, expected)


def test_predicted_losses_take_the_place_of_confidence() -> None:
    strategy = MQNet(informativeness="predicted_loss", meta_input="rank")
    predicted = np.array([[0.1], [0.9], [0.5]], dtype=np.float32)
    pool = pool_of(
        strategy,
        logits=np.array([[0.0, 0.0], [9.0, 0.0], [3.0, 0.0]]),
        projections=np.ones((3, 2)),
        labeled=np.ones((1, 2)),
        others={AttachmentOutput(attachment=LossHead()): {"output": predicted}},
    )

    assert strategy.attachments() == (LossHead(),)
    assert choose(strategy, pool, 3).positions.tolist() == [1, 2, 0]
    assert not MQNet().attachments()


@pytest.mark.parametrize("history", [False, True])
def test_only_unknown_answers_leave_the_warm_start(history: bool) -> None:
    strategy = MQNet(history=history)
    pool = make_pool(strategy)
    state = observe(strategy, pool, [3, 4, 5], [-1, -1, -1])
    found = later(strategy, pool, 9, state)

    assert found.positions.tolist() == choose(strategy, pool).positions.tolist()
    assert found.diagnostics["warm_start"] is True
    assert found.diagnostics["n_pairs"] == 0


def test_only_unknown_answers_leave_the_network_of_the_round_before() -> None:
    strategy = MQNet()
    pool = make_pool(strategy)
    first = observe(strategy, pool, [0, 1, 2], [-1, 0, 1])
    second = observe(strategy, pool, [3, 4], [-1, -1], state=first, stream=1)
    found = later(strategy, pool, 9, second)

    assert first["n_pairs"] == 3
    assert later(strategy, pool, 9, first).diagnostics["n_pairs"] == 3
    assert found.diagnostics["n_pairs"] == 0
    assert found.diagnostics["warm_start"] is False
    for name in ("raw_in", "bias", "raw_out"):
        np.testing.assert_array_equal(second[name], first[name])


@pytest.mark.parametrize(("asked", "labels"), [([], []), ([7], [0]), ([1, 2], [0, 0])])
def test_answers_that_tell_nothing_apart_train_nothing(asked: list[int], labels: list[int]) -> None:
    strategy = MQNet()
    pool = make_pool(strategy).repeated(np.full(9, 3))

    assert observe(strategy, pool, asked, labels).keys() == {"n_pairs"}


def test_history_trains_on_the_answers_of_all_rounds() -> None:
    strategy = MQNet(history=True)
    pool = make_pool(strategy)
    first = observe(strategy, pool, [0, 1, 2], [-1, -1, -1])
    second = observe(strategy, pool, [3, 4], [0, 2], state=first)

    assert not first.keys() & {"raw_in"}
    assert second["targets"][:3].tolist() == [0, 0, 0]
    assert (second["targets"][3:] > 0).all()
    np.testing.assert_allclose(
        second["inputs"], reference_inputs(pool, "exp_z")[:5], rtol=1e-9, atol=1e-12
    )
    assert second["n_pairs"] == count_pairs(second["targets"]) == 7
    assert observe(MQNet(), pool, [3, 4], [0, 2])["n_pairs"] == 1


@pytest.mark.parametrize("strategy", [MQNet(), *VARIANTS.values()], ids=["default", *VARIANTS])
def test_the_state_is_plain_arrays_that_a_store_can_keep(strategy: MQNet) -> None:
    pool = make_pool(strategy)
    state: dict[str, np.ndarray] | None = None
    for stream, asked in enumerate(([0, 1, 2, 3], [4, 5, 6, 7])):
        state = observe(strategy, pool, asked, [-1, 0, 1, 2], state=state, stream=stream)
    assert state is not None
    stored = {name: np.frombuffer(a.tobytes()).reshape(a.shape) for name, a in state.items()}
    before = later(strategy, pool, 9, state)
    after = later(strategy, pool, 9, stored)

    assert all(array.dtype == np.float64 for array in state.values())
    assert after.positions.tolist() == before.positions.tolist()
    np.testing.assert_array_equal(after.scores, before.scores)
    assert dict(after.diagnostics) == dict(before.diagnostics)
    observe(strategy, pool, [8, 9], [0, -1], state=stored)


def test_the_same_generator_gives_the_same_network() -> None:
    pool = make_pool(MQNet())
    first, again, other = (
        observe(MQNet(), pool, [0, 1, 2], [-1, 0, 1], stream=stream) for stream in (1, 1, 2)
    )

    np.testing.assert_array_equal(first["raw_in"], again["raw_in"])
    assert (first["raw_in"] != other["raw_in"]).any()


def test_what_is_observed_from_is_left_unchanged() -> None:
    strategy = MQNet(history=True)
    pool = make_pool(strategy)
    state = observe(strategy, pool, [0, 1, 2], [-1, 0, 1])
    before = {name: array.copy() for name, array in state.items()}
    observe(strategy, pool, [3, 4], [0, -1], state=state)

    assert state.keys() == before.keys()
    assert all((state[name] == before[name]).all() for name in before)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("trained", [False, True])
def test_a_learned_choice_follows_the_samples(form: str, trained: bool) -> None:
    strategy = MQNet(meta_input=form)
    pool = make_pool(strategy)
    state = observe(strategy, pool, range(8), [-1, 0, 1, 2] * 2) if trained else {}
    moved = pool.take(np.random.default_rng(0).permutation(40))

    expected = pool.ids[later(strategy, pool, 9, state).positions]
    assert moved.ids[later(strategy, moved, 9, state).positions].tolist() == expected.tolist()


@pytest.mark.parametrize("form", FORMS)
def test_constant_scores_are_finite_and_ordered_by_key(form: str) -> None:
    strategy = MQNet(meta_input=form)
    mixed = make_pool(strategy)
    same = mixed.repeated(np.full(40, 3))
    for state in ({}, observe(strategy, mixed, [0, 1, 2], [-1, 0, 1])):
        found = later(strategy, same, 9, state)

        assert np.isfinite(found.scores).all()
        assert found.positions.tolist() == np.argsort(same.view().tie_keys)[:9].tolist()
        assert found.diagnostics["purity_correlation"] == 0


def test_a_model_that_is_sure_of_everything_can_be_observed() -> None:
    strategy = MQNet()
    pool = make_pool(strategy)
    logits = np.where(np.eye(3)[np.arange(40) % 3] > 0, 200, -200).astype(np.float32)
    pool = pool.with_values({Forward(): {"logits": logits, "embeddings": logits}})
    state = observe(MQNet(history=True), pool, [0, 1, 2], [0, 0, -1])

    assert state["targets"].tolist() == [0.0, 400.0, 0.0]
    assert np.isfinite(later(strategy, pool, 9, state).scores).all()


@pytest.mark.parametrize("strategy", [MQNet(), *VARIANTS.values()], ids=["default", *VARIANTS])
def test_values_that_are_not_finite_are_refused_when_observing(strategy: MQNet) -> None:
    pool = make_pool(strategy)
    for key, arrays in pool.values.items():
        poisoned = {name: array.copy() for name, array in arrays.items()}
        for array in poisoned.values():
            array[1] = np.nan

        with pytest.raises(ShapeError, match=r"of row 1 hold NaN"):
            observe(strategy, pool.with_values({key: poisoned}), [1, 2], [0, -1])


def test_predicted_losses_that_are_not_finite_are_named() -> None:
    strategy = MQNet(informativeness="predicted_loss")
    pool = make_pool(strategy)
    key = of(pool, AttachmentOutput)
    predicted = pool.values[key]["output"].copy()
    predicted[4] = np.inf

    with pytest.raises(ShapeError, match="predicted losses of row 4"):
        choose(strategy, pool.with_values({key: {"output": predicted}}))


def test_without_a_label_it_says_what_it_needs() -> None:
    with pytest.raises(SelectionError, match="mqnet needs a labeled sample of a known class"):
        choose(MQNet(), make_pool(MQNet(), n_labeled=0))


@pytest.mark.parametrize("encoder", ["thawed", "ssl:0", "ssl:", "paper:3"])
def test_an_encoder_that_does_not_exist_is_a_problem(encoder: str) -> None:
    (problem,) = MQNet(encoder=encoder).problems(ScenarioConfig())

    assert repr(encoder) in problem


@pytest.mark.parametrize(
    ("encoder", "setting"), [("frozen", "frozen"), ("ssl:7", "ssl:7"), ("paper", "paper:1000")]
)
def test_purity_is_measured_with_the_encoder_asked_for(encoder: str, setting: str) -> None:
    strategy: Strategy = MQNet(encoder=encoder)
    companions: list[Any] = [k.companion for k in strategy.needs() if isinstance(k, Projections)]

    assert not strategy.problems(ScenarioConfig())
    assert [companion.setting for companion in companions] == [setting] * 2
    assert [companion.shifts for companion in companions] == [encoder != "frozen"] * 2
