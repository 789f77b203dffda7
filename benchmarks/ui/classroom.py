"""A class on one server: thirty browser sessions play at the same time.

    python benchmarks/ui/classroom.py [--pupils 30] [--steps 10] [--pause 5]

Starts the app and opens one session per pupil over the websocket that browsers use, with the
messages that a browser sends. Everybody opens the teacher's link, a race with a seed of their own,
and presses Step every few seconds at a random moment. Printed are the seconds from the click until
the last part of the new page has arrived, the processor time of the server, and its memory. Drawing
in the browser is not in it: pupils have computers of their own, and thirty browsers on the
machine of the server would measure each other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

ROOT = Path(__file__).resolve().parents[2]
QUERY = "data=moons&n=300&m=rbf&mode=race&opp=random&opp=margin&budget=40&ui=min"
PATIENCE_S = 180


@dataclass
class Session:
    """What a browser remembers of a page."""

    socket: Any
    query: str
    page_hash: str = ""
    step_id: str = ""
    fragment: str = ""
    received: int = 0

    async def run(self, *, press_step: bool) -> float:
        """Ask for the page, or press Step; seconds until it is there."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self.query, self.page_hash
        if press_step:
            state.fragment_id = self.fragment
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = self.step_id, True
        else:
            state.page_name = "playground"
        began = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        await self._receive()
        return time.perf_counter() - began

    async def _receive(self) -> None:
        while True:
            raw = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
            self.received += len(raw)
            message = ForwardMsg.FromString(raw)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.page_hash = message.new_session.page_script_hash
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "delta":
                button = message.delta.new_element.button
                if button.label == "Step":
                    self.step_id, self.fragment = button.id, message.delta.fragment_id
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                return


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_ready(port: int) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not answer within 90 s")


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def enter(port: int, pupil: int) -> Session:
    """A pupil opens the link of the teacher."""
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    stream = await connect(
        address, subprotocols=["streamlit"], max_size=None, origin=f"http://127.0.0.1:{port}"
    )
    session = Session(stream, f"{QUERY}&seed={pupil}")
    await session.run(press_step=False)
    if not session.step_id:
        raise SystemExit("the page has no button Step")
    return session


async def play(session: Session, steps: int, pause: float, dice: random.Random) -> list[float]:
    """Seconds of every step."""
    waits = []
    for number in range(1, steps + 1):
        await asyncio.sleep(dice.uniform(0, 2 * pause))
        waits.append(await session.run(press_step=True))
        if f"t={number}" not in session.query.split("&"):
            raise SystemExit(f"step {number} was not made: {session.query}")
    return waits


async def lesson(port: int, pid: int, options: argparse.Namespace) -> None:
    """The class plays; results are printed."""
    sessions = [await enter(port, 0)]
    print(f"memory of the server with one session: {megabytes(pid):.0f} MB")
    sessions += [await enter(port, pupil) for pupil in range(1, options.pupils)]
    print(f"with {len(sessions)} sessions: {megabytes(pid):.0f} MB")
    before = sum(session.received for session in sessions)
    cpu, began = cpu_seconds(pid), time.perf_counter()
    played = await asyncio.gather(
        *(
            play(session, options.steps, options.pause, random.Random(pupil))
            for pupil, session in enumerate(sessions)
        )
    )
    elapsed = time.perf_counter() - began
    waits = sorted(wait for one in played for wait in one)
    spent = (cpu_seconds(pid) - cpu) / len(waits)
    sent = (sum(session.received for session in sessions) - before) / len(waits)
    print(
        f"{len(waits)} steps in {elapsed:.0f} s: median {statistics.median(waits):.2f} s, "
        f"p95 {waits[int(0.95 * len(waits))]:.2f} s, largest {waits[-1]:.2f} s"
    )
    print(f"per step: {1e3 * spent:.0f} ms of CPU time of the server, {sent / 1e3:.0f} kB sent")
    print(f"memory at the end: {megabytes(pid):.0f} MB; load average {os.getloadavg()[0]:.1f}")
    for session in sessions:
        await session.socket.close()


def main() -> None:
    """Start the server, hold the lesson, stop the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=30, help="sessions")
    parser.add_argument("--steps", type=int, default=10, help="steps per pupil")
    parser.add_argument("--pause", type=float, default=5.0, help="mean seconds between steps")
    options = parser.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    with tempfile.TemporaryDirectory() as cache:
        server = subprocess.Popen(
            [*command, "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, "ALSCOPE_CACHE": cache},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_ready(port)
            asyncio.run(lesson(port, server.pid, options))
        finally:
            server.terminate()
            server.wait(timeout=30)


if __name__ == "__main__":
    main()
