"""The part of Data that takes in the user's own data: choose, look, check, import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from alscope.data.importing import (
    DROPPABLE,
    Mapping,
    Report,
    SourcePreview,
    check,
    inspect_source,
)
from alscope.data.importing.apart import check_apart, inspect_apart
from alscope.data.own import OwnInfo, own_sets
from alscope.data.protocols import DataRoot
from alscope.engine.access import Action
from alscope.errors import DatasetError
from alscope.texts import visible
from alscope.ui import nav
from alscope.ui.access import is_own_computer, refusal
from alscope.ui.actions import add_data, delete_data
from alscope.ui.forms import remember
from alscope.ui.notices import flash, guarded
from alscope.ui.state import Key
from alscope.ui.text import count, plain
from alscope.ui.uploads import Source, choose_source

__all__ = ["import_form", "show_own"]

_PREFIX = "own"
_ICONS = {"error": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}
_NONE = "(none)"
_ON_UNLABELED = (
    ":material/info: Studies ask a data set for labels it knows already, so that strategies can be "
    "compared. What to label next in a pool without labels, `alscope.select` says in Python: see "
    "`docs/select.md`."
)


def import_form(root: DataRoot) -> None:
    """From a file or folder to a data set, in four steps on one page."""
    st.markdown(
        "A folder or zip with one sub-folder of images per class; a CSV, TSV, Parquet or "
        "JSON-lines file with a text and a label column; or embeddings as `.npy` with labels "
        "beside them. "
        "Nothing is changed or left out unless you say so here."
    )
    if reason := refusal(Action.UPLOAD):
        st.info(plain(reason), icon=":material/lock:")
        return
    source = choose_source(root)
    if source is None:
        return
    with guarded("looking at the data"), _by_its_name(source):
        preview = _inspected(source.path)
        _show_preview(preview)
        mapping = _mapping(preview)
        _check_and_import(source, mapping)


def show_own(root: DataRoot) -> None:
    """What was imported, with what was done to it."""
    sets = own_sets(root)
    if not sets:
        return
    st.subheader("Imported sets")
    for info in sets:
        with st.container(border=True):
            about, actions = st.columns([5, 2], vertical_alignment="center")
            with about:
                st.markdown(f"**{plain(info.title)}** · `{info.name}`")
                if info.problem:
                    st.error(plain(info.problem), icon=":material/error:")
                else:
                    st.caption(
                        f"{info.modality} · {info.n_train:,} training and {info.n_test:,} test "
                        f"samples · {count(len(info.class_counts), 'class', 'classes')} · from "
                        f"{plain(info.source)}"
                    )
                for change in info.changes:
                    st.caption(f":material/edit: {plain(change)}")
            with actions, st.container(horizontal=True):
                if not info.problem:
                    nav.link("build", "Build", **{Key.SCENARIO: info.name})
                if not refusal(Action.UPLOAD, info.slug, kind="data"):
                    _delete(info)


def _delete(info: OwnInfo) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("Studies on it keep their results, but cannot go on.")
        if st.button("Delete for good", key=f"{_PREFIX}_delete_{info.slug}"):
            with guarded("deleting the set"):
                delete_data(info.slug)
                flash(f"Deleted {plain(info.title)}.")
                st.rerun()


@contextmanager
def _by_its_name(source: Source) -> Iterator[None]:
    """Let errors name an upload as its owner does; on the disk it has a name of our own."""
    try:
        yield
    except DatasetError as error:
        kept = source.path.name
        if source.name == kept or kept not in str(error):
            raise
        raise DatasetError(str(error).replace(kept, source.name)) from error


@st.cache_data(show_spinner="Looking at the data", max_entries=8, ttl=60)
def _inspected(source: Path) -> SourcePreview:
    return inspect_source(source) if is_own_computer() else inspect_apart(source)


def _show_preview(preview: SourcePreview) -> None:
    more = "" if preview.complete else "the first "
    st.markdown(
        f"**{preview.format}** with {preview.kind}: {more}{preview.n_rows:,} rows looked at, "
        f"{count(len(preview.class_counts), 'class', 'classes')}"
    )
    for note in preview.notes:
        st.caption(f":material/info: {plain(note)}")
    st.dataframe(list(preview.rows), hide_index=True, height=220, alt="The first rows")


def _mapping(preview: SourcePreview) -> Mapping:
    st.subheader("What is what")
    proposal = preview.mapping
    changes: dict[str, Any] = {}
    names = [column.name for column in preview.columns]
    columns = st.columns(3)
    if proposal.kind == "text":
        changes["text_column"] = _column(columns[0], "Text", names, proposal.text_column)
    if names:
        changes["label_column"] = _column(columns[1], "Label", names, proposal.label_column)
        changes["split_column"] = _column(
            columns[2], "Training or test (optional)", names, proposal.split_column
        )
    if proposal.kind == "images":
        changes["size"] = int(
            columns[0].number_input(
                "Size in pixels",
                0,
                1024,
                proposal.size,
                help="All images are brought to this size: the shorter side is resized, the "
                "centre cut out. 0: as they are, which must be square and equal.",
            )
        )
        colors = ["", "rgb", "grey"]
        changes["color"] = columns[1].selectbox(
            "Color",
            colors,
            index=colors.index(proposal.color),
            format_func=lambda word: word or "as they are",
        )
        changes["flip"] = columns[2].checkbox(
            "Mirror in training", proposal.flip, help="Not for digits, letters or signs."
        )
    share, drop = st.columns([1, 2])
    if not changes.get("split_column") and not proposal.split_folders:
        changes["test_share"] = share.slider(
            "Test share of every class", 0.05, 0.5, proposal.test_share, 0.05
        )
    changes["drop"] = tuple(
        drop.multiselect(
            "Leave out",
            list(DROPPABLE),
            default=list(proposal.drop),
            format_func=lambda word: DROPPABLE[word],
            help="Without this, such samples keep the set from being imported.",
        )
    )
    return proposal.changed(**changes)


def _column(place: Any, label: str, names: list[str], proposed: str | None) -> str | None:
    options = [_NONE, *names]
    place_of = options.index(proposed) if proposed in names else 0
    chosen = place.selectbox(label, options, index=place_of)
    return None if chosen == _NONE else str(chosen)


def _check_and_import(source: Source, mapping: Mapping) -> None:
    st.subheader("Check and import")
    asked = (str(source.path), mapping)
    if st.button("Check the data", icon=":material/fact_check:"):
        with st.spinner("Reading everything once"):
            st.session_state[f"{_PREFIX}_report"] = (asked, _checked(source.path, mapping))
    held: tuple[Any, Report] | None = st.session_state.get(f"{_PREFIX}_report")
    if held is None or held[0] != asked:
        st.caption("The check reads everything and changes nothing.")
        return
    report = held[1]
    _show_report(report)
    left, right = st.columns(2)
    _propose_title(source)
    title = left.text_input("Title", key=f"{_PREFIX}_title", max_chars=100)
    slug = right.text_input(
        "Name in studies", key=f"{_PREFIX}_slug", placeholder=_slug(title or "my-data")
    )
    replace = st.checkbox("Replace a set of this name", key=f"{_PREFIX}_replace")
    if st.button("Import", type="primary", icon=":material/download_done:", disabled=not report.ok):
        with guarded("importing the data"), st.spinner("Importing"):
            name = slug or _slug(title or "my-data")
            info = add_data(
                source.path,
                mapping,
                name=name,
                title=title or name,
                came_as=source.name,
                replace=bool(replace),
            )
            flash(f"{plain(info.title)} is now a data set: {plain(info.name)}.")
            st.session_state.pop(f"{_PREFIX}_report")
            st.rerun()


def _propose_title(source: Source) -> None:
    """Begin with what the source is called; another source begins anew."""
    titled, title = f"{_PREFIX}_titled", f"{_PREFIX}_title"
    if st.session_state.get(titled) != str(source.path):
        st.session_state[titled] = str(source.path)
        st.session_state[f"{_PREFIX}_slug"] = ""
        st.session_state.pop(title, None)
    remember(title, visible(Path(source.name).stem).strip()[:100] or "My data")


def _checked(source: Path, mapping: Mapping) -> Report:
    """The report; files of others are read in a process of its own."""
    return check(source, mapping) if is_own_computer() else check_apart(source, mapping)


def _show_report(report: Report) -> None:
    if report.ok:
        st.success(
            f"{report.n_train:,} training and {report.n_test:,} test samples of "
            f"{count(len(report.class_counts), 'class', 'classes')} can be imported.",
            icon=":material/check_circle:",
        )
    else:
        st.error(
            f"{count(len(report.errors), 'error')} to solve first: choose other columns, leave "
            "samples out above, or correct the file.",
            icon=":material/error:",
        )
    for finding in report.findings:
        times = f"{finding.count:,} x " if finding.count > 1 or finding.drop else ""
        head = f"{_ICONS[finding.severity]} **{finding.severity}**"
        parts = [head, times + plain(finding.message)]
        if finding.examples:
            parts.append(", ".join(plain(place) for place in finding.examples))
        if finding.drop:
            parts.append(f"can be left out: *{DROPPABLE[finding.drop]}*")
        st.markdown(" · ".join(parts))
    if any(finding.drop == "unlabeled" for finding in report.findings):
        st.caption(_ON_UNLABELED)
    for change in report.changes:
        st.caption(f":material/edit: {plain(change)}")


def _slug(title: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return words[:64].strip("-") or "my-data"
