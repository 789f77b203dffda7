"""Browser sessions without a browser: the messages that Streamlit's pages send and receive."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

__all__ = ["Session", "enter"]

_PATIENCE_S = 120


@dataclass
class Session:
    """One open page.

    Attributes:
        socket: The connection.
        page: Its file name, such as "monitor".
        page_hash: What the server calls it.
        errors: Exceptions that the page showed.
        fragments: Parts that can be asked for alone.
    """

    socket: Any
    page: str
    page_hash: str = ""
    errors: list[str] = field(default_factory=list)
    fragments: set[str] = field(default_factory=set)

    async def draw(self, page: str | None = None, *, fragment: str = "") -> float:
        """Ask for a page or a part of one; seconds until it is there."""
        message = BackMsg()
        state = message.rerun_script
        if page is not None or not self.page_hash:
            self.page = page or self.page
            state.page_name = self.page
        else:
            state.page_script_hash, state.fragment_id = self.page_hash, fragment
        began = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        await asyncio.wait_for(self._receive(), _PATIENCE_S)
        return time.perf_counter() - began

    async def leave(self) -> None:
        """Close the page."""
        await self.socket.close()

    async def _receive(self) -> None:
        found: set[str] = set()
        while True:
            message = ForwardMsg.FromString(await self.socket.recv())
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.page_hash = message.new_session.page_script_hash
                found = set()
            elif kind == "delta":
                found |= self._note(message.delta)
            elif (
                kind == "script_finished"
                and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                # Drawn as a whole, also because one of its parts asked for that, a page has other
                # parts than before; to ask for one that is gone has no answer.
                whole = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                self.fragments = found if whole else self.fragments | found
                return

    def _note(self, delta: Any) -> set[str]:
        if delta.new_element.WhichOneof("type") == "exception":
            self.errors.append(delta.new_element.exception.message)
        return {delta.fragment_id} - {""}


async def enter(port: int, page: str) -> Session:
    """Open a page as a new session."""
    socket = await connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        subprotocols=["streamlit"],
        max_size=None,
        origin=f"http://127.0.0.1:{port}",
    )
    session = Session(socket, page)
    await session.draw()
    return session
