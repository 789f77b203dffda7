"""`alscope doctor`: is everything here that a study needs, and are the stored runs sound?"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

from alscope import __version__
from alscope.cli._catalogue import data_root_of, dataset_facts
from alscope.cli._terminal import put, table
from alscope.errors import ALScopeError
from alscope.registry import datasets

__all__ = ["doctor"]

_PACKAGES = (
    "torch",
    "torchvision",
    "transformers",
    "huggingface_hub",
    "numpy",
    "pandas",
    "streamlit",
)
_LOW_DISK = 2 * 10**9

Finding = tuple[str, str, str]
"""("ok" | "note" | "repaired" | "problem", what was checked, what was found or done)."""


def doctor(arguments: argparse.Namespace) -> int:
    """Check, repair if that was asked for, and report; 1 if a problem is left."""
    findings: list[Finding] = []
    for check in (_software, _device, _disk, _stores, _data):
        findings += _attempt(check, arguments)
    put(*table(("", "what", "found"), findings))
    return int(any(level == "problem" for level, _, _ in findings))


def _attempt(
    check: Callable[[argparse.Namespace], Iterator[Finding]], arguments: argparse.Namespace
) -> Iterator[Finding]:
    """The findings of a check; an error is one of them, and the next check goes on."""
    try:
        yield from check(arguments)
    except (ALScopeError, OSError, ImportError) as error:
        yield "problem", check.__name__.strip("_"), str(error)


def _software(_: argparse.Namespace) -> Iterator[Finding]:
    yield "ok", "alscope", __version__
    level = "ok" if sys.version_info >= (3, 11) else "problem"
    yield level, "python", f"{platform.python_version()} on {platform.platform(terse=True)}"
    for package in _PACKAGES:
        try:
            yield "ok", package, version(package)
        except PackageNotFoundError:
            yield "problem", package, "is not installed"


def _device(arguments: argparse.Namespace) -> Iterator[Finding]:
    from alscope.learn.device import default_threads, device_name, pick_device

    yield "ok", "device", device_name(pick_device(arguments.device))
    yield "ok", "threads per run", str(arguments.threads or default_threads())


def _disk(arguments: argparse.Namespace) -> Iterator[Finding]:
    from alscope.engine.defaults import cache_root

    cache = cache_root(arguments.cache)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=cache) as file:
        file.write(b"alscope")
    yield "ok", "cache", f"{cache} can be written"
    free = shutil.disk_usage(cache).free
    yield "ok" if free > _LOW_DISK else "problem", "free disk", f"{free / 1e9:.1f} GB"


def _stores(arguments: argparse.Namespace) -> Iterator[Finding]:
    from alscope.engine.checkup import checkup
    from alscope.engine.defaults import Paths, cache_root

    paths = Paths(cache_root(arguments.cache))
    for finding in checkup(paths, repair=arguments.repair):
        yield finding.level, finding.what, finding.found


def _data(arguments: argparse.Namespace) -> Iterator[Finding]:
    root = data_root_of(arguments)
    for name in datasets:
        facts = dataset_facts(name, root)
        here = "here" if facts["available"] else f"not here; would be looked for in {root.path}"
        yield "ok" if facts["available"] else "note", f"data set {name}", here
