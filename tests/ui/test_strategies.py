"""The page Strategies: filters, cards, links."""

from __future__ import annotations

import pytest

from alscope.engine.service import Service
from alscope.results.bundle import import_bundle
from alscope.results.samples import bundles
from tests.ui.records import address, page, texts

pytestmark = pytest.mark.slow


def test_every_strategy_has_a_small_card() -> None:
    app = page("strategies")

    assert not app.exception
    assert "25 strategies of 25" in texts(app)
    assert "BADGE" in texts(app)


def test_a_filter_leaves_the_strategies_that_ask_for_nothing_else() -> None:
    app = page("strategies", needs=["probabilities"], family=["uncertainty"])

    said = texts(app)
    assert "**Margin**" in said
    assert "**BALD**" not in said
    assert "**BADGE**" not in said


def test_words_are_looked_for_in_references_too() -> None:
    app = page("strategies", q="1708.00489")

    said = texts(app)
    assert "**CoreSet**" in said
    assert "**Margin**" not in said


def test_an_unknown_value_of_the_address_is_named_and_dropped() -> None:
    app = page("strategies", family=["uncertainity"])

    assert "uncertainity" in texts(app)
    assert "25 strategies of 25" in texts(app)
    assert address(app, "family") == []


def test_choices_nobody_fits_say_so() -> None:
    app = page("strategies", q="nothing has these words")

    assert "No strategy fits" in texts(app)


def test_a_link_opens_the_whole_card() -> None:
    app = page("strategies", s="badge")

    assert not app.exception
    assert app.title[0].value == "BADGE"
    assert app.get("latex")
    assert "k-means++" in texts(app)
    assert "Its batch is uncertain and diverse." in texts(app)


def test_every_card_can_be_drawn() -> None:
    from alscope.registry import strategies

    app = page("strategies", s="random")
    for name in strategies:
        app.query_params["s"] = name
        app.run()

        assert not app.exception, name
        assert not app.error, name


def test_a_misspelt_strategy_is_answered_with_the_nearest_one() -> None:
    app = page("strategies", s="bagde")

    assert "There is no strategy" in texts(app)
    assert not app.exception


def test_a_card_shows_three_moments_of_the_engines_own_strategy() -> None:
    app = page("strategies", s="coreset")

    assert len(app.get("vega_lite_chart")) == 3
    assert "After 15 labels" in texts(app)


def test_a_strategy_that_needs_a_deep_network_says_why_it_is_not_drawn() -> None:
    app = page("strategies", s="learning_loss")

    assert not app.get("vega_lite_chart")
    assert "cannot be shown on points of the plane" in texts(app)
    assert "Try in the playground" not in [item.label for item in app.button]


def test_a_strategy_is_added_to_the_next_study(service: Service) -> None:
    app = page("strategies", s="saal")
    next(item for item in app.button if item.label == "Add to study").click().run()

    assert app.title[0].value == "Build an experiment"
    assert app.session_state["build_strategy_use_saal"]
    assert app.session_state["build_strategy_use_random"]


def test_a_strategy_can_be_tried_in_the_playground(service: Service) -> None:
    app = page("strategies", s="coreset")
    next(item for item in app.button if item.label == "Try in the playground").click().run()

    assert app.title[0].value == "Playground"
    assert not app.exception
    assert address(app, "opp") == ["coreset"]


def test_the_table_says_what_the_samples_measured(service: Service) -> None:
    before = page("strategies", look=["table"])
    digits = next(path for path in bundles().values() if path.name == "digits.zip")
    import_bundle(digits, runs=service.runs, studies=service.studies_store)
    app = page("strategies", look=["table"])

    assert not app.exception
    assert "Gain over Random" not in before.dataframe[0].value
    table = app.dataframe[0].value.set_index("Name")
    assert table.loc["alpha_mix", "Gain over Random"] > 0
    assert table.loc["alpha_mix", "Significantly"] == "1 better, 0 worse of 1"
    assert table.loc["saal", "Significantly"] == ""  # not part of the samples
    assert "1 small scenario on" in texts(app)
