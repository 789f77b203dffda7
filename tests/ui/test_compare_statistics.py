"""Pairwise, Ranks and the power hint as sections of a page."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from alscope.config import ScenarioConfig, StudyConfig
from alscope.engine.service import Service
from alscope.ui import nav
from tests.ui.records import address, record, small_study, texts

pytestmark = pytest.mark.slow


def sections() -> None:
    """The page of these tests; it runs alone, so it imports what it needs."""
    from alscope.ui import service
    from alscope.ui.compare_pairwise import show_pairwise
    from alscope.ui.compare_power import show_power
    from alscope.ui.compare_ranks import show_factors, show_ranks
    from alscope.ui.results import rounds_of

    studies = list(service.get_service().studies())
    rounds = rounds_of(studies)
    show_pairwise(rounds, "accuracy")
    show_ranks(rounds, "accuracy")
    show_factors(rounds, "accuracy")
    show_power(rounds, "accuracy", studies)


def drawn(**params: str) -> AppTest:
    """The sections, with query parameters."""
    app = AppTest.from_function(sections, default_timeout=120)
    for key, value in params.items():
        app.query_params[key] = value
    return app.run()


def wide_study(n_scenarios: int, *, n_seeds: int = 2) -> StudyConfig:
    """The small study on several scenarios of one data set."""
    study = small_study(n_seeds=n_seeds)
    scenarios = tuple(
        ScenarioConfig(n_initial=20 + 10 * place, query_size=10, n_rounds=2)
        for place in range(n_scenarios)
    )
    return dataclasses.replace(study, scenarios=scenarios)


def box(app: AppTest, key: str):
    return next(item for item in app.selectbox if item.key == key)


def test_the_sections_draw_without_an_exception(service: Service) -> None:
    record(service, wide_study(6, n_seeds=3))

    app = drawn()

    assert not app.exception
    assert "Friedman's chi-square(2) = 12.00" in texts(app)
    assert "6 scenarios of 1 data set: scenarios of one data set are not independent" in texts(app)
    # Matrix, six differences, blocks, diagram, strips.
    assert len(app.get("vega_lite_chart")) == 10


def test_the_best_strategy_is_compared_with_the_next_until_a_cell_is_chosen(
    service: Service,
) -> None:
    record(service, small_study(n_seeds=8))
    app = drawn()

    assert (box(app, "row").value, box(app, "col").value) == ("badge", "margin")
    box(app, "row").select("random").run()
    box(app, "col").select("badge").run()

    assert not app.exception
    assert "random against badge" in texts(app)
    assert address(app, "row") == ["random"]
    assert address(app, "col") == ["badge"]


def test_a_pair_in_the_address_opens_the_same_view(service: Service) -> None:
    record(service, small_study(n_seeds=8))
    link = {"row": "margin", "col": "random", "test": "wilcoxon", "correction": "none"}
    link |= {"matrix": "penalty"}

    app = drawn(**link)

    assert "margin against random" in texts(app)
    assert "wilcoxon signed rank test at 0.05, no correction" in texts(app)
    assert {key: address(app, key) for key in link} == {key: [word] for key, word in link.items()}


def test_an_unknown_word_in_the_address_is_dropped_with_a_notice(service: Service) -> None:
    record(service, small_study())

    app = drawn(test="anova", row="<b>nobody</b>")

    said = texts(app)
    assert "names the paired test “anova”, which is not here" in said
    assert "nobody" in said
    assert address(app, "test") == ["t"]


@pytest.mark.parametrize("test", ["sign_flip", "wilcoxon"])
def test_too_few_seeds_for_a_test_are_said_instead_of_not_significant(
    service: Service, test: str
) -> None:
    record(service, small_study(n_seeds=5))

    said = texts(drawn(test=test))

    assert "This test cannot reach 0.05 with 5 seeds and 3 pairs of strategies" in said
    assert "Use at least 7 seeds, or the paired t-test" in said
    assert "cells where nothing can be shown say n/a" in said


def test_unfinished_runs_are_listed_as_dropped(service: Service) -> None:
    record(service, small_study(n_seeds=3), failed=(0,))

    app = drawn()

    assert app.expander[0].label.startswith("Only common seeds are compared")
    assert "random: not finished, seed 0" in texts(app)


def test_one_strategy_is_told_that_two_are_needed(service: Service) -> None:
    study = small_study()
    record(service, dataclasses.replace(study, strategies=study.strategies[:1]))

    app = drawn()

    assert not app.exception
    assert "A pairwise comparison needs 2 strategies; you have 1" in texts(app)
    assert "Ranks need at least 2 strategies" in texts(app)
    assert "once two strategies have complete runs" in texts(app)


def test_below_five_scenarios_ranks_say_why_they_are_not_tested_and_what_to_add(
    service: Service,
) -> None:
    record(service, wide_study(3))

    app = drawn()

    assert "you have 3 scenarios. Add 2 more data sets or settings" in texts(app)
    assert "Friedman" not in texts(app)


def test_nothing_finished_is_said_in_words(service: Service) -> None:
    record(service, small_study(), failed=tuple(range(6)))

    app = drawn()

    assert not app.exception
    assert "No two strategies have a complete run with the same seed" in texts(app)


def test_the_hint_says_how_many_seeds_a_gap_needs(service: Service) -> None:
    record(service, small_study(n_seeds=4))

    said = texts(drawn())

    assert "a gap of 0.010 needs about **2 seeds** for 80 % power; you have 4 seeds" in said
    assert "The sign-flip test needs 6 seeds to reach 0.05 at all" in said


def test_more_seeds_are_a_new_study_with_the_next_numbers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(service, small_study(n_seeds=2))
    opened: list[str] = []
    monkeypatch.setattr(nav, "go", lambda name, exp: opened.append(exp))
    app = drawn()
    number = next(item for item in app.number_input if item.label == "Seeds to add")

    number.set_value(3).run()
    said = texts(app)
    next(item for item in app.button if item.label == "Add 3 seeds").click().run()

    larger = service.study(opened[0]).config
    assert "9 new runs" in said
    assert larger.seeds == (0, 1, 2, 3, 4)
    assert larger.scenarios == small_study().scenarios
