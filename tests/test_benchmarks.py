"""Every strategy has a floor, and benchmarks a place on their page; no figure is judged."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from alscope.acquisition import cover, dual, kmeans
from benchmarks import run
from benchmarks.report import Options, Table, between, markdown, seconds
from benchmarks.speed import acquisition, floors
from benchmarks.speed.floors import FLOORS, KNOWN, Rates, Sizes, Work
from benchmarks.speed.tally import counted

PAGE = (
    "Title\n<!-- begin one -->\nold\n<!-- end one -->\n<!-- begin two -->\nkept\n<!-- end two -->\n"
)


def test_every_section_has_one_place_on_the_page() -> None:
    page = run.PAGE.read_text(encoding="utf-8")
    for name in run.SECTIONS:
        assert "a new body" in between(page, name, "a new body")


def test_every_section_leads_to_a_function() -> None:
    assert all(callable(run.section(name)) for name in run.SECTIONS)


def test_writing_a_section_leaves_the_others_alone() -> None:
    assert between(PAGE, "one", "new\n") == PAGE.replace("old", "new")


@pytest.mark.parametrize("page", ["", PAGE + PAGE, PAGE.replace("begin one", "begin")])
def test_a_page_without_exactly_one_place_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="begin one"):
        between(page, "one", "new")


def test_a_table_says_where_it_was_measured() -> None:
    shown = markdown([Table("Sizes.", ("a", "b"), [("1", "x|y")])], Options(repeats=7))

    assert "numpy" in shown
    assert "median of 7" in shown
    assert shown.endswith("Sizes.\n\n| a | b |\n| --- | --- |\n| 1 | x/y |")


def test_seconds_are_readable_at_every_scale() -> None:
    shown = [seconds(value) for value in (0.000123, 0.00512, 0.1234, 12.345, 1234.5)]

    assert shown == ["0.00012", "0.0051", "0.123", "12.3", "1,234"]


def test_every_case_has_a_floor() -> None:
    sizes = Sizes(n=50_000, d=512, c=100, labeled=1_000, unknowns=200, b=1_000)
    labels = {case.label for case in acquisition.cases()}

    assert labels == set(FLOORS)
    assert labels == set(KNOWN)
    for floor in (*FLOORS.values(), *KNOWN.values()):
        parts = asdict(floor(sizes, {"n_candidates": 25_000})).values()
        assert min(parts) == 0 < max(parts) < 1e14


@pytest.mark.slow
def test_every_rate_is_measured() -> None:
    assert min(asdict(floors.rates(10)).values()) > 0


def test_a_floor_adds_its_parts() -> None:
    speed = Rates(
        flop=10.0,
        flop64=5.0,
        n_bytes=5.0,
        n_logs=1.0,
        n_logs64=1.0,
        n_rows=2.0,
        n_ranked=4.0,
        n_found=4.0,
        n_sorted=8.0,
    )
    work = Work(flop=20.0, n_bytes=10.0, n_sorted=4.0).plus({"n_logs": 3.0, "n_ranked": 8.0})

    assert speed.seconds(work) == 9.5
    assert speed.best(replace(speed, flop=20.0, n_logs=0.5)) == replace(speed, flop=20.0)


def test_every_assignment_of_k_means_is_counted_and_nothing_afterwards() -> None:
    points, keys = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60, dtype=np.uint64)
    with counted() as counts:
        found = kmeans.k_means(points, 5, keys=keys, rng=np.random.default_rng(1))
    kmeans.k_means(points, 5, keys=keys, rng=np.random.default_rng(1))

    n_pairs = (found.n_iterations + 1) * 60 * 5
    assert dict(counts.specified) == {"flop": 2 * 3 * n_pairs, "n_ranked": n_pairs}
    assert counts.known == counts.specified


def test_comparisons_that_are_left_out_lower_what_is_known_but_not_the_floor() -> None:
    rng = np.random.default_rng(0)
    points, keys = rng.normal(size=(4_000, 40)).astype(np.float32), rng.permutation(4_000)
    keys = keys.astype(np.uint64)
    with counted() as of_means:
        found = kmeans.k_means(points, 200, keys=keys, rng=rng)
    with counted() as of_cover:
        cover.k_center_greedy(points, points[:2_000], 10, keys=keys)

    assert of_means.specified["n_ranked"] == (found.n_iterations + 1) * 4_000 * 200
    assert of_means.known["n_ranked"] < of_means.specified["n_ranked"]
    assert not of_cover.specified
    assert 0 < of_cover.known["flop"] < 2 * 4_000 * 2_010 * 40


def test_a_dual_is_specified_of_all_rows_wherever_it_is_evaluated() -> None:
    n, n_classes, k = 5_000, 4, 100
    rng = np.random.default_rng(0)
    probs, keys = rng.dirichlet(np.full(n_classes, 0.3), n), np.arange(n, dtype=np.uint64)
    quotas = np.full(n_classes, k / n_classes) * [1.6, 0.8, 0.8, 0.8]
    with counted() as counts:
        dual.balanced_top_k(rng.random(n), probs, k, quotas=quotas, weight=1.0, keys=keys)

    assert counts.specified["n_bytes"] % (8 * n * n_classes) == 0
    assert 0 < counts.known["n_bytes"] < counts.specified["n_bytes"]
    assert 0 < counts.known["flop64"] < counts.specified["flop64"]


@pytest.mark.slow
def test_the_command_measures_and_writes(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(acquisition, "cases", lambda: [acquisition.Case("entropy", "entropy")])
    monkeypatch.setattr(acquisition, "_POOL", acquisition._QUICK)
    page = tmp_path / "page.md"
    page.write_text("<!-- begin acquisition-100 -->\n<!-- end acquisition-100 -->\n")
    monkeypatch.setattr(sys, "argv", ["run", "acquisition-100", "--page", str(page)])
    run.main()

    assert "| `entropy` | 0." in page.read_text(encoding="utf-8")
