from __future__ import annotations

from dataclasses import dataclass

import pytest
from streamlit.testing.v1 import AppTest

from alscope.engine.service import Service
from alscope.params import param
from alscope.ui.forms import changed
from tests.ui.records import page, texts


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field of every kind."""

    n_samples: int = param(10, low=1, high=50, unit="passes", help="How many.", paper="100")
    share: float = param(0.5, low=0.0, high=1.0)
    limit: int | None = param(None, low=2)
    kind: str = param("a", choices=("a", "b"))
    plain: bool = True


def form() -> None:
    import streamlit as st

    from alscope.ui.forms import fields_form
    from tests.ui.test_forms import Settings

    st.session_state["result"] = fields_form(Settings, prefix="f")


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(form, default_timeout=30).run()


def test_a_form_starts_with_the_defaults(app: AppTest) -> None:
    assert not app.exception
    assert app.session_state["result"] == {
        "n_samples": 10,
        "share": 0.5,
        "limit": None,
        "kind": "a",
        "plain": True,
    }


def test_a_form_returns_what_was_entered(app: AppTest) -> None:
    app.get_by_key("f_n_samples").set_value(20)
    app.get_by_key("f_share").set_value(0.25)
    app.get_by_key("f_limit").set_value(5)
    app.get_by_key("f_kind").select("b")
    app.get_by_key("f_plain").uncheck().run()

    result = app.session_state["result"]
    assert list(result.values()) == [20, 0.25, 5, "b", False]
    assert type(result["n_samples"]) is int


def test_a_field_shows_its_range_unit_and_the_papers_value(app: AppTest) -> None:
    widget = app.get_by_key("f_n_samples")

    assert (widget.min, widget.max, widget.step) == (1, 50, 1)
    assert widget.label == "Samples (passes)"
    assert widget.help == "How many. The paper uses 100."


def test_only_what_differs_from_the_defaults_is_kept() -> None:
    values = {"n_samples": 10, "share": 0.25, "limit": None, "kind": "a", "plain": True}

    assert changed(Settings, values) == {"share": 0.25}


def test_an_unexpected_error_is_a_message_with_folded_details(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("the disk is <b>full</b>")

    monkeypatch.setattr(service, "studies", broken)

    app = page("monitor")

    assert not app.exception
    assert "Something unexpected happened while showing this page" in texts(app)
    assert r"\<b\>full\</b\>" in app.error[0].value
    assert app.expander[0].label == "Details for a bug report"
