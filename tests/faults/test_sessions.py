"""U2 and U3: many sessions on one server, and one engine however often pages are drawn."""

from __future__ import annotations

import threading

from alscope.engine.service import Service
from tests.ui.conftest import service
from tests.ui.records import page, record, small_study

__all__ = ["service"]


def test_twenty_draws_of_a_page_start_one_engine(service: Service) -> None:
    record(service, small_study())
    app = page("monitor")
    before = {thread.name for thread in threading.enumerate()}
    for _ in range(20):
        app.run()

    assert not app.exception
    added = {thread.name for thread in threading.enumerate()} - before
    assert not {name for name in added if name.startswith("alscope-")}
