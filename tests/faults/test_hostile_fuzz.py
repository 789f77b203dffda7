"""A few examples of every fuzz target in every run of CI; benchmarks/fuzz.py draws many more."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import HealthCheck, given, settings

from tests.faults.fuzzing import TARGETS

FEW = 60


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_strangers_send_does_more_than_be_refused(name: str) -> None:
    drawn, read = TARGETS[name]

    @settings(max_examples=FEW, suppress_health_check=list(HealthCheck))
    @given(drawn)
    def campaign(example: object) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # arithmetic on absurd numbers
            read(example)

    campaign()
