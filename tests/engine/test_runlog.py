"""Journals and worker logs in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alscope.engine.runlog import run_log, worker_log
from alscope.store.journal import Event, RunHistory
from alscope.types import RunState


def history(*events: tuple[str, dict[str, Any]], state: RunState = RunState.DONE) -> RunHistory:
    made = tuple(
        Event(place, kind, data, {}, f"2026-01-01T00:00:0{place}+00:00")
        for place, (kind, data) in enumerate(events)
    )
    return RunHistory("r", made, state, None)


def a_round(number: int, **train: int) -> tuple[str, dict[str, Any]]:
    return "round", {
        "result": {
            "round": number,
            "n_annotated": 1200,
            "metrics": {"accuracy": 0.5},
            "train": train,
        },
        "timing": {"executed_s": 2.0, "train_cached": number == 0},
    }


def test_a_run_is_told_from_start_to_end() -> None:
    lines = run_log(history(("started", {}), a_round(0), a_round(1, retries=2), ("done", {})))

    assert [line.text for line in lines] == [
        "started",
        "round 0: 1,200 labels, accuracy 0.500, 2.0 s, model from the cache",
        "round 1: 1,200 labels, accuracy 0.500, 2.0 s",
        "training diverged and was repeated 2 times",
        "done",
    ]
    assert [line.level for line in lines] == ["INFO", "INFO", "INFO", "WARNING", "INFO"]


def test_failures_changes_and_interruptions_have_their_levels() -> None:
    lines = run_log(
        history(
            ("started", {"env": {"device": "cpu", "n_threads": 1}}),
            a_round(0),
            ("started", {"changes": ["torch was 1, is 2"]}),
            ("failed", {"type": "ValueError", "message": "no"}),
            state=RunState.FAILED,
        )
    )

    assert [(line.level, line.text) for line in lines if line.level != "INFO"] == [
        ("WARNING", "the process had gone away; continued after the last round"),
        ("WARNING", "the conditions changed: torch was 1, is 2"),
        ("ERROR", "ValueError: no"),
    ]


def test_lines_of_several_workers_are_in_order_and_keep_their_level(tmp_path: Path) -> None:
    (tmp_path / "worker-1-0.log").write_text(
        "2026-01-01 10:00:00,123 INFO first\n2026-01-01 10:00:02,000 ERROR third\nits second line\n"
    )
    (tmp_path / "worker-2-0.log").write_text("2026-01-01 10:00:01,000 WARNING second\n")
    lines = worker_log(tmp_path)

    assert [line.text for line in lines] == ["first", "second", "third", "its second line"]
    assert [line.level for line in lines] == ["INFO", "WARNING", "ERROR", "ERROR"]
    assert [line.text for line in worker_log(tmp_path, n_lines=1)] == ["its second line"]


def test_no_log_is_no_line(tmp_path: Path) -> None:
    assert worker_log(tmp_path / "none") == ()
