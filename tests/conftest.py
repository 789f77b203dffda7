"""What every test stands on: one thread, no network, a cache of its own, repeatable examples."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Before NumPy, torch or a Hugging Face library is imported, by us or by a worker process.
_CACHE = tempfile.TemporaryDirectory(prefix="alscope-tests-", ignore_cleanup_errors=True)
os.environ.update(
    {
        "ALSCOPE_CACHE": _CACHE.name,
        "ALSCOPE_SAMPLES": "0",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_OFFLINE": "1",
    }
)
os.environ.pop("ALSCOPE_DATA", None)

import pytest
from hypothesis import settings

from tests.browsers import INSTALL, find_browser

# The same examples in every run: a red test is red again. No deadline: machines are shared.
settings.register_profile(
    "alscope", deadline=None, derandomize=True, database=None, max_examples=60
)
settings.load_profile("alscope")

_LEFT_OUT = pytest.StashKey[int]()


@pytest.fixture
def cache_folder(tmp_path: Path) -> Path:
    """An empty cache folder of the test's own."""
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out browser tests where there is no browser; in CI that is an error."""
    wanting = [item for item in items if item.get_closest_marker("browser")]
    if not wanting or find_browser():
        return
    if os.environ.get("CI"):
        raise pytest.UsageError(f"{len(wanting)} browser tests cannot run: {INSTALL}")
    config.stash[_LEFT_OUT] = len(wanting)
    config.hook.pytest_deselected(items=wanting)
    items[:] = [item for item in items if item not in wanting]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say that browser tests were left out, and what to do about it."""
    left_out = config.stash.get(_LEFT_OUT, 0)
    if left_out:
        terminalreporter.write_line(
            f"{left_out} browser tests were NOT run: {INSTALL}", yellow=True, bold=True
        )
