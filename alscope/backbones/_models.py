"""Where pretrained models are on this machine; reads folders only."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = [
    "checkpoint_folder",
    "file_in",
    "find_checkpoint",
    "find_model",
    "length_problems",
    "model_width",
    "package_folder",
    "sha256_of",
]

_WIDTHS = ("hidden_size", "dim", "d_model")  # DistilBERT and others have words of their own


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


def find_checkpoint(name: str) -> Path | None:
    """A file of weights in torch's cache, where torchvision puts them; None if it is not there."""
    path = checkpoint_folder() / name
    return path if path.is_file() else None


def checkpoint_folder() -> Path:
    """The folder of weights in torch's cache."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{cache}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def package_folder(module: str) -> Path | None:
    """The folder of an installed package, without importing it; None if it is not installed."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def file_in(folder: Path | None, name: str) -> Path | None:
    """A file of a folder, if both exist."""
    path = folder / name if folder else None
    return path if path is not None and path.is_file() else None


def model_width(folder: Path) -> int | None:
    """Width of a text encoder's hidden states by its `config.json`; None if it does not say."""
    facts = _facts(folder)
    widths = (facts.get(word) for word in _WIDTHS)
    return next((width for width in widths if isinstance(width, int)), None)


def length_problems(folder: Path, name: str, max_tokens: int) -> tuple[str, ...]:
    """Why a text encoder cannot read texts of so many tokens; empty if it can."""
    longest = _facts(folder).get("max_position_embeddings")
    if not isinstance(longest, int) or max_tokens <= longest:
        return ()
    return (
        f"max_tokens is {max_tokens}, but {name!r} reads at most {longest}; "
        "lower backbone.params.max_tokens",
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; remembered until the file is replaced."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _facts(folder: Path) -> dict[str, Any]:
    """What `config.json` says; nothing if it cannot be read."""
    try:
        facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _hub_cache() -> Path:
    if "HF_HUB_CACHE" in os.environ:
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return Path(home).expanduser() / "hub"
