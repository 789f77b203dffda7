"""The command line: arguments, exit codes, what goes to which stream."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alscope import __version__
from alscope.cli import main
from alscope.cli._parser import make_parser
from alscope.cli._terminal import put, table
from alscope.config import BackboneConfig, ScenarioConfig, StrategySpec, StudyConfig, TrainConfig
from alscope.config_io import parse_study, write_study
from alscope.data.own import own_sets
from alscope.data.protocols import DataRoot
from alscope.engine.calibration import keep, machine_key
from alscope.engine.defaults import Paths
from alscope.errors import StoreError
from alscope.registry import backbones, datasets, strategies
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from alscope.strategies.margin import Margin
from tests.engine.test_calibration import MADE
from tests.results.records import record_run
from tests.source import ROOT

COMMANDS = (
    ["run", "study.toml"],
    ["demo"],
    ["list"],
    ["show", "x"],
    ["resume", "x"],
    ["add-seeds", "x", "3"],
    ["export", "x", "--out", "f"],
    ["bundle", "x", "--out", "f"],
    ["import", "f"],
    ["import-bundle", "f"],
    ["strategies"],
    ["datasets"],
    ["backbones"],
    ["doctor"],
    ["calibrate"],
)

Result = tuple[int, str, str]
Cli = Callable[..., Result]


def tiny(name: str = "tiny", **changes: Any) -> StudyConfig:
    scenario = {
        "pool_limit": 150,
        "test_limit": 60,
        "n_initial": 12,
        "query_size": 6,
        "n_rounds": 2,
    }
    return StudyConfig(
        name=name,
        scenarios=(ScenarioConfig(dataset="digits", **{**scenario, **changes}),),
        strategies=(StrategySpec(name="random"), StrategySpec(name="margin")),
        seeds=(0, 1),
        backbone=BackboneConfig(name="mlp"),
        train=TrainConfig(epochs=1, min_steps=10, batch_size=16, lr=5e-3),
    )


def stored(cache_folder: Path, study: StudyConfig, *, n_recorded: int = 99) -> str:
    """A study with recorded runs, made by hand."""
    runs, studies = RunStore(Paths(cache_folder).runs), StudyStore(Paths(cache_folder).studies)
    for config in study.runs():
        record_run(runs, config, n_recorded=n_recorded)
    return studies.save(studies.id_of(study), study).study_id


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def cli(cache_folder: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*arguments: str) -> Result:
        code = main(["--cache", str(cache_folder), "--offline", "--threads", "1", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(write_study(tiny()), encoding="utf-8")
    return path


# Arguments


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_shared_options_may_stand_before_or_after_the_command(command: list[str]) -> None:
    options = ["--cache", "c", "--data", "d", "--executor", "serial", "--workers", "3"]
    options += ["--threads", "2", "--device", "cpu", "--offline"]
    parse = make_parser().parse_args

    assert parse([*options, *command]) == parse([*command, *options])
    assert parse([*options[:4], *command, *options[4:]]) == parse([*options, *command])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_shared_options_have_defaults(command: list[str]) -> None:
    arguments = make_parser().parse_args(command)

    assert arguments.cache is None
    assert arguments.executor == "worker"
    assert arguments.workers is None
    assert arguments.device == "auto"
    assert arguments.offline is False


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["list", "--workers", "0"],
        ["list", "--workers", "all"],
        ["list", "--threads", "many"],
        ["list", "--executor", "ray"],
        ["list", "--device", "gpu"],
        ["export", "x"],
        ["export", "x", "--out", "f", "--format", "xlsx"],
        ["calibrate", "--seconds", "-3"],
        ["trash", "--purge-older", "-3"],
    ],
)
def test_wrong_arguments_end_with_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"alscope {__version__}\n"


def test_the_documentation_names_every_command_and_option() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    help_texts = [make_parser().format_help()]
    for command in COMMANDS:
        assert f"alscope {command[0]}" in page
        with pytest.raises(SystemExit):
            make_parser().parse_args([command[0], "--help"])
    for option in re.findall(r"--[a-z-]+", "".join(help_texts)):
        assert option in page
    for option in ("--dry-run", "--accept-change", "--json", "--format", "--out"):
        assert option in page


def test_importing_the_package_and_the_command_line_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'pandas', 'streamlit', 'altair', 'scipy', 'sklearn', 'transformers'}"
    code = f"import sys, alscope, alscope.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


# Study files


def test_a_dry_run_prints_the_plan_and_runs_nothing(
    cli: Cli, study_file: Path, cache_folder: Path
) -> None:
    code, out, _ = cli("run", str(study_file), "--dry-run")

    assert code == 0
    assert re.search(r"runs: +4, of which 0 are done", out)
    assert re.search(r"evaluations: +12", out)
    assert "cannot reach p = 0.05" in out
    assert RunStore(Paths(cache_folder).runs).run_ids() == ()


def test_a_dry_run_says_what_the_time_was_judged_by(
    cli: Cli, study_file: Path, cache_folder: Path
) -> None:
    key = machine_key(device="auto", n_threads=1)
    keep(Paths(cache_folder).calibration, key, MADE)
    out = cli("run", str(study_file), "--dry-run", "--threads", "1")[1]

    assert re.search(r"time: +\d.* to ", out)
    assert "time is of mlp on digits, judged by the calibration of its usual size" in out


def test_a_dry_run_counts_what_is_done(cli: Cli, study_file: Path, cache_folder: Path) -> None:
    stored(cache_folder, tiny())

    assert re.search(r"runs: +4, of which 4 are done", cli("run", str(study_file), "--dry-run")[1])


def test_a_preset_is_printed_as_a_study_that_gives_the_same_back(cli: Cli) -> None:
    code, out, _ = cli("run", "--preset", "openset", "--dataset", "digits", "--print")
    study = parse_study(out)

    assert code == 0
    assert [scenario.ood_ratio for scenario in study.scenarios] == [0.2, 0.4, 0.6]
    assert "mqnet" in {spec.name for spec in study.strategies}


def test_a_preset_is_planned_with_the_seeds_asked_for(cli: Cli, cache_folder: Path) -> None:
    preset = ("--preset", "essentials", "--dataset", "digits")
    code, out, _ = cli("run", *preset, "--seeds", "2", "--dry-run")

    assert code == 0
    assert re.search(r"runs: +12, of which 0 are done", out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a study file"),
        (["study.toml", "--preset", "paper"], "give a study file"),
        (["study.toml", "--dataset", "digits"], "belong to --preset"),
        (["--preset", "essentials"], "needs --dataset"),
        (["--preset", "esentials", "--dataset", "digits"], "did you mean 'essentials'"),
        (["--preset", "essentials", "--dataset", "digitz"], "did you mean 'digits'"),
        (["--preset", "paper", "--dataset", "digits"], "no run on 'digits'"),
    ],
)
def test_a_preset_that_cannot_be_made_is_refused(cli: Cli, arguments: list[str], said: str) -> None:
    code, _, error = cli("run", *arguments)

    assert code == 2
    assert said in error


def test_seeds_are_added_to_a_study(cli: Cli, cache_folder: Path) -> None:
    # The runs recorded by hand are of other data than the real ones, so no table is printed.
    study_id = stored(cache_folder, tiny())
    cli("add-seeds", study_id, "1", "--executor", "serial")
    store = StudyStore(Paths(cache_folder).studies)
    larger = store.load(store.ids()[0])

    assert larger.study_id != study_id
    assert larger.config.seeds == (0, 1, 2)
    assert set(store.load(study_id).run_ids) < set(larger.run_ids)


def test_every_problem_of_a_study_file_has_its_line(cli: Cli, study_file: Path) -> None:
    study_file.write_text('name = "x"\nseeds = "many"\n[[scenarios]]\nquey_size = 3\n')
    code, out, err = cli("run", str(study_file))

    assert code == 2
    assert out == ""
    assert err.splitlines() == [
        "alscope: line 2: seeds: is the text 'many', but must be a list of whole numbers",
        "alscope: line 4: scenarios[0].quey_size: is not a setting; did you mean 'query_size'?",
    ]


def test_problems_that_only_the_registries_and_the_data_show_have_lines_too(
    cli: Cli, study_file: Path
) -> None:
    study_file.write_text(
        'strategies = [\n "random",\n "magrin",\n]\n[[scenarios]]\n\nn_rounds = 5000\n'
    )
    code, _, err = cli("run", str(study_file), "--dry-run")

    assert code == 2
    assert "line 3: strategies[1].name: unknown strategy 'magrin'; did you mean 'margin'?" in err
    assert re.search(r"line [57]: scenarios\[0\]", err)


def test_a_missing_study_file_is_a_configuration_error(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("run", str(tmp_path / "none.toml"))

    assert code == 2
    assert f"cannot read '{tmp_path / 'none.toml'}'" in err


# Stored studies


def test_an_empty_cache_says_how_to_begin(cli: Cli) -> None:
    assert cli("list") == (0, "no studies yet; start with: alscope demo\n", "")
    assert cli("list", "--json")[1] == "[]\n"


def test_studies_are_listed_newest_first(cli: Cli, cache_folder: Path) -> None:
    first = stored(cache_folder, tiny("first"))
    second = stored(cache_folder, tiny("second", n_initial=14), n_recorded=1)
    code, out, _ = cli("list", "--json")
    facts = json.loads(out)

    assert code == 0
    assert [fact["study"] for fact in facts] == [second, first]
    assert [fact["n_done"] for fact in facts] == [0, 4]
    assert facts[1]["state"] == "done"
    assert first in cli("list")[1]


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_study_is_shown_by_id_or_name(cli: Cli, cache_folder: Path, by: str) -> None:
    study_id = stored(cache_folder, tiny())
    code, out, _ = cli("show", study_id if by == "id" else "tiny")

    assert code == 0
    assert re.search(r"done +digits +margin +1 +3/3", out)
    assert re.search(r"margin [*=] +2 +0\.605 ±0\.064", out)
    assert "cannot reach 0.05 with 2 seeds" in out


def test_a_study_is_shown_as_json(cli: Cli, cache_folder: Path) -> None:
    stored(cache_folder, tiny(), n_recorded=2)
    facts = json.loads(cli("show", "tiny", "--json")[1], parse_constant=pytest.fail)

    assert {run["strategy"] for run in facts["runs"]} == {"random", "margin"}
    assert {run["state"] for run in facts["runs"]} == {"interrupted"}
    assert [row["n_incomplete"] for row in facts["aubc"]] == [2, 2]
    assert facts["aubc"][0]["aubc"] is None


def test_a_study_without_rounds_is_shown(cli: Cli, cache_folder: Path) -> None:
    stored(cache_folder, tiny(), n_recorded=0)
    code, out, _ = cli("show", "tiny")

    assert code == 0
    assert "no results yet" in out


def test_an_unknown_study_gets_the_nearest_name(cli: Cli, cache_folder: Path) -> None:
    stored(cache_folder, tiny())
    code, out, err = cli("show", "tinny")

    assert (code, out) == (2, "")
    assert err == "alscope: unknown study 'tinny'; did you mean 'tiny'?\n"


def test_a_name_of_several_studies_is_refused_with_their_ids(cli: Cli, cache_folder: Path) -> None:
    ids = {stored(cache_folder, tiny()), stored(cache_folder, tiny(n_initial=14))}
    code, _, err = cli("export", "tiny", "--out", "x.csv")

    assert code == 2
    assert all(study_id in err for study_id in ids)


@pytest.mark.parametrize(
    ("fmt", "read"),
    [("csv", pd.read_csv), ("parquet", pd.read_parquet), ("json", pd.read_json)],
)
def test_the_rounds_of_a_study_are_exported(
    cli: Cli, cache_folder: Path, tmp_path: Path, fmt: str, read: Callable[[Path], pd.DataFrame]
) -> None:
    stored(cache_folder, tiny())
    path = tmp_path / f"rounds.{fmt}"
    code, out, _ = cli("export", "tiny", "--format", fmt, "--out", str(path))
    frame = read(path)

    assert code == 0
    assert "12 rounds of 4 runs written" in out
    assert len(frame) == 12
    assert set(frame["study"]) == {"tiny"}


def test_nothing_is_exported_before_there_are_results(
    cli: Cli, cache_folder: Path, tmp_path: Path
) -> None:
    stored(cache_folder, tiny(), n_recorded=0)
    code, _, err = cli("export", "tiny", "--out", str(tmp_path / "x.csv"))

    assert code == 1
    assert "has no results yet; run it first" in err
    assert not (tmp_path / "x.csv").exists()


def test_an_export_that_cannot_be_written_ends_with_code_1(
    cli: Cli, cache_folder: Path, tmp_path: Path
) -> None:
    stored(cache_folder, tiny())
    code, _, err = cli("export", "tiny", "--out", str(tmp_path / "none" / "x.csv"))

    assert code == 1
    assert f"cannot write '{tmp_path / 'none' / 'x.csv'}'" in err
    code, _, err = cli("export", "tiny", "--out", str(tmp_path))
    assert code == 1
    assert "it is a folder; name a file in it" in err


def test_the_ending_of_a_file_says_its_form(cli: Cli, cache_folder: Path, tmp_path: Path) -> None:
    stored(cache_folder, tiny())

    assert cli("export", "tiny", "--out", str(tmp_path / "x.json"))[0] == 0
    json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    code, _, err = cli("report", "tiny", "--out", str(tmp_path / "x.pdf"))
    assert code == 2
    assert "'x.pdf' ends in none of .html, .md, .tex" in err


def test_output_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(StoreError, match="cannot write the output: No space left on device"):
            put("a line")


# Catalogues


@pytest.mark.parametrize(
    ("command", "registry"),
    [("strategies", strategies), ("datasets", datasets), ("backbones", backbones)],
)
def test_catalogues_list_the_registries(cli: Cli, command: str, registry: Any) -> None:
    code, out, _ = cli(command, "--json")

    assert code == 0
    assert [fact["name"] for fact in json.loads(out)] == list(registry.names())
    assert all(name in cli(command)[1] for name in registry.names())


def test_a_strategy_is_listed_with_its_parameters(cli: Cli) -> None:
    facts = {fact["name"]: fact for fact in json.loads(cli("strategies", "--json")[1])}
    (parameter,) = facts["bald"]["parameters"]

    assert parameter["name"] == "n_samples"
    assert parameter["low"] == 2
    assert facts["bald"]["group"] == "uncertainty"


def test_data_sets_say_whether_they_are_here(cli: Cli) -> None:
    facts = {fact["name"]: fact for fact in json.loads(cli("datasets", "--json")[1])}

    assert facts["digits"]["available"] is True
    assert facts["mnist"]["available"] is False


# Own data


def table_of_notes(folder: Path) -> Path:
    rows = [f"text number {row},{'cats' if row % 2 else 'dogs'}" for row in range(40)]
    path = folder / "notes.csv"
    path.write_text("\n".join(["words,kind", *rows, ",cats", ""]), encoding="utf-8")
    return path


def test_own_data_are_checked_by_path_and_nothing_is_imported(
    cli: Cli, cache_folder: Path, tmp_path: Path
) -> None:
    checked = cli("import", str(table_of_notes(tmp_path)), "--check")
    refused = cli("import", str(table_of_notes(tmp_path)), "--name", "notes")

    assert checked[0] == refused[0] == 1
    assert "columns: words, kind" in checked[1]
    assert "samples have no text" in checked[1]
    assert "samples have no text" in refused[2]
    assert own_sets(own_root(cache_folder)) == ()


def test_own_data_are_imported_by_path(cli: Cli, cache_folder: Path, tmp_path: Path) -> None:
    path = str(table_of_notes(tmp_path))
    code, out, _ = cli("import", path, "--name", "notes", "--drop", "empty_text")
    (info,) = own_sets(own_root(cache_folder))

    assert code == 0
    assert "32 training and 8 test samples, own:notes" in out
    assert (info.name, info.modality, info.n_train, info.n_test) == ("own:notes", "text", 32, 8)
    assert "own:notes" in cli("datasets")[1]


def test_the_label_of_a_table_of_numbers_can_be_named(
    cli: Cli, cache_folder: Path, tmp_path: Path
) -> None:
    rows = [f"{r},{r + 1},{r % 7},{r / 3:.2f},{r % 2},{r % 3}" for r in range(60)]
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join(["a,b,c,d,kind,label", *rows, ""]), encoding="utf-8")
    code, _, _ = cli("import", str(path), "--name", "n", "--label-column", "kind")
    (info,) = own_sets(own_root(cache_folder))

    assert code == 0
    assert info.class_counts.keys() == {"0", "1"}


def own_root(cache_folder: Path) -> DataRoot:
    return DataRoot(path=cache_folder / "datasets", cache=cache_folder / "derived")


# Doctor


def test_a_sound_installation_has_no_problems(cli: Cli, cache_folder: Path) -> None:
    stored(cache_folder, tiny())
    code, out, _ = cli("doctor", "--device", "cpu")

    assert code == 0
    assert re.search(r"ok +stored runs +4, of which 0 are damaged", out)
    assert re.search(r"ok +device +cpu", out)
    assert re.search(r"note +data set mnist", out)


def test_a_damaged_run_is_a_problem(cli: Cli, cache_folder: Path) -> None:
    stored(cache_folder, tiny())
    store = RunStore(Paths(cache_folder).runs)
    run_id = store.run_ids()[0]
    journal = Paths(cache_folder).runs / run_id / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"n_pool"', b'"n_poll"', 1))
    code, out, _ = cli("doctor", "--device", "cpu")

    assert code == 1
    assert re.search(r"problem +stored runs +4, of which 1 are damaged", out)
    assert f"run {run_id}" in out


def test_a_device_that_is_not_here_does_not_stop_the_other_checks(cli: Cli) -> None:
    code, out, _ = cli("doctor", "--device", "cuda:99")

    assert code == 1
    assert re.search(r"problem +device", out)
    assert "stored runs" in out


# Running


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["serial", "thread", "worker"])
def test_a_study_runs_to_its_end(cli: Cli, study_file: Path, executor: str) -> None:
    code, out, err = cli("run", str(study_file), "--executor", executor, "--device", "cpu")

    assert code == 0
    assert re.search(r"margin( [*=])? +2 +0\.\d{3} ±", out)
    assert "alscope export tiny-" in out
    assert len(re.findall(r"^\[\d/4\] digits, \w+, seed \d: done$", err, flags=re.MULTILINE)) == 4


@pytest.mark.slow
def test_running_a_finished_study_again_changes_nothing(
    cli: Cli, study_file: Path, cache_folder: Path
) -> None:
    arguments = ("run", str(study_file), "--executor", "serial", "--device", "cpu")
    cli(*arguments)
    store = RunStore(Paths(cache_folder).runs)
    before = {run_id: store.history(run_id).events for run_id in store.run_ids()}

    assert cli(*arguments)[0] == 0
    assert {run_id: store.history(run_id).events for run_id in store.run_ids()} == before


@pytest.mark.slow
def test_a_failed_run_ends_with_code_1_and_resuming_repairs_it(
    cli: Cli, study_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the margin is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Margin, "scores", broken)
        code, out, err = cli("run", str(study_file), "--executor", "serial", "--device", "cpu")

    assert code == 1
    assert "margin, seed 0: failed: the margin is gone" in err
    assert "2 of 4 runs did not finish (2 failed)" in err
    assert re.search(r"random [*=] +2 ", out)
    assert cli("resume", "tiny", "--executor", "serial", "--device", "cpu")[0] == 0


@pytest.mark.slow
def test_ctrl_c_pauses_cleanly_and_running_again_resumes(
    cli: Cli, study_file: Path, cache_folder: Path
) -> None:
    study_file.write_text(write_study(tiny(query_size=4, n_rounds=12)), encoding="utf-8")
    options = ["--cache", str(cache_folder), "--executor", "thread", "--device", "cpu"]
    store = RunStore(Paths(cache_folder).runs)
    with subprocess.Popen(
        [sys.executable, "-m", "alscope", "run", str(study_file), *options, "--threads", "1"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: any(store.history(run_id).rounds for run_id in store.run_ids()))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "run again to resume" in err
    assert "Traceback" not in err
    assert all(store.verify(run_id) == [] for run_id in store.run_ids())
    assert json.loads(cli("list", "--json")[1])[0]["state"] == "paused"
    assert cli("run", str(study_file), *options[2:])[0] == 0


# Tables


def test_columns_of_numbers_stand_to_the_right() -> None:
    assert table(("name", "n"), [("a", 1), ("bb", 20)]) == [
        "name   n",
        "----  --",
        "a      1",
        "bb    20",
    ]


def test_a_reader_that_has_seen_enough_is_no_error(cache_folder: Path) -> None:
    command = [sys.executable, "-m", "alscope", "strategies", "--markdown"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()

    assert "Traceback" not in said
    assert process.returncode == 0
