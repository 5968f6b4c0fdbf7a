"""The server of the review page: for this machine alone, behind a secret address, nothing cached.

It listens on 127.0.0.1 only. Every address begins with a random token that no other page and no other
user can guess; requests under another host name (DNS rebinding) and saves from another origin are
refused. The page may load nothing from elsewhere, and the browser may store nothing.
"""

from __future__ import annotations

import hmac
import io
import json
import logging
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DocharmonyError, OutputError
from ..schema import edit_to_json
from .decisions import decide

if TYPE_CHECKING:
    from ..io.base import Source
    from ..plan import Plan

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_PAGE = Path(__file__).parent / "page"
_STATIC = {
    "": ("index.html", "text/html; charset=utf-8"),
    "app.js": ("app.js", "text/javascript; charset=utf-8"),
    "style.css": ("style.css", "text/css; charset=utf-8"),
}
_WIDTH = 1400  # pixels of a page's picture at most
_BODY = 16 << 20
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Review:
    """A plan under review, and the pages that it is for. Requests come in several threads.

    Args:
        source: the open input.
        plan: its edits.
        target: where the plan is saved.
    """

    def __init__(self, source: Source, plan: Plan, target: Path) -> None:
        self.source, self.plan, self.target = source, plan, target
        self.saved = False
        self._current = plan
        self._lock = threading.Lock()
        self._sizes: list[tuple[float, float]] = []
        self._unit, self._dpi = "pt", 200

    def sizes(self) -> list[tuple[float, float]]:
        """Return width and height of every page, in page units; A4 for those that cannot be read."""
        from ..model import Page

        with self._lock:
            if not self._sizes:
                for page in self.source.pages():
                    if isinstance(page, Page):
                        self._unit, self._dpi = page.unit, page.dpi
                        self._sizes.append((page.width, page.height))
                    else:
                        self._sizes.append((595.0, 842.0))
            return self._sizes

    def describe(self) -> dict[str, Any]:
        """Return what the page in the browser needs to know; what was saved before is its start."""
        self.plan = self._current
        return {
            "name": self.source.info.name,
            "target": self.target.name,
            "unit": self._unit,
            "pages": [{"width": w, "height": h} for w, h in self.sizes()],
            "edits": [
                {"page": page, **edit_to_json(edit)}
                for page, own in sorted(self.plan.edits.items())
                for edit in own
            ],
        }

    def picture(self, number: int) -> bytes:
        """Return a page (1-based) as PNG; raise InputError."""
        from PIL import Image

        width, height = self.sizes()[number - 1]
        inches = width / (72 if self._unit == "pt" else max(1, self._dpi))
        longest = max(1.0, height / width)
        dpi = max(8, min(150, int(_WIDTH / max(inches, 1e-3) / max(1.0, longest / 3))))
        with self._lock:
            pixels = self.source.raster(number, dpi)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG", compress_level=3)
        return stream.getvalue()

    def save(self, data: Any) -> int:
        """Write the plan with these decisions; return how many edits it has.

        Raises:
            UsageError: the data makes no sense.
            OutputError: the file cannot be written.
        """
        plan = decide(self.plan, data, self.sizes())
        with self._lock:
            plan.write(self.target)
            self._current, self.saved = plan, True
        return sum(map(len, plan.edits.values()))


def serve(review: Review, port: int, ready: Callable[[str], None]) -> None:
    """Serve the review until the person is done, or Ctrl-C.

    Args:
        review: what to look at.
        port: on 127.0.0.1; 0 takes a free one.
        ready: called with the address once it can be opened.

    Raises:
        OutputError: the port is taken.
    """
    token = secrets.token_urlsafe(32)
    try:
        server = _Server(port, review, token)
    except OSError as error:
        raise OutputError(
            "cannot serve the review",
            where=f"{_HOST}:{port}",
            why=error.strerror or type(error).__name__,
            hint="Choose another --port, or leave it out.",
        ) from error
    try:
        ready(f"http://{_HOST}:{server.server_port}/{token}/")
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, review: Review, token: str) -> None:
        super().__init__((_HOST, port), _Handler)
        self.review, self.token = review, token
        self.hosts = {f"{name}:{self.server_port}" for name in (_HOST, "localhost")}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the text of an exception may quote the document."""
        log.debug("a request failed")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "docharmony", ""
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: addresses hold the token."""

    def do_GET(self) -> None:
        """Answer with the page, the plan or the picture of a page."""
        name = self._name()
        if name is None:
            return
        try:
            if name in _STATIC:
                file, kind = _STATIC[name]
                self._send((_PAGE / file).read_bytes(), kind)
            elif name == "plan":
                self._json(self.server.review.describe())
            elif name.startswith("page/") and (number := self._number(name[5:])):
                self._send(self.server.review.picture(number), "image/png")
            else:
                self._refuse(HTTPStatus.NOT_FOUND)
        except DocharmonyError as error:
            self._json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)

    def do_POST(self) -> None:
        """Save the plan, or end."""
        name = self._name()
        if name is None:
            return
        origin = self.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        if self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        if name == "done":
            self._json({"done": True})
            threading.Thread(target=self.server.shutdown, daemon=True).start()
            return
        if name != "save":
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            count = self.server.review.save(json.loads(body))
            self._json({"saved": count})
        except (ValueError, RecursionError):
            self._json({"error": "this is not JSON"}, HTTPStatus.BAD_REQUEST)
        except DocharmonyError as error:
            self._json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)

    def _name(self) -> str | None:
        """Return what is asked for, behind the token; None when the request was refused."""
        if self.headers.get("Host", "") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN)
            return None
        token, _, name = self.path.split("?")[0].removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
            return None
        return name

    def _number(self, text: str) -> int:
        count = self.server.review.source.info.page_count
        number = int(text) if text.isdecimal() and len(text) < 8 else 0
        return number if 1 <= number <= count else 0

    def _json(self, data: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(data).encode(), "application/json", status)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self._send(b"", "text/plain", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for header, value in _HEADERS.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)
