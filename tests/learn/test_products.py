from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from alscope import select
from alscope.accelerator import held, offering
from alscope.acquisition import seeding
from alscope.learn import products
from alscope.learn.products import TensorRows, holder_for
from tests.tensors import on_tensors

RNG = np.random.default_rng(3)
POOL = {
    "logits": RNG.normal(size=(900, 4)).astype(np.float32),
    "embeddings": RNG.normal(size=(900, 24)).astype(np.float32),
    "labeled_embeddings": RNG.normal(size=(150, 24)).astype(np.float32),
    "labels": np.arange(150) % 4,
}


def rows_of(*factors: np.ndarray) -> np.ndarray:
    """Outer products of the parts, flattened, (n, product of the widths)."""
    left, *others = factors
    for right in others:
        left = np.einsum("na,nb->nab", left, right).reshape(len(left), -1)
    return left


@pytest.mark.parametrize("widths", [(5,), (5, 3)])
@pytest.mark.parametrize("some", [None, np.array([7, 2, 2, 11])])
@pytest.mark.parametrize("block", [1, 8, 2**26])
def test_nearest_centres_are_those_of_the_rows_written_out(
    widths: tuple[int, ...],
    some: np.ndarray | None,
    block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(products, "_BLOCK_VALUES", block)
    parts = [RNG.normal(size=(12, width)).astype(np.float32) for width in widths]
    centres = [RNG.normal(size=(4, width)).astype(np.float32) for width in widths]
    whole, others = rows_of(*parts), rows_of(*centres)
    squared = np.square(whole).sum(axis=1)
    rows = TensorRows(parts, squared, torch.device("cpu"))
    positions, distances = rows.nearest(centres, np.square(others).sum(axis=1), some)
    expected = np.square(whole[:, None] - others).sum(axis=2)
    expected = expected if some is None else expected[some]

    np.testing.assert_array_equal(positions, expected.argmin(axis=1))
    np.testing.assert_allclose(distances, expected.min(axis=1), rtol=1e-5, atol=1e-5)


def test_of_no_rows_there_is_no_nearest_centre() -> None:
    none = np.empty(0, dtype=np.int64)
    rows = TensorRows([np.ones((3, 2), np.float32)], np.ones(3, np.float32), torch.device("cpu"))
    positions, distances = rows.nearest([np.ones((1, 2))], np.ones(1), none)

    assert positions.shape == distances.shape == (0,)


@pytest.mark.parametrize("name", ["coreset", "coreset_cb", "badge", "alpha_mix"])
def test_a_device_changes_where_a_strategy_computes_and_not_what_it_takes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alscope.acquisition.cover._PLAIN_WORK", 0)
    monkeypatch.setattr("alscope.acquisition.balanced_cover._PLAIN_WORK", 0)
    monkeypatch.setattr(seeding, "_FACTORED_WORK", 0)
    needed = dict(POOL)
    if name == "alpha_mix":
        needed["head"] = (RNG.normal(size=(4, 24)), np.zeros(4))
    taken = []
    for device in (nullcontext([]), on_tensors(monkeypatch)):
        with device as held_sizes:
            taken.append(select(name, **needed, query_size=60).positions.tolist())

    assert held_sizes
    assert taken[0] == taken[1]


def test_without_an_offer_rows_stay_where_they_are() -> None:
    rows = np.ones((4, 2), dtype=np.float32)

    assert held((rows,), rows[:, 0]) is None
    with offering(None):
        assert held((rows,), rows[:, 0]) is None
    assert holder_for(torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("free", "worth", "goes"), [(2**30, 1, True), (100, 1, False), (2**30, 99, False)]
)
def test_rows_go_to_a_gpu_if_they_fit_and_are_many(
    free: int, worth: int, goes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2**30))
    monkeypatch.setattr(products, "_WORTH_VALUES", worth)
    monkeypatch.setattr(products, "TensorRows", lambda *given: given)
    rows = np.ones((20, 2), dtype=np.float32)
    hold = holder_for(torch.device("cuda"))

    assert hold is not None
    assert (hold((rows,), rows[:, 0]) is not None) is goes
