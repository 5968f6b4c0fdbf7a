"""Property: of random words on a random turned page, the one redacted is gone and all others stay."""

from __future__ import annotations

import math
import string
from pathlib import Path
from tempfile import TemporaryDirectory

import pikepdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.io.write.drawn import Drawn, new, saved, width
from tests.io.write.test_pdf_edits import erase, text_of

WORDS = st.lists(
    st.text(string.ascii_lowercase, min_size=3, max_size=9), min_size=2, max_size=8, unique=True
).filter(lambda words: not any(a != b and a in b for a in words for b in words))


@settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    words=WORDS,
    chosen=st.integers(0, 7),
    turn=st.sampled_from([0, 90, 180, 270]),
    angle=st.integers(-180, 180),
    size=st.sampled_from([4.0, 11.0, 23.0]),
    crop=st.integers(0, 40),
    kern=st.integers(-60, 60),
    form=st.booleans(),
)
def test_one_word_goes_and_the_others_stay(
    words: list[str],
    chosen: int,
    turn: int,
    angle: int,
    size: float,
    crop: int,
    kern: int,
    form: bool,
) -> None:
    secret = words[chosen % len(words)]
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    middle, pen = 300.0, 0.0
    pieces: list[str] = []
    box = (0.0, 0.0)
    for word in words:
        if word == secret:
            box = (pen, pen + width(word, size))
        pieces.append(f"({word}) {kern - 1500}")
        pen += width(word, size) - (kern - 1500) / 1000 * size
    start = (middle - cosine * pen / 2, middle - sine * pen / 2)
    content = (
        f"BT /F1 {size} Tf {cosine:.6f} {sine:.6f} {-sine:.6f} {cosine:.6f} "
        f"{start[0]:.4f} {start[1]:.4f} Tm [{' '.join(pieces)}] TJ ET"
    )
    pdf = new(size=(0, 0, 600, 600))
    page = pdf.pages[0].obj
    if form:
        stream = pdf.make_stream(content.encode())
        stream["/Subtype"] = pikepdf.Name.Form
        stream["/BBox"] = pikepdf.Array([-900, -900, 900, 900])
        stream["/Matrix"] = pikepdf.Array([1, 0, 0, 1, 7, -9])
        stream["/Resources"] = pikepdf.Dictionary(Font=page["/Resources"]["/Font"])
        page["/Resources"]["/XObject"] = pikepdf.Dictionary(X=stream)
        content = "q 1 0 0 1 -7 9 cm /X Do Q"
    page["/Contents"] = pdf.make_stream(content.encode())
    page["/CropBox"] = pikepdf.Array([crop, 0, 600, 600 - crop])
    page["/Rotate"] = turn
    w = h = 600.0 - crop
    polygon = []
    for x, y in ((box[0], 0.72), (box[1], 0.72), (box[1], -0.2), (box[0], -0.2)):
        y *= size
        px = start[0] + cosine * x - sine * y - crop
        py = h - (start[1] + sine * x + cosine * y)
        polygon.append(
            {0: (px, py), 90: (h - py, px), 180: (w - px, h - py), 270: (py, w - px)}[turn]
        )
    with TemporaryDirectory() as folder:
        drawn = Drawn(saved(pdf), {1: [polygon]}, notes={"secret": secret})
        texts = text_of(erase(Path(folder), drawn), None)
    assert all(secret not in text for text in texts)
    for word in words:
        # Each parser alone drops words that are turned oddly or run off the page.
        assert word == secret or any(word in text for text in texts)
