"""Commands that run studies and read their results."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from alscope.cli._follow import follow
from alscope.cli._terminal import area_lines, complain, put, put_json, table
from alscope.config_io import form_of, parse_study, read_text, write_study
from alscope.engine.presets import find_preset
from alscope.errors import ConfigError, Problem, StoreError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

    from alscope.config import StudyConfig
    from alscope.engine.service import Plan, Service, StudyStatus

__all__ = [
    "add_seeds",
    "demo",
    "export",
    "open_service",
    "resume",
    "run",
    "show",
    "study_facts",
]


def open_service(arguments: argparse.Namespace, *, executor: str | None = None) -> Service:
    """The service that the options ask for.

    Args:
        arguments: Parsed arguments.
        executor: Instead of the one asked for, for commands that run nothing.
    """
    from alscope.engine.service import Service

    return Service.open(
        arguments.cache,
        data=arguments.data,
        executor=executor or arguments.executor,
        workers=arguments.workers,
        threads=arguments.threads,
        device=arguments.device,
        offline=arguments.offline,
        round_limit_s=3600 * arguments.round_limit,
    )


def run(arguments: argparse.Namespace) -> int:
    """`alscope run STUDY`, or `alscope run --preset NAME --dataset NAME`."""
    with open_service(arguments) as service:
        study = _asked(arguments, service)
        if arguments.print:
            put(write_study(study, form=arguments.print).rstrip("\n"))
            return 0
        plan = service.preview(study)
        if arguments.dry_run:
            put(*_plan_lines(study, plan))
            return 0
        return _execute(service, study, plan)


def _asked(arguments: argparse.Namespace, service: Service) -> StudyConfig:
    """The study of a file, or of a preset.

    Raises:
        ConfigError: With every problem found; also if both are asked for, or neither.
        UnknownNameError: If there is no such preset or data set.
    """
    if (arguments.file is None) == (arguments.preset is None):
        raise _usage("give a study file, or --preset with --dataset")
    if arguments.file is not None:
        if arguments.dataset or arguments.seeds:
            raise _usage("--dataset and --seeds belong to --preset; edit the study file")
        return parse_study(
            read_text(arguments.file), check=service.problems, form=form_of(arguments.file)
        )
    if arguments.dataset is None:
        raise _usage("--preset needs --dataset NAME; see: alscope datasets")
    made = find_preset(arguments.preset).study(arguments.dataset, service.data_root)
    for out in made.left_out:
        complain(f"note: {out.strategy} is left out: {out.reason}")
    if arguments.seeds is None:
        return made.study
    return dataclasses.replace(made.study, seeds=tuple(range(arguments.seeds)))


def _usage(message: str) -> ConfigError:
    return ConfigError([Problem("", message)])


def add_seeds(arguments: argparse.Namespace) -> int:
    """`alscope add-seeds STUDY N`."""
    with open_service(arguments) as service:
        study_id = find_study(service, arguments.study).study_id
        return _finish(service, service.add_seeds(study_id, arguments.number))


def demo(arguments: argparse.Namespace) -> int:
    """`alscope demo`."""
    from alscope.engine.defaults import demo_study

    study = demo_study()
    with open_service(arguments) as service:
        return _execute(service, study, service.preview(study))


def resume(arguments: argparse.Namespace) -> int:
    """`alscope resume STUDY`."""
    with open_service(arguments) as service:
        study_id = find_study(service, arguments.study).study_id
        service.retry(study_id, accept_change=arguments.accept_change)
        return _finish(service, study_id)


def show(arguments: argparse.Namespace) -> int:
    """`alscope show STUDY`."""
    with open_service(arguments, executor="serial") as service:
        status = find_study(service, arguments.study)
        rounds = _rounds(service, status)
    if arguments.json:
        put_json(_show_facts(status, rounds))
        return 0
    rows = [
        (r.state, r.scenario, r.strategy, r.seed, f"{r.round}/{r.n_rounds + 1}", _line(r.message))
        for r in status.runs
    ]
    head = ("state", "scenario", "strategy", "seed", "rounds", "")
    put(f"{status.name} ({status.study_id}): {status.state}", "", *table(head, rows))
    put(*_area_lines(rounds))
    return 0


def _line(message: str) -> str:
    return " ".join(message.split())  # a cell of a table is one line


def export(arguments: argparse.Namespace) -> int:
    """`alscope export STUDY --format csv --out FILE`."""
    with open_service(arguments, executor="serial") as service:
        status = find_study(service, arguments.study)
        rounds = _rounds(service, status)
    if rounds.empty:
        raise StoreError(f"study {status.study_id!r} has no results yet; run it first")
    from alscope.results.export import FORMATS, write_frame

    ending = arguments.out.suffix.lstrip(".").lower()
    fmt = arguments.format or (ending if ending in FORMATS else "csv")
    write_frame(rounds, fmt, arguments.out)
    put(f"{len(rounds)} rounds of {status.n_runs} runs written to {arguments.out}")
    return 0


def find_study(service: Service, text: str) -> StudyStatus:
    """The study with an id or, if only one has it, a name.

    Raises:
        UnknownNameError: If there is none, with the nearest id or name.
        ConfigError: If several studies have the name.
    """
    ids = service.studies_store.ids()
    if text in ids:
        return service.study(text)
    studies = service.studies()
    named = [status for status in studies if status.name == text]
    if len(named) > 1:
        choice = ", ".join(status.study_id for status in named)
        raise ConfigError(
            [Problem("", f"{len(named)} studies are called {text!r}; give an id: {choice}")]
        )
    if not named:
        raise UnknownNameError("study", text, {*ids, *(status.name for status in studies)})
    return named[0]


def _execute(service: Service, study: StudyConfig, plan: Plan) -> int:
    for warning in plan.warnings:
        complain(f"note: {warning}")
    return _finish(service, service.submit(study))


def _finish(service: Service, study_id: str) -> int:
    status, stopped = follow(service, study_id)
    done = status.n_done == status.n_runs
    if stopped and not done:
        complain(f"paused; run again to resume, or: alscope resume {study_id}")
        return 130
    put(*_area_lines(_rounds(service, status)))
    put("", f"Results are in {service.cache}, study {study_id}; to take them elsewhere:")
    put(f"  alscope export {study_id} --format csv --out rounds.csv")
    if not done:
        missing = status.n_runs - status.n_done
        complain(
            f"{missing} of {status.n_runs} runs did not finish ({status.n_failed} failed); "
            f"see: alscope show {study_id}"
        )
    return 0 if done else 1


def _rounds(service: Service, status: StudyStatus) -> pd.DataFrame:
    from alscope.results.frames import rounds_frame

    return rounds_frame(service.runs, [run.run_id for run in status.runs], study=status.name)


def _area_lines(rounds: pd.DataFrame) -> list[str]:
    from alscope.results.compare import compare_with_random
    from alscope.results.tables import aubc_table

    if rounds.empty:
        return ["", "no results yet"]
    return area_lines(aubc_table(rounds), compare_with_random(rounds))


def _plan_lines(study: StudyConfig, plan: Plan) -> list[str]:
    if plan.seconds is None:
        duration = "unknown: nothing like it was run here"
    else:
        duration = " to ".join(_duration(seconds) for seconds in plan.seconds)
    facts = [
        ("study", study.name),
        ("runs", f"{plan.n_runs}, of which {plan.n_done} are done"),
        ("trainings to do", str(plan.n_trainings)),
        ("evaluations", str(plan.n_evaluations)),
        ("time", duration),
    ]
    return [
        *(f"{name + ':':17}{text}" for name, text in facts),
        *(f"time is of {words}" for words in (plan.time.borrowed if plan.time else ())),
        *(f"note: {warning}" for warning in plan.warnings),
    ]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def study_facts(status: StudyStatus) -> dict[str, Any]:
    """A study as one row, for JSON."""
    return {
        "study": status.study_id,
        "name": status.name,
        "state": status.state,
        "created": status.created,
        "n_runs": status.n_runs,
        "n_done": status.n_done,
        "n_failed": status.n_failed,
        "fraction": status.fraction,
        "tags": list(status.about.tags),
        "source": status.source,
        "size": status.size,
    }


def _show_facts(status: StudyStatus, rounds: pd.DataFrame) -> dict[str, Any]:
    from alscope.results.compare import compare_with_random
    from alscope.results.export import records
    from alscope.results.tables import aubc_table

    runs = [
        {
            "run_id": run.run_id,
            "state": run.state.value,
            "scenario": run.scenario,
            "strategy": run.strategy,
            "seed": run.seed,
            "round": run.round,
            "n_rounds": run.n_rounds,
            "message": run.message,
        }
        for run in status.runs
    ]
    return {
        **study_facts(status),
        "runs": runs,
        "aubc": records(aubc_table(rounds)),
        "comparison": records(compare_with_random(rounds)),
    }
