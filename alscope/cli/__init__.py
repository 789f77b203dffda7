"""The command line: `alscope` or `python -m alscope`."""

from __future__ import annotations

from alscope.cli._main import main

__all__ = ["main"]
