"""Where pretrained models are on this machine; reads folders only."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["find_model"]


def find_model(name: str) -> Path | None:
    """The folder of a model: a folder of that name, or its main snapshot in the Hub's cache.

    The cache is read by its documented layout, because the library that owns it must not be loaded
    where a study is only checked.

    Args:
        name: A folder, or `owner/model` as on the Hugging Face Hub.

    Returns:
        None if there is neither.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or ".." in folder.parts:
        return None
    entry = _hub_cache() / f"models--{name.replace('/', '--')}"
    reference = entry / "refs" / "main"
    if not reference.is_file():
        return None
    snapshot = entry / "snapshots" / reference.read_text(encoding="utf-8").strip()
    return snapshot if snapshot.is_dir() else None


def _hub_cache() -> Path:
    if "HF_HUB_CACHE" in os.environ:
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return Path(home).expanduser() / "hub"
