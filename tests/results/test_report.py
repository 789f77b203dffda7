"""The page that `alscope report` writes."""

from __future__ import annotations

import re

import pytest

from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.errors import StoreError
from alscope.results.report import study_report
from tests.results.records import make_rounds


def study() -> StudyConfig:
    return StudyConfig(
        name="small",
        description="Two strategies.",
        scenarios=(ScenarioConfig(),),
        strategies=(StrategySpec(name="random"), StrategySpec(name="margin")),
        seeds=tuple(range(8)),
    )


def page() -> str:
    curves = {"random": lambda s: [0.1, 0.5 + s / 100], "margin": lambda s: [0.3, 0.8 + s / 100]}
    rounds = make_rounds(curves, seeds=range(8), selection_s=0.25)
    rounds.loc[rounds["strategy"] == "margin", "companions"] = "an encoder (frozen: pixels)"
    return study_report(study(), rounds)


def test_a_report_names_settings_and_every_strategy() -> None:
    text = page()

    assert text.startswith("# small\n\nTwo strategies.\n")
    assert "seeds: 8" in text
    assert "5 queries of 20" in text
    assert "two-sided sign-flip test" in text
    assert [name for name in re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE)] == [
        "margin",
        "random",
    ]


def test_a_report_holds_areas_seconds_and_the_paired_verdict() -> None:
    row = next(line for line in page().splitlines() if line.startswith("| `margin`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]

    assert cells[:2] == ["`margin` (best)", "8"]
    assert cells[2].startswith("0.568 ±")
    assert cells[6] == "0.25"
    assert cells[8].startswith("+0.250")
    assert cells[9:] == ["0.008", "better than random"]


def test_a_report_says_what_was_fitted_beside_the_model() -> None:
    assert "- `margin`: an encoder (frozen: pixels)" in page()


def test_a_study_without_results_has_no_report() -> None:
    with pytest.raises(StoreError, match="no results yet"):
        study_report(study(), make_rounds({}))
