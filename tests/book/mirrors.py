"""A loopback server that behaves as real ones do, and misbehaves as they do."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = bytes(range(256)) * 1000
WRONG = b"x" * len(GOOD)
CHECKSUM = f"sha256:{hashlib.sha256(GOOD).hexdigest()}"
HALF = len(GOOD) // 2
MOVED = {  # to where, below the own address or whole
    "moved": "/good/digits.gz",
    "circle": "/circle/digits.gz",
    "local": "file:///etc/passwd",
    "ftp": "ftp://127.0.0.1/digits.gz",
}


class Mirror(BaseHTTPRequestHandler):
    """Serve GOOD at /good in parts as asked for, and at other addresses what goes wrong."""

    asked: list[tuple[str, str]] = []  # address and range of each request
    files: dict[str, bytes] = {}  # what else is served, by address

    def do_GET(self) -> None:
        """Answer as the first part of the address says."""
        fault = self.path.split("/")[1]
        self.asked.append((fault, self.headers.get("Range", "")))
        self.close_connection = True
        if fault == "missing":
            self.send_error(404)
        elif fault in MOVED:
            self.send_response(302)
            self.send_header("Location", MOVED[fault])
            self.end_headers()
        elif self.path in self.files:
            self.answer(self.files[self.path])
        else:
            self.answer(WRONG if fault in ("wrong", "other") else GOOD, fault)

    def answer(self, body: bytes, fault: str = "good") -> None:
        """Send a body, or from the byte asked for on."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and fault != "whole" else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            told = start + 1 if fault == "shifted" else start
            self.send_header("Content-Range", f"bytes {told}-{len(body) - 1}/{len(body)}")
        rest = body[start:]
        announced = {"short": len(rest) - 100, "long": len(rest) + 100}.get(fault, len(rest))
        if fault == "endless":
            rest += b"x" * 300_000
        if fault in ("chunked", "torn"):
            self.send_header("Transfer-Encoding", "chunked")
            rest = b"%x\r\n%s\r\n" % (len(rest), rest) + b"0\r\n\r\n" * (fault == "chunked")
        elif fault not in ("silent", "endless"):
            self.send_header("Content-Length", str(announced))
        self.end_headers()
        self.wfile.write(rest[: len(rest) // 2] if fault in ("broken", "silent") else rest)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def serving() -> Iterator[str]:
    """Run the server and give its address."""
    Mirror.asked.clear()
    Mirror.files.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
