"""The painter fills flat ground exactly and leaves the rest to the network, which it loads late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation

from docharmony.stages.paint import _fill, make_painter

BOX = (slice(40, 70), slice(90, 250))


class Inks:
    """An engine that paints everything in one colour and counts its crops."""

    def __init__(self) -> None:
        self.crops = 0

    def paint(
        self,
        crops: Sequence[Any],
        masks: Sequence[Any],
        texts: Sequence[str | None] | None = None,
        *,
        seed: int = 0,
    ) -> list[Any]:
        self.crops += len(crops)
        # A careless engine: it changes pixels outside the mask too.
        return [np.full_like(crop, 77) for crop in crops]


def must_not_load() -> Any:
    raise AssertionError("the engine is not needed here")


def masked(truth: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    mask = np.zeros(truth.shape[:2], bool)
    mask[BOX] = True
    crop = truth.copy()
    crop[mask] = 0
    return crop, mask


def paper(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (340, 110), colour)


def written(image: Image.Image) -> np.ndarray[Any, Any]:
    """Write words to the left and right of the gap."""
    draw = ImageDraw.Draw(image)
    draw.text((8, 40), "Dear Ms", fill=(0, 0, 0), font_size=22)
    draw.text((254, 40), "gladly", fill=(0, 0, 0), font_size=22)
    return np.array(image)


@pytest.mark.parametrize("colour", [(255, 255, 255), (250, 248, 240), (20, 30, 60)])
def test_flat_ground_is_filled_exactly(colour: tuple[int, int, int]) -> None:
    truth = np.array(paper(colour))
    truth[:, :85] = written(paper(colour))[:, :85]
    crop, mask = masked(truth)
    (done,) = make_painter(must_not_load)([crop], [mask])
    assert (done == truth).all()


def test_a_gradient_goes_on() -> None:
    ramp = np.linspace(150, 250, 340)[None, :, None] * np.array([1.0, 0.95, 0.9])
    truth = np.broadcast_to(ramp, (110, 340, 3)).round().astype(np.uint8)
    crop, mask = masked(truth)
    (done,) = make_painter(must_not_load)([crop], [mask])
    assert np.abs(done.astype(int) - truth).max() <= 1


def test_a_ruling_line_goes_on_through_the_gap() -> None:
    image = paper((255, 255, 255))
    ImageDraw.Draw(image).line((0, 67, 340, 67), fill=(0, 0, 160), width=2)
    truth = np.array(image)
    crop, mask = masked(written(image))
    (done,) = make_painter(must_not_load)([crop], [mask])
    assert (done[BOX] == truth[BOX]).all()


def test_letters_beside_the_gap_do_not_run_into_it() -> None:
    crop, mask = masked(written(paper((255, 255, 255))))
    (done,) = make_painter(must_not_load)([crop], [mask])
    assert (done[mask] == 255).all()


class Knows(Inks):
    """An engine that paints what really stands there."""

    def __init__(self, truth: np.ndarray[Any, Any]) -> None:
        super().__init__()
        self.truth = truth

    def paint(self, crops: Sequence[Any], *_: Any, **__: Any) -> list[Any]:
        self.crops += len(crops)
        return [self.truth for _ in crops]


def test_texture_goes_to_the_network_where_it_does_better() -> None:
    rng = np.random.default_rng(3)
    noisy = np.clip(rng.normal(150, 25, (110, 340, 3)), 0, 255).astype(np.uint8)
    flat = np.array(paper((240, 240, 240)))
    crops, masks = zip(*[masked(truth) for truth in (noisy, flat)], strict=True)
    engine, loads = Knows(noisy), []

    def load() -> Any:
        loads.append(1)
        return engine

    done = make_painter(load)(crops, masks)
    assert loads
    for crop, mask, result in zip(crops, masks, done, strict=True):
        assert (result[~mask] == crop[~mask]).all()
    assert (done[0] == noisy).all()
    assert (done[1][masks[1]] == 240).all()


def test_a_network_that_does_badly_is_not_used() -> None:
    rng = np.random.default_rng(3)
    truth = np.clip(rng.normal(150, 25, (110, 340, 3)), 0, 255).astype(np.uint8)
    engine = Inks()
    crop, mask = masked(truth)
    (done,) = make_painter(engine)([crop], [mask])
    assert engine.crops == 1  # on the trial alone
    assert abs(float(done[mask].mean()) - 150) < 5


def test_two_grounds_are_not_taken_for_one() -> None:
    truth = np.full((110, 340, 3), 255, np.uint8)
    truth[:55] = (90, 120, 160)
    crop, mask = masked(truth)
    (done,) = make_painter(must_not_load)([crop], [mask])
    assert np.abs(done.astype(int) - truth).max() <= 1


def test_stripes_go_on() -> None:
    y, x = np.mgrid[0:110, 0:340]
    stripes = np.where(((x + y) // 7 % 2)[..., None] == 1, (225, 235, 245), (195, 212, 230))
    truth = stripes.astype(np.uint8)
    crop, mask = masked(truth)
    (done,) = make_painter(must_not_load)([crop], [mask])
    assert np.abs(done.astype(int) - truth).max() <= 1


def test_the_result_does_not_depend_on_what_is_under_the_mask() -> None:
    truth = written(paper((250, 250, 245)))
    _, mask = masked(truth)
    other = truth.copy()
    other[mask] = np.random.default_rng(1).integers(0, 255, (int(mask.sum()), 3))
    paint = make_painter(must_not_load)
    assert (paint([truth], [mask])[0] == paint([other], [mask])[0]).all()


def test_several_gaps_and_none() -> None:
    truth = np.array(paper((230, 240, 250)))
    mask = np.zeros(truth.shape[:2], bool)
    mask[10:20, 10:60] = mask[50:70, 100:300] = True
    crop = np.where(mask[..., None], np.uint8(0), truth)
    none = np.zeros_like(mask)
    everything = np.ones_like(mask)
    first, second, third = make_painter(must_not_load)(
        [crop, truth, np.zeros_like(truth)], [mask, none, everything]
    )
    assert (first == truth).all()
    assert (second == truth).all()
    assert (third == 255).all()


@pytest.mark.parametrize("degrees", [0.0, 0.7, -1.1])
def test_rules_under_letters_go_on(degrees: float) -> None:
    """Rules of a table, level or as a scanner turned them, that letters hide."""
    fine = Image.new("L", (1600, 480), 240)
    pen = ImageDraw.Draw(fine)
    for y in range(60, 480, 110):
        pen.line((0, y, 1600, y), fill=60, width=6)
    for x in range(100, 1600, 330):
        pen.line((x, 0, x, 480), fill=60, width=6)
    turned = fine.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=240)
    truth = np.asarray(turned.resize((400, 120), Image.Resampling.BOX).convert("RGB"))
    letters = Image.new("L", (400, 120))
    font = ImageFont.load_default(34)
    ImageDraw.Draw(letters).text((60, 62), "Invoice for Smith", font=font, fill=255, anchor="lm")
    mask = binary_dilation(np.asarray(letters) > 20, np.ones((3, 3)), iterations=2)
    crop = np.where(mask[..., None], 0, truth).astype(np.uint8)
    result = make_painter(Inks())([crop], [mask])[0]
    assert (result[~mask] == truth[~mask]).all()
    error = np.abs(result.astype(int) - truth)[mask]
    away = float((error**2).mean() ** 0.5)
    assert away < (3.0 if not degrees else 16.0)


def test_noisy_paper_is_flat_and_a_texture_is_not() -> None:
    rng = np.random.default_rng(5)
    truth = np.full((60, 160, 3), 240.0) + rng.normal(0, 4.5, (60, 160, 1))
    wave = np.full((60, 160, 3), 240.0) + 6 * np.sin(np.arange(160) / 6)[None, :, None]
    mask = np.zeros((60, 160), bool)
    mask[24:36, 60:100] = True
    for image, left in ((truth, False), (wave, True)):
        _, open_ = _fill(np.clip(image, 0, 255).astype(np.uint8), mask)
        assert bool(open_.any()) is left
    filled, _ = _fill(np.clip(truth, 0, 255).astype(np.uint8), mask)
    assert abs(float(filled[mask].mean()) - 240) < 2
