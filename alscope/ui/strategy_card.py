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
from alscope.ui.strategy_catalogue import family_name
from alscope.ui.text import count, plain

__all__ = ["show_card"]

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
    how, parameters, proof, sources = st.tabs(["How it works", "Parameters", "Proof", "Sources"])
    with how:
        _how(found)
    with parameters:
        _parameters(found)
    with proof:
        _proof(found)
    with sources:
        _sources(found)


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
                "Paper": plain(p.paper or "-"),
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
