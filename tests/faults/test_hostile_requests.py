"""Requests that no browser of ours sends, byte by byte, to the real server (row H11)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from tests.browser.serving import Server, serving

pytestmark = pytest.mark.slow

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SOCKET = "/_stcore/stream"
UPLOAD = "/_stcore/upload_file/11111111-1111-1111-1111-111111111111/22222222"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("requests")
    with serving(folder / "cache", folder / "server.log") as running:
        yield running


def answer(server: Server, method: str, path: str, *, body: bytes = b"", **headers: str) -> str:
    """The head and the beginning of the body of an answer, exactly as sent."""
    port = urlsplit(server.url).port
    sent = {"Host": f"localhost:{port}", "Content-Length": str(len(body))}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        received = connection.recv(65_536)
        while b"\r\n\r\n" not in received and (more := connection.recv(65_536)):
            received += more
    return received.decode("latin-1")


def handshake(server: Server, **headers: str) -> str:
    """The first line of the answer to a browser that opens a session."""
    wanted = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Key": KEY,
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Protocol": "streamlit",
    }
    return answer(server, "GET", SOCKET, **wanted | headers).partition("\r\n")[0]


def test_a_page_of_our_own_gets_a_session(server: Server) -> None:
    port = urlsplit(server.url).port

    assert " 101 " in handshake(server, Origin=f"http://localhost:{port}")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://evil.example:8501", "null", "http://localhost.evil.example"],
)
def test_a_page_of_somebody_else_gets_no_session(server: Server, origin: str) -> None:
    assert " 403 " in handshake(server, Origin=origin)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8501", "localhost.evil.example", "127.0.0.1.evil.example"],
)
def test_a_name_that_was_turned_to_this_computer_gets_no_session(server: Server, host: str) -> None:
    # DNS rebinding: origin and host agree, and both are somebody else's.
    assert " 403 " in handshake(server, Host=host, Origin=f"http://{host}")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_Xsrftoken": "forged"},
        {"X_Xsrftoken": "2|aa|bb|1", "Cookie": "_streamlit_xsrf=2|cc|dd|1"},
    ],
)
def test_an_upload_without_the_token_of_its_page_is_refused(
    server: Server, method: str, headers: dict[str, str]
) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nhi\r\n--x--\r\n'
    kind = {"Content_Type": "multipart/form-data; boundary=x"}

    assert (
        " 403 " in answer(server, method, UPLOAD, body=body, **kind, **headers).partition("\n")[0]
    )


def test_other_pages_may_not_read_answers(server: Server) -> None:
    for path in ("/", "/_stcore/health", "/_stcore/host-config", SOCKET):
        head = answer(server, "GET", path, Origin="http://evil.example").partition("\r\n\r\n")[0]

        assert "access-control-allow-origin: *" not in head.lower()
        assert "evil.example" not in head


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/../../../../etc/passwd",
        "/static/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/app/static/secrets.toml",
        "/.streamlit/secrets.toml",
        "/media/../../etc/passwd",
        "/component/../../etc/passwd",
        "//evil.example/%2f..",
        "/\\\\evil.example\\share",
        "/%00",
    ],
)
def test_no_path_leads_to_a_file_of_the_computer(server: Server, path: str) -> None:
    said = answer(server, "GET", path)

    assert "root:" not in said
    assert "cookie_secret" not in said
    assert "location: //" not in said.lower()
    assert " 500 " not in said.partition("\r\n")[0]


class Visit:
    """A session as a program opens it: any headers, any clicks."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._page = ""

    def draw(self, clicked: str = "") -> list[ForwardMsg]:
        """What the server sends for the page Home, with a button pressed or not."""
        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash = self._page
        if clicked:
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = clicked, True
        self._socket.send(message.SerializeToString())
        received = []
        while not received or received[-1].WhichOneof("type") != "script_finished":
            received.append(ForwardMsg.FromString(self._socket.recv(timeout=60)))
            if received[-1].WhichOneof("type") == "new_session":
                self._page = received[-1].new_session.page_script_hash
        return received


@contextmanager
def visit(server: Server, **headers: str) -> Iterator[Visit]:
    port = urlsplit(server.url).port
    with connect(
        f"ws://127.0.0.1:{port}{SOCKET}",
        subprotocols=["streamlit"],  # type: ignore[list-item]
        origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
        additional_headers={name.replace("_", "-"): text for name, text in headers.items()},
        max_size=None,
    ) as socket:
        yield Visit(socket)


def button(messages: list[ForwardMsg], label: str) -> tuple[str, bool]:
    """Id of a button, and whether it can be pressed."""
    elements = [message.delta.new_element for message in messages if message.HasField("delta")]
    found = [each.button for each in elements if each.WhichOneof("type") == "button"]
    (one,) = [each for each in found if each.label == label]
    return one.id, not one.disabled


def studies(server: Server) -> list[Path]:
    folder = server.cache / "studies"
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Real_Ip"])
def test_who_comes_through_a_proxy_sees_everything_and_starts_nothing(
    server: Server, header: str
) -> None:
    # The server listens to this computer only and has no login; a proxy lets others in.
    with visit(server, **{header: "203.0.113.7"}) as session:
        drawn = session.draw()
        name, enabled = button(drawn, "Start the demo study")

        assert not enabled
        assert any(b"it has no login" in message.SerializeToString() for message in drawn)
        session.draw(clicked=name)  # as a modified browser would
        session.draw(clicked=name)
        assert studies(server) == []


def test_who_sits_at_the_computer_may_do_everything(server: Server) -> None:
    with visit(server) as session:
        drawn = session.draw()

    assert button(drawn, "Start the demo study")[1]
    assert not any(b"it has no login" in message.SerializeToString() for message in drawn)


def test_what_is_no_request_ends_and_the_server_goes_on(server: Server, tmp_path: Path) -> None:
    for junk in (b"\x00" * 4096, b"GET / HTTP/9.9\r\n\r\n", b"A" * 200_000):
        with socket.create_connection(("127.0.0.1", urlsplit(server.url).port), timeout=30) as one:
            one.sendall(junk + b"\r\n\r\n")
            one.settimeout(10)
            assert len(one.recv(65_536)) < 65_536
    assert " 200 " in answer(server, "GET", "/_stcore/health").partition("\r\n")[0]
