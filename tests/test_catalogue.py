"""The catalogue of strategies, and the page that is made from it."""

from __future__ import annotations

import pytest

from alscope.catalogue import card, cards, catalogue_page
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
