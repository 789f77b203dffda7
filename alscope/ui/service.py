"""The one door of the interface to the engine.

There is one `Service` per process. Streamlit may import project modules again after an edit and
empties its caches on request, and either would start a second engine, so the service is anchored in
`sys`, which survives both. Its guard asks who uses the session that calls (`alscope.ui.access`).
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

from alscope.texts import log_to_stderr

if TYPE_CHECKING:
    from alscope.engine.service import Service

__all__ = ["adopt", "get_service"]

_ANCHOR = "_alscope_registry"


def get_service() -> Service:
    """The service of this process, opened at the first call."""
    anchor = _anchor()
    with anchor["lock"]:
        if anchor["service"] is None:
            from alscope.engine.service import Service
            from alscope.ui import samples
            from alscope.ui.access import current_user

            log_to_stderr(logging.WARNING, "%(asctime)s %(levelname)s %(name)s: %(message)s")
            opened = Service.open()
            opened.guard.who = current_user
            anchor["service"] = opened
            samples.begin(opened)
        return cast("Service", anchor["service"])


def adopt(service: Service | None) -> Service | None:
    """Use `service` from now on, for launchers and tests; returns the one used until now.

    Args:
        service: An open service; None: the next `get_service` opens one with the defaults.
    """
    from alscope.ui.access import current_user

    if service is not None:
        service.guard.who = current_user
    anchor = _anchor()
    with anchor["lock"]:
        former, anchor["service"] = anchor["service"], service
    return cast("Service | None", former)


def _anchor() -> dict[str, Any]:
    fresh = {"lock": threading.RLock(), "service": None}
    return cast("dict[str, Any]", sys.__dict__.setdefault(_ANCHOR, fresh))
