from __future__ import annotations

import importlib
import sys

import streamlit as st

from alscope.engine.service import Service
from alscope.ui import service as door


def test_the_service_survives_cache_clears_and_reloads(service: Service) -> None:
    st.cache_resource.clear()
    st.cache_data.clear()
    del sys.modules["alscope.ui.service"]
    fresh = importlib.import_module("alscope.ui.service")
    sys.modules["alscope.ui.service"] = door

    assert fresh is not door
    assert fresh.get_service() is service
    assert door.get_service() is service
