from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pymupdf_fonts")


def test_drawn_pages_carry_their_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import made
    from pages import load

    kinds = made.make(tmp_path / "made.pdf", 1)
    pages = load(tmp_path / "made.pdf", kinds=kinds, first=5)
    assert [page.kind for page in pages] == list(made.KINDS)
    assert pages[0].number == 5
    for page in pages:
        words = [word.text for line in page.lines for word in line]
        assert len(words) > 40
        assert not any("\N{REPLACEMENT CHARACTER}" in word for word in words)
        assert page.clean.std() > 5
    greek = "".join(w.text for line in pages[-1].lines for w in line)
    assert sum("α" <= c.lower() <= "ω" for c in greek) > len(greek) / 3
