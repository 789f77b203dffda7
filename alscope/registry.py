"""Registries: names to implementations, found by module name, extended by entry points.

A registry lives here, at the lowest level, and finds its implementations at run time by importing
the modules of its package, so nothing here imports upward. Implementations must be cheap to
import: torch and other heavy packages are imported inside the functions that need them, because
the web process lists every registry and never loads torch.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from alscope.errors import UnknownNameError

__all__ = ["Registry", "backbones", "datasets", "strategies"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Named implementations of one kind.

    Args:
        kind: The word for one entry in messages: "strategy".
        package: Package whose public modules register entries when imported.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, type[T]] = {}
        self._info: dict[str, dict[str, Any]] = {}
        self._discovered = False
        self._lock = threading.RLock()

    def register(self, name: str, **info: Any) -> Callable[[type[T]], type[T]]:
        """Class decorator: make the class available under `name`.

        Args:
            name: Key in configuration files and URLs; snake_case.
            **info: Facts for catalogues (title, group, ...), returned by `info`.

        Raises:
            ValueError: If the name is taken by another class.
        """

        def add(cls: type[T]) -> type[T]:
            with self._lock:
                taken = self._entries.get(name)
                if taken is not None and taken.__qualname__ != cls.__qualname__:
                    raise ValueError(
                        f"{self.kind} {name!r} is registered by {taken.__module__} already; "
                        f"choose another name in {cls.__module__}"
                    )
                cls.key = name  # type: ignore[attr-defined]
                cls.hash_name = f"{self.kind}:{name}"  # type: ignore[attr-defined]
                self._entries[name] = cls
                self._info[name] = dict(info)
            return cls

        return add

    def get(self, name: str) -> type[T]:
        """The class registered under `name`.

        Raises:
            UnknownNameError: With the nearest valid name.
        """
        self._discover()
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._entries) from None

    def info(self, name: str) -> dict[str, Any]:
        """The facts given at registration."""
        self.get(name)
        return dict(self._info[name])

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        self._discover()
        return tuple(sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def _discover(self) -> None:
        with self._lock:
            if self._discovered:
                return
            self._discovered = True
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                if not module.name.startswith("_"):
                    importlib.import_module(f"{self._package}.{module.name}")
            for point in entry_points(group=self._package):
                try:
                    point.load()
                except Exception as error:  # a broken plug-in must not take the others down
                    warnings.warn(
                        f"the plug-in {point.name!r} ({point.value}) could not be loaded and is "
                        f"left out: {error}",
                        stacklevel=2,
                    )


strategies: Registry[Any] = Registry("strategy", "alscope.strategies")
datasets: Registry[Any] = Registry("dataset", "alscope.data")
backbones: Registry[Any] = Registry("backbone", "alscope.backbones")
