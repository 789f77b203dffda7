"""Errors and messages as people should see them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from alscope.errors import ALScopeError, ConfigError, Problem, nearest
from alscope.texts import without_folders
from alscope.ui.state import Key
from alscope.ui.text import plain

__all__ = ["flash", "guarded", "show_flash", "show_problems", "tell_unknown"]

log = logging.getLogger(__name__)


@contextmanager
def guarded(doing: str) -> Iterator[None]:
    """Show an exception of the block as a message instead of a traceback.

    Args:
        doing: What is being attempted, to follow "while": "starting the study".
    """
    try:
        yield
    except ConfigError as error:
        show_problems(error.problems, f"This did not work while {doing}:")
    except ALScopeError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except Exception as error:
        log.exception("unexpected error while %s", doing)
        st.error(
            f"Something unexpected happened while {doing}: "
            f"{plain(str(error)) or type(error).__name__}. Nothing that was recorded is lost.",
            icon=":material/error:",
        )
        with st.expander("Details for a bug report"):
            st.code(
                without_folders("".join(traceback.format_exception(error))),
                language="text",
                wrap_lines=True,
            )


def show_problems(problems: tuple[Problem, ...] | list[Problem], title: str) -> None:
    """All problems of a configuration, as a list."""
    lines = "\n".join(f"- {plain(str(problem))}" for problem in problems)
    st.error(f"{title}\n\n{lines}", icon=":material/error:")


def flash(message: str) -> None:
    """Show a message after the next rerun or page change."""
    st.session_state[Key.NOTICE] = message


def show_flash() -> None:
    """Show what `flash` left, once."""
    message = st.session_state.pop(Key.NOTICE, None)
    if message:
        st.toast(message)


def tell_unknown(unknown: Sequence[str], kind: str, valid: Sequence[str]) -> None:
    """A notice about values of the address that mean nothing here and were left out.

    Args:
        unknown: The values.
        kind: What they should have been: "strategy".
        valid: What there is, for a suggestion.
    """
    for value in unknown[:3]:
        guess = nearest(value[:80], valid)
        hint = f" Did you mean {plain(guess)}?" if guess else ""
        st.warning(
            f"The link names the {kind} “{plain(value[:80])}”, which is not here; it is left "
            f"out.{hint}",
            icon=":material/search_off:",
        )
