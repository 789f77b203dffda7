"""An HTTP server on 127.0.0.1 that serves bytes, breaks off, and speaks the hub's interface."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

__all__ = ["Files", "serving"]

_CHUNK = 16_384
_TREE = re.compile(r"/api/datasets/(?P<name>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)$")


class Files:
    """What a server has, how it behaves, and what it was asked for.

    Attributes:
        url: Its address.
        files: Path -> content.
        served: Path -> bytes sent, over all requests.
        requests: (path, Range header) of every request for a file, in order.
        cuts: Path -> connections that still break off after `cut_after` bytes.
        ranges: Whether parts can be asked for.
        pause_s: Pause after every 16 KiB.
        busy: Answers 503 that are still to be given.
    """

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.served: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self.cuts: Counter[str] = Counter()
        self.cut_after = 1000
        self.ranges = True
        self.pause_s = 0.0
        self.busy = 0

    def put_hub(
        self, name: str, files: dict[str, bytes], *, revision: str = "main", lfs: bool = True
    ) -> None:
        """A data set on the hub: its files, and the listing of a revision."""
        listing = []
        for path, data in files.items():
            facts = {"type": "file", "path": path, "size": len(data), "oid": git_digest(data)}
            if lfs:
                digest = hashlib.sha256(data).hexdigest()
                facts["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 130}
            listing.append(facts)
            self.files[f"/datasets/{name}/resolve/{revision}/{path}"] = data
        self.files[f"/api/datasets/{name}/tree/{revision}"] = json.dumps(listing).encode()


def git_digest(data: bytes) -> str:
    """The name git gives a blob."""
    content = f"blob {len(data)}\0".encode() + data
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        files = self.server.files  # type: ignore[attr-defined]
        path = unquote(urlsplit(self.path).path)
        if path not in files.files:
            self.send_error(404)
            return
        if "/api/" not in path:
            files.requests.append((path, self.headers.get("Range", "")))
            if files.busy:
                files.busy -= 1
                self.send_error(503)
                return
        data = files.files[path]
        start = self._start(files, len(data))
        if start is not None:
            self._send(files, path, data, start)

    def _start(self, files: Files, size: int) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and files.ranges else 0
        if start and start >= size:
            self.send_error(416)
            return None
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        return start

    def _send(self, files: Files, path: str, data: bytes, start: int) -> None:
        end = len(data)
        if files.cuts[path]:
            files.cuts[path] -= 1
            end = min(end, start + files.cut_after)
        try:
            for place in range(start, end, _CHUNK):
                piece = data[place : min(place + _CHUNK, end)]
                files.served[path] += len(piece)  # before the other side can have it
                self.wfile.write(piece)
                time.sleep(files.pause_s)
        except OSError:  # the other side is gone, and never got it
            files.served[path] -= len(piece)
        if end < len(data):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def serving() -> Iterator[Files]:
    """A server on a free port of this machine."""
    files = Files()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.files = files  # type: ignore[attr-defined]
    files.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
