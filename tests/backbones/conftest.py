"""One small specification of every registered backbone."""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.backbones.fakes  # noqa: F401 - registers small encoders
from tests.backbones.checkpoints import save_tiny_bert


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny pretrained encoder."""
    return save_tiny_bert(tmp_path_factory.mktemp("tiny_bert"))
