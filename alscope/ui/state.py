"""The words shared by session state and URLs.

A member's value is the key of a widget; for the first group it is also the name of the query
parameter, so it is public: renaming one breaks links that people have sent to each other.
"""

from __future__ import annotations

import enum

__all__ = ["Key"]


class Key(enum.StrEnum):
    """Keys of session state and query parameters."""

    # In URLs.
    EXP = "exp"
    """Study ids; several on Compare."""
    STRATEGY = "s"
    """Strategy titles; several."""
    SCENARIO = "data"
    """Scenario title."""
    METRIC = "metric"
    """Column of the rounds frame."""
    X = "x"
    """What the horizontal axis counts."""
    BAND = "band"
    """Kind of interval around the mean."""
    MATRIX = "matrix"
    """What the pairwise matrix counts."""
    TEST = "test"
    """Paired test."""
    CORRECTION = "correction"
    """Correction for the number of comparisons."""
    ROW = "row"
    """Strategy of the chosen row of the matrix."""
    COLUMN = "col"
    """Strategy of the chosen column of the matrix."""
    POSTHOC = "posthoc"
    """Test of all pairs after Friedman's."""

    SEARCH = "q"
    """Words to look for."""
    FAMILY = "family"
    """Families of strategies; several."""
    ASKS = "needs"
    """What strategies may ask for; several."""
    SETTING = "setting"
    """Settings in which a strategy must run; several."""
    REGIME = "budget"
    """Budgets for which there is evidence; several."""
    COST = "cost"
    """Classes of query cost; several."""
    LOOK = "look"
    """How a list is shown."""

    # Of the session only.
    CELL = "pairwise_cell"
    """The matrix on Compare, whose cells can be clicked."""
    GAP = "power_gap"
    """Gap in the power hint."""
    MORE_SEEDS = "power_more_seeds"
    """Seeds to add in the power hint."""
    MORE_SEEDS_STUDY = "power_study"
    """Study that gets them."""
    STUDY = "monitor_study"
    """The study chosen on Monitor."""
    NOTICE = "notice"
    """A message to show after the next page change or rerun."""
    SCENARIO_FORM = "build_scenario"
    """Prefix of the scenario's fields on Build."""
    STRATEGY_FORM = "build_strategy"
    """Prefix of the strategies' fields on Build."""
    PROTOCOL_FORM = "build_protocol"
    """Prefix of the protocol's fields on Build."""
    BACKBONE_FORM = "build_backbone"
    """Prefix of the backbone's fields on Build."""
    TRAIN_FORM = "build_train"
    """Prefix of the training's fields on Build."""
    MORE_SCENARIOS = "build_more_scenarios"
    """Scenarios that were added to the study on Build."""
    MORE_STRATEGIES = "build_more_strategies"
    """Variants of strategies that were added to the study on Build."""
    UPLOAD = "build_upload"
    """The file chosen on Build."""
