"""Data: what there is, your own data, and what a scenario makes of them."""

from __future__ import annotations

import streamlit as st

from alscope.ui import service, shell
from alscope.ui.access import is_own_computer
from alscope.ui.data_cards import show_catalogue
from alscope.ui.data_preview import show_preview
from alscope.ui.import_form import import_form, show_own

shell.enter()

engine = service.get_service()
root = engine.data_root

st.title("Data")
WHERE = (
    "nothing you import leaves this computer"
    if is_own_computer()
    else "what you import goes to this server, where everybody who can start studies can use it"
)
NOT_YET = "" if root.path.is_dir() else " (which does not exist yet)"
st.markdown(
    "Benchmark sets, your own data, and a look at the pool before anything is trained. "
    f"Files are looked for in the folder `{root.path.name}`{NOT_YET}, and {WHERE}."
)
catalogue, own, preview = st.tabs(["Data sets", "Your own data", "Scenario preview"])
with own:
    import_form(root)
    show_own(root)
with preview:
    show_preview(root)
with catalogue:  # last: reading labels for the first time can take seconds
    show_catalogue(root)
