"""Downloads that are under way, wherever somebody waits for them."""

from __future__ import annotations

import streamlit as st

from alscope.data.downloads import active_downloads
from alscope.data.protocols import DataRoot
from alscope.ui.text import plain

__all__ = ["show_downloads"]


def show_downloads(root: DataRoot) -> bool:
    """One line per download into a data folder; whether there is any."""
    downloads = active_downloads(root)
    for download in downloads:
        text = plain(download.progress)
        st.info(text[:1].upper() + text[1:], icon=":material/downloading:")
    return bool(downloads)
