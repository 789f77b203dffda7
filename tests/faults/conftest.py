"""What the fault tests share: seeds that can be repeated, and fixtures of the engine's tests."""

from __future__ import annotations

import os
import random

import pytest

from tests.engine.conftest import bench, make_bench, open_service

__all__ = ["bench", "dice", "make_bench", "open_service"]


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Random choices; `ALSCOPE_FAULT_SEED` gives others, and a red test prints how to repeat it."""
    seed = int(os.environ.get("ALSCOPE_FAULT_SEED", "20"))
    print(f"repeat with ALSCOPE_FAULT_SEED={seed} pytest '{request.node.nodeid}'")
    return random.Random(seed)
