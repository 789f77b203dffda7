"""What can be done with chosen studies: open, note, take along, delete, bring back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.ui import nav
from alscope.ui.access import refusal
from alscope.ui.cards import state_badge, study_facts, study_state
from alscope.ui.notices import flash, guarded
from alscope.ui.state import Key
from alscope.ui.text import ago, count, file_stem, plain, size

if TYPE_CHECKING:
    from alscope.engine.service import Service, StudyStatus

__all__ = ["show_chosen", "show_damaged", "show_undo"]

_MAX_NOTE = 10_000


def show_chosen(service: Service, chosen: list[StudyStatus]) -> None:
    """The chosen studies and their tools."""
    with st.container(border=True):
        for study in chosen[:5]:
            _facts(study)
        if len(chosen) > 5:
            st.caption(f"and {len(chosen) - 5} more")
        _links(chosen)
        check = False
        with st.container(horizontal=True):
            if len(chosen) == 1:
                _duplicate(chosen[0])
                _bundle(service, chosen[0])
                check = _check_button()
            if _may(Action.DELETE, chosen):
                _delete(service, chosen)
        if check:
            _check(service, chosen[0])
        if _may(Action.NOTE, chosen):
            _note(service, chosen)


def _may(action: Action, chosen: list[StudyStatus]) -> bool:
    """Whether this user may do something with all chosen studies."""
    return not any(refusal(action, study.study_id) for study in chosen)


def show_undo(service: Service) -> None:
    """What the last click on Delete did, and the way back."""
    entries: list[str] = st.session_state.get(Key.UNDO, [])
    if not entries:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/delete: {count(len(entries), 'study', 'studies')} moved to the trash.",
            width="stretch",
        )
        if st.button("Undo", icon=":material/undo:", key="library_undo_button"):
            with guarded("bringing the studies back"):
                for entry_id in entries:
                    service.library.restore(entry_id)
                flash("Brought back.")
            st.session_state[Key.UNDO] = []
            st.rerun()
        if st.button("Keep deleted", type="tertiary", key="library_forget_undo"):
            st.session_state[Key.UNDO] = []
            st.rerun()


def show_damaged(service: Service) -> None:
    """Studies that cannot be read: why, and what to do."""
    for damaged in service.library.damaged():
        with st.container(border=True):
            st.error(
                f"The study `{plain(damaged.study_id)}` cannot be read: {plain(damaged.reason)}.",
                icon=":material/broken_image:",
            )
            st.markdown(
                "Its runs are recorded apart and stay. Move it to the trash, then start the same "
                "configuration again from its file, or import its bundle: runs are found by what "
                "they are, and nothing is computed twice. A bundle or a backup of the folder "
                "`studies` also brings it back."
            )
            if not refusal(Action.DELETE, damaged.study_id) and st.button(
                "Move to the trash", icon=":material/delete:", key=f"discard_{damaged.study_id}"
            ):
                _discard(service, [damaged.study_id])


def _facts(study: StudyStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(study.name)}**")
        state_badge(study_state(study))
        for tag in study.about.tags:
            st.badge(plain(tag), icon=":material/sell:", color="gray")
    st.caption(
        f"{study_facts(study)} · {study.n_done} of {count(study.n_runs, 'run')} · "
        f"{size(study.size)} · {ago(study.created)} · {study.study_id}"
    )
    if study.origin is not None:
        compact = ", compact" if study.origin.compact else ""
        st.caption(
            f"Imported {ago(study.origin.imported)} from {plain(study.origin.source)} (SHA-256 "
            f"{plain(study.origin.sha256[:12])}, ALScope {plain(study.origin.alscope)}{compact})"
        )
    for line in study.about.note.splitlines():
        if line.strip():
            st.markdown(plain(line))
    if study.unreadable:
        st.warning(
            f"{plain(study.unreadable)}. Write tags and note again; results do not depend on them.",
            icon=":material/broken_image:",
        )


def _links(chosen: list[StudyStatus]) -> None:
    ids = [study.study_id for study in chosen]
    with_results = [study.study_id for study in chosen if any(run.round for run in study.runs)]
    with st.container(horizontal=True):
        if len(ids) == 1:
            nav.link("monitor", "Monitor", exp=ids[0])
        if with_results:
            nav.link("compare", "Compare", exp=with_results)
        for name in ("inspect", "cost", "report"):
            if len(with_results) == 1 and name in nav.PAGES:
                nav.link(name, nav.PAGES[name].title, exp=with_results[0])


def _duplicate(study: StudyStatus) -> None:
    if st.button(
        "Duplicate into Build",
        icon=":material/content_copy:",
        help="Fills the form of Build with this configuration; nothing is started.",
    ):
        import dataclasses

        from alscope.ui.build_files import fill_build

        with guarded("filling the form of Build"):
            fill_build(dataclasses.replace(study.config, name=f"{study.name[:73]} (copy)"))
            flash("The form is filled; change what you like.")
            nav.go("build")


def _check_button() -> bool:
    return st.button(
        "Check the files",
        icon=":material/fact_check:",
        help="Reads everything that was recorded and compares it with its checksums.",
    )


def _check(service: Service, study: StudyStatus) -> None:
    with st.spinner("Reading every journal and every array"):
        wrong = {
            run: problems
            for run in study.runs
            if service.runs.exists(run.run_id) and (problems := service.runs.verify(run.run_id))
        }
    if not wrong:
        flash("Every file is as it was written.")
        st.rerun()
    for run, problems in list(wrong.items())[:20]:
        st.error(
            f"{plain(run.strategy)}, seed {run.seed}, {plain(run.scenario)}: "
            f"{plain('; '.join(problems))}. Retry the run on Monitor: what is lost is computed "
            "again."
        )


def _bundle(service: Service, study: StudyStatus) -> None:
    with st.popover(
        "Export bundle", icon=":material/folder_zip:", disabled=not any(r.round for r in study.runs)
    ):
        st.markdown(
            "One file with everything that was recorded: configuration, results, queries, "
            "environment, checksums. It imports on another machine."
        )
        compact = st.checkbox(
            "Compact",
            key="library_compact",
            help="Leaves out scores, predictions for samples that were not queried, and tables.",
        )
        key = f"library_bundle_{study.study_id}_{compact}"
        if st.button("Make the bundle", key="library_make_bundle"):
            from alscope.results.bundle import bundle_bytes

            with guarded("making the bundle"), st.spinner("Reading and packing the runs"):
                st.session_state["library_bundle"] = (
                    key,
                    bundle_bytes(
                        study.study_id,
                        runs=service.runs,
                        studies=service.studies_store,
                        compact=compact,
                    ),
                )
        made = st.session_state.get("library_bundle")
        if made and made[0] == key:
            st.download_button(
                f"Download {size(len(made[1]))}",
                made[1],
                file_name=f"{file_stem(study.name)}.zip",
                mime="application/zip",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
            )


def _delete(service: Service, chosen: list[StudyStatus]) -> None:
    label = "Delete" if len(chosen) == 1 else f"Delete {len(chosen)} studies"
    if st.button(
        label,
        icon=":material/delete:",
        help="Moves to the trash, with the runs that no other study has. It can be undone.",
    ):
        _discard(service, [study.study_id for study in chosen])


def _discard(service: Service, ids: list[str]) -> None:
    entries: list[str] = []
    with guarded("moving to the trash"):
        for study_id in ids:
            entries.append(service.delete(study_id))  # noqa: PERF401 - keeps what worked
    if entries:
        st.session_state[Key.UNDO] = entries
    if len(entries) == len(ids):
        st.rerun()


def _note(service: Service, chosen: list[StudyStatus]) -> None:
    from alscope.results.overview import tags_of

    one = chosen[0] if len(chosen) == 1 else None
    common = [tag for tag in chosen[0].about.tags if all(tag in s.about.tags for s in chosen)]
    title = "Tags and note" if one else "Tags that all of them have"
    mark = "_".join(study.study_id for study in chosen)[:200]
    with st.expander(title, icon=":material/edit_note:"), st.form(f"note_{mark}", border=False):
        tags = st.multiselect(
            "Tags",
            tags_of(service.studies()),
            default=common,
            accept_new_options=True,
            key=f"note_tags_{mark}",
            placeholder="Choose or type a tag",
        )
        note = None
        if one:
            note = st.text_area(
                "Note",
                one.about.note,
                max_chars=_MAX_NOTE,
                key=f"note_text_{mark}",
                placeholder="What was this for? What did it show?",
            )
        if st.form_submit_button("Save", icon=":material/save:"):
            with guarded("saving the note"):
                if one:
                    service.library.describe(one.study_id, tags=tags, note=note or "")
                else:
                    for study in chosen:
                        gone = [tag for tag in common if tag not in tags]
                        service.library.tag(study.study_id, add=tags, remove=gone)
                flash("Saved.")
                st.rerun()
