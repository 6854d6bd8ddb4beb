"""A door in front of a schema registry: it may want a login and TLS, and may misbehave."""

from __future__ import annotations

import base64
import http.client
import http.server
import ssl
import threading
import time
import urllib.parse
from typing import Any

from services import LOOPBACK

from .certificates import Pair


class Door:
    """Passes questions on to the registry at `inner`. Attributes may be changed at any time:

    login     user:password that is asked for, or None
    manner    what it does with a question: one of the methods of the handler below
    asked     "METHOD path" of each question so far
    """

    def __init__(self, inner: str, certificate: Pair | None = None) -> None:
        self.inner = urllib.parse.urlsplit(inner)
        self.login: str | None = None
        self.manner = "honest"
        self.asked: list[str] = []
        handler = type("Handler", (_Handler,), {"door": self})
        self._server = _Server((LOOPBACK, 0), handler)
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.url = f"{scheme}://{LOOPBACK}:{self._server.server_address[1]}/registry"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def count(self, part: str) -> int:
        """How many questions had this in them."""
        return sum(part in question for question in self.asked)

    def close(self) -> None:
        self.manner = "is_gone"  # for connections that are kept
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client may break off whenever it likes."""


class _Handler(http.server.BaseHTTPRequestHandler):
    door: Door
    timeout = 20
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.door.asked.append(f"{self.command} {self.path}")
        login = self.door.login
        if login is not None:
            wanted = "Basic " + base64.b64encode(login.encode()).decode()
            if self.headers.get("Authorization") != wanted:
                self._answer(401, b'{"error_code": 401, "message": "Unauthorized"}')
                return
        try:
            getattr(self, self.door.manner)(body)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True  # the client has had enough

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    # --- manners --------------------------------------------------------------------------------

    def honest(self, body: bytes) -> None:
        self._answer(*self._ask_inner(body))

    def fails(self, _body: bytes) -> None:
        self._answer(500, b'{"error_code": 50001, "message": "store"}')

    def is_forbidden(self, _body: bytes) -> None:
        self._answer(403, b'{"error_code": 403, "message": "no"}')

    def is_another(self, _body: bytes) -> None:
        """Some other server: knows no such page."""
        self._answer(404, b"<html>not found</html>")

    def babbles(self, _body: bytes) -> None:
        self._answer(200, b"\xff{nonsense")

    def lacks(self, _body: bytes) -> None:
        self._answer(200, b'{"skema": []}')

    def is_endless(self, _body: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(b"x" * 65536)

    def stops_half_way(self, body: bytes) -> None:
        status, answer = self._ask_inner(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2])
        self.close_connection = True

    def is_slow(self, _body: bytes) -> None:
        """Longer than anybody waits."""
        self.close_connection = True
        time.sleep(8)

    def is_gone(self, _body: bytes) -> None:
        self.close_connection = True

    def moves(self, _body: bytes) -> None:
        self.send_response(301)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    # --- tools ----------------------------------------------------------------------------------

    def _ask_inner(self, body: bytes) -> tuple[int, bytes]:
        inner = self.door.inner
        connection = http.client.HTTPConnection(inner.hostname, inner.port, timeout=20)
        path = inner.path + self.path.removeprefix("/registry")
        connection.request(self.command, path, body or None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
