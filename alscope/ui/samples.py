"""The results that come with ALScope: taken over in the background at the first start."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

import streamlit as st

from alscope.errors import ALScopeError, StoreError
from alscope.ui.results import rounds_of
from alscope.ui.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from alscope.engine.service import Service, StudyStatus

__all__ = [
    "begin",
    "is_arriving",
    "is_sample",
    "sample_evidence",
    "sample_fact",
    "sample_ids",
    "show_arriving",
]

_SWITCH = "ALSCOPE_SAMPLES"
_NAME = "alscope-samples"
_log = logging.getLogger(__name__)


def begin(service: Service) -> None:
    """Take the samples over, unless `ALSCOPE_SAMPLES=0` or it was done before; returns at once."""
    if os.environ.get(_SWITCH) == "0":
        return
    threading.Thread(target=_install, args=(service,), name=_NAME, daemon=True).start()


def is_arriving() -> bool:
    """Whether samples are being taken over now."""
    return any(thread.name == _NAME for thread in threading.enumerate())


def show_arriving() -> None:
    """Say so while samples arrive."""
    if is_arriving():
        st.caption(
            ":material/hourglass_empty: Sample results are being unpacked; they appear in seconds."
        )


def is_sample(service: Service, study_id: str) -> bool:
    """Whether a study came with ALScope."""
    from alscope.results.samples import is_sample as came_with

    try:
        origin = service.studies_store.origin(study_id)
    except StoreError:
        return False
    return origin is not None and came_with(origin.sha256)


def sample_ids(service: Service, studies: Iterable[StudyStatus]) -> list[str]:
    """Studies that came with ALScope."""
    return [study.study_id for study in studies if is_sample(service, study.study_id)]


def sample_fact(study: StudyStatus) -> str:
    """What the thriftiest strategy that is significantly better than Random saved; "" if none is.

    Measured in the study itself, on its mean curves.
    """
    from alscope.results.compare import compare_with_random
    from alscope.results.tables import RANDOM, aubc_table

    rounds = rounds_of([study])
    tested = compare_with_random(rounds)
    better = tested[tested["verdict"] == f"better than {RANDOM}"][["scenario", "strategy"]]
    found = aubc_table(rounds).merge(better, on=["scenario", "strategy"])
    found = found[found["label_ratio"] < 1].sort_values("label_ratio", kind="stable")
    if not len(found):
        return ""
    row = found.iloc[0]
    return (
        f"On {plain(row['scenario'])}, {plain(row['strategy'])} came to Random's final accuracy "
        f"with {100 * row['label_ratio']:.0f} % of its labels (mean curves of {row['n']} seeds; "
        "better in area by an exact paired test with Holm's correction)."
    )


def sample_evidence(service: Service) -> tuple[list[str], pd.DataFrame]:
    """Ids of the samples, and what they say about strategies; none while they arrive or are off."""
    from alscope.results.evidence import evidence_table

    studies = service.studies()
    ids = [] if is_arriving() else sample_ids(service, studies)
    chosen = [study for study in studies if study.study_id in ids]
    key = (str(service.cache), tuple(sorted(ids)))
    kept = _evidence()
    if key not in kept:
        kept[key] = evidence_table(rounds_of(chosen))
    return ids, kept[key]


@st.cache_resource
def _evidence() -> dict[tuple[str, tuple[str, ...]], pd.DataFrame]:
    """By place and samples; at most 2^4 combinations per place."""
    return {}


def _install(service: Service) -> None:
    from alscope.results.samples import install

    try:
        install(service.cache, runs=service.runs, studies=service.studies_store)
    except ALScopeError as error:
        _log.warning("sample results are left out: %s", error)
