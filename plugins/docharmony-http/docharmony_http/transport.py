"""One JSON request to a server: retried where that can help, refused where it would give texts away.

Neither texts, nor answers, nor the key appear in logs or errors.
"""

from __future__ import annotations

import ipaddress
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from docharmony import EngineError, UsageError

_LARGEST = 32 << 20
_LONGEST_PAUSE = 30.0
# Statuses of a server that may answer later.
_LATER = frozenset((408, 425, 429, 500, 502, 503, 504))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key and the texts to a server that nobody named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends JSON to one server.

    Attributes:
        url: of the server, ``http`` or ``https``.
        key: sent as a bearer token; empty sends none.
        timeout: seconds that one request may take.
        retries: further tries after a failure that may pass.
        pause: seconds before the first of them; doubled each time, with some jitter.
    """

    url: str
    key: str = ""
    timeout: float = 120.0
    retries: int = 4
    pause: float = 1.0

    def __repr__(self) -> str:
        return f"Transport({self.where!r})"

    @property
    def where(self) -> str:
        """The server's name, without path, query or password."""
        return urlsplit(self.url).hostname or "no server"

    def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """Return the JSON that the server answers.

        Raises:
            EngineError: it cannot be reached, refuses, or answers no JSON.
        """
        url = self.url if self.url.endswith(path) else self.url.rstrip("/") + path
        headers = {"Content-Type": "application/json", "User-Agent": "docharmony"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(url, json.dumps(data).encode(), headers, method="POST")
        opener = urllib.request.build_opener(_NoRedirect)
        why = ""
        for attempt in range(self.retries + 1):
            pause = min(_LONGEST_PAUSE, self.pause * 2**attempt) * random.uniform(0.75, 1.25)
            try:
                with opener.open(request, timeout=self.timeout) as answer:
                    body = answer.read(_LARGEST + 1)
                return self._decoded(body)
            except urllib.error.HTTPError as error:
                error.close()
                why = f"it answers {error.code}"
                if error.code not in _LATER:
                    raise self._refused(error.code) from None
                pause = max(pause, _retry_after(error.headers.get("Retry-After", "")))
            except urllib.error.URLError as error:
                why = getattr(error.reason, "strerror", None) or type(error.reason).__name__
            except (OSError, HTTPException) as error:
                why = type(error).__name__
            if attempt < self.retries:
                time.sleep(pause)
        raise EngineError(
            "the translation server does not answer",
            where=self.where,
            why=f"{why}, {self.retries + 1} times",
            hint="Check translators.http.url and the network, or try again later.",
        )

    def _decoded(self, body: bytes) -> Any:
        try:
            if len(body) > _LARGEST:
                raise ValueError
            return json.loads(body)
        except (ValueError, RecursionError):
            raise EngineError(
                "the translation server answers something else than JSON",
                where=self.where,
                hint="Check translators.http.url and translators.http.api.",
            ) from None

    def _refused(self, code: int) -> EngineError:
        hints = {
            401: "Put a key into the environment variable that translators.http.key_variable names.",
            403: "Put a key into the environment variable that translators.http.key_variable names.",
            404: "Check translators.http.url, .api and .model.",
        }
        redirect = 300 <= code < 400
        return EngineError(
            "the translation server refuses",
            where=self.where,
            why=f"status {code}" + (", a redirect, which is not followed" if redirect else ""),
            hint=hints.get(code, "Check translators.http.url, .api and .model."),
        )


def _retry_after(value: str) -> float:
    """Return the seconds that a server asks to wait; its dates are not understood."""
    return min(_LONGEST_PAUSE, float(value)) if value.isdigit() else 0.0


def check_url(url: str, *, insecure: bool) -> None:
    """Raise UsageError for no URL, or one over which anybody could read along.

    Args:
        url: as configured.
        insecure: whether plain HTTP may leave this machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "the translator http needs a URL",
            hint="For example: --set translators.http.url=http://localhost:11434/v1",
        )
    if parts.username or parts.password:
        raise UsageError(
            "the URL of the translator http holds a password",
            hint="Put the key into the environment: see translators.http.key_variable.",
        )
    if parts.scheme == "http" and not insecure and not _is_here(parts.hostname):
        raise UsageError(
            "the URL of the translator http is not encrypted",
            where=parts.hostname,
            why="anybody on the way could read the texts",
            hint="Use https, or --set translators.http.insecure=true in a network that you trust.",
        )


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
