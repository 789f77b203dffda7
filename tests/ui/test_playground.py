from __future__ import annotations

import re

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from alscope.engine.service import Service
from alscope.playground.link import write_picks
from alscope.playground.presets import PRESETS
from alscope.ui import playground_contest
from tests.ui.records import address, page, raw_texts, texts

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("service")]

SMALL = {"n": "60", "budget": "3"}


def press(app: AppTest, key: str) -> AppTest:
    return next(button for button in app.button if button.key == key).click().run()


def widget(app: AppTest, key: str):
    kinds = ("selectbox", "multiselect", "slider", "number_input", "segmented_control")
    found = [item for kind in kinds for item in app.get(kind) if item.key == key]
    return found[0]


def accuracies(app: AppTest) -> dict[str, str]:
    table = app.table[0].value
    return dict(zip(table.index, table["Accuracy"], strict=True))


def labels(app: AppTest) -> list[str]:
    return app.table[0].value["Labels"].tolist()


def test_watch_steps_undoes_and_resets(service: Service) -> None:
    app = page("playground", **SMALL)
    assert labels(app) == ["4"]

    press(app, "playground_step")
    press(app, "playground_step")
    assert labels(app) == ["6"]
    assert address(app, "t") == ["2"]

    press(app, "playground_undo")
    assert labels(app) == ["5"]
    press(app, "playground_reset")
    assert labels(app) == ["4"]
    assert address(app, "t") == ["0"]
    assert not app.error
    assert not app.exception


def test_a_step_is_refused_when_the_budget_is_spent() -> None:
    app = page("playground", t="3", **SMALL)

    assert next(item for item in app.button if item.key == "playground_step").disabled


def test_play_steps_by_itself_until_the_budget_is_spent() -> None:
    app = page("playground", **SMALL)
    press(app, "playground_play")  # the click draws the page, which makes a step

    for _ in range(4):
        app.run()

    assert address(app, "t") == ["3"]
    assert next(item for item in app.button if item.key == "playground_play").label == "Play"


def test_a_race_starts_from_the_same_labels_and_ends_with_hidden_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(playground_contest, "N_HIDDEN", 4)
    app = page("playground", mode="race", opp=["random", "margin", "badge"], **SMALL)
    assert len(set(accuracies(app).values())) == 1

    for _ in range(3):
        press(app, "playground_step")
    assert labels(app) == ["7", "7", "7"]
    assert "Luck or skill?" in texts(app)
    press(app, "playground_hidden")
    for _ in range(4):
        app.run()

    assert re.search(r"BADGE 0\.\d\d ± 0\.\d\d", texts(app))
    assert "mean over 4 games" in texts(app)


def test_a_duel_is_played_with_keys_and_ends_with_a_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playground_contest, "N_HIDDEN", 3)
    app = page("playground", mode="duel", **SMALL)
    assert list(accuracies(app)) == ["You", "Random", "Margin"]

    press(app, "playground_walk_left")
    press(app, "playground_buy")
    assert labels(app) == ["5", "5", "5"]
    assert len(address(app, "picks")[0]) == 2
    assert "in their eyes: Random" in texts(app)
    press(app, "playground_walk_up")
    press(app, "playground_buy")
    press(app, "playground_undo")
    assert labels(app) == ["5", "5", "5"]
    press(app, "playground_buy")
    press(app, "playground_buy")

    assert "Your budget is spent" in "\n".join(item.value for item in app.success)
    press(app, "playground_hidden")
    for _ in range(5):
        app.run()
    assert re.search(r"You 0\.\d\d; .* ± 0\.\d\d", texts(app))
    assert re.search(r"place \d of 3", texts(app))
    assert not app.exception


def test_a_reload_restores_a_duel() -> None:
    app = page("playground", mode="duel", **SMALL)
    press(app, "playground_buy")
    link = {key: address(app, key) for key in app.query_params}

    again = page("playground", **link)

    assert accuracies(again) == accuracies(app)
    assert labels(again) == ["5", "5", "5"]


def test_explain_shows_numbers_formula_and_ranks() -> None:
    app = page("playground", mode="explain", opp="entropy", t="1", **SMALL)

    said = texts(app)
    assert "Entropy buys it next." in said
    assert "Entropy ranks it 1 of 55." in said.replace("**", "")
    assert "ln p_c" in app.get("latex")[0].value
    ranks = app.dataframe[0].value
    assert set(ranks.columns) == {"Strategy", "Rank", "Score"}
    assert len(ranks) == 21
    press(app, "playground_walk_right")
    assert len(address(app, "pt")) == 1
    assert "buys it next" not in texts(app)


def test_explain_says_when_a_strategy_has_no_scores_of_single_points() -> None:
    app = page("playground", mode="explain", opp="coreset", **SMALL)

    assert "does not score points one by one" in texts(app)


def test_data_bring_their_own_noise_and_share_and_keep_the_seed() -> None:
    app = page("playground", seed="7", n="100")

    widget(app, "playground_data").set_value("unknown").run()

    assert address(app, "ood") == ["40"]
    assert address(app, "seed") == ["7"]
    assert address(app, "n") == ["100"]


def test_a_model_without_a_final_layer_drops_what_needs_one() -> None:
    app = page("playground", opp="alpha_mix", **SMALL)
    assert list(accuracies(app)) == ["AlphaMix"]

    widget(app, "playground_model").set_value("knn").run()

    assert list(accuracies(app)) == ["Margin"]
    assert "AlphaMix" not in widget(app, "playground_player").options
    assert "linear layer" in widget(app, "playground_player").help


def test_another_seed_starts_another_game() -> None:
    app = page("playground", t="2", **SMALL)

    widget(app, "playground_seed").set_value(5).run()

    assert labels(app) == ["4"]
    assert address(app, "seed") == ["5"]


def test_a_mode_keeps_the_labels_bought_so_far() -> None:
    app = page("playground", t="2", **SMALL)

    widget(app, "playground_mode").set_value("explain").run()

    assert address(app, "t") == ["2"]
    assert "labels" not in address(app, "picks")


def test_the_minimal_page_hides_controls_and_brings_them_back() -> None:
    app = page("playground", ui="min", mode="race", **SMALL)
    assert not [item for item in app.selectbox if item.key == "playground_data"]
    assert "Race: Moons, 60 points" in texts(app)

    next(item for item in app.button if item.label == "Show the controls").click().run()

    assert widget(app, "playground_data").value == "moons"
    assert not address(app, "ui")


def test_points_are_drawn_and_played(monkeypatch: pytest.MonkeyPatch) -> None:
    app = page("playground", data="drawn")
    assert "Your drawing, 48 points" in texts(app)

    press(app, "draw_undo")
    press(app, "playground_draw_play")
    assert "Your drawing, 47 points" in texts(app)
    assert len(address(app, "pts")[0]) == 3 * 47
    press(app, "draw_clear")
    assert any("draw at least 10" in item.value for item in app.error)


HOSTILE = ("<script>alert(1)</script>", "[a](http://evil.example)" + "x" * 4000)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_address_is_dropped_with_a_notice(value: str) -> None:
    keys = ("data", "n", "m", "mode", "seed", "opp", "picks", "t", "ui", "show", "q")

    app = page("playground", **dict.fromkeys(keys, value))

    assert not app.exception
    assert not app.error
    assert "Not everything in this address could be used" in app.warning[0].value
    assert "<script>" not in raw_texts(app)


def test_picks_of_another_game_do_not_break_the_page() -> None:
    app = page("playground", mode="duel", picks=write_picks(range(3)), n="60")

    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("name", ["sampling_bias", "unknown_classes"])
def test_a_preset_opens_as_it_was_meant(name: str) -> None:
    from alscope.playground.link import write_game

    game = PRESETS[name].game
    params = {key: values for key, values in write_game(game).items() if values}

    app = page("playground", **params)

    assert not app.warning
    assert len(app.table[0].value) == len(game.players)


def test_every_picture_has_words_and_is_sent_as_it_is_exported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    original = st.vega_lite_chart

    def spy(*args, **kwargs):
        drawn.append(kwargs)
        return original(*args, **kwargs)

    monkeypatch.setattr(st, "vega_lite_chart", spy)
    page("playground", t="2", data="unknown", n="60")

    assert "of 60 points are labeled" in drawn[0]["alt"]
    assert set(drawn[0]["spec"]["datasets"]) == {"points", "field", "border"}
