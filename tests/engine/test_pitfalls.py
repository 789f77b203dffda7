"""Every pitfall is seen, and what mends it mends it."""

from __future__ import annotations

from alscope.config import StrategySpec, StudyConfig
from alscope.engine.pitfalls import Pitfall, pitfalls
from tests.engine.conftest import tiny_scenario, tiny_study


def found(study: StudyConfig) -> dict[str, Pitfall]:
    return {one.key: one for one in pitfalls(study, lambda _: 10)}


BAD = tiny_study(
    strategies=(StrategySpec(name="badge"),),
    seeds=(4, 1),
    scenarios=(tiny_scenario(n_initial=5),),
)


def test_a_study_with_every_fault_walks_into_every_pitfall() -> None:
    assert not any(one.passed for one in found(BAD).values())
    assert "smallest possible p: 0.5" in found(BAD)["seeds"].why
    assert "5 initial labels for 10 classes" in found(BAD)["coverage"].why


def test_mending_all_of_them_one_after_the_other_leaves_none() -> None:
    study = BAD
    for key in found(BAD):
        mended = found(study)[key].mended
        assert mended is not None
        study = mended

    assert all(one.passed for one in found(study).values())
    assert list(study.problems()) == []
    assert study.seeds == (4, 1, 5, 6, 7, 8)
    assert {spec.name for spec in study.strategies} == {"random", "margin", "badge"}
    assert [scenario.n_initial for scenario in study.scenarios] == [10, 20]


def test_what_only_the_user_knows_has_no_button() -> None:
    given = tiny_study(scenarios=(tiny_scenario(initial="given", initial_ids=(1, 2), n_initial=2),))

    assert found(given)["coverage"].mended is None
    assert found(given)["starts"].mended is None


def test_classes_are_not_asked_for_while_the_data_are_not_here() -> None:
    assert "coverage" not in {one.key for one in pitfalls(BAD, lambda _: None)}
