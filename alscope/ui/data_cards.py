"""The part of Data that shows what there is: cards with facts, and samples to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from alscope.data.lookup import dataset_names, find_dataset
from alscope.data.protocols import DataRoot, DatasetSpec
from alscope.rng import generator
from alscope.ui.downloads import show_downloads
from alscope.ui.notices import guarded
from alscope.ui.scenario_form import dataset_summary
from alscope.ui.text import count, plain

__all__ = ["show_catalogue"]

_N_SAMPLES = 24
_LONGEST = 240
_ENLARGED = 96


def show_catalogue(root: DataRoot) -> None:
    """Every data set as a row with its facts; the chosen one with samples."""
    specs = {name: find_dataset(name, root) for name in dataset_names(root)}
    modalities = sorted({spec.modality for spec in specs.values()})
    show_downloads(root)
    chosen = st.pills(
        "Kind of data", modalities, selection_mode="multi", key="data_modality", default=None
    )
    shown = {n: s for n, s in specs.items() if not chosen or s.modality in chosen}
    for name in sorted(shown, key=lambda n: (not _is_here(shown[n], root), shown[n].title or n)):
        _card(name, shown[name], root)


def _is_here(spec: DatasetSpec, root: DataRoot) -> bool:
    return spec.available(root)


def _card(name: str, spec: DatasetSpec, root: DataRoot) -> None:
    here = _is_here(spec, root)
    with st.container(border=True):
        about, state = st.columns([5, 1], vertical_alignment="center")
        with about:
            st.markdown(f"**{plain(spec.title or name)}** · {spec.modality} · `{name}`")
        with state:
            if here:
                st.badge("here", icon=":material/check_circle:", color="green")
            else:
                st.badge("not here", icon=":material/download:", color="gray")
        at_once = here and spec.at_once(root)
        summary = dataset_summary(name, root) if at_once else None
        facts = [f"licence: {spec.licence or 'not stated'}"]
        if summary is not None:
            n_known = len(summary.class_names) - len(summary.never_known)
            facts = [
                f"{summary.train_targets.size:,} training and {summary.test_targets.size:,} test "
                "samples",
                count(n_known, "class", "classes"),
                summary.source,
                *facts,
            ]
        st.caption(plain(" · ".join(facts)))
        if summary is not None and summary.note:
            st.caption(f":material/info: {plain(summary.note)}")
        if not here:
            _where(spec, root)
        elif not at_once:
            _offer_to_count(name, spec, root)
        with st.expander("Citation, classes and samples" if summary is not None else "Citation"):
            if spec.citation:
                st.markdown(plain(spec.citation))
            if spec.homepage:
                st.markdown(f"<{spec.homepage}>")
            if summary is not None:
                never = {summary.class_names[c] for c in summary.never_known}
                names = [
                    f"{name} (never part of a task)" if name in never else name
                    for name in summary.class_names[:200]
                ]
                st.markdown(f"Classes: {plain(', '.join(names))}")
                if st.toggle("Show samples", key=f"samples_{name}"):
                    with guarded("reading samples"):
                        _samples(name, summary.fingerprint, root)


def _offer_to_count(name: str, spec: DatasetSpec, root: DataRoot) -> None:
    st.caption("Its samples are counted when it is first used; that takes some seconds.")
    if st.button("Count them now", key=f"count_{name}", icon=":material/tag:"):
        with guarded("counting the samples"), st.spinner("Reading the labels"):
            spec.summary(root)
            st.rerun()


def _where(spec: DatasetSpec, root: DataRoot) -> None:
    places = getattr(spec, "places", ())
    size = getattr(spec, "download_size", "")
    fetch = f" It is fetched ({size}) when a study needs it." if root.allow_download else ""
    if places:
        listed = "; ".join(f"`{place}`" for place in places)
        st.caption(f"Looked for in the data folder at {listed}.{fetch}")


def _samples(name: str, fingerprint: str, root: DataRoot) -> None:
    rows, names, modality = _drawn(name, fingerprint, root)
    if modality == "image":
        captions = [plain(label) for label in names]
        alts = [f"Sample of class {label}" for label in names]
        st.image(list(rows), caption=captions, width=_ENLARGED, alt=alts)
    elif modality == "text":
        st.dataframe(
            [{"class": label, "text": text} for text, label in zip(rows, names, strict=True)],
            hide_index=True,
            alt="Texts drawn at random with their classes",
        )
    else:
        st.dataframe(rows, hide_index=True, alt="Feature vectors drawn at random")


@st.cache_data(show_spinner="Reading samples", max_entries=16)
def _drawn(name: str, fingerprint: str, _root: DataRoot) -> tuple[Any, list[str], str]:
    """A few training samples, drawn by the fingerprint so that they stay the same."""
    raw = find_dataset(name, _root).load(_root)
    n = len(raw.train.targets)
    seed = int(fingerprint[:8], 16) if fingerprint else 0
    chosen = generator(seed, "samples").permutation(n)[:_N_SAMPLES]
    labels = [raw.class_names[c] for c in raw.train.targets[chosen]]
    if raw.sample.modality == "text":
        return [raw.train.inputs[row][:_LONGEST] for row in chosen], labels, "text"
    inputs = np.asarray(raw.train.inputs)[chosen]
    if raw.sample.modality == "image":
        return [_picture(image) for image in inputs], labels, "image"
    return inputs[:, :16].tolist(), labels, "features"


def _picture(image: np.ndarray) -> np.ndarray:
    """(height, width, 3), enlarged by whole pixels so that small images stay sharp."""
    picture = image.transpose(1, 2, 0)
    if picture.shape[2] == 1:
        picture = np.repeat(picture, 3, axis=2)
    factor = max(1, _ENLARGED // max(picture.shape[:2]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)
