"""An OpenID Connect provider for tests: codes, PKCE, signed tokens, and one button per person."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

__all__ = ["CLIENT", "SECRET", "Provider", "provider"]

CLIENT, SECRET = "alscope-test", "a-secret-of-the-test"


@dataclass
class Provider:
    """A running provider.

    Attributes:
        url: The issuer.
        people: Claims of those who can log in, by subject.
        n_tokens: Tokens that were given out.
    """

    url: str
    people: dict[str, dict[str, Any]]
    n_tokens: int = 0
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        """What a client asks for first."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def choices(self, asked: dict[str, str]) -> str:
        """A page on which one says who one is."""
        links = [
            f'<p><a href="/chosen?{html.escape(urlencode(asked | {"subject": subject}))}">'
            f"{html.escape(subject)}</a></p>"
            for subject in self.people
        ]
        return f"<!doctype html><title>Test login</title><h1>Who are you?</h1>{''.join(links)}"

    def code_for(self, asked: dict[str, str]) -> str:
        """The address to send the browser back to."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = urlencode({"code": code, "state": asked["state"]})
        return f"{asked['redirect_uri']}?{answer}"

    def token(self, form: dict[str, str], basic: str) -> dict[str, Any] | None:
        """Tokens for a code, once; None if anything about the request is wrong."""
        asked = self.codes.pop(form.get("code", ""), None)
        known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or basic != f"Basic {known}":
            return None
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        wrong = form.get("redirect_uri") != asked["redirect_uri"]
        if wrong or challenge != asked.get("code_challenge"):
            return None
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": asked["subject"],
            "iat": now,
            "exp": now + 600,
            "nonce": asked.get("nonce", ""),
            **self.people[asked["subject"]],
        }
        self.n_tokens += 1
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": signed,
        }


@contextmanager
def provider(people: dict[str, dict[str, Any]]) -> Iterator[Provider]:
    """A provider on this computer, for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.provider = Provider(f"http://localhost:{server.server_port}", people)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.provider  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        place = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(place.query).items()}
        known: Provider = self.server.provider  # type: ignore[attr-defined]
        if place.path == "/.well-known/openid-configuration":
            self._send(json.dumps(known.metadata()), "application/json")
        elif place.path == "/keys":
            public = known.key.as_dict(private=False) | {"use": "sig", "alg": "RS256"}
            self._send(json.dumps({"keys": [public]}), "application/json")
        elif place.path == "/authorize" and asked.get("client_id") == CLIENT:
            self._send(known.choices(asked), "text/html")
        elif place.path == "/chosen":
            self.send_response(302)
            self.send_header("Location", known.code_for(asked))
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        known: Provider = self.server.provider  # type: ignore[attr-defined]
        found = known.token(form, self.headers.get("Authorization", ""))
        if found is None:
            self.send_error(400)
        else:
            self._send(json.dumps(found), "application/json")

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _send(self, text: str, kind: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
