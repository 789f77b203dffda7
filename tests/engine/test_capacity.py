"""What a strategy cannot look at is refused before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from alscope.acquisition import facility, log_det
from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.data.protocols import DataRoot
from alscope.engine.capacity import capacity_problems, capacity_remarks
from alscope.engine.plan import study_problems
from alscope.engine.service import Service
from alscope.engine.stages import TrainStage
from alscope.errors import ConfigError, SelectionError
from alscope.registry import strategies
from alscope.strategies._base import Load, Strategy
from alscope.strategies.similar import Similar
from alscope.testing.fakes import make_view
from alscope.types import PoolView, Selection, State
from tests.engine.conftest import Bench, tiny_run, tiny_scenario, tiny_study

POOL = 150 - 12  # of the tiny scenario, before the first query


@dataclass(frozen=True, kw_only=True)
class Counting(Strategy):
    """Looks at `most` samples, annotated ones included."""

    most: int = 100

    def excess(self, load: Load) -> str:
        seen = load.n_pool + 2 * load.n_labeled + 2 * load.n_unknowns
        return f"{seen} are more than {self.most}" if seen > self.most else ""

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        return Selection(np.arange(query_size))


@pytest.fixture
def counting() -> Iterator[str]:
    strategies.register("counting", title="Counting", group="baseline", summary="Counts.")(Counting)
    yield "counting"
    for known in (strategies._entries, strategies._info):
        known.pop("counting")


@pytest.fixture
def root(tmp_path) -> DataRoot:
    return DataRoot(path=tmp_path / "data", cache=tmp_path / "derived", allow_download=False)


def study_of(name: str, most: int, *scenarios: ScenarioConfig, **spec: object) -> StudyConfig:
    chosen = StrategySpec(name=name, params={"most": most}, **spec)  # type: ignore[arg-type]
    return tiny_study(strategies=(chosen,), scenarios=scenarios or (tiny_scenario(),))


@pytest.mark.parametrize(
    ("function", "module", "limit"),
    [
        ("flcmi", (facility, "_MOST_COMPARED"), 100**2),
        ("log_det_cmi", (log_det, "_MOST_BYTES"), 9600),
    ],
)
def test_a_plan_says_what_the_strategy_would_say_and_candidates_are_the_way_out(
    function: str,
    module: tuple[object, str],
    limit: int,
    open_service: Callable[..., Service],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(*module, limit)
    service = open_service()
    spec = StrategySpec(name="similar", params={"function": function})
    study = tiny_study(strategies=(StrategySpec(name="random"), spec))
    with pytest.raises(SelectionError) as later:
        Similar(function=function).select(
            make_view(Similar(), n_pool=POOL, n_labeled=12, n_unknowns=0),
            6,
            np.random.default_rng(0),
            None,
        )

    for ask in (service.preview, service.submit):
        with pytest.raises(ConfigError) as caught:
            ask(study)
        (problem,) = caught.value.problems
        assert problem.path == "strategies[1].candidates"
        assert problem.message.endswith(str(later.value))
    assert not service.studies()

    named = re.search(r"candidates to (\d+) or fewer", str(later.value))
    assert named
    mended = replace(study, strategies=(replace(spec, candidates=int(named[1]) - 20),))
    service.preview(mended)


def test_the_planner_asks_every_strategy_and_the_first_pool_decides(
    counting: str, root: DataRoot
) -> None:
    fits = study_of(counting, POOL + 24 + 6)
    (problem,) = study_problems(study_of(counting, POOL + 24 - 1), root)

    assert f"{POOL + 24} are more than {POOL + 24 - 1}" in problem.message
    assert not study_problems(fits, root)
    assert not study_problems(study_of(counting, 44, candidates=6), root)  # 6 + 2 * 18 + ...


def test_what_is_annotated_later_counts_where_it_is_known_beforehand(
    counting: str, root: DataRoot
) -> None:
    # The pool loses 6 in a round, the labels count double: the second query sees more.
    closed = study_of(counting, POOL + 24 + 5)
    opened = study_of(
        counting,
        POOL + 24 + 5,
        tiny_scenario(setting="open", n_known=6, ood_ratio=0.4, initial_ood=False),
    )

    assert f"{POOL + 24 + 6} are more" in capacity_problems(closed, root)[0].message
    assert not capacity_remarks(closed, root)
    assert not capacity_problems(opened, root)
    (remark,) = capacity_remarks(opened, root)
    assert "a later round is refused if that much is found" in remark
    assert any("a later round is refused" in words for words in _warnings(opened, root))


def test_data_that_are_not_here_or_wrong_are_left_to_whoever_reports_them(
    counting: str, root: DataRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"downloaded {arguments}")

    monkeypatch.setattr("alscope.data._stored.download", refuse)
    root = replace(root, allow_download=True)
    absent = study_of(counting, 1, ScenarioConfig(dataset="cifar10"))
    impossible = study_of(counting, 1, tiny_scenario(query_size=100, n_rounds=9))

    assert not capacity_problems(absent, root)
    assert not capacity_problems(impossible, root)
    assert "more than 1" not in str(study_problems(impossible, root))


def test_a_run_that_was_not_planned_is_refused_before_its_training(
    counting: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Data that are downloaded by the run itself could not be counted before.
    trained: list[int] = []
    compute = TrainStage.compute
    monkeypatch.setattr(
        TrainStage, "compute", lambda stage, hands: trained.append(1) or compute(stage, hands)
    )
    run = replace(tiny_run(), strategy=StrategySpec(name=counting, params={"most": POOL + 24 + 5}))
    bench.execute(run)
    history = bench.store.history(run.run_id)

    assert len(history.rounds) == len(trained) == 1  # the first query fits, the second does not
    assert history.error
    assert history.error["message"].startswith("counting: 168 are more than 167")


def _warnings(study: StudyConfig, root: DataRoot) -> list[str]:
    from alscope.engine.preview import remarks

    return remarks(study, root)
