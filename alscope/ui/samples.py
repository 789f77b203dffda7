"""The results that come with ALScope: taken over in the background at the first start."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

import streamlit as st

from alscope.errors import ALScopeError

if TYPE_CHECKING:
    from alscope.engine.service import Service

__all__ = ["begin", "is_arriving", "show_arriving"]

_SWITCH = "ALSCOPE_SAMPLES"
_NAME = "alscope-samples"
_log = logging.getLogger(__name__)


def begin(service: Service) -> None:
    """Take the samples over, unless `ALSCOPE_SAMPLES=0` or it was done before; returns at once."""
    if os.environ.get(_SWITCH) == "0":
        return
    threading.Thread(target=_install, args=(service,), name=_NAME, daemon=True).start()


def is_arriving() -> bool:
    """Whether samples are being taken over now."""
    return any(thread.name == _NAME for thread in threading.enumerate())


def show_arriving() -> None:
    """Say so while samples arrive."""
    if is_arriving():
        st.caption(
            ":material/hourglass_empty: Sample results are being unpacked; they appear in seconds."
        )


def _install(service: Service) -> None:
    from alscope.results.samples import install

    try:
        install(service.cache, runs=service.runs, studies=service.studies_store)
    except ALScopeError as error:
        _log.warning("sample results are left out: %s", error)
