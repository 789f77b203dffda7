from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
import streamlit as st

from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.config_io import parse_study, write_study
from alscope.engine.presets import PRESETS
from alscope.engine.service import Service
from alscope.ui.state import Key
from tests.ui.records import address, page, record, small_study, texts

pytestmark = pytest.mark.slow


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
        offered["study" if label == "TOML" else label] = data
        return original(label, data, *args, **kwargs)

    monkeypatch.setattr(st, "download_button", spy)
    return offered


def test_the_first_form_can_be_started_as_it_is(service: Service) -> None:
    app = page("build")
    assert not button(app, "Start").disabled

    button(app, "Start").click().run()

    (study,) = service.studies()
    assert app.title[0].value == "Monitor"
    assert {spec.name for spec in study.config.strategies} == set(PRESETS["essentials"].names)


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


def test_scenarios_that_are_no_combination_are_kept_beside_the_form(
    service: Service, toml: dict[str, bytes]
) -> None:
    app = page("build")

    button(app, "Keep and describe others").click().run()
    by_key(app, "build_scenario_n_rounds").set_value(2).run()

    scenarios = tomllib.loads(toml["study"].decode())["scenarios"]
    assert [scenario.get("n_rounds", 5) for scenario in scenarios] == [2, 5]
    button(app, "Forget 1 kept scenario").click().run()
    assert len(tomllib.loads(toml["study"].decode())["scenarios"]) == 1


def test_the_grid_makes_every_combination_once(service: Service, toml: dict[str, bytes]) -> None:
    app = page("build")
    by_key(app, "build_grid_imbalance_ratio").set_value(["1", "5"])
    by_key(app, "build_grid_query_size").set_value(["10"]).run()

    scenarios = parse_study(toml["study"].decode()).scenarios
    assert [(s.imbalance_ratio, s.query_size) for s in scenarios] == [
        (1, 20),
        (1, 10),
        (5, 20),
        (5, 10),
    ]
    assert "**4 scenarios** in the study · 2 equal combinations taken once" in texts(app)
    assert app.dataframe[0].value["Labels"].tolist() == [120, 70, 120, 70]


def test_open_sets_of_several_shares_stand_beside_the_closed_set(
    service: Service, toml: dict[str, bytes]
) -> None:
    app = page("build")
    by_key(app, "build_scenario_setting").set_value("open").run()
    by_key(app, "build_grid_ood_ratio").set_value(["0.2"])
    by_key(app, "build_grid_closed").check().run()

    scenarios = parse_study(toml["study"].decode()).scenarios
    assert [(s.setting, s.ood_ratio) for s in scenarios] == [
        ("closed", 0.0),
        ("open", 0.4),
        ("open", 0.2),
    ]


def test_impossible_combinations_are_named_and_the_others_can_be_started(
    service: Service, toml: dict[str, bytes]
) -> None:
    app = page("build")
    by_key(app, "build_grid_n_initial").set_value(["5000"]).run()

    assert "1 combination impossible" in texts(app)
    assert any("5,000 + 5" in warning.value for warning in app.warning)
    assert len(parse_study(toml["study"].decode()).scenarios) == 1
    assert not button(app, "Start").disabled


def test_a_scenario_of_the_grid_can_be_left_out(service: Service, toml: dict[str, bytes]) -> None:
    app = page("build")
    by_key(app, "build_grid_n_rounds").set_value(["3"]).run()
    gone = by_key(app, "build_grid_left_out").options[1]
    by_key(app, "build_grid_left_out").set_value([gone]).run()

    assert [s.n_rounds for s in parse_study(toml["study"].decode()).scenarios] == [5]
    assert "1 left out" in texts(app)


def test_what_is_no_number_is_said_and_left_out(service: Service) -> None:
    app = page("build")
    by_key(app, "build_grid_n_rounds").set_value(["many"]).run()

    assert "not numbers: many" in texts(app)


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


def test_what_cannot_run_in_the_scenarios_cannot_be_chosen(
    service: Service, toml: dict[str, bytes]
) -> None:
    app = page("build")
    by_key(app, "build_scenario_initial").set_value("random")
    by_key(app, "build_scenario_n_initial").set_value(0)
    button(app, "All").click().run()

    box = by_key(app, "build_strategy_use_badge")
    names = {spec.name for spec in parse_study(toml["study"].decode()).strategies}
    disabled = {item.key.rpartition("use_")[2] for item in app.checkbox if item.disabled}
    assert disabled
    assert not disabled & names
    assert "random" in names
    assert by_key(app, f"build_strategy_use_{min(disabled)}").help
    assert box.value


def test_every_pitfall_has_an_answer_and_its_button_mends_it(service: Service) -> None:
    app = page("build")
    by_key(app, "build_strategy_use_margin").uncheck()
    by_key(app, "build_protocol_n_seeds").set_value(2).run()
    assert "Margin among the strategies? **no**" in texts(app)

    button(app, "Add Margin").click().run()
    button(app, "Use 6 seeds").click().run()
    button(app, "Add a start of twice the size").click().run()

    said = texts(app)
    assert not app.exception
    assert "**Checklist** · 5 of 5" in said
    assert by_key(app, "build_protocol_n_seeds").value == 6
    assert by_key(app, "build_grid_n_initial").value == ["40"]


@pytest.mark.parametrize("key", ["essentials", "lowbudget", "imbalance", "openset", "everything"])
def test_a_link_to_a_preset_fills_the_form_and_comes_back(
    service: Service, toml: dict[str, bytes], key: str
) -> None:
    app = page("build", preset=key, data="digits")
    study = parse_study(toml["study"].decode())
    wanted = PRESETS[key].study("digits", service.data_root).study

    assert not app.exception
    assert (study.scenarios, study.seeds) == (wanted.scenarios, wanted.seeds)
    assert {spec.title for spec in study.strategies} == {s.title for s in wanted.strategies}
    assert (address(app, "preset"), address(app, "data")) == ([key], ["digits"])
    assert app.code[0].value == f"alscope run --preset {key} --dataset digits"


def test_a_link_names_the_preset_only_while_the_form_says_the_same(service: Service) -> None:
    app = page("build", preset="essentials", data="digits")
    by_key(app, "build_scenario_query_size").set_value(33).run()

    assert address(app, "preset") == []
    assert by_key(app, "build_scenario_query_size").value == 33
    assert app.code[0].value.endswith(".toml")


def test_names_in_a_link_may_be_written_without_signs(service: Service) -> None:
    app = page("build", preset="low-budget", data="agnews")

    assert by_key(app, "build_scenario_dataset").value == "ag_news"
    assert by_key(app, "build_strategy_use_alpha_mix").value


def test_strategies_in_a_link_are_ticked(service: Service) -> None:
    app = page("build", s=["margin", "coreset"])

    assert [box.key for box in app.checkbox if "_use_" in box.key and box.value] == [
        "build_strategy_use_margin",
        "build_strategy_use_coreset",
    ]


def test_what_is_unknown_in_a_link_is_said_and_left_out(service: Service) -> None:
    app = page("build", preset="esentials", data="digitz", s="margn")

    said = texts(app)
    for word in ("preset “esentials”", "data set “digitz”", "strategy “margn”"):
        assert word in said
    assert "Did you mean digits?" in said
    assert by_key(app, "build_scenario_dataset").value == "digits"


def test_a_preset_button_fills_the_form_for_the_chosen_data(service: Service) -> None:
    app = page("build")
    assert button(app, "Paper replication").disabled
    by_key(app, "build_scenario_dataset").set_value("cifar10").run()
    button(app, "Imbalance").click().run()

    assert not app.exception
    assert by_key(app, "build_scenario_dataset").value == "cifar10"
    assert by_key(app, "build_grid_imbalance_ratio").value == ["5", "20"]
    assert not button(app, "Paper replication").disabled


def test_a_yaml_file_is_loaded_and_what_changes_then_is_listed(service: Service) -> None:
    app = page("build")
    text = write_study(small_study(), form="yaml")
    by_key(app, "build_upload").upload("study.yaml", text.encode()).run()
    assert by_key(app, "build_protocol_name").value == "small"
    assert "Before" not in "".join(map(str, app.dataframe[0].value.columns))

    by_key(app, "build_scenario_query_size").set_value(11).run()

    changes = app.dataframe[0].value
    assert changes["Setting"].tolist() == ["scenarios[0].query_size"]
    assert (changes["Before"][0], changes["Now"][0]) == ("10", "11")


def test_a_yaml_file_with_a_mistake_says_the_line(service: Service) -> None:
    app = page("build")

    by_key(app, "build_upload").upload("study.yaml", b"name: x\nseeds: &a [1]\n").run()

    assert "line 2: uses an alias or anchor" in texts(app)


def test_a_dry_run_is_a_small_study_of_its_own(service: Service) -> None:
    app = page("build")
    by_key(app, "build_grid_n_rounds").set_value(["3"]).run()

    button(app, "Dry run: one seed, two queries").click().run()

    (study,) = service.studies()
    assert app.title[0].value == "Monitor"
    assert study.name == "my study (dry run)"
    assert study.config.seeds == (0,)
    assert [scenario.n_rounds for scenario in study.config.scenarios] == [2]
    assert study.wish.priority == 9


def test_priority_and_time_cap_are_stored_with_the_study(service: Service) -> None:
    app = page("build")
    by_key(app, "build_queue_priority").set_value(3)
    by_key(app, "build_queue_hours").set_value(2.0).run()

    button(app, "Start").click().run()

    (study,) = service.studies()
    assert study.wish.priority == 3
    assert study.wish.pause_at is not None


def test_the_order_in_which_a_file_names_strategies_is_no_change(service: Service) -> None:
    preset = PRESETS["essentials"].study("digits", service.data_root).study
    app = page("build")

    app.session_state[Key.REFERENCE] = replace(
        preset, name="my study", strategies=preset.strategies[::-1]
    )
    app.run()
    assert not [item.label for item in app.expander if "since my study" in item.label]

    app.session_state[Key.REFERENCE] = replace(preset, name="my study", seeds=(7,))
    app.run()
    assert [item.label for item in app.expander if "since my study" in item.label]
