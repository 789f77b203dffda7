from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alscope.engine.service import Service
from alscope.ui.service import adopt


@pytest.fixture(autouse=True)
def _no_component_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every AppTest reads the metadata of all installed packages: half of a test's time."""
    place = "streamlit.components.v2.component_manager.scan_component_manifests"
    monkeypatch.setattr(place, list, raising=False)


@pytest.fixture
def service(cache_folder: Path) -> Iterator[Service]:
    """The service that pages use: an empty cache, nothing runs by itself."""
    with Service.open(cache_folder, executor="serial", offline=True) as opened:
        former = adopt(opened)
        yield opened
        adopt(former)
