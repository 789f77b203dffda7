"""Changes that must not change a record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alscope.engine.control import StopToken
from alscope.types import RunState
from tests.engine.conftest import SEVEN, Bench, tiny_run

pytestmark = pytest.mark.slow

SETTINGS: dict[str, dict[str, Any]] = {
    "closed": {},
    "open": {"setting": "open", "n_known": 6, "ood_ratio": 0.4},
    "imbalanced": {"imbalance_ratio": 5.0},
    "both": {"setting": "open", "n_known": 6, "ood_ratio": 0.4, "imbalance_ratio": 5.0},
}


class StopAfter(StopToken):
    """Asks for a pause at the n-th check."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.left = n

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.request("pause")
        super().check()


@pytest.mark.parametrize("setting", SETTINGS)
def test_records_with_sharing_equal_records_without(
    setting: str, make_bench: Callable[..., Bench]
) -> None:
    shared = make_bench("shared")
    for name in SEVEN:
        config = tiny_run(name, **SETTINGS[setting])
        private = make_bench(f"private-{name}", cached=False)

        assert shared.execute(config) is RunState.DONE
        assert private.execute(config) is RunState.DONE
        assert shared.records(config) == private.records(config)


def test_order_of_strategies_does_not_matter(make_bench: Callable[..., Bench]) -> None:
    forward, backward = make_bench("forward"), make_bench("backward")
    for name in SEVEN:
        forward.execute(tiny_run(name))
    for name in reversed(SEVEN):
        backward.execute(tiny_run(name))

    for name in SEVEN:
        assert forward.records(tiny_run(name)) == backward.records(tiny_run(name))


@pytest.mark.parametrize("name", ["margin", "bald", "badge"])
def test_a_run_paused_anywhere_resumes_to_the_same_records(
    name: str, make_bench: Callable[..., Bench]
) -> None:
    whole = make_bench("whole")
    config = tiny_run(name)
    whole.execute(config)

    for n in range(0, 60, 7):
        bench = make_bench(f"paused-{n}")
        state = bench.execute(config, StopAfter(n))
        while state is RunState.PAUSED:
            state = bench.execute(config, StopAfter(n + 40))
        assert state is RunState.DONE
        assert bench.records(config) == whole.records(config)


def test_resuming_without_the_artifact_cache_gives_the_same_records(
    make_bench: Callable[..., Bench],
) -> None:
    config = tiny_run("badge")
    whole = make_bench("whole")
    whole.execute(config)
    bench = make_bench("bench", cached=False)

    assert bench.execute(config, StopAfter(30)) is RunState.PAUSED
    assert bench.execute(config) is RunState.DONE
    assert bench.records(config) == whole.records(config)


def test_warm_start_resumes_to_the_same_records(make_bench: Callable[..., Bench]) -> None:
    from dataclasses import replace

    config = tiny_run("margin")
    config = replace(config, train=replace(config.train, init="previous"))
    whole = make_bench("whole")
    whole.execute(config)
    bench = make_bench("bench")

    assert bench.execute(config, StopAfter(40)) is RunState.PAUSED
    assert bench.execute(config) is RunState.DONE
    assert bench.records(config) == whole.records(config)


def test_executing_a_finished_run_again_changes_nothing(bench: Bench) -> None:
    config = tiny_run()
    bench.execute(config)
    journal = Path(bench.folder / "runs" / config.run_id / "journal.jsonl").read_bytes()

    assert bench.execute(config) is RunState.DONE
    after = Path(bench.folder / "runs" / config.run_id / "journal.jsonl").read_bytes()
    assert after == journal
