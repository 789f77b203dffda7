"""ALScope: compare deep active-learning strategies under realistic conditions.

    import alscope

    service = alscope.Service.open()
    study = service.submit(alscope.read_study("study.toml"))
    service.wait(study)
    rounds = alscope.rounds_frame(service.runs, service.studies_store.load(study).run_ids)
    alscope.aubc_table(rounds)

Names are loaded when they are first used: importing the package loads neither pandas nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alscope.config import (
        BackboneConfig,
        RunConfig,
        ScenarioConfig,
        StrategySpec,
        StudyConfig,
        TrainConfig,
    )
    from alscope.config_io import parse_study, read_study, write_study
    from alscope.engine.service import Service
    from alscope.errors import ALScopeError, ConfigError
    from alscope.results.compare import compare_with_random
    from alscope.results.curves import aubc, curve_frame
    from alscope.results.export import write_frame
    from alscope.results.frames import classes_frame, queries_frame, rounds_frame
    from alscope.results.tables import aubc_table
    from alscope.selecting import select

__version__ = "0.1.0"

__all__ = [
    "ALScopeError",
    "BackboneConfig",
    "ConfigError",
    "RunConfig",
    "ScenarioConfig",
    "Service",
    "StrategySpec",
    "StudyConfig",
    "TrainConfig",
    "aubc",
    "aubc_table",
    "classes_frame",
    "compare_with_random",
    "curve_frame",
    "parse_study",
    "queries_frame",
    "read_study",
    "rounds_frame",
    "select",
    "write_frame",
    "write_study",
]

_HOMES = {
    "alscope.config": (
        "BackboneConfig",
        "RunConfig",
        "ScenarioConfig",
        "StrategySpec",
        "StudyConfig",
        "TrainConfig",
    ),
    "alscope.config_io": ("parse_study", "read_study", "write_study"),
    "alscope.engine.service": ("Service",),
    "alscope.errors": ("ALScopeError", "ConfigError"),
    "alscope.results.compare": ("compare_with_random",),
    "alscope.results.curves": ("aubc", "curve_frame"),
    "alscope.results.export": ("write_frame",),
    "alscope.results.frames": ("classes_frame", "queries_frame", "rounds_frame"),
    "alscope.results.tables": ("aubc_table",),
    "alscope.selecting": ("select",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'alscope' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
