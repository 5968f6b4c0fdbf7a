"""Names on the hub, against a hub of our own on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

import docharmony

pytest.importorskip("huggingface_hub")

NANO = Path(docharmony.__file__).parent / "checkpoints" / "nano"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """One repository, ``org/nano``, at revision ``v1``; notes what is fetched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fetched: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                path = unquote(self.path.partition("?")[0])
                names = sorted(p.name for p in hub.folder.iterdir())
                if path.startswith("/api/models/org/nano/revision/v1"):
                    siblings = [{"rfilename": name} for name in names]
                    self.send(json.dumps({"id": "org/nano", "sha": COMMIT, "siblings": siblings}))
                elif path.startswith(f"/api/models/org/nano/tree/{COMMIT}"):
                    tree = [{"type": "file", "path": n, "oid": "0", "size": 1} for n in names]
                    self.send(json.dumps(tree))
                elif path.startswith("/org/nano/resolve/"):
                    revision, _, name = path.removeprefix("/org/nano/resolve/").partition("/")
                    file = hub.folder / name
                    if revision not in ("v1", COMMIT):
                        self.send("", 404, {"X-Error-Code": "RevisionNotFound"})
                    elif not file.is_file():
                        self.send("", 404, {"X-Error-Code": "EntryNotFound"})
                    else:
                        data = file.read_bytes()
                        if body:
                            hub.fetched.append(name)
                        tag = hashlib.sha256(data).hexdigest()
                        self.send(data, 200, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT}, body)
                else:
                    self.send("", 404, {"X-Error-Code": "RepoNotFound"})

            def send(
                self,
                content: str | bytes,
                code: int = 200,
                headers: dict[str, str] | None = None,
                body: bool = True,
            ) -> None:
                data = content.encode() if isinstance(content, str) else content
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                if body and self.command != "HEAD":
                    self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = Path(shutil.copytree(NANO, tmp_path / "repository"))
    (folder / "pytorch_model.bin").write_bytes(b"something else that nobody asked for")
    hub = Hub(folder)
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def run(hub: Hub, cache: Path, name: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "HF_ENDPOINT": hub.address, "DOCHARMONY_CACHE": str(cache),
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1", "HF_HUB_VERBOSITY": "error",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "docharmony", "checkpoints", "--verify", "-f", "json", name],
        capture_output=True, text=True, env=environment, timeout=60,
    )  # fmt: skip


def test_what_the_manifest_names_is_fetched_once(hub: Hub, tmp_path: Path) -> None:
    for _ in range(2):
        done = run(hub, tmp_path / "cache", "hf:org/nano@v1")
        assert done.returncode == 0, done.stderr
        (row,) = json.loads(done.stdout)["checkpoints"]
        assert row["ok"]
        assert row["licence"] == "Apache-2.0"
        assert Path(row["path"]).is_relative_to(tmp_path / "cache")
    parts = json.loads((NANO / "manifest.json").read_text())["parts"]
    wanted = {"manifest.json", "README.md", "LICENSE", *(p["file"] for p in parts.values())}
    assert sorted(hub.fetched) == sorted(wanted)


def test_a_file_that_differs_from_the_manifest_is_refused(hub: Hub, tmp_path: Path) -> None:
    file = hub.folder / "read_head.onnx"
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)
    done = run(hub, tmp_path / "cache", "hf:org/nano@v1")
    assert done.returncode == 6
    assert "read_head.onnx): its SHA-256 differs" in done.stderr


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hf:org/nano@v2", "RevisionNotFoundError"),
        ("hf:org/other@v1", "RepositoryNotFoundError"),
    ],
)
def test_names_that_the_hub_does_not_know(hub: Hub, tmp_path: Path, name: str, why: str) -> None:
    done = run(hub, tmp_path / "cache", name)
    assert done.returncode == 6
    assert f"cannot fetch the checkpoint ({name}): {why}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_repository_of_published_weights_is_not_fetched(hub: Hub, tmp_path: Path) -> None:
    (hub.folder / "manifest.json").unlink()
    done = run(hub, tmp_path / "cache", "hf:org/nano@v1")
    assert done.returncode == 6
    assert "docharmony convert" in done.stderr
    assert hub.fetched == []


@pytest.mark.parametrize("content", ["{", "[]", '{"parts": {"vision": {}}}'])
def test_a_spoilt_manifest_fetches_nothing_more(hub: Hub, tmp_path: Path, content: str) -> None:
    (hub.folder / "manifest.json").write_text(content)
    done = run(hub, tmp_path / "cache", "hf:org/nano@v1")
    assert done.returncode == 6
    assert "damaged" in done.stderr
    assert set(hub.fetched) == {"manifest.json"}
