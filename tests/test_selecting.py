"""`alscope.select`: a strategy on arrays, without the rest of the package."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alscope
from alscope import rng
from alscope.errors import ConfigError, ShapeError, UnknownNameError
from alscope.inputs import Forward, Head, Input, McMoments, McProbs
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import Arrays, PoolView
from tests.source import ROOT

N, N_LABELED, N_UNKNOWNS, C, D, T = 40, 12, 5, 3, 6, 10
IDS = np.sort(np.random.default_rng(9).permutation(1000)[:N])

# What each of these strategies must be given, and no more.
WANTED = {
    "random": ["ids"],
    "least_confidence": ["logits"],
    "margin": ["logits"],
    "entropy": ["logits"],
    "coreset": ["embeddings", "labeled_embeddings"],
    "badge": ["logits", "embeddings"],
    "bald": ["mc_logits"],
    "var_ratio": ["mc_logits"],
    "mean_std": ["mc_logits"],
    "margin_dropout": ["mc_logits"],
    "least_confidence_dropout": ["mc_logits"],
    "entropy_dropout": ["mc_logits"],
    "core_mse": ["mc_logits"],
    "core_log": ["mc_logits"],
    "alpha_mix": ["logits", "embeddings", "labeled_embeddings", "labels", "head"],
}


def arguments(n: int = N, n_classes: int = C, n_features: int = D) -> dict[str, Any]:
    """Everything `select` takes, from one made-up model; ids ascend."""
    draws = np.random.default_rng(0)
    weight, bias = draws.normal(size=(n_classes, n_features)), draws.normal(size=n_classes)
    pool, labeled, unknowns = (
        draws.normal(size=(size, n_features)) for size in (n, N_LABELED, N_UNKNOWNS)
    )
    masks = draws.random((T, 1, n_features)) > 0.3
    floats = {
        "logits": pool @ weight.T + bias,
        "embeddings": pool,
        "labeled_embeddings": labeled,
        "unknown_embeddings": unknowns,
        "mc_logits": (pool * masks) @ weight.T + bias,
    }
    return {name: array.astype(np.float32) for name, array in floats.items()} | {
        "head": (weight.astype(np.float32), bias.astype(np.float32)),
        "labels": draws.integers(0, n_classes, N_LABELED),
        "ids": IDS if n == N else np.arange(n),
    }


def some(names: list[str]) -> dict[str, Any]:
    given = arguments()
    return {name: given[name] for name in names}


def passes(logits: np.ndarray) -> np.ndarray:
    wide = logits.astype(np.float64)
    probs = np.exp(wide - wide.max(axis=2, keepdims=True))
    return probs / probs.sum(axis=2, keepdims=True)


def moments(logits: np.ndarray) -> Arrays:
    probs = passes(logits)
    votes = probs.argmax(axis=2)[..., None] == np.arange(probs.shape[2])
    return {
        "mean_probs": probs.mean(axis=0),
        "mean_entropy": -(probs * np.log(probs)).sum(axis=2).mean(axis=0),
        "std_probs": probs.std(axis=0),
        "votes": votes.sum(axis=0),
    }


def view_of(arrays: dict[str, Any], name: str, *, seed: int, round: int) -> PoolView:
    weight, bias = arrays["head"]
    values: dict[Input, Arrays] = {
        Forward(): {key: arrays[key] for key in ("logits", "embeddings")},
        Forward(on="labeled"): {"embeddings": arrays["labeled_embeddings"]},
        Forward(on="unknowns"): {"embeddings": arrays["unknown_embeddings"]},
        Head(): {"weight": weight, "bias": bias},
        McMoments(): moments(arrays["mc_logits"]),
        McProbs(): {"probs": passes(arrays["mc_logits"]).swapaxes(0, 1).astype(np.float32)},
    }
    return PoolView(
        {key: value for key, value in values.items()},
        n_pool=N,
        n_classes=C,
        round=round,
        labels=arrays["labels"],
        n_unknowns=N_UNKNOWNS,
        tie_keys=rng.tie_keys(IDS, seed=rng.seed_for(seed, "tie_break", name), round=round),
    )


@pytest.mark.parametrize("name", WANTED)
def test_the_choice_is_that_of_the_strategy_on_its_view(name: str) -> None:
    arrays = arguments()
    strategy: Strategy = strategies.get(name)()
    draws = rng.generator(4, "strategy", name, 2)
    expected = strategy.select(view_of(arrays, name, seed=4, round=2), 9, draws, None)
    selection = alscope.select(name, **arrays, query_size=9, seed=4, round=2)

    assert selection.positions.tolist() == expected.positions.tolist()
    assert dict(selection.diagnostics) == dict(expected.diagnostics)
    if expected.scores is None:
        assert selection.scores is None
    else:
        np.testing.assert_allclose(selection.scores, expected.scores, atol=1e-12)


@pytest.mark.parametrize("name", WANTED)
def test_the_order_of_the_rows_does_not_matter(name: str) -> None:
    arrays = arguments()
    order = np.random.default_rng(1).permutation(N)
    shuffled = arrays | {key: arrays[key][order] for key in ("logits", "embeddings", "ids")}
    shuffled["mc_logits"] = arrays["mc_logits"][:, order]
    straight = alscope.select(name, **arrays, query_size=9)
    other = alscope.select(name, **shuffled, query_size=9)

    assert order[other.positions].tolist() == straight.positions.tolist()
    if straight.scores is not None and other.scores is not None:
        np.testing.assert_array_equal(other.scores, straight.scores[order])


@pytest.mark.parametrize("name", WANTED)
def test_what_a_strategy_needs_is_enough(name: str) -> None:
    selection = alscope.select(name, **some(WANTED[name]), query_size=9)

    assert np.unique(selection.positions).size == 9


@pytest.mark.parametrize(
    ("name", "missing"), [(name, one) for name, names in WANTED.items() for one in names]
)
def test_what_is_missing_is_named_and_explained(name: str, missing: str) -> None:
    rest = [one for one in WANTED[name] if one != missing]
    given = some([*rest, "ids"] if missing != "ids" else rest)
    with pytest.raises(ConfigError) as caught:
        alscope.select(name, **given, query_size=9)

    (problem,) = caught.value.problems
    assert problem.path == missing
    assert re.search(r"needs it: .*\(\w+, ?.*\)|give ids", problem.message)


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        alscope.select("alpha_mix", ids=IDS, query_size=3)

    named = [problem.path for problem in caught.value.problems]
    assert named == ["logits", "embeddings", "labeled_embeddings", "head"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"logits": np.zeros(N)}, r"logits has the shape \(40,\), but \(n, n_classes\)"),
        ({"mc_logits": np.zeros((N, C))}, r"but \(n_samples, n, n_classes\) with at least 2"),
        ({"mc_logits": np.zeros((1, N, C))}, "at least 2 passes"),
        ({"embeddings": np.zeros((N + 1, D))}, "number of pool samples: .*embeddings 41"),
        ({"labeled_embeddings": np.zeros((N_LABELED, D + 1))}, "number of features: "),
        ({"unknown_embeddings": np.zeros((2, D - 1))}, "number of features: "),
        ({"logits": np.zeros((N, C + 1))}, "number of classes: logits 4, mc_logits 3"),
        ({"labels": np.zeros(3, dtype=int)}, "number of labeled samples: labels 3"),
        ({"labels": np.full(N_LABELED, C)}, r"labels hold 3, but the known classes are 0\.\.2"),
        ({"labels": np.full(N_LABELED, -1)}, "unknown classes go to unknown_embeddings"),
        ({"labels": np.zeros(N_LABELED)}, "the type float64, but integers"),
        ({"head": (np.zeros((C, D)),)}, "head has 1 parts"),
        ({"head": (np.zeros((C, D)), np.zeros(D))}, r"a bias of the shape \(6,\)"),
        ({"head": (np.full((C, D), np.nan), np.zeros(C))}, "head weights of row 0"),
        ({"ids": np.zeros(N, dtype=int)}, "ids hold 0 twice"),
        ({"ids": np.arange(N - 1)}, "number of pool samples: .*ids 39"),
        ({"logits": np.where(np.arange(N)[:, None] == 7, np.inf, np.zeros(C))}, "logits of row 7"),
        ({"logits": np.where(np.arange(N)[:, None] == 7, 1e300, np.zeros(C))}, "logits of row 7"),
        # Found by fuzzing: errors of NumPy, or numbers that mean something else.
        ({"logits": [[1, 2], [3]]}, "logits is no array .*rows of equal length"),
        ({"ids": [[1, 2], [3]]}, "ids is no array"),
        ({"logits": np.full((N, C), 1j)}, "logits holds complex128, but real numbers"),
        ({"logits": np.full((N, C), "1.5")}, "logits holds <U3, but real numbers"),
        ({"logits": np.full((N, C), np.datetime64("2026", "s"))}, "but real numbers"),
        ({"logits": np.full((N, C), {}, dtype=object)}, "something else than numbers"),
        ({"head": 3}, "head is 3, but"),
        ({"head": ([[1], [2, 3]], [0])}, "head is no array"),
        ({"ids": np.arange(N, dtype=np.uint64) + np.uint64(2**63)}, r"numbers up to 2\*\*63 - 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_words(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        alscope.select("margin", **(arguments() | changed), query_size=3)


def test_an_empty_array_of_anything_is_no_ids() -> None:
    # Found by fuzzing: structured arrays cannot be cast, and an empty list is one of floats.
    for empty in ([], np.zeros(0, dtype="f4,i4"), np.zeros(0, dtype="U3")):
        with pytest.raises(ShapeError, match="number of pool samples: logits 3, ids 0"):
            alscope.select("margin", logits=np.zeros((3, 2)), ids=empty, query_size=1)


def test_a_row_is_named_as_the_caller_counts() -> None:
    logits = np.zeros((3, 2))
    logits[0] = np.nan
    with pytest.raises(ShapeError, match="row 0"):
        alscope.select("margin", logits=logits, ids=[7, 5, 3], query_size=1)


def test_parameters_reach_the_strategy_and_wrong_ones_are_refused() -> None:
    arrays = arguments()
    straight = alscope.select("coreset", **arrays, query_size=6)
    labeled_only = alscope.select("coreset", **arrays, query_size=6, params={"centres": "labeled"})

    assert straight.positions.tolist() != labeled_only.positions.tolist()
    with pytest.raises(ConfigError, match=r"params\.centers: coreset has no such parameter; it"):
        alscope.select("coreset", **arrays, query_size=6, params={"centers": "labeled"})
    with pytest.raises(ConfigError, match=r"params\.centres: is 'all'"):
        alscope.select("coreset", **arrays, query_size=6, params={"centres": "all"})


def test_the_number_of_passes_is_read_off_the_array() -> None:
    logits = arguments()["mc_logits"]
    alscope.select("bald", mc_logits=logits[:4], query_size=3)

    with pytest.raises(ConfigError, match="is 7, but mc_logits hold 4 passes"):
        alscope.select("bald", mc_logits=logits[:4], query_size=3, params={"n_samples": 7})


def test_a_negative_query_and_an_unknown_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="query_size: is -1"):
        alscope.select("margin", logits=np.zeros((3, 2)), query_size=-1)
    with pytest.raises(UnknownNameError, match="did you mean 'margin'"):
        alscope.select("margn", logits=np.zeros((3, 2)), query_size=1)


@given(
    name=st.sampled_from(sorted(WANTED)),
    n=st.integers(0, 30),
    n_classes=st.integers(1, 5),
    n_features=st.integers(1, 5),
    query_size=st.integers(0, 35),
    seed=st.integers(0, 2**32),
)
def test_any_sizes_give_distinct_rows(
    name: str, n: int, n_classes: int, n_features: int, query_size: int, seed: int
) -> None:
    arrays = arguments(n, n_classes, n_features)
    positions = alscope.select(name, **arrays, query_size=query_size, seed=seed).positions

    assert positions.shape == (min(query_size, n),)
    assert np.unique(positions).size == positions.size
    assert ((positions >= 0) & (positions < n)).all()


@given(shape=st.lists(st.integers(0, 4), max_size=4))
def test_any_shape_of_logits_is_used_or_refused_in_words(shape: list[int]) -> None:
    logits = np.zeros(shape)
    if len(shape) == 2 and shape[1] > 0:
        assert alscope.select("entropy", logits=logits, query_size=9).positions.size == shape[0]
    else:
        with pytest.raises(ShapeError, match=r"n_classes\)"):
            alscope.select("entropy", logits=logits, query_size=9)


def test_inputs_are_left_unchanged() -> None:
    arrays, before = arguments(), arguments()
    for name in WANTED:
        alscope.select(name, **arrays, query_size=5)

    for key, value in before.items():
        if key != "head":
            np.testing.assert_array_equal(arrays[key], value)


@pytest.mark.parametrize("name", strategies.names())
def test_every_strategy_chooses_or_says_why_it_cannot(name: str) -> None:
    try:
        found = str(alscope.select(name, **arguments(), query_size=5).positions.size)
    except ConfigError as error:
        found = str(error)

    assert found == "5" or "run it in a study" in found


def test_the_examples_of_the_page_run() -> None:
    page = (ROOT / "docs" / "select.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(block, names)

    assert names["selection"].positions.size == 20
    assert names["labeled"].size == 160
    assert np.intersect1d(names["labeled"], names["pool"]).size == 0


@pytest.mark.parametrize(
    "wrong",
    [{"query_size": "5"}, {"query_size": 5.0}, {"seed": 1.5}, {"round": -1}, {"params": 3}],
)
def test_numbers_that_are_no_whole_numbers_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))}: is "):
        alscope.select("margin", **(some(["logits"]) | {"query_size": 3} | wrong))
