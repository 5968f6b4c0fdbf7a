"""Options and fixtures that all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite golden files instead of comparing with them; review the diff",
    )


def pytest_configure() -> None:
    """Let interrupts arrive: a shell starts what runs in the background without them, for good."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A born-digital PDF of three pages."""
    from reportlab.pdfgen.canvas import Canvas

    path = tmp_path_factory.mktemp("letter") / "letter.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842), invariant=True)
    for number in (1, 2, 3):
        canvas.setFont("Helvetica", 12)
        canvas.drawString(
            72, 770, f"Page {number} of the letter to Jane Roe, jane.roe@example.org."
        )
        for row in range(8):
            canvas.drawString(72, 740 - 16 * row, f"Line {row} of a paragraph that goes on and on.")
        canvas.showPage()
    canvas.save()
    return path


@pytest.fixture
def built_in_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use only the faces that come with MuPDF, so that all machines draw alike."""
    monkeypatch.setenv("DOCHARMONY_FONTS", "none")
