"""Lessons: eight short ones that drive the playground, and what a teacher needs."""

from __future__ import annotations

import streamlit as st

from alscope.errors import nearest
from alscope.playground.lessons import LESSONS
from alscope.playground.threads import use_one_thread
from alscope.ui import nav, shell
from alscope.ui.lesson_view import is_solved, show_lesson, show_teachers
from alscope.ui.notices import guarded
from alscope.ui.state import Key
from alscope.ui.text import plain

shell.enter()

BY_KEY = {lesson.key: lesson for lesson in LESSONS}


def overview() -> None:
    """All lessons, and the page for teachers."""
    st.title("Lessons")
    st.markdown(
        "Eight games of five to eight minutes, each with one question. They need no data, no "
        "network and no graphics card, and what they claim is measured over many seeds."
    )
    learn, teach = st.tabs(["For students", "For teachers"])
    with learn:
        for number, lesson in enumerate(LESSONS, start=1):
            with st.container(border=True):
                words, link = st.columns([4, 1], vertical_alignment="center")
                with words:
                    solved = " :green-badge[:material/check: solved]" if is_solved(lesson) else ""
                    st.markdown(f"**{number} · {lesson.title}**{solved}")
                    st.caption(f"{lesson.remember} About {lesson.minutes} minutes.")
                with link:
                    nav.link("lessons", f"Lesson {number}", lesson=lesson.key)
    with teach:
        show_teachers()


def one(asked: str) -> None:
    """One lesson; a notice if there is none of this name."""
    nav.link("lessons", "All lessons", icon=":material/arrow_back:")
    lesson = BY_KEY.get(asked)
    if lesson is not None:
        st.query_params[Key.LESSON] = asked  # a link within the page leaves the address alone
        with guarded("showing the lesson"):
            show_lesson(lesson)
        return
    st.title("Lessons")
    st.warning(f"There is no lesson “{plain(asked[:80])}”.", icon=":material/search_off:")
    guess = nearest(asked[:80], BY_KEY)
    if guess:
        nav.link("lessons", f"Did you mean “{BY_KEY[guess].title}”?", lesson=guess)


use_one_thread()
wanted = st.query_params.get_all(Key.LESSON)
if wanted:
    one(wanted[0])
else:
    overview()
