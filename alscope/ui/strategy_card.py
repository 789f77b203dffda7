"""One strategy in full: idea, formula, needs, parameters, proof, sources."""

from __future__ import annotations

import re

import streamlit as st

from alscope.catalogue import (
    ASKS,
    REGIMES,
    SETTINGS,
    Card,
    Check,
    card,
    checks,
    conformance,
    range_text,
)
from alscope.playground.config import GameConfig
from alscope.playground.game import play
from alscope.playground.offers import unavailable
from alscope.playground.threads import use_one_thread
from alscope.ui import nav
from alscope.ui.playground_board import show_board
from alscope.ui.strategy_catalogue import family_name
from alscope.ui.strategy_form import add_strategy
from alscope.ui.text import NOTHING, count, plain

__all__ = ["show_card"]

_GAME = GameConfig(query_size=5, budget=15)
_STEPS = (1, 2, 3)
_MODALITIES = {"image": "images", "text": "texts", "features": "embeddings"}


def show_card(name: str) -> None:
    """Everything that is known about a strategy.

    Raises:
        UnknownNameError: If there is no such strategy.
    """
    found = card(name)
    st.title(found.title)
    st.markdown(
        f":gray-badge[{family_name(found.group)}] :gray-badge[{plain(found.cost)}] "
        f":gray-badge[{plain(REGIMES[found.regime])}]"
    )
    st.markdown(f"**{plain(found.summary)}**")
    if found.formula:
        with st.container(border=True):
            st.latex(found.formula)
    _actions(name)
    _frames(name)
    how, parameters, proof, sources = st.tabs(["How it works", "Parameters", "Proof", "Sources"])
    with how:
        _how(found)
    with parameters:
        _parameters(found)
    with proof:
        _proof(found)
    with sources:
        _sources(found)


def _actions(name: str) -> None:
    with st.container(horizontal=True):
        if not unavailable(name, _GAME.model) and st.button(
            "Try in the playground", icon=":material/sports_esports:"
        ):
            nav.go("playground", data=_GAME.table.data, m=_GAME.model, opp=name, mode="watch")
        if st.button("Add to study", icon=":material/add:"):
            add_strategy(name)
            nav.go("build")


def _frames(name: str) -> None:
    """What it buys on points of the plane: the engine's own strategy, step by step."""
    reason = unavailable(name, _GAME.model)
    if reason:
        st.caption(f"It cannot be shown on points of the plane: {plain(reason)}.")
        return
    use_one_thread()
    for column, n_steps in zip(st.columns(len(_STEPS)), _STEPS, strict=True):
        with column:
            board = play(_GAME, name, n_steps)
            st.markdown(f"After {n_steps * _GAME.query_size} labels")
            show_board(board, shown="classes", key=f"card_{name}_{n_steps}", small=True)
    st.caption(
        "Three moments on two half-moons with a kernel classifier, five labels at a time; rings "
        "are the last five. Circles and squares were bought."
    )


def _how(found: Card) -> None:
    for paragraph in _paragraphs(found.explanation):
        st.markdown(paragraph)
    asks = ", ".join(ASKS.get(word, word) for word in found.asks) or "nothing of the model"
    facts = {
        "Asks for": f"{asks} ({', '.join(found.inputs) or 'no input'})",
        "Trains": found.trains or "nothing beside the target model",
        "Time and memory": " ".join(found.complexity.split()) or "not stated",
        "Budgets": _budgets(found),
        "Runs on": _runs(found),
    }
    st.table(
        [{"": f"**{label}**", "Facts": plain(text)} for label, text in facts.items()],
        hide_index=True,
        border="horizontal",
        alt=f"Facts about {found.title}",
    )
    remarks = dict.fromkeys(text for texts in found.remarks.values() for text in texts)
    for remark in remarks:
        st.info(f"{plain(found.title)}: {plain(remark)}.", icon=":material/info:")


def _parameters(found: Card) -> None:
    if not found.params:
        st.markdown("It has no parameters.")
        return
    st.table(
        [
            {
                "Parameter": f"`{p.name}`",
                "Default": plain(str(p.default)),
                "Range": plain(range_text(p)),
                "Paper": plain(p.paper) or NOTHING,
                "Meaning": plain(p.help),
            }
            for p in found.params
        ],
        hide_index=True,
        border="horizontal",
        alt=f"Parameters of {found.title} with their ranges and the paper's values",
    )


def _proof(found: Card) -> None:
    own, common = checks(found.key), conformance()
    if not own:
        st.info("The tests are part of the source code, which is not here.")
    else:
        st.markdown(
            f"{count(len(own), 'test')} of its mathematics and behavior, and "
            f"{count(len(common), 'test')} of the contract that every strategy keeps. "
            "Each name says what was checked."
        )
        st.markdown(_list(own))
    with st.expander("What every strategy has to pass"):
        st.markdown(_list(common))
    st.subheader("Where we differ from the paper")
    for paragraph in _paragraphs(found.deviations):
        st.markdown(paragraph)


def _sources(found: Card) -> None:
    st.markdown(_linked(found.references))
    st.markdown(f"Source file: `{found.source}`")


def _budgets(found: Card) -> str:
    words = REGIMES[found.regime]
    return f"{words}: {found.evidence} (counted by us)" if found.evidence else words


def _runs(found: Card) -> str:
    parts = []
    for setting in SETTINGS:
        names = [
            word for modality, word in _MODALITIES.items() if not found.runs[setting, modality]
        ]
        what = "everything" if len(names) == len(_MODALITIES) else ", ".join(names) or "nothing"
        parts.append(f"{setting}: {what}")
    return "; ".join(parts)


def _list(found: tuple[Check, ...]) -> str:
    return "\n".join(f"- {plain(check.sentence)}" for check in found)


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of a docstring; indented ones are formulas and keep their form."""
    pieces = re.split(r"\n\s*\n", text)
    return [
        f"```\n{piece}\n```" if piece.startswith("    ") else plain(" ".join(piece.split()))
        for piece in pieces
        if piece.strip()
    ]


def _linked(references: str) -> str:
    """References with their arXiv identifiers as links."""
    text = plain(" ".join(references.split()))
    return re.sub(r"arXiv\\:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
