"""Roles on the pages: what is drawn, and that no click of a viewer changes a byte."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest

from alscope.engine.access import Role
from alscope.engine.service import Service
from alscope.ui import access
from tests.source import ROOT
from tests.ui.records import raw_texts, record, small_study

SECRETS = {
    "auth": {
        "redirect_uri": "http://localhost:8501/oauth2callback",
        "cookie_secret": "x" * 40,
        "client_id": "alscope",
        "client_secret": "y",
        "server_metadata_url": "http://localhost:1/.well-known/openid-configuration",
    },
    "access": {
        "admins": ["root@lab.example"],
        "runners": ["ada@lab.example"],
        "viewers": ["eve@lab.example"],
    },
}


def user(email: str) -> dict[str, Any]:
    return {"is_logged_in": True, "email": email, "email_verified": True, "name": email[:4]}


def opened(name: str, email: str = "", **params: str) -> AppTest:
    """A page on a server with a login, seen by somebody."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.secrets = {key: dict(value) for key, value in SECRETS.items()}
    app.user = user(email) if email else {"is_logged_in": False}
    app.run()
    app.switch_page(f"pages/{name}.py")
    for key, value in params.items():
        app.query_params[key] = value
    return app.run()


def stored(service: Service) -> dict[str, bytes]:
    """What people would miss; caches and locks are not it."""
    found = (path for path in service.cache.rglob("*") if path.is_file())
    rooms = {"runs", "studies", "owners", "datasets", "artifacts"}
    return {
        str(path): path.read_bytes()
        for path in found
        if path.relative_to(service.cache).parts[0] in rooms and path.name != "lock"
    }


def labels(app: AppTest) -> set[str]:
    return {button.label for button in app.button if not button.disabled}


@pytest.mark.parametrize("name", ["home", pytest.param("library", marks=pytest.mark.slow)])
def test_without_a_login_nothing_of_a_page_is_drawn(service: Service, name: str) -> None:
    record(service, small_study("a secret name"))

    app = opened(name)

    assert not app.exception
    assert labels(app) == {"Log in"}
    assert "secret name" not in raw_texts(app)
    assert not app.sidebar.markdown
    assert not app.sidebar.get("page_link")


def test_who_has_no_role_is_told_whom_to_ask(service: Service) -> None:
    app = opened("home", "mallory@else.example")

    assert "no role for you" in app.warning[0].value
    assert labels(app) == {"Log out"}


def test_a_mistake_in_the_rules_lets_nobody_in(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SECRETS, "access", {"viewrs": ["eve@lab.example"]})

    app = opened("home", "eve@lab.example")

    assert "cannot be read" in app.error[0].value
    assert not app.button


CLICKED = [
    ("monitor", {}),
    ("library", {"tab": "trash"}),
    pytest.param("home", {}, marks=pytest.mark.slow),
    pytest.param("library", {"tab": "studies"}, marks=pytest.mark.slow),
    pytest.param("library", {"tab": "disk"}, marks=pytest.mark.slow),
    pytest.param("library", {"tab": "import"}, marks=pytest.mark.slow),
    pytest.param("build", {}, marks=pytest.mark.slow),
    pytest.param("compare", {"tab": "power"}, marks=pytest.mark.slow),
    pytest.param("data", {}, marks=pytest.mark.slow),
    pytest.param("report", {}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "params"), CLICKED)
def test_no_click_of_a_viewer_changes_anything(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str, params: dict[str, str]
) -> None:
    # Reading the labels of every data set takes seconds, and nothing there can be pressed.
    monkeypatch.setattr("alscope.ui.data_cards.show_catalogue", lambda root: None)
    study_id = record(service, small_study("shown"), failed=(1,))
    service.library.discard(record(service, small_study("deleted", n_initial=30)))
    before = stored(service)
    app = opened(name, "eve@lab.example", **params | {"exp": study_id})
    assert not app.exception

    for place in range(len(app.button)):
        if app.button[place].label == "Log out" or app.button[place].disabled:
            continue
        app.button[place].click().run()
        assert not app.exception
        app = opened(name, "eve@lab.example", **params | {"exp": study_id})
    assert stored(service) == before
    assert not app.get("file_uploader") or name == "build"  # a configuration fills a form


def test_a_viewer_sees_results_and_nothing_to_start(service: Service) -> None:
    study_id = record(service, small_study("shown"))

    monitor = opened("monitor", "eve@lab.example", exp=study_id)

    assert "shown" in raw_texts(monitor)
    assert "Viewers cannot" in raw_texts(monitor)
    assert not labels(monitor) & {"Pause", "Resume", "Cancel", "Retry failed", "Add"}


def test_a_runner_has_the_buttons_for_their_own_studies_only(service: Service) -> None:
    mine = record(service, small_study("mine"))
    other = record(service, small_study("other", n_initial=30))
    service.guard.owners.claim("study", mine, "ada@lab.example")

    here = opened("monitor", "ada@lab.example", exp=mine)
    there = opened("monitor", "ada@lab.example", exp=other)

    assert {"Set", "Delete the study"} <= labels(here)
    assert not {"Set", "Delete the study"} & labels(there)
    assert "It is not yours" in raw_texts(there)


@pytest.mark.slow
def test_an_action_is_refused_although_the_button_was_drawn_before(service: Service) -> None:
    # A modified browser can send what the page no longer offers: the engine refuses.
    study_id = record(service, small_study("mine"))
    service.guard.owners.claim("study", study_id, "ada@lab.example")
    app = opened("monitor", "ada@lab.example", exp=study_id)
    (button,) = [button for button in app.button if button.label == "Delete the study"]
    app.user = user("eve@lab.example")

    button.click().run()

    assert service.studies_store.exists(study_id)
    assert not app.exception


def test_a_published_server_shows_and_says_so(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = record(service, small_study("shown"))
    monkeypatch.setenv(access.READ_ONLY, "1")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()

    app.switch_page("pages/library.py")
    app.query_params["exp"] = study_id
    app.run()

    assert "shows results" in app.info[0].value
    assert not labels(app) & {"Delete", "Save"}


# -------------------------------------------------------------------- who is it


def context(
    monkeypatch: pytest.MonkeyPatch,
    *,
    address: str | None = "127.0.0.1",
    ip: str | None = None,
    **headers: str,
) -> None:
    """A session as a server would see it."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    fake = SimpleNamespace(headers={"Host": "localhost:8501"} | spelled, ip_address=ip)
    monkeypatch.setattr(access.st, "context", fake)
    monkeypatch.setattr(access, "get_script_run_ctx", lambda **_: object())
    monkeypatch.setattr(
        access.st, "get_option", lambda name: address if name == "server.address" else []
    )
    monkeypatch.setattr(access.st, "secrets", Secrets())


def test_ones_own_computer_needs_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    context(monkeypatch)

    visitor = access.current_user()

    assert (visitor.role, visitor.read_only) == (Role.ADMIN, "")
    assert access.is_own_computer()


@pytest.mark.parametrize(
    "how",
    [
        {"address": None},
        {"address": "0.0.0.0"},
        {"address": "::"},
        {"address": "192.168.1.7"},
        {"address": "unix:///run/alscope.sock"},
        {"ip": "192.168.1.9"},
        {"X_Forwarded_For": "10.0.0.1"},
        {"X_Forwarded_Host": "alscope.example"},
        {"Forwarded": "for=10.0.0.1"},
        {"X_Real_Ip": "10.0.0.1"},
        {"Host": "alscope.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "[bad"},
        {"Host": ""},
    ],
)
def test_a_server_that_others_can_reach_without_a_login_only_shows(
    monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    context(monkeypatch, **how)

    assert "Other computers can reach this server" in access.current_user().read_only
    assert not access.is_own_computer()


def test_a_trusted_network_is_the_operators_decision_and_reads_no_files_by_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context(monkeypatch, address="0.0.0.0")
    monkeypatch.setenv(access.TRUST, "1")

    assert access.current_user().read_only == ""
    assert not access.is_own_computer()


def test_secrets_that_cannot_be_read_let_nobody_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context(monkeypatch)
    broken = tmp_path / "secrets.toml"
    broken.write_text("[auth\n", encoding="utf-8")
    monkeypatch.setattr(access.st, "get_option", lambda name: [str(broken)])
    monkeypatch.setattr("streamlit.runtime.secrets.config.get_option", lambda name: [str(broken)])

    visitor = access.current_user()

    assert visitor.role is Role.NONE
    assert "cannot be read" in visitor.read_only


@pytest.mark.parametrize("secret", ["", "changeme", "x" * 31, 12345])
def test_a_login_that_can_be_forged_lets_nobody_in(
    service: Service, monkeypatch: pytest.MonkeyPatch, secret: object
) -> None:
    monkeypatch.setitem(SECRETS, "auth", {**SECRETS["auth"], "cookie_secret": secret})

    app = opened("home", "root@lab.example")

    assert "cannot be read" in app.error[0].value
    assert not app.button


def test_a_thread_of_the_server_without_a_session_acts_for_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(st.runtime, "exists", lambda: True)

    assert access.current_user().role is Role.NONE
