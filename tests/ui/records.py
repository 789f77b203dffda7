"""Recorded runs without training: studies whose rounds are made up, and drawn pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

from alscope.config import RunConfig, ScenarioConfig, StrategySpec, StudyConfig, TrainConfig
from alscope.engine.service import Service
from alscope.results.columns import METRICS
from alscope.types import Arrays
from tests.source import ROOT

__all__ = ["address", "page", "raw_texts", "record", "small_study", "texts"]

GAIN = {"random": 0.0, "margin": 0.05, "badge": 0.06}


def small_study(name: str = "small", *, n_seeds: int = 2, **scenario: Any) -> StudyConfig:
    """Three strategies on digits, two queries."""
    settings = {"n_initial": 20, "query_size": 10, "n_rounds": 2} | scenario
    return StudyConfig(
        name=name,
        scenarios=(ScenarioConfig(**settings),),
        strategies=tuple(StrategySpec(name=key) for key in GAIN),
        seeds=tuple(range(n_seeds)),
        train=TrainConfig(epochs=1, min_steps=2, max_steps=4),
    )


def record(
    service: Service,
    study: StudyConfig,
    *,
    fingerprint: str = "data",
    failed: tuple[int, ...] = (),
    diverged: tuple[int, ...] = (),
    blobs: Callable[[RunConfig, int], dict[str, Arrays]] = lambda run, number: {},
) -> str:
    """Store a study with all its rounds; runs at the places `failed` fail after the first.

    Args:
        service: Where.
        study: What.
        fingerprint: Of the data.
        failed: Places of runs.
        diverged: Places of runs that fail after the first round because training diverged.
        blobs: Makes the arrays of the query of a round; none are stored by default.

    Returns:
        The study id.
    """
    study_id = service.studies_store.id_of(study)
    service.studies_store.save(study_id, study)
    for place, run in enumerate(study.runs()):
        run_id = service.runs.create(run)
        with service.runs.open(run_id) as writer:
            writer.append("started", {})
            ends_early = place in failed + diverged
            for number in range(1 if ends_early else run.scenario.n_rounds + 1):
                arrays = blobs(run, number) if number < run.scenario.n_rounds else {}
                writer.append("round", _round(run, number, fingerprint), blobs=arrays)
            writer.append(*_end(failing=ends_early, diverged=place in diverged))
    return study_id


def _end(*, failing: bool, diverged: bool) -> tuple[str, dict[str, str]]:
    message = "diverged: the loss is NaN" if diverged else "the <b>loss</b> is NaN"
    failure = {"type": "ValueError", "message": message, "traceback": "Trace\n"}
    return ("failed", failure) if failing else ("done", {})


def _round(run: RunConfig, number: int, fingerprint: str) -> dict[str, Any]:
    scenario = run.scenario
    n_annotated = scenario.n_initial + number * scenario.query_size
    accuracy = 0.5 + 0.1 * number + GAIN.get(run.strategy.name, 0.0) * number + 0.001 * run.seed
    last = number == scenario.n_rounds
    n_classes = scenario.n_known or 10
    query = {
        "size": scenario.query_size,
        "n_known": scenario.query_size - 1,
        "n_unknown": 1,
        "purity": 1 - 1 / scenario.query_size,
        "class_counts": [1] * n_classes,
        "diagnostics": {},
    }
    metrics = dict.fromkeys(METRICS, accuracy) | {
        "per_class_recall": [accuracy] * n_classes,
        "n_test": 500,
    }
    times = "train_s evaluate_s load_s inference_s acquisition_s aux_s selection_s executed_s"
    return {
        "result": {
            "round": number,
            "n_annotated": n_annotated,
            "n_labeled": n_annotated,
            "n_unknowns": 0,
            "n_pool": 1297 - n_annotated,
            "metrics": metrics,
            "class_counts": [n_annotated // 10] * n_classes,
            "train": {"steps": 4, "epochs": 1, "loss": 1.0, "accuracy": 1.0, "retries": 0},
            "query": None if last else query,
        },
        "timing": dict.fromkeys(times.split(), 0.25)
        | {"recording_s": 0.0, "train_cached": False, "inputs_cached": False, "contended": False},
        "env": {
            "device": "cpu",
            "n_threads": 1,
            "torch": "2",
            "python": "3",
            "alscope": "0",
            "data_fingerprint": fingerprint,
        },
    }


def page(name: str, **params: str | list[str]) -> AppTest:
    """A page, drawn once, with query parameters."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page(f"pages/{name}.py")
    for key, value in params.items():
        app.query_params[key] = value
    return app.run()


def texts(app: AppTest) -> str:
    """Everything a page says, errors included, without the escapes of Markdown."""
    return raw_texts(app).replace("\\", "")


def raw_texts(app: AppTest) -> str:
    """Everything a page says, as Markdown."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")
    found = [element.value for kind in kinds for element in getattr(app, kind)]
    return "\n".join(map(str, found))


def address(app: AppTest, key: str) -> list[str]:
    """The values of a query parameter."""
    found = app.query_params.get(key, [])
    return [found] if isinstance(found, str) else list(found)
