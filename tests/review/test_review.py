"""The review page: what it saves, and who may ask it for anything."""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from docharmony import Edit, EditKind, EditStatus, UsageError
from docharmony import open as open_source
from docharmony.geometry import BBox
from docharmony.plan import Plan
from docharmony.review.decisions import decide
from docharmony.review.server import Review, serve

BOX = BBox(72, 60, 200, 80)
SIZES = [(595.0, 842.0)] * 3


def plan_for(digest: str, kind: EditKind = EditKind.ERASE) -> Plan:
    edits = tuple(
        Edit(
            f"p1e{n}", kind, BOX.polygon(), "term", "term 1", "Jane Roe", status=EditStatus.PROPOSED,
            term=1,
        )
        for n in (1, 2)
    )  # fmt: skip
    return Plan(digest, {1: edits}, ("Jane Roe",))


class Page:
    """A client of a review that runs in a thread."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.host, self.root = parts.netloc, parts.path

    def ask(
        self, path: str, data: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection(self.host, timeout=20)
        method = "GET" if data is None else "POST"
        given = {"Content-Type": "application/json"} if data is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, data, given)
        reply = connection.getresponse()
        return reply.status, reply.read(), reply.headers

    def post(self, name: str, data: Any, **headers: str) -> tuple[int, Any]:
        status, body, _ = self.ask(self.root + name, json.dumps(data).encode(), **headers)
        return status, json.loads(body or b"null")


@pytest.fixture
def review(letter: Path, tmp_path: Path) -> Iterator[tuple[Page, Review, threading.Thread]]:
    with open_source(letter) as source:
        made = Review(source, plan_for(source.info.sha256), tmp_path / "plan.json")
        ready = threading.Event()
        addresses: list[str] = []

        def tell(address: str) -> None:
            addresses.append(address)
            ready.set()

        thread = threading.Thread(target=serve, args=(made, 0, tell), daemon=True)
        thread.start()
        assert ready.wait(10)
        page = Page(addresses[0])
        yield page, made, thread
        if thread.is_alive():
            page.post("done", {})
        thread.join(10)


def test_shows_the_plan_and_the_pages(review: Any) -> None:
    page, _, _ = review
    assert page.host.startswith("127.0.0.1:")
    for name, kind in (("", "text/html"), ("app.js", "text/javascript"), ("style.css", "text/css")):
        status, body, headers = page.ask(page.root + name)
        assert status == 200
        assert headers.get_content_type() == kind
        assert b"http:" not in body.replace(b"http://www.w3.org/2000/svg", b"")
    status, body, headers = page.ask(page.root + "plan")
    plan = json.loads(body)
    assert len(plan["pages"]) == 3
    assert [edit["id"] for edit in plan["edits"]] == ["p1e1", "p1e2"]
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    status, body, headers = page.ask(page.root + "page/2")
    picture = Image.open(io.BytesIO(body))
    assert picture.width > 800
    assert headers["Cache-Control"] == "no-store"


def test_saves_decisions_for_the_owner_alone(review: Any, tmp_path: Path) -> None:
    page, made, thread = review
    decisions = {
        "statuses": {"p1e1": "rejected", "p1e2": "approved"},
        "added": [{"page": 2, "bbox": [300, 50, 10, 20]}],
    }
    assert page.post("save", decisions) == (200, {"saved": 3})
    target = tmp_path / "plan.json"
    assert target.stat().st_mode & 0o777 == 0o600
    saved = Plan.read(target)
    assert [edit.status for edit in saved.edits[1]] == [EditStatus.REJECTED, EditStatus.APPROVED]
    assert saved.edits[1][0].original == "Jane Roe"
    assert saved.edits[2][0].bbox == BBox(10, 20, 300, 50)
    # Saved again, it is the same; loaded anew, what was saved is there.
    assert page.post("save", decisions) == (200, {"saved": 3})
    assert len(json.loads(page.ask(page.root + "plan")[1])["edits"]) == 3
    assert page.post("save", {"statuses": {"p2e1": "rejected"}}) == (200, {"saved": 3})
    assert page.post("done", {})[0] == 200
    thread.join(10)
    assert not thread.is_alive()
    assert made.saved


def test_strangers_get_nothing(review: Any, tmp_path: Path) -> None:
    page, _, _ = review
    port = page.host.partition(":")[2]
    for path in ("/", "/plan", "/x/plan", page.root[:-2] + "/plan", "/../plan"):
        assert page.ask(path)[0] == 404
    assert page.ask(page.root + "../server.py")[0] == 404
    for number in ("0", "4", "-1", "x", "9" * 30):
        assert page.ask(page.root + f"page/{number}")[0] == 404
    # Another name for this machine: a page elsewhere that points its own name here.
    assert page.ask(page.root + "plan", Host=f"evil.example:{port}")[0] == 403
    assert page.ask(page.root + "plan", Host=f"localhost:{port}")[0] == 200
    save = json.dumps({}).encode()
    assert page.ask(page.root + "save", save, Origin="http://evil.example")[0] == 403
    assert page.ask(page.root + "save", save, Content_Type="text/plain")[0] == 415
    assert page.ask(page.root + "save", save, Content_Length=str(1 << 40))[0] == 413
    assert page.ask(page.root + "save", b"{")[0] == 400
    assert page.ask(page.root + "other", b"{}")[0] == 404
    assert page.post("save", {"statuses": {"p1e1": "gone"}})[0] == 422
    assert not (tmp_path / "plan.json").exists()


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"statuses": []},
        {"statuses": {"p1e1": "applied"}},
        {"statuses": {"p1e1": ["rejected"]}},
        {"added": {}},
        {"added": [{"page": 4, "bbox": [1, 1, 9, 9]}]},
        {"added": [{"page": 1, "bbox": [1, 1, 1, 9]}]},
        {"added": [{"page": 1, "bbox": [1, 1, float("nan"), 9]}]},
        {"added": [{"page": 1, "bbox": [9000, 1, 9100, 9]}]},
        {"added": [{"page": 1}]},
        {"replacements": {"p1e1": "Joan"}},
        {"added": [{"page": 1, "bbox": [1, 1, 9, 9]}] * 10_001},
    ],
    ids=range(13),
)
def test_nonsense_is_refused(data: Any) -> None:
    with pytest.raises(UsageError):
        decide(plan_for("0" * 64), data, SIZES)


def test_replacements_can_be_changed() -> None:
    plan = decide(
        plan_for("0" * 64, EditKind.REPLACE), {"replacements": {"p1e2": "Joan Doe"}}, SIZES
    )
    assert [edit.replacement for edit in plan.edits[1]] == ["", "Joan Doe"]


def test_new_areas_get_names_of_their_own() -> None:
    area = {"page": 1, "bbox": [1, 1, 9, 9]}
    plan = decide(plan_for("0" * 64), {"added": [area, area]}, SIZES)
    assert [edit.id for edit in plan.edits[1]] == ["p1e1", "p1e2", "p1e3", "p1e4"]


def command(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "docharmony", "review", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_goes_on_with_a_plan_and_finds_its_document(
    letter: Path, tmp_path: Path
) -> None:
    (tmp_path / "letter.pdf").write_bytes(letter.read_bytes())
    (tmp_path / "other.pdf").write_bytes(letter.read_bytes() + b"\n")
    with open_source(letter) as source:
        plan_for(source.info.sha256).write(tmp_path / "plan.json")
    process = command(tmp_path / "plan.json", "-o", tmp_path / "done.json")
    assert process.stdout is not None
    page = Page(process.stdout.readline().strip())
    assert page.post("save", {"statuses": {"p1e1": "rejected"}}) == (200, {"saved": 2})
    page.post("done", {})
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out == ""
    assert "Jane" not in err
    assert Plan.read(tmp_path / "done.json").edits[1][0].status is EditStatus.REJECTED


def test_the_command_tells_what_is_wrong(letter: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan_for("0" * 64).write(plan)
    for args, code, text in (
        ((plan,), 3, "cannot find the document"),
        ((plan, "--document", letter), 2, "another input"),
        ((plan, "--term", "x"), 2, "rules were given"),
        ((letter, "--document", letter), 2, "for plans"),
        ((letter, "--port", "70000"), 2, "no such port"),
        ((tmp_path / "none.pdf",), 3, "none.pdf"),
    ):
        process = command(*args)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (code, ""), err
        assert text in err


def test_the_command_serves_nothing_that_cannot_be_read(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 60).save(whole, "PNG")
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole.getvalue()[:2000])
    process = command(cut)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    assert "cut off" in err
