"""Questions to a text layer that says other than what the page shows."""

from __future__ import annotations

from pathlib import Path

from docharmony import Pipeline, RunConfig, ask

from .test_letters import draw


def test_a_lying_text_layer_is_answered_from_the_pixels_when_checked(tmp_path: Path) -> None:
    path = draw(
        tmp_path / "a.pdf",
        [
            ("Invoice number: KX-4471", "Invoice number: ZZ-9999"),
            ("Total amount due: 812.40 EUR", "Total amount due: 111.11 EUR"),
        ],
    )
    questions = ["What is the invoice number?", "What is the total?"]
    checked = ask(path, questions, pipeline=Pipeline(RunConfig(text_layer="check")))
    assert [found.answer.text for found in checked] == ["KX-4471", "812.40 EUR"]
    trusted = ask(path, questions, pipeline=Pipeline(RunConfig(text_layer="trust")))
    assert trusted[0].answer.text == "ZZ-9999"
