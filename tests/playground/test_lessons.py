"""The lessons: complete, in order, on measured presets."""

from __future__ import annotations

import pytest

from alscope.errors import UnknownNameError
from alscope.playground.lessons import LESSONS, lesson_number
from alscope.playground.presets import PRESETS


def test_there_is_a_lesson_for_every_preset_in_its_order() -> None:
    assert [lesson.preset for lesson in LESSONS] == list(PRESETS)
    assert len({lesson.key for lesson in LESSONS}) == len(LESSONS) == 8


def test_every_question_has_one_right_answer_among_several() -> None:
    for lesson in LESSONS:
        assert len(set(lesson.options)) == len(lesson.options) >= 3, lesson.key
        assert 0 <= lesson.answer < len(lesson.options), lesson.key


def test_the_right_answer_is_not_always_in_the_same_place() -> None:
    assert len({lesson.answer for lesson in LESSONS}) == 3


def test_every_lesson_says_something_in_every_part() -> None:
    for lesson in LESSONS:
        parts = (*lesson.story, lesson.task, lesson.why, lesson.remember, lesson.teacher)
        assert all(part.strip() for part in parts), lesson.key
        assert 3 <= lesson.minutes <= 10, lesson.key


def test_lessons_are_numbered_from_one() -> None:
    assert lesson_number("labels") == 1
    assert lesson_number("seeds") == 8
    with pytest.raises(UnknownNameError, match="uncertainty"):
        lesson_number("uncertianty")


def test_six_seeds_are_the_fewest_that_can_reach_five_percent() -> None:
    from alscope.results.compare import smallest_p

    assert smallest_p(3) == 0.25
    assert smallest_p(5) > 0.05 >= smallest_p(6)
