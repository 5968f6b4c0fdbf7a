"""The engine with the bundled checkpoint, on a piece of a real page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import docharmony
from docharmony.engine.base import Reading
from docharmony.engine.crops import crop_lines
from docharmony.engine.devices import default_threads
from docharmony.engine.textharmony import TextHarmony
from docharmony.errors import CheckpointNotFoundError, EngineError

NANO = Path(docharmony.__file__).parent / "checkpoints" / "nano"
PARAGRAPH = Path(__file__).parent.parent / "resources" / "engine" / "paragraph.png"
TRUTH = {  # place of the line's middle in paragraph.png, in pixels
    "are discussed in the implementation sections.": (475, 87),
}
HEADING = "Internal output routine functions"  # with or without its number: the gap is wide


@pytest.fixture(scope="module")
def engine() -> TextHarmony:
    return TextHarmony.from_checkpoint(NANO, device="cpu", threads=1)


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return np.asarray(Image.open(PARAGRAPH).convert("RGB"))


def drawn(text: str, size: int = 32) -> np.ndarray:
    """A line of text as a clean crop."""
    font = ImageFont.load_default(size)
    width = round(font.getlength(text))
    image = Image.new("RGB", (width + size // 2, round(size * 1.3)), "white")
    ImageDraw.Draw(image).text((size // 4, size), text, fill="black", font=font, anchor="ls")
    return np.asarray(image)


def scanned(page: np.ndarray) -> np.ndarray:
    """The page with less contrast and noise."""
    random = np.random.default_rng(3)
    noisy = page * 0.7 + 40 + random.normal(0, 9, page.shape[:2])[..., None]
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("degrade", "scale"), [(np.asarray, 0.7), (scanned, 1.0)])
def test_a_real_paragraph_is_found_and_read(engine, page, degrade, scale) -> None:  # type: ignore[no-untyped-def]
    size = round(page.shape[1] * scale), round(page.shape[0] * scale)
    image = np.asarray(Image.fromarray(degrade(page)).resize(size))
    (regions,) = engine.locate([image])
    readings = engine.read([c.image for c in crop_lines(image, [r.polygon for r in regions])])
    found = {
        reading.text: region.polygon.bbox.center
        for reading, region in zip(readings, regions, strict=True)
    }
    for text, (x, y) in TRUTH.items():
        assert text in found
        assert abs(found[text].x / scale - x) < 8
        assert abs(found[text].y / scale - y) < 6
    assert any(HEADING in text for text in found)
    assert all(r.confidence > 0.9 for r in readings if r.text in TRUTH)


def test_a_blank_page_has_no_lines(engine: TextHarmony) -> None:
    assert engine.locate([np.full((300, 200, 3), 230, np.uint8)]) == [[]]
    assert engine.locate([]) == []
    assert engine.read([]) == []


TEXTS = ["Order 4711", "A quiet surprise, 12.50 EUR", "September", "jane.roe@example.org", "7"]


def test_crops_are_read_in_their_order_whatever_the_batch(engine: TextHarmony) -> None:
    crops = [drawn(text, size) for text, size in zip(TEXTS, (32, 40, 28, 24, 30), strict=True)]
    together = engine.read(crops)
    assert [r.text for r in together] == TEXTS
    alone = [engine.read([crop])[0] for crop in reversed(crops)]
    assert [r.text for r in reversed(alone)] == [r.text for r in together]


def test_characters_are_placed_where_they_stand(engine: TextHarmony) -> None:
    text, size = "Account 3141 of Jane Roe", 36
    crop = drawn(text, size)
    (reading,) = engine.read([crop])
    assert reading.text == text
    font = ImageFont.load_default(size)
    for i, (start, end) in enumerate(reading.bounds):
        left = size // 4 + font.getlength(text[:i])
        right = size // 4 + font.getlength(text[: i + 1])
        assert abs((start + end) / 2 * crop.shape[1] - (left + right) / 2) < 0.3 * size


def test_a_line_longer_than_the_model_is_read_in_pieces(engine: TextHarmony) -> None:
    text = "This sentence is so long that no model of this size can see it at once, " * 2
    (reading,) = engine.read([drawn(text.strip(), 30)])
    assert reading.text == text.strip()
    assert len(reading.bounds) == len(reading.text)


def test_an_erased_crop_does_not_depend_on_what_was_erased(engine: TextHarmony, page) -> None:  # type: ignore[no-untyped-def]
    mask = np.zeros((280, 500), bool)
    mask[150:200, 60:380] = True
    mask[70:100, 0:200] = True
    random = np.random.default_rng(0)
    # A ground that no plane fits, so that the image decoder has to paint.
    ground = random.integers(0, 255, (28, 50, 3), dtype=np.uint8)
    wild = np.asarray(Image.fromarray(ground).resize((500, 280)))
    for crop in (page[:, 200:700], wild):
        other = crop.copy()
        other[mask] = random.integers(0, 255, (mask.sum(), 3), dtype=np.uint8)
        first, second = engine.paint([crop, other], [mask, mask])
        assert np.array_equal(first, second)
        assert np.array_equal(first[~mask], crop[~mask])
        assert first[mask].std() > 0 or crop is not wild


def test_paper_is_continued_and_leaves_nothing_to_read(engine: TextHarmony, page) -> None:  # type: ignore[no-untyped-def]
    crop = scanned(page)[130:220, 180:960]
    mask = np.zeros(crop.shape[:2], bool)
    mask[15:75, 10:760] = True
    (erased,) = engine.paint([crop], [mask])
    paper = scanned(np.full_like(page, 255))
    assert abs(erased[mask].mean() - paper.mean()) < 3
    assert abs(erased[mask].std() - paper.std()) < 3
    assert engine.locate([erased]) == [[]]


def test_parts_are_loaded_when_they_are_needed(page) -> None:  # type: ignore[no-untyped-def]
    fresh = TextHarmony.from_checkpoint(NANO, device="cpu", threads=1)
    assert fresh.parts.loaded == set()
    fresh.locate([page])
    assert fresh.parts.loaded == {"vision", "locate_head"}
    fresh.read([page[60:110, 190:760]])
    assert "image_decoder" not in fresh.parts.loaded


def test_what_nano_cannot_is_said(engine: TextHarmony, page) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EngineError, match="cannot answer questions"):
        engine.answer([page], "What?", context="")
    with pytest.raises(EngineError, match="cannot draw") as caught:
        engine.generate("a page", size=(64, 64), seed=0)
    assert "--checkpoint" in caught.value.hint
    with pytest.raises(EngineError, match="cannot write text"):
        engine.paint([page], [np.ones(page.shape[:2], bool)], ["new"])


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:", "cuda:-1", "CPU", ""])
def test_an_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(EngineError, match="unknown device"):
        TextHarmony.from_checkpoint(NANO, device=device)


def test_a_gpu_that_is_not_there_is_no_silent_fallback(page) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EngineError, match=r"not there.*cuda:77"):
        TextHarmony.from_checkpoint(NANO, device="cuda:77").locate([page])


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError):
        TextHarmony.from_checkpoint(tmp_path)


def test_threads_change_nothing_that_is_read(engine: TextHarmony, page: np.ndarray) -> None:
    several = TextHarmony.from_checkpoint(NANO, device="cpu", threads=3)
    assert (engine.parts.workers, several.parts.workers) == (1, 3)
    [alone], [beside] = engine.locate([page]), several.locate([page])
    assert beside == alone
    crops = [crop.image for crop in crop_lines(page, [line.polygon for line in alone])]
    assert several.read(crops) == engine.read(crops)


def test_an_error_in_one_of_several_threads_is_raised(engine: TextHarmony) -> None:
    several = TextHarmony.from_checkpoint(NANO, device="cpu", threads=2)
    crops: list[np.ndarray] = [drawn("fine"), np.zeros((8, 8), np.uint8), drawn("fine")]
    with pytest.raises(ValueError, match="not an RGB image"):
        several.read(crops)


def test_threads_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert default_threads() >= 1


@pytest.mark.parametrize(
    "image", [np.zeros((0, 5, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))]
)
def test_what_is_no_image_is_refused(engine: TextHarmony, image) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="not an RGB image"):
        engine.read([image])


def test_leaders_are_read_as_dots(engine) -> None:  # type: ignore[no-untyped-def]
    (found,) = engine.read([drawn("Requirements . . . . . . . . . . . . 12")])
    assert found.text == "Requirements ............ 12"
    assert len(found.bounds) == len(found.text)
    starts = [start for start, _ in found.bounds]
    assert starts == sorted(starts)


def test_green_on_blue_is_read(engine) -> None:  # type: ignore[no-untyped-def]
    plain = drawn("Invoice of 3 March")
    share = plain[..., :1].astype(float) / 255
    coloured = share * (25, 51, 128) + (1 - share) * (0, 153, 0)
    (found,) = engine.read([coloured.round().astype(np.uint8)])
    assert found.text == "Invoice of 3 March"


def test_a_headline_and_small_print_are_both_found(engine: TextHarmony) -> None:
    page = Image.new("RGB", (1600, 900), "white")
    draw = ImageDraw.Draw(page)
    for y, text in ((150, "Annual"), (420, "Report"), (690, "Volume")):
        draw.text((60, y), text, fill="black", font=ImageFont.load_default(190), anchor="ls")
        small = ImageFont.load_default(30)
        draw.text(
            (60, y + 120), "of everything that happened", fill="black", font=small, anchor="ls"
        )
    image = np.asarray(page)
    (regions,) = engine.locate([image])
    crops = [crop.image for crop in crop_lines(image, [region.polygon for region in regions])]
    texts = [found.text for found in engine.read(crops)]
    assert texts == [
        "Annual",
        "of everything that happened",
        "Report",
        *texts[1:2],
        "Volume",
        texts[1],
    ]


def test_a_doubtful_line_is_read_once_more_and_the_surer_reading_stays(
    engine: TextHarmony, monkeypatch: pytest.MonkeyPatch
) -> None:
    sure, doubtful = Reading("sure", 0.99, ()), Reading("d0ubtful", 0.5, ())
    answers = [
        [sure, doubtful, doubtful],
        [Reading("doubtful", 0.9, ()), Reading("worse", 0.4, ())],
    ]
    asked = []

    def read_lines(lines: list[np.ndarray]) -> list[Reading]:
        asked.append([line.shape[1] for line in lines])
        return answers[len(asked) - 1]

    monkeypatch.setattr(engine, "_read_lines", read_lines)
    found = engine._read_twice([np.zeros((48, 100, 3), np.uint8)] * 3)
    assert asked == [[100, 100, 100], [108, 108]]
    assert [result.text for result in found] == ["sure", "doubtful", "d0ubtful"]


def test_without_a_stamp_a_line_is_read_again_but_never_without_its_own_words(
    engine: TextHarmony, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [Reading("a stamped lime", 0.6, ()), Reading("black and red", 0.6, ())]
    second = [Reading("a stamped line", 0.9, ()), Reading("black", 0.99, ())]
    answers = [first, second]
    monkeypatch.setattr(engine, "_read_lines", lambda lines: answers.pop(0))
    picture = np.zeros((48, 100, 3), np.uint8)
    found = engine._read_twice([picture] * 2, [picture] * 2)
    assert [result.text for result in found] == ["a stamped line", "black and red"]


def test_a_line_below_a_stamp_is_read(engine: TextHarmony) -> None:
    pixels = drawn("The invoice has been settled in full").copy()
    stamp = Image.new("RGBA", (pixels.shape[1], pixels.shape[0]))
    for x in (150, 220, 290):
        ImageDraw.Draw(stamp).line((x, 0, x + 30, 48), fill=(200, 0, 0, 150), width=6)
    stamped = Image.alpha_composite(Image.fromarray(pixels).convert("RGBA"), stamp).convert("RGB")
    (found,) = engine.read([np.asarray(stamped)])
    assert found.text == "The invoice has been settled in full"


def test_boxes_to_tick_are_read(engine: TextHarmony) -> None:
    line = Image.fromarray(np.pad(drawn("Yes"), ((0, 0), (50, 0), (0, 0)), constant_values=255))
    ImageDraw.Draw(line).rectangle((8, 9, 31, 32), outline=(0, 0, 0), width=3)
    (found,) = engine.read([np.asarray(line)])
    assert found.text == "\u2610 Yes"
    assert len(found.bounds) == len(found.text)
