"""A package index on the loopback interface, with wheels of a package that only tests have."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import NamedTuple

from ormlab.releases.index import MEDIA

PACKAGE = "ormlab-toy"
_DIST = "ormlab_toy"


class Planted(NamedTuple):
    """One wheel of an index; `reads` is how often its release has a service read a row."""

    version: str
    day: str
    reads: int = 1
    yanked: bool | str = False
    python: str = ">=3.10"
    tag: str = "py3-none-any"
    needs: str = ""  #: what its metadata demands beside it
    code: str = ""  #: what its module does beside it

    @property
    def filename(self) -> str:
        return f"{_DIST}-{self.version}-{self.tag}.whl"

    def wheel(self) -> bytes:
        packed, info = BytesIO(), f"{_DIST}-{self.version}.dist-info"
        files = {
            f"{_DIST}/__init__.py": f"READS = {self.reads}\n{self.code}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {self.version}\n"
            f"Requires-Python: {self.python}\n"
            + (f"Requires-Dist: {self.needs}\n" if self.needs else ""),
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {self.tag}\n",
        }
        record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
        with zipfile.ZipFile(packed, "w") as wheel:
            for path, text in (*files.items(), (f"{info}/RECORD", record)):
                wheel.writestr(zipfile.ZipInfo(path), text)
        return packed.getvalue()

    def listed(self, **changes) -> dict:
        """As an answer of the index has it."""
        digest = hashlib.sha256(self.wheel()).hexdigest()
        return {
            "filename": self.filename,
            "url": f"/files/{self.filename}",
            "hashes": {"sha256": digest},
            "requires-python": self.python,
            "upload-time": f"{self.day}T12:00:00.000000Z",
            "yanked": self.yanked,
            **changes,
        }


def project(*wheels: Planted, **changes) -> dict:
    """The answer of an index that has these wheels."""
    return {
        "meta": {"api-version": "1.1"},
        "name": PACKAGE,
        "versions": [each.version for each in wheels],
        "files": [each.listed() for each in wheels],
        **changes,
    }


class Index:
    """An index that is served; what it answers may change."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/simple"
        self.wheels: list[Planted] = []
        #: status, type and body in place of its own answers
        self.instead: tuple[int, str, bytes] | None = None
        self.asked: list[tuple[str, str | None]] = []  #: paths, with what was sent to authorise

    def answer(self, path: str) -> tuple[int, str, bytes]:
        if self.instead:
            return self.instead
        if path == f"/simple/{PACKAGE}/":
            return HTTPStatus.OK, MEDIA, json.dumps(project(*self.wheels)).encode()
        for each in self.wheels:
            if path == f"/files/{each.filename}":
                return HTTPStatus.OK, "application/octet-stream", each.wheel()
        return HTTPStatus.NOT_FOUND, "text/plain", b"nothing"


@contextmanager
def served():
    """An empty index."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            # uv looks for the size of a wheel first.
            self.do_GET()

        def do_GET(self):
            index.asked.append((self.path, self.headers.get("Authorization")))
            status, kind, body = index.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index = Index(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
