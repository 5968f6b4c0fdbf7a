"""Translator ``http`` against servers of the standard library on this machine."""

from __future__ import annotations

import doctest
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from docharmony_http import translator
from docharmony_http.translator import HttpConfig, HttpTranslator, parse_array

from docharmony import EngineError, Plugins, UsageError
from docharmony.translators.guard import Guard

SECRET = "the secret of the page"
KEY = "key-that-nobody-sees"


class Server(ThreadingHTTPServer):
    """Answers with what ``answer`` makes of a request, and keeps requests."""

    def __init__(self, answer: Callable[[Server, dict[str, Any]], tuple[int, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def handle_error(self, *_: Any) -> None:
        pass  # a client that has gone away

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, dict(self.headers), data))
        status, body = self.server.answer(self.server, data)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if status in (301, 307):
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(answer: Callable[[Server, dict[str, Any]], tuple[int, Any]]) -> Server:
        server = Server(answer)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def chat(content: str) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": content}}]}


def upper(_: Server, data: dict[str, Any]) -> tuple[int, Any]:
    texts = json.loads(data["messages"][1]["content"])
    return 200, chat(json.dumps([text.upper() for text in texts]))


def http(server: Server, **options: Any) -> HttpTranslator:
    given = {"url": server.url, "model": "tiny", "pause": 0.001, "timeout": 5.0, **options}
    return HttpTranslator(HttpConfig(**given))


def test_the_plugin_registers_its_translator_by_name() -> None:
    entry = Plugins(("docharmony_http",), allow=()).translators.entry("http")
    assert "leave this machine" in entry.summary
    assert entry.load() is HttpTranslator
    assert HttpTranslator.network


def test_chat_in_batches(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCHARMONY_HTTP_KEY", KEY)
    server = serve(upper)
    texts = [f"text number {n}" for n in range(5)] + ["text number 0"]
    found = http(server, batch=2, style="Formal.").translate(texts, "en", "es")
    assert [result.text for result in found] == [text.upper() for text in texts]
    assert len(server.requests) == 3  # five different texts, two a request
    path, headers, data = server.requests[0]
    assert path == "/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert data["model"] == "tiny"
    assert "from en to es" in data["messages"][0]["content"]
    assert data["messages"][0]["content"].endswith("Formal.")


def test_tokens_survive_a_chat(serve: Callable[..., Server]) -> None:
    found = Guard(http(serve(upper)), "en", "es").translate(["dear {name}, see a@b.org"])
    assert found[0].text == "DEAR {name}, SEE a@b.org"


def test_a_model_that_loses_count_gets_fewer_texts(serve: Callable[..., Server]) -> None:
    def forgetful(_: Server, data: dict[str, Any]) -> tuple[int, Any]:
        texts = json.loads(data["messages"][1]["content"])
        if "never" in texts:
            return 200, chat("I cannot do that.")
        return 200, chat(json.dumps([text.upper() for text in texts[:2]]))

    found = http(serve(forgetful)).translate(["a", "b", "c", "d", "never"], "en", "es")
    assert [result.text for result in found] == ["A", "B", "C", "D", None]
    assert found[4].flags == ("no answer",)


def test_libretranslate(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    server = serve(lambda _, data: (200, {"translatedText": [q[::-1] for q in data["q"]]}))
    own = http(server, api="libretranslate", model="", key_variable="MY_KEY")
    found = own.translate(["abc"], "en-GB", "zh-Hant")
    assert found[0].text == "cba"
    path, headers, data = server.requests[0]
    assert path == "/translate"
    assert (data["source"], data["target"], data["api_key"]) == ("en", "zt", KEY)
    assert "Authorization" not in headers


def test_failures_that_pass_are_tried_again(serve: Callable[..., Server]) -> None:
    def flaky(server: Server, data: dict[str, Any]) -> tuple[int, Any]:
        return (503, b"") if len(server.requests) < 3 else upper(server, data)

    server = serve(flaky)
    assert http(server).translate(["abc"], "en", "es")[0].text == "ABC"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "why", "tries"),
    [
        ((401, SECRET.encode()), "status 401", 1),
        ((400, SECRET.encode()), "status 400", 1),
        ((307, b""), "a redirect, which is not followed", 1),
        ((301, b""), "a redirect, which is not followed", 1),
        ((500, SECRET.encode()), "it answers 500, 3 times", 3),
        ((200, SECRET.encode()), "something else than JSON", 1),
        ((200, {"error": SECRET}), "unexpected form", 1),
        ((200, [SECRET]), "unexpected form", 1),
    ],
)
def test_failures_are_one_line_without_text_or_key(
    serve: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, Any],
    why: str,
    tries: int,
) -> None:
    monkeypatch.setenv("DOCHARMONY_HTTP_KEY", KEY)
    server = serve(lambda *_: answer)
    with caplog.at_level(logging.DEBUG), pytest.raises(EngineError, match=why) as caught:
        http(server, retries=2).translate([SECRET], "en", "es")
    said = f"{caught.value} {caught.value.hint} {caplog.text} {caught.value.__cause__}"
    assert SECRET not in said
    assert KEY not in said
    assert len(server.requests) == tries


def test_a_server_that_is_not_there(serve: Callable[..., Server]) -> None:
    own = HttpTranslator(HttpConfig("http://127.0.0.1:9", model="m", retries=1, pause=0.001))
    with pytest.raises(EngineError, match="2 times") as caught:
        own.translate([SECRET], "en", "es")
    assert SECRET not in str(caught.value)


def test_a_server_that_hangs(serve: Callable[..., Server]) -> None:
    wait = threading.Event()

    def hang(*_: Any) -> tuple[int, Any]:
        wait.wait(5)
        return 200, b""

    own = http(serve(hang), timeout=0.1, retries=0)
    with pytest.raises(EngineError, match="does not answer"):
        own.translate(["abc"], "en", "es")
    wait.set()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "needs a URL"),
        ({"url": "file:///etc/passwd", "model": "m"}, "needs a URL"),
        ({"url": "https://u:p@x.org", "model": "m"}, "holds a password"),
        ({"url": "http://x.org/v1", "model": "m"}, "not encrypted"),
        ({"url": "https://x.org/v1"}, "needs a model"),
        ({"url": "https://x.org/v1", "model": "m", "batch": 0}, "out of range"),
    ],
)
def test_configurations_that_cannot_work_fail_before_anything_is_sent(
    options: dict[str, Any], what: str
) -> None:
    with pytest.raises(UsageError, match=what):
        HttpTranslator(HttpConfig(**options)).check("en", "es")


def test_plain_http_is_for_this_machine_or_on_demand() -> None:
    for url in ("http://localhost:1/v1", "http://[::1]:1", "http://127.9.0.1", "https://x.org"):
        HttpTranslator(HttpConfig(url, model="m")).check("en", "es")
    HttpTranslator(HttpConfig("http://x.org", model="m", insecure=True)).check("en", "es")


def test_the_cache_is_off_unless_asked_for(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCHARMONY_CACHE", str(tmp_path / "cache"))
    server = serve(upper)
    http(server).translate(["abc"], "en", "es")
    assert not (tmp_path / "cache").exists()
    for _ in range(2):
        assert http(server, cache=True).translate(["abc"], "en", "es")[0].text == "ABC"
    assert len(server.requests) == 2
    http(server, cache=True).translate(["abc"], "en", "fr")
    assert len(server.requests) == 3
    file = tmp_path / "cache" / "http-translations.sqlite"
    assert file.stat().st_mode & 0o077 == 0
    os.truncate(file, 10)
    file.write_bytes(b"no database")
    with pytest.raises(Exception, match="cannot use the cache"):
        http(server, cache=True).translate(["abc"], "en", "es")


def test_arrays_in_answers() -> None:
    assert parse_array('{"translations": ["a"]}', 1) == ["a"]
    assert parse_array('<think>[1]</think>["a"]', 1) == ["a"]
    assert parse_array("[1]", 1) is None
    assert parse_array('["a"', 1) is None
    assert parse_array("[" * 10_000, 1) is None
    assert doctest.testmod(translator).failed == 0
