"""Which runs gain by taking turns; asked where torch is not loaded."""

from __future__ import annotations

import logging

from alscope.config import RunConfig
from alscope.registry import backbones, strategies

__all__ = ["are_alike", "takes_turns"]

log = logging.getLogger(__name__)


def takes_turns(run: RunConfig) -> bool:
    """Whether the trainings of a run take less time together with those of other seeds."""
    if not run.train.has_plain_steps:
        return False
    try:
        backbone = backbones.get(run.backbone.name)(**run.backbone.params)
        strategy = strategies.get(run.strategy.name)(**run.strategy.params)
        return bool(backbone.trains_together) and not strategy.attachments()
    except Exception as error:  # of a plug-in, or of a run that will say itself what is wrong
        log.debug("run %s takes no turns: %s", run.run_id, error)
        return False


def are_alike(one: RunConfig, other: RunConfig) -> bool:
    """Whether two runs differ in the seed at most."""
    return one.strategy == other.strategy and one.comparison_key == other.comparison_key
