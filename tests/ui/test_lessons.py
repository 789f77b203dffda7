"""The page Lessons."""

from __future__ import annotations

import pytest

from alscope.playground.lessons import LESSONS
from tests.ui.records import page, texts

pytestmark = pytest.mark.slow


def test_all_lessons_are_listed_for_students_and_teachers() -> None:
    app = page("lessons")

    assert not app.exception
    said = texts(app)
    for number, lesson in enumerate(LESSONS, start=1):
        assert f"**{number} · {lesson.title}**" in said
        assert f"/lessons?lesson={lesson.key}" in said


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.key)
def test_a_lesson_shows_its_game_and_asks_one_question(lesson) -> None:
    app = page("lessons", lesson=lesson.key)

    assert not app.exception
    assert not app.error
    assert lesson.title in app.title[0].value
    assert app.radio[0].label == lesson.question
    assert app.get("vega_lite_chart")
    assert app.query_params["lesson"] in (lesson.key, [lesson.key])


def test_an_answer_is_checked_at_once() -> None:
    lesson = LESSONS[2]
    app = page("lessons", lesson=lesson.key)

    app.radio[0].set_value((lesson.answer + 1) % len(lesson.options)).run()
    assert "Not quite." in app.warning[0].value
    app.radio[0].set_value(lesson.answer).run()
    assert "Right." in app.success[0].value
    assert lesson.remember in texts(app)


def test_a_step_moves_the_game_of_the_lesson() -> None:
    app = page("lessons", lesson="batches")
    before = len(app.get("vega_lite_chart"))

    app.button(key="playground_step").click().run()

    assert not app.exception
    assert len(app.get("vega_lite_chart")) == before
    assert app.query_params["lesson"] in ("batches", ["batches"])


def test_a_misspelt_lesson_is_answered_with_the_nearest_one() -> None:
    app = page("lessons", lesson="seds")

    assert "There is no lesson" in texts(app)
    assert not app.exception
