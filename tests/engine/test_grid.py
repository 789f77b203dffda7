"""Scenarios as combinations of values."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from alscope.config import ScenarioConfig
from alscope.engine.grid import Grid, Scenarios, as_grid
from alscope.errors import Problem

BASE = ScenarioConfig(setting="open", n_known=6, ood_ratio=0.4)


def axis(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, min_size=1, max_size=3, unique=True).map(tuple)


GRIDS = st.builds(
    Grid,
    base=st.just(BASE),
    datasets=axis(st.sampled_from(["digits", "mnist", "svhn"])),
    ood_ratios=axis(st.sampled_from([0.2, 0.4, 0.6])),
    imbalance_ratios=axis(st.sampled_from([1.0, 5.0])),
    n_initial=axis(st.integers(1, 99)),
    query_sizes=axis(st.integers(1, 99)),
    n_rounds=axis(st.integers(0, 9)),
)


def test_closed_and_open_sets_are_combined_with_every_imbalance() -> None:
    grid = Grid(
        base=BASE,
        datasets=("digits",),
        ood_ratios=(None, 0.2),
        imbalance_ratios=(1.0, 5.0),
        n_initial=(20,),
        query_sizes=(10,),
        n_rounds=(3,),
    )
    made = grid.combinations()

    assert [(s.setting, s.ood_ratio, s.n_known, s.imbalance_ratio) for s in made] == [
        ("closed", 0.0, None, 1.0),
        ("closed", 0.0, None, 5.0),
        ("open", 0.2, 6, 1.0),
        ("open", 0.2, 6, 5.0),
    ]
    assert not [problem for scenario in made for problem in scenario.problems()]


@settings(max_examples=25)
@given(GRIDS)
def test_a_grid_is_found_again_in_its_scenarios(grid: Grid) -> None:
    made = tuple(grid.combinations())
    found = as_grid(made)

    assert found is not None
    assert tuple(found.combinations()) == made


def test_scenarios_that_are_no_cross_product_are_no_grid() -> None:
    three = (BASE, replace(BASE, n_rounds=2), replace(BASE, n_rounds=2, query_size=7))

    assert as_grid(three) is None
    assert as_grid((BASE, replace(BASE, split_seed=3))) is None


def test_equal_scenarios_are_taken_once_and_impossible_ones_kept_apart() -> None:
    wrong = replace(BASE, n_initial=10**6)
    found = Scenarios.sorted_out(
        [BASE, wrong, BASE],
        lambda scenario: [Problem("n_initial", "too large")] if scenario == wrong else [],
    )

    assert found.possible == (BASE,)
    assert [(one.scenario, one.problems[0].message) for one in found.impossible] == [
        (wrong, "too large")
    ]
    assert found.n_equal == 1
