"""A strategy on arrays of your own: `alscope.select`, without studies, stores or networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alscope import rng
from alscope.engine.validate import check_selection
from alscope.errors import ConfigError, Problem
from alscope.inputs import Embeddings, Head, Input, Logits, McMoments, McProbs, Probs
from alscope.params import check_fields
from alscope.registry import strategies
from alscope.selecting._given import Given, missing
from alscope.selecting._view import make_view
from alscope.strategies._base import Strategy
from alscope.types import IntArray, Selection

__all__ = ["select"]


def select(
    name: str,
    *,
    logits: ArrayLike | None = None,
    embeddings: ArrayLike | None = None,
    labeled_embeddings: ArrayLike | None = None,
    unknown_embeddings: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    mc_logits: ArrayLike | None = None,
    head: Sequence[ArrayLike] | None = None,
    ids: ArrayLike | None = None,
    query_size: int,
    seed: int = 0,
    round: int = 0,
    params: Mapping[str, Any] | None = None,
) -> Selection:
    """Let a registered strategy choose from a pool that you describe by arrays.

    Give what the strategy needs; what is missing is named in the error. The choice is the one a run
    with this seed would make in this round from the same arrays and ids.

    Args:
        name: Registry name of the strategy: "margin", "badge", ...
        logits: Logits of the pool, (n, n_classes).
        embeddings: Inputs of the final linear layer for the pool, (n, n_features).
        labeled_embeddings: The same for the labeled samples, (n_labeled, n_features).
        unknown_embeddings: The same for annotated samples of unknown classes, (n_unknowns,
            n_features); none by default.
        labels: Class indices of the labeled samples, (n_labeled,), in 0..n_classes-1.
        mc_logits: Logits of stochastic passes (dropout, ensembles), (n_samples, n, n_classes).
        head: Weight (n_classes, n_features) and bias (n_classes,) of the final linear layer.
        ids: Distinct integers that identify the pool samples from round to round, (n,); rows may
            be in any order. By default 0..n-1: give ids when the pool shrinks between calls.
        query_size: How many to choose; all of the pool if it is smaller.
        seed: Of all draws and of the breaking of ties.
        round: Round number, from 0; another round draws and breaks ties anew.
        params: Hyper-parameters of the strategy, by name.

    Returns:
        Positions are rows of your arrays, best first; scores, if any, are in the order of your
        rows.

    Raises:
        ConfigError: If a needed argument is missing, a hyper-parameter or number is wrong, or the
            strategy needs a pass over a network that arrays cannot replace.
        ShapeError: If a shape is wrong, shapes do not fit, or values are not finite.
        UnknownNameError: If there is no such strategy.
    """
    arrays = Given.of(
        matrices={
            "logits": logits,
            "embeddings": embeddings,
            "labeled_embeddings": labeled_embeddings,
            "unknown_embeddings": unknown_embeddings,
        },
        mc_logits=mc_logits,
        head=head,
        labels=labels,
        ids=ids,
    )
    query_size, seed, round = _whole(query_size=query_size, seed=seed, round=round)
    if params is not None and not isinstance(params, Mapping):
        said = f"is {params!r:.60}, but must be names and values"
        raise ConfigError([Problem("params", said)])
    strategy = _strategy(name, dict(params or {}), arrays)
    _require_present(strategy, arrays)
    order = np.argsort(arrays.ids, kind="stable")
    view = make_view(
        strategy, arrays, order, seed=rng.seed_for(seed, "tie_break", name), round=round
    )
    draws = rng.generator(seed, "strategy", name, round)
    selection = strategy.select(view, query_size, draws, None)
    check_selection(selection, n_pool=view.n_pool, query_size=query_size)
    return _restored(selection, order)


def _whole(**numbers: Any) -> tuple[int, ...]:
    problems = [
        Problem(name, f"is {value!r:.60}, but must be a whole number, at least 0")
        for name, value in numbers.items()
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0
    ]
    if problems:
        raise ConfigError(problems)
    return tuple(map(int, numbers.values()))


def _strategy(name: str, params: dict[str, Any], given: Given) -> Strategy:
    cls = strategies.get(name)
    fields = {field.name for field in dataclasses.fields(cls)}
    strange = sorted(params.keys() - fields)
    if strange:
        known = ", ".join(sorted(fields)) or "none"
        raise ConfigError(
            [
                Problem(f"params.{key}", f"{name} has no such parameter; it has: {known}")
                for key in strange
            ]
        )
    passes = given.mc_logits
    if passes is not None and "n_samples" in fields:
        params.setdefault("n_samples", len(passes))
    strategy: Strategy = cls(**params)
    problems = list(check_fields(strategy, "params"))
    if problems:
        raise ConfigError(problems)
    return strategy


def _require_present(strategy: Strategy, given: Given) -> None:
    problems = [found for key in strategy.needs() for found in _problems(strategy, key, given)]
    if problems:
        raise ConfigError(dict.fromkeys(problems))


def _problems(strategy: Strategy, key: Input, given: Given) -> Iterator[Problem]:
    argument = _argument(key)
    if argument is None:
        yield Problem(
            "name",
            f"{strategy.key} needs {key!r}, a pass over a network that no array replaces; "
            "run it in a study",
        )
    elif isinstance(key, McMoments | McProbs) and given.mc_logits is not None:
        if len(given.mc_logits) != key.n_samples:
            n = len(given.mc_logits)
            yield Problem(
                "params.n_samples", f"is {key.n_samples}, but mc_logits hold {n} passes; set it so"
            )
    elif argument != "unknown_embeddings" and not given.has(argument):
        yield missing(argument, strategy.key)


def _argument(key: Input) -> str | None:
    if isinstance(key, Head):
        return "head"
    if isinstance(key, Embeddings):
        return {"pool": "embeddings", "labeled": "labeled_embeddings"}.get(
            key.on, "unknown_embeddings"
        )
    if key.on != "pool":
        return None
    if isinstance(key, Logits | Probs):
        return "logits"
    return "mc_logits" if isinstance(key, McMoments | McProbs) else None


def _restored(selection: Selection, order: IntArray) -> Selection:
    scores: NDArray[np.float64] | None = None
    if selection.scores is not None:
        scores = np.empty_like(selection.scores)
        scores[order] = selection.scores
    return dataclasses.replace(selection, positions=order[selection.positions], scores=scores)
