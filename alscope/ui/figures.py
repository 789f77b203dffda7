"""Figures and tables with what a reader wants of them: words, a caption, files to take away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from alscope.ui.cards import show_chart
from alscope.ui.text import file_stem, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.charts.spec import AnyChart
    from alscope.reports.files import ExportFile

__all__ = ["download_frame", "figure"]

_SHARE = "To share this view, copy the address of the page: it opens the same."


def figure(
    chart: AnyChart,
    data: pd.DataFrame,
    *,
    key: str,
    alt: str,
    stem: str,
    caption: str = "",
    on_select: Mapping[str, Callable[[], None]] | None = None,
    legend_columns: int = 2,
) -> None:
    """A chart, its caption, and a menu that takes it away.

    Args:
        chart: From `alscope.charts`.
        data: The plotted frame; the CSV file is exactly this, but for texts that are formulas to a
            spreadsheet, which then also come as they are ("CSV, raw").
        key: Of session state, unique on the page.
        alt: What is to be seen, in words.
        stem: Of file names; made safe here.
        caption: What the figure is made of, as Markdown.
        on_select: As in `show_chart`.
        legend_columns: As in `show_chart`.
    """
    from alscope.reports.files import figure_files

    show_chart(chart, alt=alt, key=key, on_select=on_select, legend_columns=legend_columns)
    files = figure_files(chart, data, stem=file_stem(stem), title=f"{stem}: {alt}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(caption, width="stretch")
        _menu(files, key=key, label="Export", what=stem)


def download_frame(data: pd.DataFrame, *, key: str, stem: str, label: str = "Export") -> None:
    """A menu that takes a table away: CSV, LaTeX, JSON and Parquet.

    Args:
        data: The table; the CSV file is byte for byte what `frame_bytes` makes of it.
        key: Of session state, unique on the page.
        stem: Of file names; made safe here.
        label: Of the menu.
    """
    from alscope.reports.files import table_files

    files = table_files(data, stem=file_stem(stem), title=stem)
    _menu(files, key=key, label=label, what=stem)


def _menu(files: list[ExportFile], *, key: str, label: str, what: str) -> None:
    with st.popover(label, icon=":material/download:", key=f"{key}_menu"):
        st.caption(plain(what))
        with st.container(horizontal=True):
            for file in files:
                st.download_button(
                    file.label,
                    file.make,  # called when the button is pressed, in another thread
                    file_name=file.name,
                    mime=file.mime,
                    help=file.about,
                    on_click="ignore",
                    key=f"{key}_{file.label}",
                )
        st.caption(_SHARE)
