"""The login, for servers that have one, and what people are told about what they may do."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

import streamlit as st

from alscope.engine.access import Role, Visitor
from alscope.ui.access import has_login
from alscope.ui.text import plain

__all__ = ["show_account", "show_door", "tell_read_only"]

_ROLES = {
    Role.VIEWER: "You see everything and change nothing.",
    Role.RUNNER: "You start studies, and change what is yours.",
    Role.ADMIN: "You may do everything.",
}


def show_door(visitor: Visitor) -> None:
    """What somebody without a role sees instead of a page."""
    with st.container(width=560, horizontal_alignment="left"):
        st.title("ALScope")
        st.markdown("Which samples should be labeled next? Strategies of active learning compared.")
        if visitor.read_only:
            st.error(visitor.read_only, icon=":material/lock:")
        elif st.user.to_dict().get("is_logged_in") is True:
            _nobody(visitor)
        elif importlib.util.find_spec("authlib") is None:
            st.error(
                "This server asks for a login and lacks the package for it. Whoever runs it "
                "installs `alscope[auth]`.",
                icon=":material/lock:",
            )
        else:
            _login_buttons()


def show_account(visitor: Visitor) -> None:
    """Who is logged in, at the side of every page."""
    if not has_login():
        return
    with st.container(gap="xxsmall"):
        st.caption(f":material/person: {plain(visitor.name)}, {visitor.role.value}")
        if st.button("Log out", type="tertiary", key="log_out", help=_ROLES[visitor.role]):
            st.logout()


def tell_read_only(visitor: Visitor) -> None:
    """Say that nothing can be changed, and why."""
    if visitor.read_only:
        st.info(visitor.read_only, icon=":material/visibility:")
    elif visitor.role is Role.VIEWER:
        st.caption(":material/visibility: You are a viewer here: you see everything that is done.")


def _nobody(visitor: Visitor) -> None:
    who = f"as {plain(visitor.name)}" if visitor.id else "without an address that is verified"
    st.warning(
        f"You are logged in {who}, and this server has no role for you. Ask whoever runs it.",
        icon=":material/lock:",
    )
    if st.button("Log out", key="log_out"):
        st.logout()


def _login_buttons() -> None:
    st.markdown("Log in to see the results on this server.")
    section = st.secrets.to_dict().get("auth", {})
    named = [key for key, value in section.items() if isinstance(value, Mapping)]
    providers = [key for key in named if "client_id" in section[key]]
    with st.container(horizontal=True):
        if "client_id" in section and st.button("Log in", type="primary", icon=":material/login:"):
            st.login()
        for name in providers:
            if st.button(
                f"Log in with {plain(name)}", icon=":material/login:", key=f"login_{name}"
            ):
                st.login(name)
