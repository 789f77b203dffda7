"""Figures and tables with what a reader wants of them: words, numbers as files, a caption."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.export import frame_bytes
from alscope.ui.cards import show_chart
from alscope.ui.text import file_stem

if TYPE_CHECKING:
    import altair
    import pandas as pd

__all__ = ["download_frame", "figure"]


def figure(
    chart: altair.TopLevelMixin,
    data: pd.DataFrame,
    *,
    key: str,
    alt: str,
    stem: str,
    caption: str = "",
) -> None:
    """A chart, its caption, and a menu that takes it away.

    Args:
        chart: From `alscope.charts`.
        data: The plotted frame; the CSV file is exactly this.
        key: Of session state, unique on the page.
        alt: What is to be seen, in words.
        stem: Of file names; made safe here.
        caption: What the figure is made of, as Markdown.
    """
    show_chart(chart, alt=alt, key=key)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(caption, width="stretch")
        download_frame(data, key=key, stem=stem)


def download_frame(data: pd.DataFrame, *, key: str, stem: str, label: str = "CSV") -> None:
    """A button that saves a frame, byte for byte what `frame_bytes` makes of it."""
    st.download_button(
        label,
        frame_bytes(data, "csv"),
        file_name=f"{file_stem(stem)}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"{key}_csv",
    )
