"""A small PDF under construction: pages with rows to write on, fonts, and what is hidden in it."""

from __future__ import annotations

import io
import random
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pikepdf
import pymupdf
import reportlab
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageDraw, ImageFont

VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
WIDTH, HEIGHT = 300, 240
SIZE = 10.0
_ROW = 20
_NOUNS = ("Harbor", "Meadow", "Lantern", "Copper", "Window", "Garden", "Pepper", "Timber")
_FIRST, _REST = (
    "BDGKMNPRTVZ",
    ("ba", "do", "gu", "ki", "lo", "mar", "nef", "ro", "sul", "ti", "vok"),
)

Grey = npt.NDArray[np.uint8]


def word(rng: random.Random) -> str:
    """Return a made-up name of eight letters or more that no other text holds."""
    return rng.choice(_FIRST) + rng.choice("aeiou") + "".join(rng.choices(_REST, k=3)) + "xq"


@dataclass
class Book:
    """A PDF under construction.

    Attributes:
        secret: what is hidden.
        survivors: words that must stay in the text layer.
        regions: areas to clear, as ``--region`` has them.
        pictures: grey images of the secret, as they stand in images of the file.
        notes: what the places leave for :meth:`data`.
    """

    secret: str
    rng: random.Random
    pages: int = 1
    survivors: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    pictures: list[Grey] = field(default_factory=list)
    exact: bool = True
    revise: bool = False
    orphan: bool = False
    around_file: tuple[bytes, bytes] = (b"", b"")
    save: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pdf = pikepdf.new()
        self._content: list[list[bytes]] = []
        self._rows: list[tuple[int, float]] = []
        self._count = 0
        for number in range(self.pages):
            self.pdf.add_blank_page(page_size=(WIDTH, HEIGHT))
            page = self.pdf.pages[number].obj
            page["/Resources"] = Dictionary(Font=Dictionary(F1=self.pdf.make_indirect(helvetica())))
            self._content.append([])
            self._rows += [(number, HEIGHT - 20.0 - _ROW * row) for row in range(9)]
        self.rng.shuffle(self._rows)
        self.innocent(0, 20, 12)

    # -- what places draw with

    def row(self) -> tuple[int, float]:
        """Return (page index, baseline) of a row that is free; the last one when all are taken."""
        return self._rows.pop() if self._rows else (0, 30.0)

    def page(self, index: int = 0) -> Any:
        return self.pdf.pages[index].obj

    def add(self, page: int, content: bytes | str) -> None:
        data = content.encode("latin-1") if isinstance(content, str) else content
        self._content[page].append(data + b"\n")

    def innocent(self, page: int, x: float, y: float) -> str:
        """Draw a word that must stay, and return it."""
        self._count += 1
        made = f"{self.rng.choice(_NOUNS)}{self._count}"
        self.survivors.append(made)
        self.add(page, f"BT /F1 {SIZE} Tf {x} {y} Td ({made}) Tj ET")
        return made

    def around(self, page: int, y: float) -> float:
        """Draw an innocent word at either end of a row; return where there is room between them."""
        self.innocent(page, 10, y)
        self.innocent(page, 230, y)
        return 80.0

    def spot(self) -> tuple[int, float, float]:
        """Return (page index, x, baseline) of a free row, with words that must stay on both sides."""
        n, y = self.row()
        return n, self.around(n, y), y

    def coded(
        self, n: int, x: float, y: float, size: float = SIZE, around: str = "%s", **options: Any
    ) -> None:
        """Show the secret in a composite font.

        Args:
            n: index of the page.
            x: where it begins.
            y: its baseline.
            size: of the font.
            around: operators around the text, which stands for ``%s``.
            options: of :func:`composite`.
        """
        font, codes = composite(self.pdf, self.secret, **options)
        name = self.resource("/Font", font, n)
        self.add(n, around % f"BT {name} {size:g} Tf {x} {y} Td <{codes.hex()}> Tj ET")

    def coded_in(self, holder: Any, show: str = "BT %s ET", **options: Any) -> Any:
        """Let a stream with resources show the secret in a composite font of its own; return it.

        Args:
            holder: the stream.
            show: its content; ``%s`` stands for the text operators.
            options: of :func:`composite`.
        """
        font, codes = composite(self.pdf, self.secret, **options)
        name = put(holder["/Resources"], "/Font", font)
        holder.write((show % f"{name} 10 Tf 2 5 Td <{codes.hex()}> Tj").encode())
        return holder

    def type3(self, glyph: Any, **more: Any) -> Any:
        """Return a Type 3 font whose one letter, A, is a stream."""
        return Dictionary(
            Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 100, 20]),
            FontMatrix=Array([0.1, 0, 0, 0.1, 0, 0]), FirstChar=65, LastChar=65, Widths=Array([90]),
            CharProcs=Dictionary(a=glyph), Encoding=Dictionary(Differences=Array([65, Name("/a")])),
            **more,
        )  # fmt: skip

    def resource(self, category: str, value: Any, page: int = 0, name: str = "") -> str:
        """Put an object into the resources of a page; return its name, with the slash."""
        return put(self.page(page)["/Resources"], category, value, name)

    def stream(self, data: bytes = b"", **entries: Any) -> Any:
        made = self.pdf.make_stream(data)
        for key, value in entries.items():
            made["/" + key] = value
        return made

    def form(self, content: bytes, box: tuple[float, ...] = (0, 0, 300, 240), **more: Any) -> Any:
        """Return a Form XObject with Helvetica as /F1."""
        fonts = Dictionary(F1=self.pdf.make_indirect(helvetica()))
        made = self.stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=Array(box), **more)
        made["/Resources"] = Dictionary(Font=fonts)
        return made

    def line(self, x: float, y: float, text: str | None = None) -> bytes:
        """Return operators that show a text, the secret by default, in Helvetica."""
        shown = (self.secret if text is None else text).encode("cp1252")
        return b"BT /F1 %.1f Tf %.2f %.2f Td (%s) Tj ET" % (SIZE, x, y, shown)

    def picture(self, mode: str = "L", size: tuple[int, int] = (150, 40)) -> Image.Image:
        """Return a picture of the secret on paper, and remember how it looks."""
        image = Image.new("L", size, 255)
        pen = ImageDraw.Draw(image)
        pen.text((10, 8), self.secret, font=ImageFont.truetype(str(VERA), 20), fill=0)
        grey = np.asarray(image)
        ink = np.argwhere(grey < 128)
        (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
        self.pictures.append(grey[top:bottom, left:right].copy())
        return image.convert(mode)

    def image(self, image: Image.Image, **entries: Any) -> Any:
        """Return a picture as an image XObject."""
        colours = {"L": Name.DeviceGray, "1": Name.DeviceGray, "RGB": Name.DeviceRGB}[image.mode]
        return self.stream(
            image.tobytes(),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=image.width,
            Height=image.height,
            ColorSpace=colours,
            BitsPerComponent=1 if image.mode == "1" else 8,
            **entries,
        )

    def region(self, page: int, x0: float, y0: float, x1: float, y1: float) -> None:
        """Ask for an area in user space to be cleared; pages here are neither turned nor cropped."""
        self.regions.append(f"{page + 1}:{x0},{HEIGHT - y1},{x1},{HEIGHT - y0}")

    def annotate(self, annotation: Any, page: int = 0) -> Any:
        made = self.pdf.make_indirect(annotation)
        holder = self.page(page)
        if "/Annots" not in holder:
            holder["/Annots"] = Array([])
        holder["/Annots"].append(made)
        return made

    def names(self) -> Any:
        if "/Names" not in self.pdf.Root:
            self.pdf.Root["/Names"] = Dictionary()
        return self.pdf.Root["/Names"]

    def data(self) -> bytes:
        """Return the file."""
        for number, content in enumerate(self._content):
            self.page(number)["/Contents"] = self.pdf.make_stream(b"".join(content))
        buffer = io.BytesIO()
        # An identifier made up anew each time would now and then take another length.
        self.pdf.save(buffer, deterministic_id="encryption" not in self.save, **self.save)
        data = buffer.getvalue()
        if self.revise:
            data = revised(data, self.secret)
        if self.orphan:
            data = with_orphan(data, self.secret)
        head, tail = self.around_file
        return head + data + tail


def put(resources: Any, category: str, value: Any, name: str = "") -> str:
    if category not in resources:
        resources[category] = Dictionary()
    table = resources[category]
    made = name or f"/{category[1]}{len(table) + 1}x"
    table[made] = value
    return made


def revised(data: bytes, secret: str) -> bytes:
    """Return a file in whose first revision the secret stands, and in whose last one it does not."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.docinfo["/Keywords"] = secret
        buffer = io.BytesIO()
        pdf.save(
            buffer,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            deterministic_id=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pdf"
        path.write_bytes(buffer.getvalue())
        with pymupdf.open(path) as document:
            document.set_metadata({"title": "Letter"})
            _append(document, path)
        return path.read_bytes()


def _append(document: pymupdf.Document, path: Path) -> None:
    document.save(path, incremental=True, encryption=pymupdf.PDF_ENCRYPT_KEEP, no_new_id=True)


def with_orphan(data: bytes, secret: str) -> bytes:
    """Return a file with an object that nothing refers to."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pdf"
        path.write_bytes(data)
        with pymupdf.open(path) as document:
            number = document.get_new_xref()
            document.update_object(number, f"<</Note ({secret})>>")
            _append(document, path)
        return path.read_bytes()


def helvetica() -> Any:
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type1,
        BaseFont=Name.Helvetica,
        Encoding=Name.WinAnsiEncoding,
    )


@cache
def vera() -> Any:
    return pymupdf.Font(fontfile=str(VERA))


def composite(
    pdf: pikepdf.Pdf, text: str, *, mapped: bool = True, in_order: bool = False, lie: str = ""
) -> tuple[Any, bytes]:
    """Return a Type 0 font with an embedded program, and the codes that show a text in it.

    Args:
        pdf: the document.
        text: what is shown.
        mapped: give it a ToUnicode map.
        in_order: number the glyphs in the order of their first use, as subsetters do.
        lie: what ToUnicode says instead, character by character.
    """
    font = vera()
    glyphs = {c: font.has_glyph(ord(c)) for c in dict.fromkeys(text)}
    codes = {c: n + 1 if in_order else glyphs[c] for n, c in enumerate(glyphs)}
    program = pdf.make_stream(VERA.read_bytes())
    program["/Length1"] = VERA.stat().st_size
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name("/ABCDEF+Vera"),
        Flags=4,
        FontBBox=Array([-183, -236, 1287, 928]),
        ItalicAngle=0,
        Ascent=928,
        Descent=-236,
        CapHeight=730,
        StemV=80,
        FontFile2=program,
    )
    widths = Array([])
    for char, code in codes.items():
        widths.append(code)
        widths.append(Array([round(1000 * font.glyph_advance(ord(char)))]))
    table = bytearray(2 * (max(codes.values()) + 1))
    for char, code in codes.items():
        table[2 * code : 2 * code + 2] = glyphs[char].to_bytes(2, "big")
    cid = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name("/ABCDEF+Vera"),
        CIDSystemInfo=Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        W=widths,
        CIDToGIDMap=pdf.make_stream(bytes(table)),
    )
    result = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name("/ABCDEF+Vera"),
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([pdf.make_indirect(cid)]),
    )
    if mapped:
        means = dict(zip(text, lie or text, strict=False))
        rows = "\n".join(
            f"<{code:04x}> <{means[char].encode('utf-16-be').hex()}>"
            for char, code in sorted(codes.items(), key=lambda item: item[1])
        )
        result["/ToUnicode"] = pdf.make_stream(
            b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
            b"/CMapName /A def /CMapType 2 def\n1 begincodespacerange <0000> <ffff> "
            b"endcodespacerange\n%d beginbfchar\n%s\nendbfchar\nendcmap end end"
            % (len(codes), rows.encode())
        )
    shown = b"".join(codes[c].to_bytes(2, "big") for c in text)
    return pdf.make_indirect(result), shown
