"""Widgets whose values are in the address, so that a view can be sent to a colleague.

`restore` gives a widget the value of the address before it is drawn, `publish` writes the value to
the address afterwards. Every value is written, defaults included: a link keeps its meaning when a
default changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st

__all__ = ["here", "publish", "restore", "restore_one", "restore_text"]


def restore(
    key: str, options: Sequence[str], default: Sequence[str], *, param: str = ""
) -> list[str]:
    """Set a multiple choice from the address.

    Args:
        key: Of the widget; also the name of the query parameter.
        options: Legal values.
        default: Values where the address says nothing.
        param: Name of the query parameter where it differs: a short word that pages read
            differently must not share their session state.

    Returns:
        Values of the address that are not legal; they are dropped, tell the user.
    """
    asked = st.query_params.get_all(param or key)
    former = st.session_state.get(_memory(key))
    try:
        return _restore(key, options, default, asked, former)
    finally:
        st.session_state[_offered(key)] = list(options)


def _restore(
    key: str,
    options: Sequence[str],
    default: Sequence[str],
    asked: list[str],
    former: list[str] | None,
) -> list[str]:
    if key in st.session_state and asked == former:
        # The address is what this page wrote: the widget may have moved on since.
        st.session_state[key] = _kept(key, options)
        return []
    if not asked and former:
        # Back from another page, whose address has no parameters; or a link to something else,
        # where all that there was before is not all that there is.
        asked = former = list(options) if _was_everything(key, former) else former
    known = [value for value in dict.fromkeys(asked) if value in options]
    st.session_state[key] = known or list(default)
    return [value for value in asked if value not in options] if asked is not former else []


def restore_one(key: str, options: Sequence[str], default: str, *, param: str = "") -> list[str]:
    """Set a single choice from the address; as `restore`."""
    if key in st.session_state:
        st.session_state[key] = [st.session_state[key]]
    unknown = restore(key, options, [default], param=param)
    chosen = st.session_state[key]
    st.session_state[key] = chosen[0] if chosen else default
    return unknown


def restore_text(key: str, *, limit: int) -> None:
    """Set a text from the address, cut to `limit` characters; publish it as a list of one or none.

    Any text is legal, so it must be shown with `plain` and never become a path.
    """
    asked = [value[:limit] for value in st.query_params.get_all(key)[:1]]
    former = st.session_state.get(_memory(key))
    if key in st.session_state and asked == former:
        return
    kept = asked or former or [""]
    st.session_state[key] = kept[0]


def publish(key: str, values: Sequence[str], *, param: str = "") -> None:
    """Write values to the address; arguments as of `restore`."""
    wanted = list(values)
    if st.query_params.get_all(param or key) != wanted:
        st.query_params[param or key] = wanted
    st.session_state[_memory(key)] = wanted


def here(key: str, value: str) -> str:
    """The address of this view with another value of one parameter, for links in tables."""
    params = {name: st.query_params.get_all(name) for name in st.query_params}
    return "?" + urlencode({**params, key: [value]}, doseq=True)


def _kept(key: str, options: Sequence[str]) -> list[str]:
    """The chosen values that are still legal; "all of them" stays all of them."""
    chosen = st.session_state[key]
    everything = _was_everything(key, chosen)
    return [value for value in options if everything or value in chosen]


def _was_everything(key: str, chosen: Sequence[str]) -> bool:
    offered = st.session_state.get(_offered(key), [])
    return len(offered) > 1 and len(chosen) == len(offered)


def _memory(key: str) -> str:
    return f"url_{key}"


def _offered(key: str) -> str:
    return f"url_{key}_offered"
