from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from alscope import rng
from tests.oracles import splitmix64

MASK = (1 << 64) - 1


def test_streams_differ_by_seed_and_by_every_name() -> None:
    names = [(7,), (8,), (7, "a"), (7, "b"), (7, "a", 0), (7, "a", "0"), (7, "a", 1), (7, 0, "a")]
    seeds = {rng.seed_for(seed, *rest) for seed, *rest in names}

    assert len(seeds) == len(names)


def test_a_seed_is_pinned_and_fits_into_63_bits() -> None:
    # Every record on disk depends on it.
    assert rng.seed_for(7, "model_init", 0) == 7578443315871380791
    assert all(0 <= rng.seed_for(s) < 2**63 for s in range(100))


def test_the_same_stream_draws_the_same_numbers() -> None:
    first, second = (rng.generator(3, "x", 1).random(5).tolist() for _ in range(2))

    assert first == second
    assert first != rng.generator(3, "x", 2).random(5).tolist()


def test_torch_streams_draw_the_same_numbers() -> None:
    first, second = (torch.rand(5, generator=rng.torch_generator(3, "x")) for _ in range(2))

    assert first.tolist() == second.tolist()


def test_seeded_fixes_the_global_generators() -> None:
    def draws() -> tuple[float, float, float]:
        with rng.seeded(5, "init"):
            return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002

    assert draws() == draws()


@pytest.mark.parametrize("accelerated", [False, True])
def test_seeded_draws_what_torch_would_draw(
    accelerated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: accelerated)
    with rng.seeded(5, "init"):
        drawn = torch.rand(4), torch.randn(4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(rng.seed_for(5, "init"))
        expected = torch.rand(4), torch.randn(4)

    assert all(map(torch.equal, drawn, expected))


@pytest.mark.parametrize("fails", [False, True])
def test_seeded_restores_the_global_generators(fails: bool) -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002

    def body() -> None:
        with rng.seeded(5, "init"):
            random.random(), np.random.rand(), torch.rand(1)  # noqa: NPY002
            if fails:
                raise ValueError

    if fails:
        with pytest.raises(ValueError, match=r"^$"):
            body()
    else:
        body()
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002

    assert after == before


def test_tie_keys_have_their_pinned_values() -> None:
    keys = rng.tie_keys(np.arange(3), seed=0, round=0)

    assert [hex(key) for key in keys] == [
        "0x238275bc38fcbe91",
        "0x2f32a78496c67c60",
        "0xb28c4c30d302532e",
    ]


def test_tie_keys_are_the_published_hash() -> None:
    ids = [0, 1, 17, 2**31, 2**62]
    for seed, number in [(0, 0), (1, 2), (2, 1), (2**63 - 1, 40)]:
        base = splitmix64(splitmix64(seed) ^ number)
        expected = [splitmix64(base ^ i) for i in ids]

        assert rng.tie_keys(np.array(ids), seed=seed, round=number).tolist() == expected


def test_tie_keys_follow_the_id_and_not_the_position() -> None:
    ids = np.random.default_rng(0).permutation(100)
    keys = rng.tie_keys(ids, seed=4, round=1)

    assert keys[np.argsort(ids)].tolist() == rng.tie_keys(np.arange(100), seed=4, round=1).tolist()
    assert np.unique(keys).size == 100
    assert keys.tolist() != rng.tie_keys(ids, seed=4, round=2).tolist()


def test_tie_keys_leave_the_ids_unchanged_and_raise_no_warning() -> None:
    ids = np.arange(5)
    rng.tie_keys(ids, seed=MASK >> 1, round=0)

    assert ids.tolist() == [0, 1, 2, 3, 4]
