"""C1 and C2: killed at every counted point, once and again and again.

What a killed process leaves is what its files are at that moment, and locks that are free again. So
a copy of the folder, taken at a fault point, is what `kill -9` at that point would leave; points
between which nothing was written leave the same and are tried once. Real kills of real processes
are in `tests/engine/test_kill.py` and `tests/store/test_processes.py`.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alscope.config import RunConfig
from alscope.types import RunState
from tests.engine.conftest import Bench, tiny_run
from tests.store.conftest import in_turns

DISPLAY_ONLY = ("progress.json", "owner.json", "lock")
MakeBench = Callable[..., Bench]


def state_of(folder: Path) -> str:
    """Digest of every file that a resumed run could depend on."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in DISPLAY_ONLY and "derived" not in path.parts:
            name = "a temporary file" if path.name.endswith(".tmp") else str(path)
            found.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def every_state(bench: Bench, config: RunConfig, target: Path) -> tuple[int, dict[Path, str]]:
    """Execute a run, keeping a copy of its folder wherever a kill would leave something new.

    Returns:
        The number of points passed, and the copies with the name of the point of each.
    """
    points, copies, seen = 0, {}, set()

    def look(name: str) -> None:
        nonlocal points
        points += 1
        state = state_of(bench.folder)
        if state not in seen:
            seen.add(state)
            copy = target / f"{len(seen)}"
            shutil.copytree(bench.folder, copy)
            copies[copy] = f"{name}, point {points}"

    with in_turns(look):
        assert bench.execute(config) is RunState.DONE
    return points, copies


def check(copy: Path, where: str, config: RunConfig, truth: bytes) -> None:
    """Resume what a kill left."""
    left = Bench(copy)
    before = left.store.history(config.run_id).rounds if left.store.exists(config.run_id) else ()

    assert left.execute(config) is RunState.DONE, where
    assert left.records(config) == truth, where
    assert left.store.verify(config.run_id) == [], where
    assert left.store.history(config.run_id).rounds[: len(before)] == before, where


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "scenario"),
    [
        ("badge", {"n_rounds": 1}),
        ("tidal", {"n_rounds": 1, "setting": "open", "n_known": 4, "imbalance_ratio": 3.0}),
    ],
    ids=["closed set", "open set with a long tail"],
)
def test_a_kill_at_any_point_changes_nothing(
    make_bench: MakeBench, tmp_path: Path, strategy: str, scenario: dict[str, object]
) -> None:
    config, bench = tiny_run(strategy, **scenario), make_bench("whole")
    n_points, copies = every_state(bench, config, tmp_path / "left")
    truth = bench.records(config)
    for copy, where in copies.items():
        check(copy, where, config, truth)
        shutil.rmtree(copy)

    assert n_points > 60
    assert len(copies) > 20


def test_a_kill_at_some_points_changes_nothing(
    make_bench: MakeBench, tmp_path: Path, dice: random.Random
) -> None:
    config, bench = tiny_run(n_rounds=1), make_bench("whole")
    _, copies = every_state(bench, config, tmp_path / "left")
    truth = bench.records(config)
    for copy in dice.sample(list(copies), 3):
        check(copy, copies[copy], config, truth)


@pytest.mark.slow
def test_killed_again_and_again_a_run_goes_forward_and_ends_the_same(
    make_bench: MakeBench, tmp_path: Path, dice: random.Random
) -> None:
    config, whole = tiny_run("badge", n_rounds=3), make_bench("whole")
    n_points, _ = every_state(whole, config, tmp_path / "unused")
    truth, lives = whole.records(config), []
    for number in range(4):
        folder, rounds, lives_of_this = tmp_path / f"run-{number}", 0, 0
        while True:
            lives_of_this += 1
            copy = tmp_path / f"run-{number}-after-{lives_of_this}"
            if _live(folder, config, copy, at=dice.randrange(5, n_points)):
                break
            shutil.rmtree(folder)
            folder = copy
            recorded = len(Bench(folder).store.history(config.run_id).rounds)
            assert recorded >= rounds
            rounds = recorded
        lives.append(lives_of_this)
        assert Bench(folder).records(config) == truth

    assert sum(lives) > 6


def _live(folder: Path, config: RunConfig, copy: Path, *, at: int) -> bool:
    """Execute until a point, of which a copy is taken as a kill would leave it; True: the end."""
    left = at

    def look(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            shutil.copytree(folder, copy)

    with in_turns(look):
        assert Bench(folder).execute(config) is RunState.DONE
    return left > 0
