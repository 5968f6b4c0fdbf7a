"""Where ink ends, on light and on dark ground."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony.detect.ink import past_ink
from docharmony.geometry import BBox

from ..fuzz.book import VERA

FONT = ImageFont.truetype(str(VERA), 30)


@pytest.mark.parametrize(("ground", "ink"), [(255, 0), (20, 235), (120, 40), (90, 200)])
def test_an_area_ends_in_the_blanks_around_its_words(ground: int, ink: int) -> None:
    picture = Image.new("RGB", (760, 80), (ground,) * 3)
    pen = ImageDraw.Draw(picture)
    pen.text((40, 20), "sent by Margaret Holloway herself", font=FONT, fill=(ink,) * 3)
    start = 40 + FONT.getlength("sent by ")
    end = start + FONT.getlength("Margaret Holloway")
    space = FONT.getlength(" ")
    # Located a little short: the first and the last letter are cut.
    given = BBox(start + 6, 20, end - 6, 56).polygon()
    box = past_ink(given, np.asarray(picture), (1.0, 1.0)).bbox
    assert start - space < box.x0 <= start + 3
    assert end - 3 <= box.x1 < end + space
