"""Library: everything that is stored; find it, note it, take it away, bring it here, delete it."""

from __future__ import annotations

import streamlit as st

from alscope.ui import service, shell
from alscope.ui.library_disk import show_disk
from alscope.ui.library_import import show_import
from alscope.ui.library_list import show_studies
from alscope.ui.library_trash import show_trash
from alscope.ui.notices import guarded, tell_unknown
from alscope.ui.state import Key
from alscope.ui.urlstate import publish, restore_one

shell.enter()

ROOMS = {
    "studies": (":material/inventory_2: Studies", show_studies),
    "import": (":material/upload: Import", show_import),
    "trash": (":material/delete: Trash", show_trash),
    "disk": (":material/hard_drive: Disk", show_disk),
}

st.title("Library")
unknown = restore_one(Key.ROOM, list(ROOMS), "studies", param=Key.TAB)
tell_unknown(unknown, "part of the library", list(ROOMS))
room = st.segmented_control(
    "Part of the library",
    list(ROOMS),
    key=Key.ROOM,
    format_func=lambda name: ROOMS[name][0],
    required=True,
    label_visibility="collapsed",
)
publish(Key.ROOM, [room], param=Key.TAB)
with guarded("showing the library"):
    ROOMS[room][1](service.get_service())
