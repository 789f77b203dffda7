"""The catalogue of strategies, and the page that is made from it."""

from __future__ import annotations

import pytest

from alscope.catalogue import (
    COSTS,
    Filter,
    card,
    cards,
    catalogue_page,
    checks,
    conformance,
    filtered,
)
from alscope.errors import UnknownNameError
from alscope.registry import strategies
from tests.source import ROOT


def test_the_page_in_the_documentation_is_up_to_date() -> None:
    page = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")

    wanted = catalogue_page().rstrip("\n") + "\n"
    assert page == wanted, "run: python -m alscope strategies --markdown > docs/strategies.md"


def test_every_strategy_has_a_card_with_idea_references_and_a_file() -> None:
    found = cards()

    assert sorted(c.key for c in found) == sorted(strategies.names())
    for c in found:
        assert c.idea, c.key
        assert c.references, c.key
        assert c.deviations, c.key
        assert (ROOT / c.source).is_file(), c.source


def test_a_card_tells_parameters_and_inputs() -> None:
    found = card("bald")

    assert [p.name for p in found.params] == ["n_samples"]
    assert found.inputs == ("McMoments",)
    assert found.trains == ""


def test_what_is_trained_beside_the_model_is_told() -> None:
    assert card("lfosa").trains == "companion: detector of unknown classes"
    assert card("learning_loss").trains == "head"


def test_every_strategy_runs_on_every_modality_in_both_settings() -> None:
    refused = {
        (c.key, setting, modality): reasons
        for c in cards()
        for (setting, modality), reasons in c.runs.items()
        if reasons and setting != "no initial label"
    }

    assert refused == {}


def test_a_cold_start_is_refused_with_the_reason_where_labels_are_needed() -> None:
    (reason,) = card("similar").runs["no initial label", "image"]

    assert "at least one label" in reason


def test_an_unknown_strategy_has_no_card() -> None:
    with pytest.raises(UnknownNameError):
        card("nobody")


def test_every_strategy_shows_its_formula() -> None:
    assert [c.key for c in cards() if not c.formula] == []


def test_what_a_strategy_asks_for_decides_what_a_query_costs() -> None:
    costs = {name: card(name).cost for name in ("random", "margin", "bald", "saal", "lfosa")}

    assert list(costs.values()) == list(COSTS)


def test_a_filter_keeps_what_fits_all_of_it() -> None:
    found = cards()

    assert filtered(found, Filter()) == found
    assert {c.group for c in filtered(found, Filter(families=("open_set",)))} == {"open_set"}
    few = filtered(found, Filter(asks=("probabilities",), text="entropy"))
    assert {"random", "entropy", "entropy_cb"} >= {c.key for c in few} > {"entropy"}
    assert "lfosa" not in {c.key for c in filtered(found, Filter(settings=("no initial label",)))}
    assert {c.regime for c in filtered(found, Filter(regimes=("any",)))} == {"any"}
    assert filtered(found, Filter(text="1112.5745", costs=("repeated head",)))[0].key == "bald"


def test_every_strategy_has_tests_of_its_own() -> None:
    assert [name for name in strategies if not checks(name)] == []
    assert "Chooses exactly as many as asked for." in [c.sentence for c in conformance()]
