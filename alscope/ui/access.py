"""Who looks at the app, from what Streamlit knows about the session: the only place that asks it.

Without a login there is one user, whose computer this is. That holds only while nobody else can
reach the app: as soon as the server listens to other computers, or a proxy speaks for them, and
there is no login, everything can be looked at and nothing changed. Everything here can only take
rights away from a request; what a browser says about itself never gives any.
"""

from __future__ import annotations

import functools
import ipaddress
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from alscope.engine.access import LOCAL, Action, Role, Visitor
from alscope.engine.access_rules import AccessRules, read_rules
from alscope.errors import ConfigError, Problem
from alscope.store.owners import Kind

__all__ = ["READ_ONLY", "TRUST", "current_user", "has_login", "is_own_computer", "refusal"]

READ_ONLY = "ALSCOPE_READ_ONLY"
TRUST = "ALSCOPE_TRUST_NETWORK"
_log = logging.getLogger(__name__)

_PUBLISHED = "This server shows results; nothing can be started or changed here."
_NO_LOGIN = (
    "Other computers can reach this server and it has no login, so it shows results and changes "
    "nothing. The page on deployment in the documentation says how to set up a login."
)
_BROKEN = "The settings of this server's login cannot be read; its log says why."
_SHORTEST_SECRET = 32
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def current_user() -> Visitor:
    """Who acts in this session, and what the server allows them."""
    if get_script_run_ctx(suppress_warning=True) is None:
        # No session: a script that uses the engine, or a thread of the server that acts for nobody.
        return Visitor(role=Role.NONE) if st.runtime.exists() else LOCAL
    if _secrets_are_broken():
        return Visitor(role=Role.NONE, read_only=_BROKEN)
    visitor = _logged_in() if has_login() else _without_login()
    if _is_on(READ_ONLY):
        return Visitor(id=visitor.id, name=visitor.name, role=visitor.role, read_only=_PUBLISHED)
    return visitor


def refusal(action: Action, name: str = "", *, kind: Kind = "study") -> str:
    """Why the current user may not do something, for people; "" if they may.

    Args:
        action: What.
        name: The study or data set that it is done to; "": none yet.
        kind: What `name` names.
    """
    from alscope.ui.service import get_service

    return get_service().guard.refusal(action, name, kind=kind)


def has_login() -> bool:
    """Whether this server asks people to log in."""
    return "auth" in _secrets()


def is_own_computer() -> bool:
    """Whether the only user sits at the computer that the app runs on."""
    return not has_login() and not _secrets_are_broken() and not _is_reached_from_elsewhere()


def _without_login() -> Visitor:
    if _is_reached_from_elsewhere() and not _is_on(TRUST):
        return Visitor(name="you", role=Role.ADMIN, read_only=_NO_LOGIN)
    return Visitor(name="you", role=Role.ADMIN)


def _logged_in() -> Visitor:
    claims = st.user.to_dict()
    if claims.get("is_logged_in") is not True:
        return Visitor(role=Role.NONE)
    try:
        rules = _rules()
    except ConfigError as error:
        _log.error("nobody gets in, because the secrets are wrong: %s", error)
        return Visitor(role=Role.NONE, read_only=_BROKEN)
    name = rules.name_of(claims)
    return Visitor(
        id=name,
        name=str(claims.get("name") or name)[:80],
        role=rules.role_of(name),
        allowance=rules.allowance,
    )


def _rules() -> AccessRules:
    secrets = _secrets()
    secret = secrets["auth"].get("cookie_secret") if isinstance(secrets["auth"], Mapping) else None
    if not isinstance(secret, str) or len(secret) < _SHORTEST_SECRET:
        raise ConfigError(
            [Problem("auth.cookie_secret", "is short, so logins could be forged; make a long one")]
        )
    table = secrets.get("access", {})
    if not isinstance(table, Mapping):
        table = {"access": table}  # reported as an unknown setting
    return read_rules(table)


def _secrets() -> Mapping[str, Any]:
    return st.secrets.to_dict() if st.secrets.load_if_toml_exists() else {}


def _secrets_are_broken() -> bool:
    """Whether there is a file of secrets that cannot be read: then nobody knows of a login."""
    if st.secrets.load_if_toml_exists():
        return False
    return any(Path(path).exists() for path in st.get_option("secrets.files") or ())


def _is_reached_from_elsewhere() -> bool:
    """Whether this request, or any, may come from another computer."""
    headers = st.context.headers
    return (
        not _is_loopback(st.get_option("server.address") or "")
        or isinstance(st.context.ip_address, str)  # None: this computer
        or any(name in headers for name in _FORWARDED)
        or not _is_loopback(_host(headers.get("Host", "localhost")))
    )


def _host(header: str) -> str:
    """The name in a `Host` header, without its port; "" if it is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


@functools.cache
def _is_loopback(address: str) -> bool:
    if address.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # a name, a socket, or nothing, which means every address
        return False


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").strip().casefold() in {"1", "true", "yes", "on"}
