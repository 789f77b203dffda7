"""The head of a bundle: what it says, and whether that can be true."""

from __future__ import annotations

from typing import Any

from alscope.config import RunConfig, StudyConfig
from alscope.config_io import study_from_dict
from alscope.errors import BundleError, ConfigError
from alscope.store.bundle_files import Limits

__all__ = ["FORMAT", "SCHEMA", "checked_config", "checked_head", "checked_runs"]

FORMAT = "alscope-bundle"
SCHEMA = 1
"""Of the archive; raised when a reader of the former one could not understand it."""
_HEAD = frozenset(
    ("format", "schema", "alscope", "study_id", "created", "config", "compact", "runs", "files")
)


def checked_head(head: dict[str, Any]) -> dict[str, Any]:
    """The head itself.

    Raises:
        BundleError: If it is of another version or says something of another kind.
    """
    if head.get("format") != FORMAT:
        raise BundleError("it does not say that it is a bundle of ALScope")
    schema = head.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        newer = type(schema) is int and schema > SCHEMA
        hint = "; update ALScope to read it" if newer else ""
        raise BundleError(
            f"it has the bundle schema {schema!r:.40}, this version reads {SCHEMA}{hint}"
        )
    odd = sorted(head.keys() ^ _HEAD)
    if odd:
        state = "is missing" if odd[0] in _HEAD else "is unknown"
        raise BundleError(f"the key {odd[0]!r:.80} of its head {state}")
    for key in ("alscope", "study_id", "created"):
        if not isinstance(head[key], str) or not head[key].isprintable() or len(head[key]) > 80:
            raise BundleError(f"{key!r} in its head is no short text")
    if not isinstance(head["compact"], bool) or not isinstance(head["config"], dict):
        raise BundleError("its head holds values of other types than expected")
    return head


def checked_config(head: dict[str, Any], limits: Limits) -> StudyConfig:
    """The study, read like a file of unknown origin.

    Raises:
        BundleError: If it is not legal, or too large.
    """
    try:
        config = study_from_dict(head["config"])
    except ConfigError as error:
        raise BundleError(f"its configuration is not legal: {error.problems[0]}") from error
    n_runs = len(config.scenarios) * len(config.strategies) * len(config.seeds)
    if n_runs > limits.runs:
        raise BundleError(f"its study has {n_runs:,} runs; at most {limits.runs:,} are read")
    return config


def checked_runs(config: StudyConfig, head: dict[str, Any]) -> dict[str, RunConfig]:
    """The runs in the bundle; their ids follow from the configuration and from nothing else.

    Raises:
        BundleError: If the head lists another run, or one twice.
    """
    possible = {run.run_id: run for run in config.runs()}
    listed = head["runs"]
    if not isinstance(listed, list) or not all(isinstance(run_id, str) for run_id in listed):
        raise BundleError("the list of runs in its head cannot be understood")
    strange = [run_id for run_id in listed if run_id not in possible]
    if strange:
        raise BundleError(f"run {strange[0]!r:.40} is not a run of the study's configuration")
    if len(set(listed)) != len(listed):
        raise BundleError("the list of runs in its head names a run twice")
    return {run_id: possible[run_id] for run_id in listed}
