from __future__ import annotations

import tomllib

import pytest
import streamlit as st

from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.config_io import parse_study, write_study
from alscope.engine.service import Service
from alscope.ui.strategy_form import ESSENTIALS
from tests.ui.records import page, record, small_study, texts


def by_key(app, key):
    return app.get_by_key(key)


def button(app, label):
    return next(item for item in app.button if item.label == label)


@pytest.fixture
def toml(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The study file that the page offers."""
    offered: dict[str, bytes] = {}
    original = st.download_button

    def spy(label, data, *args, **kwargs):
        offered["study"] = data
        return original(label, data, *args, **kwargs)

    monkeypatch.setattr(st, "download_button", spy)
    return offered


def test_the_first_form_can_be_started_as_it_is(service: Service) -> None:
    app = page("build")
    assert not button(app, "Start").disabled

    button(app, "Start").click().run()

    (study,) = service.studies()
    assert app.title[0].value == "Monitor"
    assert {spec.name for spec in study.config.strategies} == set(ESSENTIALS)


def test_every_problem_is_listed_at_once_and_start_is_disabled(service: Service) -> None:
    app = page("build")

    by_key(app, "build_scenario_n_initial").set_value(2000)
    by_key(app, "build_scenario_query_size").set_value(3000)
    by_key(app, "build_protocol_name").set_value(" ")
    button(app, "None").click().run()

    said = texts(app)
    assert "n_initial" in said
    assert "name" in said
    assert "strategies" in said
    assert button(app, "Start").disabled


def test_the_pool_is_counted_before_anything_runs(service: Service) -> None:
    app = page("build")

    by_key(app, "build_scenario_imbalance_ratio").set_value(10.0).run()

    table = app.dataframe[0].value
    assert table["Class"].tolist() == list("0123456789")
    largest, smallest = (table["Pool"] + table["Start"]).agg(["max", "min"])
    assert 9 < largest / smallest < 11


def test_an_open_set_has_two_separate_controls(service: Service) -> None:
    app = page("build")

    by_key(app, "build_scenario_setting").set_value("open").run()
    by_key(app, "build_scenario_n_known").set_value(4)
    by_key(app, "build_scenario_ood_ratio").set_value(0.25).run()

    table = app.dataframe[0].value
    total = (table["Pool"] + table["Start"]).sum()
    unknown = (table["Pool"] + table["Start"])[~table["Known"]].sum()
    assert table["Known"].sum() == 4
    assert abs(unknown - 0.25 * total) <= 1


def test_known_classes_can_be_chosen_by_name(service: Service) -> None:
    app = page("build")

    by_key(app, "build_scenario_setting").set_value("open").run()
    by_key(app, "build_scenario_choice").set_value("names").run()
    by_key(app, "build_scenario_known_classes").set_value(["3", "5", "8"]).run()

    table = app.dataframe[0].value
    assert table.loc[table["Known"], "Class"].tolist() == ["3", "5", "8"]


def test_the_backbones_follow_the_modality(service: Service) -> None:
    app = page("build")
    images = by_key(app, "build_protocol_backbone").options

    by_key(app, "build_scenario_dataset").set_value("ag_news").run()
    texts_only = by_key(app, "build_protocol_backbone").options

    assert not app.exception
    assert set(images) & set(texts_only) == {"Frozen encoder"}


def test_presets_choose_strategies(service: Service) -> None:
    app = page("build")

    button(app, "None").click().run()
    assert not any(box.value for box in app.checkbox if "_use_" in box.key)

    button(app, "All").click().run()
    assert all(box.value for box in app.checkbox if "_use_" in box.key)


def test_leaving_random_out_and_few_seeds_are_warned_about(service: Service) -> None:
    app = page("build")

    by_key(app, "build_strategy_use_random").uncheck()
    by_key(app, "build_protocol_n_seeds").set_value(2).run()

    said = texts(app)
    assert "Random is not among the strategies" in said
    assert "with 2 seeds" in said.lower()
    assert not button(app, "Start").disabled


def test_runs_that_are_done_already_are_counted(service: Service) -> None:
    study = small_study()
    record(service, study)
    app = page("build")

    by_key(app, "build_upload").upload("study.toml", write_study(study).encode()).run()

    assert "6 of the runs are done already" in texts(app)
    assert "Nothing left to compute" in texts(app)


FULL = StudyConfig(
    name="Round trip",
    scenarios=(
        ScenarioConfig(
            setting="open",
            known_classes=("1", "2", "7"),
            ood_ratio=0.35,
            imbalance_ratio=2.5,
            imbalance_profile="step",
            initial="random",
            n_initial=24,
            query_size=12,
            n_rounds=3,
            pool_limit=600,
            split_seed=4,
        ),
        ScenarioConfig(n_rounds=2),
    ),
    strategies=(
        StrategySpec(name="random"),
        StrategySpec(name="bald", params={"n_samples": 20}),
        StrategySpec(name="bald", candidates=200),
    ),
    seeds=(3, 5, 8),
)


def test_a_loaded_file_gives_the_same_study_back(service: Service, toml: dict[str, bytes]) -> None:
    app = page("build")

    by_key(app, "build_upload").upload("study.toml", write_study(FULL).encode()).run()

    back = parse_study(toml["study"].decode())
    assert not app.exception
    assert back.scenarios == FULL.scenarios
    assert set(map(repr, back.strategies)) == set(map(repr, FULL.strategies))
    assert (back.name, back.seeds, back.backbone, back.train) == (
        FULL.name,
        FULL.seeds,
        FULL.backbone,
        FULL.train,
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"name = ", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * 70_000, "64 kB"),
        (b'name = "x"\nquey_size = 3\n', "quey_size"),
        (b'[[scenarios]]\ndataset = "nope"\n', "nope"),
        (b"[[scenarios]]\nimbalance_ratio = 0.5\n", "at least 1"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_the_form_stays(
    service: Service, content: bytes, expected: str
) -> None:
    app = page("build")
    by_key(app, "build_protocol_name").set_value("mine").run()

    by_key(app, "build_upload").upload("study.toml", content).run()

    assert not app.exception
    assert expected in texts(app)
    assert by_key(app, "build_protocol_name").value == "mine"


def test_a_draft_survives_a_visit_to_another_page(service: Service) -> None:
    app = page("build")
    by_key(app, "build_scenario_query_size").set_value(33)
    by_key(app, "build_protocol_name").set_value("draft").run()

    app.switch_page("pages/home.py").run()
    app.switch_page("pages/build.py").run()

    assert by_key(app, "build_scenario_query_size").value == 33
    assert by_key(app, "build_protocol_name").value == "draft"


def test_several_scenarios_can_be_put_into_one_study(
    service: Service, toml: dict[str, bytes]
) -> None:
    app = page("build")

    button(app, "Add this scenario and describe another").click().run()
    by_key(app, "build_scenario_n_rounds").set_value(2).run()

    scenarios = tomllib.loads(toml["study"].decode())["scenarios"]
    assert len(scenarios) == 2
    button(app, "Remove").click().run()
    assert len(tomllib.loads(toml["study"].decode())["scenarios"]) == 1


def test_parameters_at_their_defaults_are_not_written(
    service: Service, toml: dict[str, bytes]
) -> None:
    page("build")

    study = parse_study(toml["study"].decode())
    assert all(not spec.params for spec in study.strategies)
    assert not study.backbone.params


def test_a_data_set_that_is_not_here_is_said_to_be_missing(service: Service) -> None:
    app = page("build")

    by_key(app, "build_scenario_dataset").set_value("cifar10").run()

    assert not app.exception
    assert "not here yet" in app.info[0].value
    assert button(app, "Start").disabled


def test_the_network_and_training_of_the_paper_fill_the_form(service: Service) -> None:
    app = page("build")
    by_key(app, "build_scenario_dataset").set_value("cifar10").run()
    button(app, "Network and training of the paper").click().run()

    assert not app.exception
    assert by_key(app, "build_protocol_backbone").value == "resnet18"
    assert by_key(app, "build_train_epochs").value == 200
    assert by_key(app, "build_scenario_query_size").value == 100


def test_data_that_the_paper_has_not_offer_no_preset(service: Service) -> None:
    labels = [item.label for item in page("build").button]

    assert "Network and training of the paper" not in labels


def test_a_frozen_encoder_is_chosen_to_fit_the_data(service: Service) -> None:
    app = page("build")
    by_key(app, "build_scenario_dataset").set_value("ag_news").run()
    by_key(app, "build_protocol_backbone").set_value("frozen").run()

    assert not app.exception
    assert by_key(app, "build_backbone_frozen_encoder").value == "minilm"
