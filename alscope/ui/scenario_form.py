"""The part of Build that describes data, difficulty and budget."""

from __future__ import annotations

from typing import Any

import streamlit as st

from alscope.config import ScenarioConfig
from alscope.data.lookup import dataset_names, find_dataset
from alscope.data.protocols import DataRoot, DatasetSpec, DataSummary
from alscope.errors import DatasetError, UnknownNameError
from alscope.registry import datasets
from alscope.ui.forms import carry_over, field_widget, fields_form, fill, remember
from alscope.ui.state import Key
from alscope.ui.text import count, plain

__all__ = ["at_hand", "dataset_summary", "fill_scenario", "scenario_form"]

_PREFIX = Key.SCENARIO_FORM
_DATASET = f"{_PREFIX}_dataset"
_SETTINGS = {"closed": "All known (closed set)", "open": "Some unknown (open set)"}
_CHOICES = {"number": "Draw some", "names": "Choose by name"}
_SOURCES = {"own": "Its other classes", "other": "Another data set"}
_BUDGET = ("initial", "n_initial", "query_size", "n_rounds")
_LABELS = {
    "initial": "Initial set",
    "n_initial": "Initial labels",
    "query_size": "Query size",
    "imbalance_test": "Thin the test set too",
    "vary_split": "Draw classes anew with every seed",
    "initial_ood": "Let the initial set hold unknown samples",
    "label_noise": "Wrong answers of the annotator",
    "noise_kind": "What a wrong answer is",
    "pool_per_class": "Pool limit per class",
}
_MORE = (
    "pool_limit",
    "pool_per_class",
    "test_limit",
    "label_noise",
    "noise_kind",
    "imbalance_test",
    "split_seed",
    "vary_split",
)


def scenario_form(root: DataRoot, *, page: str) -> ScenarioConfig:
    """Widgets for one scenario; returns what they say, valid or not.

    Args:
        root: Where data are.
        page: The page that shows the form; all of them share its values.
    """
    carry_over(_PREFIX, page)
    _dataset(root)
    values: dict[str, Any] = {"dataset": st.session_state[_DATASET]}
    values |= _classes(values["dataset"], dataset_summary(values["dataset"], root), root)
    values |= _imbalance()
    st.markdown("**Budget**")
    values |= fields_form(ScenarioConfig, prefix=_PREFIX, only=_BUDGET, labels=_LABELS, n_columns=4)
    if values["initial"] == "given":
        values["initial_ids"] = _given_ids()
    with st.expander("More about the data"):
        values |= fields_form(
            ScenarioConfig, prefix=_PREFIX, only=_MORE, labels=_LABELS, n_columns=3
        )
        if values["setting"] == "open":
            values["initial_ood"] = field_widget(
                ScenarioConfig, "initial_ood", prefix=_PREFIX, label=_LABELS["initial_ood"]
            )
    return ScenarioConfig(**values)


def fill_scenario(scenario: ScenarioConfig) -> None:
    """Set the widgets to a scenario."""
    fill(_PREFIX, scenario)
    st.session_state[f"{_PREFIX}_known_classes"] = list(scenario.known_classes)
    st.session_state[f"{_PREFIX}_choice"] = "names" if scenario.known_classes else "number"
    st.session_state[f"{_PREFIX}_source"] = "other" if scenario.ood_dataset else "own"
    st.session_state[f"{_PREFIX}_all_known"] = scenario.n_known is None
    st.session_state[f"{_PREFIX}_ids"] = ", ".join(map(str, scenario.initial_ids))


def dataset_summary(name: str, root: DataRoot) -> DataSummary | None:
    """Labels of a data set, or None where it is not at hand; never downloads."""
    try:
        if not find_dataset(name, root).available(root):
            return None
        return _imported(name, root) if name not in datasets else _summary(name, root)
    except (DatasetError, UnknownNameError):
        return None  # the plan reports it, with its reason, among the problems


def at_hand(scenario: ScenarioConfig, root: DataRoot) -> bool:
    """Whether all data of a scenario can be read without a download."""
    names = filter(None, (scenario.dataset, scenario.ood_dataset))
    return all(dataset_summary(name, root) is not None for name in names)


@st.cache_resource(show_spinner="Reading the labels", max_entries=32)
def _summary(name: str, _root: DataRoot) -> DataSummary:
    return find_dataset(name).summary(_root)


def _imported(name: str, root: DataRoot) -> DataSummary:
    """Not kept: an imported set can be replaced under its name."""
    return find_dataset(name, root).summary(root)


def _dataset(root: DataRoot) -> None:
    specs = {name: find_dataset(name, root) for name in dataset_names(root)}
    names = sorted(specs, key=lambda name: (not specs[name].built_in, name))
    default = ScenarioConfig().dataset
    key = remember(_DATASET, default if default in specs else names[0])
    if st.session_state[key] not in specs:
        st.session_state[key] = names[0]
    name = st.selectbox(
        "Data set",
        names,
        key=key,
        format_func=lambda item: specs[item].title or item,
        on_change=_forget_classes,
        persist_state="session",
    )
    _facts(name, specs[name], root)


def _forget_classes() -> None:
    """Class names belong to the former data set, and so does its backbone."""
    st.session_state[f"{_PREFIX}_known_classes"] = []
    st.session_state.pop(f"{Key.PROTOCOL_FORM}_backbone", None)


def _facts(name: str, spec: DatasetSpec, root: DataRoot) -> None:
    summary = dataset_summary(name, root)
    facts = [spec.modality]
    if summary is not None:
        facts += [
            count(len(summary.class_names), "class", "classes"),
            f"{summary.train_targets.size:,} training and {summary.test_targets.size:,} test "
            "samples",
            summary.source,
        ]
    facts.append(f"licence: {spec.licence or 'unknown'}")
    st.caption(plain(" · ".join(facts)))
    if summary is not None and summary.note:
        st.caption(f":material/info: {plain(summary.note)}")
    if summary is None:
        where = f"put it into the folder `{name}` of the data folder"
        fetch = ", or start the study and let it be downloaded" if root.allow_download else ""
        st.info(f"This data set is not here yet: {where}{fetch}.", icon=":material/download:")


def _classes(dataset: str, summary: DataSummary | None, root: DataRoot) -> dict[str, Any]:
    setting = st.radio(
        "Classes",
        list(_SETTINGS),
        key=remember(f"{_PREFIX}_setting", "closed"),
        format_func=_SETTINGS.__getitem__,
        help="In an open set the pool holds samples of classes that the model must not learn; "
        "annotating one costs money and gives nothing to train on.",
        horizontal=True,
        persist_state="session",
    )
    if setting != "open":
        return {"setting": "closed"}
    other = _unknown_source(dataset, summary, root)
    choice = st.radio(
        "Known classes",
        list(_CHOICES),
        key=remember(f"{_PREFIX}_choice", "number"),
        format_func=_CHOICES.__getitem__,
        horizontal=True,
        persist_state="session",
    )
    left, right = st.columns(2)
    with left:
        if choice == "names":
            known = _known_by_name(summary)
        else:
            known = _known_by_number(summary, all_allowed=bool(other))
    ratio = right.slider(
        "Unknown share of the pool (OOD ratio)",
        0.0,
        0.95,
        step=0.05,
        key=remember(f"{_PREFIX}_ood_ratio", 0.4),
        help="Unknown / all samples of the training pool, the initial set included.",
        persist_state="session",
    )
    return {"setting": "open", "ood_ratio": ratio, "ood_dataset": other, **known}


def _unknown_source(dataset: str, summary: DataSummary | None, root: DataRoot) -> str:
    """The data set that unknown samples come from; "" for the classes that are not known."""
    source = st.radio(
        "Unknown samples are",
        list(_SOURCES),
        key=remember(f"{_PREFIX}_source", "own"),
        format_func=_SOURCES.__getitem__,
        help="Other classes of the same set are close to the task; another set is far from it.",
        horizontal=True,
        persist_state="session",
    )
    if source == "own":
        return ""
    specs = {name: find_dataset(name, root) for name in dataset_names(root) if name != dataset}
    modality = (
        summary.sample.modality if summary is not None else find_dataset(dataset, root).modality
    )
    names = [name for name, spec in specs.items() if spec.modality == modality]
    if not names:
        st.info(f"There is no other {modality} data set here; import one on the page Data.")
        return ""
    key = remember(f"{_PREFIX}_ood_dataset", names[0])
    if st.session_state[key] not in names:
        st.session_state[key] = names[0]
    return str(
        st.selectbox(
            "Data set of the unknown samples",
            names,
            key=key,
            format_func=lambda item: specs[item].title or item,
            persist_state="session",
        )
    )


def _known_by_number(summary: DataSummary | None, *, all_allowed: bool) -> dict[str, Any]:
    n_classes = 10
    if summary is not None:
        n_classes = len(summary.class_names) - len(summary.never_known)
        all_allowed = all_allowed or bool(summary.never_known)
    if all_allowed and st.checkbox(
        f"All {n_classes} classes",
        key=remember(f"{_PREFIX}_all_known", True),
        persist_state="session",
    ):
        return {}
    key = f"{_PREFIX}_n_known"
    if st.session_state.get(key) is None:
        st.session_state[key] = max(2, round(0.6 * n_classes))
    number = st.number_input(
        f"Number of known classes, of {n_classes}",
        min_value=2,
        step=1,
        key=key,
        persist_state="session",
    )
    return {"n_known": number}


def _known_by_name(summary: DataSummary | None) -> dict[str, Any]:
    key = remember(f"{_PREFIX}_known_classes", [])
    names = list(st.session_state[key])
    if summary is not None:
        never = set(summary.never_known)
        names = [name for index, name in enumerate(summary.class_names) if index not in never]
    st.session_state[key] = [name for name in st.session_state[key] if name in names]
    chosen = st.multiselect("Names of the known classes", names, key=key, persist_state="session")
    return {"known_classes": tuple(chosen)}


def _imbalance() -> dict[str, Any]:
    left, right = st.columns(2)
    ratio = left.number_input(
        "Imbalance ratio",
        min_value=1.0,
        max_value=10000.0,
        step=1.0,
        format="%g",
        key=remember(f"{_PREFIX}_imbalance_ratio", 1.0),
        help="Largest / smallest known class of the pool; 1 leaves the data alone. The levels "
        "0.6, 0.4 and 0.2 of the literature are 1.67, 2.5 and 5.",
        persist_state="session",
    )
    with right:
        profile = field_widget(ScenarioConfig, "imbalance_profile", prefix=_PREFIX)
    return {"imbalance_ratio": ratio, "imbalance_profile": profile}


def _given_ids() -> tuple[int, ...]:
    text = st.text_area(
        "Row numbers of the initial set",
        key=remember(f"{_PREFIX}_ids", ""),
        help="Rows of the training part, separated by commas or spaces.",
        persist_state="session",
    )
    words = text.replace(",", " ").split()
    wrong = [word for word in words if not word.isascii() or not word.isdigit()]
    if wrong:
        st.warning(f"Left out, because these are not row numbers: {plain(', '.join(wrong[:5]))}")
    return tuple(int(word) for word in words if word not in wrong)
