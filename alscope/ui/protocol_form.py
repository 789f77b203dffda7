"""The part of Build that says how runs are trained and repeated."""

from __future__ import annotations

import dataclasses

import streamlit as st

from alscope.backbones.encoders import encoders
from alscope.backbones.presets import preset
from alscope.backbones.protocols import BackboneSpec
from alscope.config import BackboneConfig, StudyConfig, TrainConfig
from alscope.data.lookup import find_dataset
from alscope.params import params_of
from alscope.registry import backbones
from alscope.ui import service
from alscope.ui.forms import changed, fields_form, fill, remember
from alscope.ui.state import Key
from alscope.ui.text import plain

__all__ = ["backbone_form", "fill_protocol", "paper_button", "seeds_form", "train_form"]

_PREFIX = Key.PROTOCOL_FORM
_COUNT = f"{_PREFIX}_n_seeds"
_EXACT = f"{_PREFIX}_seeds"
_BACKBONE = f"{_PREFIX}_backbone"


def seeds_form() -> tuple[int, ...]:
    """How many repetitions; returns their seeds."""
    left, right = st.columns(2)
    number = left.number_input(
        "Seeds",
        min_value=1,
        max_value=1000,
        step=1,
        key=remember(_COUNT, 5),
        help="Repetitions of every strategy; all strategies share the starts of a seed.",
        persist_state="session",
    )
    text = right.text_input(
        "Exact seeds (optional)",
        key=remember(_EXACT, ""),
        placeholder=f"0 to {number - 1}",
        help="Numbers separated by commas; they replace the number of seeds.",
        persist_state="session",
    )
    words = (text or "").replace(",", " ").split()
    wrong = [word for word in words if not word.isascii() or not word.isdigit()]
    if wrong:
        st.warning(f"Left out, because these are not seeds: {plain(', '.join(wrong[:5]))}")
    exact = tuple(int(word) for word in words if word not in wrong)
    return exact or tuple(range(number))


def paper_button(dataset: str) -> None:
    """Offer network, training and budget of the benchmark's paper, where it has the data set."""
    found = preset(dataset)
    if found is None:
        return
    st.button(
        "Network and training of the paper",
        icon=":material/article:",
        on_click=_fill_preset,
        args=(dataset,),
        help="Sets the backbone, the training, five seeds and, where the paper has a run on this "
        "set, its smallest budget. With few labels its schedule under-trains, and without a GPU "
        "it takes days.",
    )


def _fill_preset(dataset: str) -> None:
    found = preset(dataset) or {}
    fill_protocol(
        StudyConfig(
            seeds=tuple(range(found["n_seeds"])),
            backbone=BackboneConfig(**found["backbone"]),
            train=TrainConfig(**found["train"]),
        )
    )
    if found["query_sizes"]:
        size = found["query_sizes"][0]
        budget = {"n_initial": size, "query_size": size, "n_rounds": found["n_rounds"]}
        for name, value in budget.items():
            st.session_state[f"{Key.SCENARIO_FORM}_{name}"] = value


def _remember_encoder(prefix: str, fields: list[str], modality: str) -> None:
    """Begin with an encoder that reads the data; the default of the field reads images."""
    key = f"{prefix}_encoder"
    if "encoder" not in fields:
        return
    fitting = [name for name in encoders if modality in encoders.get(name).modalities]
    chosen = st.session_state.get(key)
    if fitting and (chosen is None or (chosen in encoders and chosen not in fitting)):
        st.session_state[key] = fitting[0]


def backbone_form(dataset: str) -> BackboneConfig:
    """The networks that can read a data set, and the parameters of the chosen one."""
    spec = find_dataset(dataset, service.get_service().data_root)
    names = [name for name in backbones if spec.modality in backbones.get(name).modalities]
    if not names:
        st.warning(f"No backbone reads {spec.modality} data.")
        return BackboneConfig()
    proposed = spec.backbone if spec.backbone in names else names[0]
    if st.session_state.get(_BACKBONE) not in names:
        st.session_state[_BACKBONE] = proposed
    name = st.selectbox(
        "Backbone",
        names,
        key=_BACKBONE,
        format_func=lambda item: backbones.get(item).title or item,
        help="The network; the proposed one suits the data set.",
        persist_state="session",
    )
    cls: type[BackboneSpec] = backbones.get(name)
    with st.expander("Parameters of the backbone"):
        own = [meta.name for meta in params_of(cls)]
        _remember_encoder(f"{Key.BACKBONE_FORM}_{name}", own, spec.modality)
        values = fields_form(cls, prefix=f"{Key.BACKBONE_FORM}_{name}", only=own, n_columns=3)
    return BackboneConfig(name=name, params=changed(cls, values))


def train_form() -> TrainConfig:
    """Training of the target model."""
    with st.expander("Training"):
        values = fields_form(TrainConfig, prefix=Key.TRAIN_FORM, n_columns=3)
    return TrainConfig(**values)


def fill_protocol(study: StudyConfig) -> None:
    """Set the widgets to a study."""
    regular = study.seeds == tuple(range(len(study.seeds)))
    st.session_state[_COUNT] = len(study.seeds)
    st.session_state[_EXACT] = "" if regular else ", ".join(map(str, study.seeds))
    st.session_state[_BACKBONE] = study.backbone.name
    cls = backbones.get(study.backbone.name)
    for field in dataclasses.fields(cls):
        value = study.backbone.params.get(field.name, field.default)
        st.session_state[f"{Key.BACKBONE_FORM}_{study.backbone.name}_{field.name}"] = value
    fill(Key.TRAIN_FORM, study.train)
