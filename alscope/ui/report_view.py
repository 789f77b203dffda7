"""The files of a report, made when asked, and what will be in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.reports.files import ExportFile
from alscope.reports.study import report_files, study_document, study_results
from alscope.results.bundle import bundle_bytes
from alscope.results.methods import methods
from alscope.ui import service
from alscope.ui.text import count, file_stem, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus
    from alscope.reports.document import Document
    from alscope.ui.report_form import Content

__all__ = ["show_downloads", "show_preview"]


def show_downloads(study: StudyStatus, content: Content) -> None:
    """A button for every form of the report, and for the study as a bundle."""
    st.subheader("Take it away")
    with st.container(horizontal=True):
        for place, file in enumerate([*_reports(study, content), *_bundles(study)]):
            st.download_button(
                file.label,
                file.make,  # called when the button is pressed, in another thread
                file_name=file.name,
                mime=file.mime,
                help=file.about,
                icon=":material/download:",
                on_click="ignore",
                type="primary" if place == 0 else "secondary",
                key=f"report_{file.label}",
            )
    st.caption("The first web page takes some seconds: the drawing library is put together once.")


def _reports(study: StudyStatus, content: Content) -> list[ExportFile]:
    runs = service.get_service().runs
    run_ids = [run.run_id for run in study.runs]

    def document() -> Document:
        results = study_results(
            study.config, runs, run_ids, metric=content.metric, band=content.band
        )
        return study_document(results, content.options)

    return report_files(document, file_stem(content.options.title or study.name))


def _bundles(study: StudyStatus) -> list[ExportFile]:
    opened = service.get_service()

    def make(*, compact: bool) -> bytes:
        return bundle_bytes(
            study.study_id, runs=opened.runs, studies=opened.studies_store, compact=compact
        )

    return [
        ExportFile(
            "Study bundle",
            f"{study.study_id}.zip",
            "application/zip",
            "Everything that was recorded, to be imported on another machine",
            lambda: make(compact=False),
        ),
        ExportFile(
            "Compact bundle",
            f"{study.study_id}-compact.zip",
            "application/zip",
            "The same results without scores, predictions for samples that were not queried, and "
            "tables",
            lambda: make(compact=True),
        ),
    ]


def show_preview(study: StudyStatus, rounds: pd.DataFrame, content: Content) -> None:
    """What the report is made of, and its methods paragraph to be copied."""
    n_done = study.n_done
    open_runs = study.n_runs - n_done
    rest = f", {count(open_runs, 'run')} not finished" if open_runs else ""
    st.caption(
        f"{plain(study.name)}: {count(n_done, 'finished run')}{rest}, "
        f"{count(len(rounds), 'recorded round')}."
    )
    st.subheader("Methods")
    st.caption("Written from the configuration, so that text and numbers cannot disagree.")
    for paragraph in methods(study.config, rounds, content.metric):
        st.markdown(plain(paragraph))
