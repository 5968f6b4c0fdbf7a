"""What the renderers draw: equal for equal seeds, true to their boxes, split as names say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

import numpy as np  # noqa: E402
from docharmony_train.config import load  # noqa: E402
from docharmony_train.data import erasing, lines, tiles  # noqa: E402
from docharmony_train.data.assets import paragraphs, split_of  # noqa: E402
from docharmony_train.data.corpus import LONGEST, Corpus, number  # noqa: E402
from docharmony_train.data.fonts import Fonts  # noqa: E402
from docharmony_train.data.pools import Pooled, Ring  # noqa: E402
from docharmony_train.data.samples import KINDS, Plan, Studio  # noqa: E402

from docharmony import InputError  # noqa: E402


def plan(assets: Path, seed: int = 3, **rendering: object) -> Plan:
    from dataclasses import replace

    toy = load("toy")
    return Plan(assets, KINDS, seed, 256, 64, replace(toy.rendering, **rendering), toy.batch)


def test_assets_list_their_licences_and_hold_names_out(assets: Path) -> None:
    (source,) = json.loads((assets / "sources.json").read_text())
    assert source["licences"] == ["CC0-1.0"]
    assert source["files"] == {"font": 2, "text": 2, "words": 1, "pdf": 2, "photo": 2}
    assert "| manpages-toy | 1.0 |" in (assets / "SOURCES.md").read_text()
    fonts = json.loads((assets / "fonts" / "fonts.json").read_text())
    assert {font["split"] for font in fonts} == {"train", "held"}
    assert all(split_of("font", font["family"]) == font["split"] for font in fonts)
    train, held = ((assets / "text" / s / "en.txt").read_text() for s in ("train", "held"))
    assert "train 3" in train
    assert "held" not in train
    assert "held 3" in held


def test_documents_of_the_benchmark_are_held_out(tmp_path: Path) -> None:
    import pymupdf
    from docharmony_train.data.assets import BENCHMARK, _Gatherer
    from docharmony_train.data.packages import Package

    path = tmp_path / "leaflet.pdf"
    with pymupdf.open() as document:
        page = document.new_page()
        for y in range(100, 500, 20):
            page.insert_text((72, y), "A line of a manual that everyone can read well.")
        document.save(path)
    assert split_of("pdf", "leaflet") == "train"
    for name, split in (("other-doc", "train"), (f"{BENCHMARK[0]}-de", "held")):
        gatherer = _Gatherer(tmp_path / name, 8 << 20)
        gatherer.take(Package(name, "1.0", (path,), "License: CC0-1.0\n"))
        assert [len(gatherer.pages[s]) for s in ("train", "held")] == [
            int(split == s) for s in ("train", "held")
        ]


def test_assets_without_held_out_fonts_say_what_brings_some(assets: Path, tmp_path: Path) -> None:
    fonts = json.loads((assets / "fonts" / "fonts.json").read_text())
    (tmp_path / "fonts").mkdir()
    kept = [font for font in fonts if font["split"] == "train"]
    (tmp_path / "fonts" / "fonts.json").write_text(json.dumps(kept))
    assert Fonts.load(tmp_path, "train").fonts
    with pytest.raises(InputError, match="no fonts to measure with") as raised:
        Fonts.load(tmp_path, "held")
    assert "fonts-hack" in str(raised.value.hint)


def test_words_of_a_dictionary_are_split_and_drawn(assets: Path) -> None:
    train, held = (
        set((assets / "words" / split / "en.txt").read_text().split())
        for split in ("train", "held")
    )
    assert {"quick", "grenzenlos"} <= train | held
    assert held
    assert not train & held
    corpus = Corpus.load(assets, "train")
    rng = np.random.default_rng(1)
    listed = {word.lower() for _ in range(50) for word in corpus.listed(rng, 1, 9).split()}
    assert listed & {word.lower() for word in train}
    assert not listed & {word.lower() for word in held}


def test_a_language_that_is_asked_for_brings_its_letters() -> None:
    greek = [character for character in map(chr, range(0x391, 0x3CE)) if character.isalpha()]
    texts = {"el": ["καλημέρα σας"], "en": ["good morning"]}
    shares = []
    for weights in ({}, {"el": 40.0}):
        corpus, rng = Corpus(texts, {}, weights), np.random.default_rng(2)
        lines_ = [corpus.text(rng) for _ in range(300)]
        shares.append(sum(any(c in greek for c in line) for line in lines_) / len(lines_))
    assert shares[0] < 0.2 < 0.4 < shares[1]
    assert any("Ψ" in line or "ψ" in line for line in lines_)


def test_the_same_seed_draws_the_same_samples_and_another_does_not(assets: Path) -> None:
    first, again, other = (Studio(plan(assets, seed), 1) for seed in (3, 3, 4))
    for kind in KINDS:
        a, b, c = (getattr(studio, kind)()[0] for studio in (first, again, other))
        for x, y in zip(a, b, strict=True):
            assert np.array_equal(np.asarray(x), np.asarray(y))
        assert np.shape(a[0]) != np.shape(c[0]) or not np.array_equal(a[0], c[0])


def test_rewrite_pairs_differ_under_their_mask_alone(assets: Path) -> None:
    studio = Studio(plan(assets), 4)
    pairs = [pair for _ in range(7) for pair in studio.rewrites()]
    assert len(pairs) > 8
    for pair in pairs:
        differs = (pair.before != pair.after).any(2)
        assert differs.any()
        assert not differs[pair.mask == 0].any()
        assert 0 < len(pair.text) <= 24


def test_descriptions_and_answers_are_true_of_what_was_drawn(assets: Path) -> None:
    studio = Studio(plan(assets), 5)
    talks = [talk for _ in range(40) for talk in studio.talks()]
    described = {id(talk.image): talk.answer for talk in talks if not talk.question}
    asked = [talk for talk in talks if talk.question]
    assert len(asked) > 40
    assert {"yes", "no"} <= {talk.answer for talk in asked}
    for talk in asked:
        whole = described[id(talk.image)]
        if talk.question.startswith("What stands at"):
            assert f'"{talk.answer}" at the {talk.question[19:-1]}' in whole
        elif talk.question.startswith("Where is"):
            assert f"{talk.question[9:-1]} at the {talk.answer.split(', ')[0]}" in whole
        elif talk.question.startswith("Is there"):
            assert (talk.answer == "yes") is (
                talk.question[10:-2].lower() in " ".join(whole.split('"')[1::2]).lower()
            )


def test_lines_carry_their_text_in_their_ink(assets: Path) -> None:
    studio = Studio(plan(assets, pdf_lines=0.0), 1)
    drawn = studio.lines()
    assert len(drawn) > 10
    for line in drawn:
        assert 0 < len(line.text.encode()) <= LONGEST
        assert line.ink.shape[0] == lines.HEIGHT
        assert line.ink[lines.TOP : lines.TOP + lines.EM].max() > 200


def test_words_of_some_lines_are_fainter_than_the_rest() -> None:
    import torch
    from docharmony_train import degrade

    ink = torch.full((400, 1, 72, 200), 1.0)
    dice = degrade.Dice(len(ink), degrade.Random(0))
    faded = degrade._fade(ink, torch.full((400,), 200.0), dice, 1.0)[:, 0, 30]
    fainter = faded.amin(1) < 1
    assert 20 < int(fainter.sum()) < 90
    for row in faded[fainter]:
        assert len(row.unique()) == 2  # one faint run, as dark as before around it
        assert 0.3 <= float(row.min()) <= 0.75


def test_lines_of_a_pdf_are_cut_on_their_boxes(assets: Path) -> None:
    studio = Studio(plan(assets, pdf_lines=1.0), 1)
    drawn = studio.lines()
    assert {line.text.split(".")[0] for line in drawn} <= {str(n) for n in range(16)}
    assert len(drawn) >= 14
    for line in drawn:
        digit = line.ink[:, 22:37]  # the text starts half an em, 20 pixels, from the left
        rows = np.flatnonzero((digit > 128).any(1))
        # It stands on the baseline and reaches two thirds of an em above it.
        assert abs(rows[-1] + 1 - lines.BASELINE) < 3
        assert abs(rows[0] - (lines.BASELINE - 0.66 * lines.EM)) < 4


def test_the_map_of_a_tile_lies_on_its_lines(assets: Path) -> None:
    studio = Studio(plan(assets), 5)
    corners = [np.array([[20, 40], [140, 40], [140, 56], [20, 56]], float)]
    kernel, counts, code = tiles.target(corners, [], 160)
    assert set(np.unique(kernel)) == {0, 255}
    ys, xs = np.nonzero(kernel)
    assert 10 <= ys.min() <= ys.max() <= 13  # the middle half of 40..56, in points of 4 pixels
    assert 5 <= xs.min() <= xs.max() <= 34
    assert (code[kernel > 0] == int(np.log2(16 / 4) * 40)).all()
    assert (counts == 255).all()
    assert any(tile.lines for tile in studio.tiles())


def test_tiny_and_unknown_areas_do_not_count() -> None:
    tiny = np.array([[0, 0], [40, 0], [40, 5], [0, 5]], float)
    picture = np.array([[64, 64], [128, 64], [128, 128], [64, 128]], float)
    kernel, counts, _ = tiles.target([tiny], [picture], 160)
    assert not kernel.any()
    assert not counts[0, 2:8].any()
    assert not counts[20:28, 20:28].any()


def test_a_pair_differs_under_its_mask_alone(assets: Path) -> None:
    for share in (0.0, 1.0):
        for pair in Studio(plan(assets, pdf_crops=share), 2).crops():
            assert isinstance(pair, erasing.Pair)
            differs = np.abs(pair.clean.astype(int) - pair.dirty).max(2) > 40
            assert differs.any()
            assert (pair.mask[differs] == 255).mean() > 0.999


def test_a_ring_gives_what_was_put_and_never_the_place_that_is_written_next(tmp_path: Path) -> None:
    ring = Ring(tmp_path, "r", {"v": ((), np.int64)}, 8, 2, create=True)
    for value in range(10):
        ring.put(0, {"v": value})
    taken = set(ring.take(np.random.default_rng(0), 200)["v"].tolist())
    assert ring.filled() == 3
    assert taken == {7, 8, 9}
    ring.put(1, {"v": 100})
    assert 100 in ring.take(np.random.default_rng(0), 200)["v"]


def test_processes_fill_pools_and_leave_nothing_behind(assets: Path) -> None:
    pools = Pooled(plan(assets, workers=3, lines=300, tiles=6, crops=12, ready=0.01))
    folder = pools.folder
    try:
        pools.wait()
        batch = pools.lines()
        assert batch.ink.shape[0] == len(batch.ids)
        assert bytes(batch.ids[0][: batch.lengths[0]].astype(np.uint8)).decode()
        assert pools.tiles().images.shape[1:] == (3, 256, 256)
        assert pools.crops().layers.shape[1:] == (7, 64, 64)
    finally:
        pools.close()
    assert not folder.exists()


def test_text_is_short_enough_single_spaced_and_varied(assets: Path) -> None:
    corpus, rng = Corpus.load(assets, "train"), np.random.default_rng(0)
    texts = [corpus.text(rng) for _ in range(400)]
    assert len(set(texts)) > 300
    assert all(t and len(t.encode()) <= LONGEST and t == " ".join(t.split()) for t in texts)
    assert any("@" in t for t in texts)
    assert all(number(rng).strip("-")[0].isdigit() for _ in range(50))


def test_roff_becomes_prose() -> None:
    page = (
        ".TH X 1\n.SH NAME\nA \\fBbold\\fP word \\(em and a dash \\- here.\n.nf\nx = \\n(1\n.fi\n"
    )
    assert paragraphs(page) == ["A bold word — and a dash - here."]


def test_a_folder_without_data_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fonts\.json"):
        Studio(plan(tmp_path), 1)
