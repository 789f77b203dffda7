"""One lesson with its game and its question, and the page for teachers."""

from __future__ import annotations

import streamlit as st

from alscope.playground.lessons import LESSONS, Lesson, lesson_number
from alscope.playground.link import write_game
from alscope.playground.presets import ALL_LABELS, PRESETS, Effect
from alscope.ui import nav
from alscope.ui import playground_state as state
from alscope.ui.playground_modes import is_ticking, show_game
from alscope.ui.text import plain

__all__ = ["is_solved", "show_lesson", "show_teachers"]

TICK_S = 0.8

_COLUMNS = {
    "accuracy": "accuracy at the end",
    "area": "mean accuracy over the game",
    "worst": "recall of the worst class",
    "unknown_ratio": "share of unknown samples among those bought",
}
_LOADED = "lesson_loaded"


def show_lesson(lesson: Lesson) -> None:
    """Text, game, question, and where to go next."""
    number = lesson_number(lesson.key)
    st.title(f"{number} · {lesson.title}")
    for paragraph in lesson.story:
        st.markdown(paragraph)
    st.info(lesson.task, icon=":material/sports_esports:")
    _game(lesson)
    st.header("Question")
    _question(lesson)
    st.divider()
    _neighbors(number)


def show_teachers() -> None:
    """Links for slides, time needed, answers, and what to look for."""
    total = sum(lesson.minutes for lesson in LESSONS)
    st.markdown(
        f"All lessons take about {total} minutes. Put the address of a lesson on a slide: it opens "
        "the same game for everybody. In the playground, *Hide the controls* gives a plain view."
    )
    for number, lesson in enumerate(LESSONS, start=1):
        with st.expander(f"{number} · {lesson.title} ({lesson.minutes} minutes)"):
            st.markdown(f"**Link.** `/lessons?lesson={lesson.key}`")
            st.markdown(f"**Question.** {lesson.question}")
            st.markdown(f"**Answer.** {lesson.options[lesson.answer]}. {lesson.why}")
            st.markdown(f"**In class.** {lesson.teacher}")
            st.markdown(f"**Measured.** {_measured(lesson)}")
            nav.link("lessons", "Open the lesson", lesson=lesson.key)


def is_solved(lesson: Lesson) -> bool:
    """Whether the right answer was given in this session."""
    return bool(st.session_state.get(f"lesson_{lesson.key}_solved", False))


def _game(lesson: Lesson) -> None:
    game = PRESETS[lesson.preset].game
    if st.session_state.get(_LOADED) != lesson.key or not state.has_game():
        state.put(game)
        state.set_playing(on=False)
        st.session_state[_LOADED] = lesson.key
    refresh = TICK_S if is_ticking() else None
    with st.container(border=True):
        st.fragment(_play, run_every=refresh, key="lesson_game")()
        st.page_link(
            nav.page("playground"),
            label="Change the game in the playground",
            icon=":material/sports_esports:",
            query_params={key: values for key, values in write_game(game).items() if values},
        )


def _play() -> None:
    show_game(address=False)


def _question(lesson: Lesson) -> None:
    chosen = st.radio(
        lesson.question,
        range(len(lesson.options)),
        index=None,
        format_func=lambda place: lesson.options[place],
        key=f"lesson_{lesson.key}_answer",
        persist_state="session",
    )
    if chosen is None:
        return
    if chosen == lesson.answer:
        st.session_state[f"lesson_{lesson.key}_solved"] = True
        st.success(f"Right. {lesson.why}", icon=":material/check_circle:")
    else:
        st.warning(f"Not quite. {lesson.why}", icon=":material/cancel:")
    st.markdown(f"**Remember:** {lesson.remember}")
    st.caption(_measured(lesson))


def _measured(lesson: Lesson) -> str:
    effect = PRESETS[lesson.preset].effect
    return (
        f"{_player(effect.ahead)} {effect.ahead_mean:.3f}, {_player(effect.behind)} "
        f"{effect.behind_mean:.3f} in {_COLUMNS[effect.column]}; difference {_interval(effect)}, "
        f"mean over {effect.n_seeds} seeds with a 95 % interval."
    )


def _player(name: str) -> str:
    from alscope.playground.frames import player_title

    return "with all labels" if name == ALL_LABELS else plain(player_title(name))


def _interval(effect: Effect) -> str:
    return plain(f"{effect.lead:+.3f} [{effect.low:+.3f}, {effect.high:+.3f}]")


def _neighbors(number: int) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        if number > 1:
            former = LESSONS[number - 2]
            nav.link(
                "lessons",
                f"Lesson {number - 1}: {former.title}",
                icon=":material/arrow_back:",
                lesson=former.key,
            )
        if number < len(LESSONS):
            following = LESSONS[number]
            nav.link(
                "lessons",
                f"Lesson {number + 1}: {following.title}",
                icon=":material/arrow_forward:",
                lesson=following.key,
            )
