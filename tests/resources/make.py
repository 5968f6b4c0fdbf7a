"""Draws the demonstration inputs of ``demo/``; run it after a change and look at the result.

::

    python tests/resources/make.py

Everything in them is invented: names, addresses, and numbers from the ranges that are kept for examples.
The same versions of reportlab, PyMuPDF, Pillow and NumPy draw the same bytes.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pymupdf
import reportlab
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    FrameBreak,
    ListFlowable,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)
from reportlab.platypus import Image as Picture

HERE = Path(__file__).parent
DEMO = HERE / "demo"
FONTS = Path(reportlab.__file__).parent / "fonts"  # Bitstream Vera, free to use and embed
WIDTH, HEIGHT = A4
MARGIN = 22 * mm

BODY = ParagraphStyle("body", fontName="Vera", fontSize=9.5, leading=14, spaceAfter=7)
SMALL = ParagraphStyle("small", parent=BODY, fontSize=8, leading=11, spaceAfter=4)
CAPTION = ParagraphStyle("caption", parent=SMALL, fontName="VeraIt", spaceBefore=4, spaceAfter=10)
TITLE = ParagraphStyle("title", parent=BODY, fontName="VeraBd", fontSize=20, leading=26)
HEADING = ParagraphStyle(
    "heading", parent=BODY, fontName="VeraBd", fontSize=13, leading=18, spaceBefore=9, spaceAfter=5
)
SUBHEADING = ParagraphStyle(
    "subheading", parent=BODY, fontName="VeraBd", fontSize=10, spaceBefore=5, spaceAfter=3
)


def main() -> None:
    """Draw all files and print their sizes."""
    for face in ("Vera", "VeraBd", "VeraIt", "VeraBI"):
        pdfmetrics.registerFont(TTFont(face, str(FONTS / f"{face}.ttf")))
    pdfmetrics.registerFontFamily("Vera", "Vera", "VeraBd", "VeraIt", "VeraBI")
    DEMO.mkdir(exist_ok=True)
    (DEMO / "report.pdf").write_bytes(report())
    paper = render(letter())
    (DEMO / "scan.pdf").write_bytes(as_pdf(scanned(paper)))
    (DEMO / "photo.jpg").write_bytes(photographed(paper))
    for path in sorted(DEMO.iterdir()):
        print(f"{path.stat().st_size / 1000:6.0f} kB  {path.name}")


class Chart(Flowable):
    """A bar chart drawn as paths."""

    def __init__(self) -> None:
        super().__init__()
        self.width, self.height = 150 * mm, 48 * mm

    def wrap(self, *available: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        canvas = self.canv
        canvas.setStrokeColor(colors.grey)
        canvas.line(30, 18, self.width, 18)
        canvas.line(30, 18, 30, self.height)
        canvas.setFont("Vera", 7)
        for index, (month, value) in enumerate(
            zip(("Jan", "Feb", "Mar", "Apr", "May", "Jun"), (42, 55, 51, 74, 68, 93), strict=True)
        ):
            x = 48 + index * 60
            canvas.setFillColor(colors.HexColor("#4a7fb5"))
            canvas.rect(x, 18, 34, value, stroke=0, fill=1)
            canvas.setFillColor(colors.black)
            canvas.drawCentredString(x + 17, 8, month)
            canvas.drawCentredString(x + 17, 21 + value, str(value))


def report() -> bytes:
    """Return the born-digital report as a PDF of four pages."""
    out = io.BytesIO()
    document = BaseDocTemplate(
        out,
        pagesize=A4,
        invariant=True,
        title="Review of suppliers, first half of 2025",
        author="Northgate Housing Trust",
    )
    inner, below = WIDTH - 2 * MARGIN, 22 * mm
    tall = HEIGHT - below - 26 * mm
    half = (inner - 8 * mm) / 2
    one = Frame(MARGIN, below, inner, tall, 0, 0, 0, 0)
    head = Frame(MARGIN, below + tall - 36, inner, 36, 0, 0, 0, 0)
    left = Frame(MARGIN, below, half, tall - 40, 0, 0, 0, 0)
    right = Frame(MARGIN + half + 8 * mm, below, half, tall - 40, 0, 0, 0, 0)
    document.addPageTemplates(
        [
            PageTemplate("one", [one], onPage=furniture),
            PageTemplate("two", [head, left, right], onPage=furniture),
        ]
    )
    document.build([*first_page(), *second_page(), *third_page(), *fourth_page()])
    return out.getvalue()


def furniture(canvas: Canvas, document: BaseDocTemplate) -> None:
    """Draw the running header and footer."""
    canvas.setFont("Vera", 7.5)
    canvas.setFillColor(colors.HexColor("#555555"))
    canvas.drawString(MARGIN, HEIGHT - 15 * mm, "Northgate Housing Trust")
    canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 15 * mm, "Review of suppliers 2025")
    canvas.setStrokeColor(colors.HexColor("#999999"))
    canvas.line(MARGIN, HEIGHT - 17 * mm, WIDTH - MARGIN, HEIGHT - 17 * mm)
    canvas.drawString(MARGIN, 12 * mm, "Confidential: for members of the board only")
    canvas.drawRightString(WIDTH - MARGIN, 12 * mm, f"Page {document.page} of 4")


def bullets(*items: str, numbered: bool = False) -> ListFlowable:
    """Return a list, with dots or numbers."""
    return ListFlowable(
        [Paragraph(item, BODY) for item in items],
        bulletType="1" if numbered else "bullet",
        bulletFontName="Vera",
        bulletFontSize=9.5,
        bulletFormat="%s." if numbered else None,
        leftIndent=16,
        start=None if numbered else "\u2022",
    )


def first_page() -> list[Flowable]:
    """Return title, summary, contacts and a list."""
    return [
        Paragraph("Review of suppliers,<br/>first half of 2025", TITLE),
        Paragraph("Prepared by Marguerite Holloway and Tobias Lindqvist, 14 July 2025", CAPTION),
        Paragraph("1. Summary", HEADING),
        Paragraph(
            "The trust paid 41 suppliers between January and June 2025. Spending on repairs rose by "
            "a fifth, mostly after the storm of 9 March, while cleaning and security stayed within "
            "the budget. Two contracts end in the autumn and should be tendered again. Marguerite "
            "Holloway has spoken with every supplier named here; her notes are kept in the office "
            "at 18 Alder Street, Thornbury TH4 2QX.",
            BODY,
        ),
        Paragraph(
            "The board is asked to approve the new limit for single orders, to choose one of the "
            "offers for the lifts, and to note that the payment to Brightwater Plumbing was made "
            "twice and has since been returned in full.",
            BODY,
        ),
        Paragraph("2. Whom to ask", HEADING),
        Paragraph(
            "Questions on this report go to Tobias Lindqvist, t.lindqvist@northgate.example, "
            "telephone +44 20 7946 0958. For the accounts ask Dr. Amara Okafor at "
            "amara.okafor@northgate.example or +44 20 7946 0321. Letters reach us at Northgate Housing "
            "Trust, 18 Alder Street, Thornbury TH4 2QX, United Kingdom.",
            BODY,
        ),
        Paragraph("3. What has changed since the last review", HEADING),
        bullets(
            "Orders above 2,500 pounds need two signatures, one of them from the board.",
            "Invoices are paid within 21 days; the average in the first half of the year was 17.",
            "The list of approved suppliers is public: https://northgate.example/suppliers.",
            "The portal for suppliers moved to a new server (203.0.113.42) on 2 June 2025.",
        ),
        Spacer(1, 4),
        Paragraph(
            "Suppliers who were on the list before 2023 keep their numbers. New ones get a number "
            "from Amara Okafor once their insurance has been seen. Nobody is paid without a number.",
            BODY,
        ),
        NextPageTemplate("two"),
        PageBreak(),
    ]


def second_page() -> list[Flowable]:
    """Return a heading over two columns."""
    return [
        Paragraph("4. The suppliers in turn", HEADING),
        FrameBreak(),
        Paragraph("Brightwater Plumbing", SUBHEADING),
        Paragraph(
            "Works for us since 2016 in all four buildings. The invoice of 11 March 2025 over 4,180 "
            "pounds was paid on 24 March and again on 31 March, since the bank had changed the format "
            "of its confirmations. The manager, Gwendolyn Pryce, sent the money back within a week and "
            "did not charge for her time.",
            BODY,
        ),
        Paragraph(
            "The tenants of Mill Court praise the speed of the repairs. In the survey of May, "
            "Brightwater had the best marks of all; one tenant, Mr. Henrik Solberg of flat 12, wrote "
            "that the plumber came on a Sunday.",
            BODY,
        ),
        Paragraph("Calder Lifts", SUBHEADING),
        Paragraph(
            "The lift in Priory House stood still for eleven days in February. Calder blames the maker, "
            "the maker blames the wiring. We hold back 10 percent of the yearly fee until the expert, "
            "Professor Ines Carvalho, has given her opinion. Her report is due on 30 September 2025.",
            BODY,
        ),
        Paragraph(
            "Two other firms have made offers. They differ by less than 600 pounds a year, so that "
            "the time to arrive after a call should decide.",
            BODY,
        ),
        FrameBreak(),
        Paragraph("Fenwick Security", SUBHEADING),
        Paragraph(
            "The night watch at Alder Street is now done by Fenwick alone. Its owner is reached at "
            "+44 20 7946 0777. A break-in on 19 April was noticed at once, and the police came within "
            "nine minutes. The keys that were lost in 2024 have been found by Mrs. Marguerite Hollo-<br/>"
            "way in a drawer of the old office.",
            BODY,
        ),
        Paragraph(
            "Fenwick asks for 3 percent more from October. We think that fair: wages have risen, and "
            "no other firm offered the same hours for less.",
            BODY,
        ),
        Paragraph("Larkspur Cleaning", SUBHEADING),
        Paragraph(
            "Stairs and windows are done as agreed. In June the staff changed; the new head is Beatriz "
            "Nakamura, who can be written to at b.nakamura@larkspur.example. She was born on 3 May 1974 "
            "and has worked in Thornbury since 1999. References were checked by telephone.",
            BODY,
        ),
        Paragraph(
            "The contract ends on 31 October 2025. Larkspur has said that it will bid again, at the "
            "price of this year and with one more round of the cellars in winter.",
            BODY,
        ),
        NextPageTemplate("one"),
        PageBreak(),
    ]


def third_page() -> list[Flowable]:
    """Return a table with borders and one without."""
    payments = [
        ["Supplier", "Date", "Account", "Pounds"],
        ["Brightwater Plumbing", "24/03/2025", "GB82 WEST 1234 5698 7654 32", "4,180.00"],
        ["Calder Lifts", "02/04/2025", "DE89 3704 0044 0532 0130 00", "1,962.50"],
        ["Fenwick Security", "15/04/2025", "GB33 BUKB 2020 1555 5555 55", "7,440.00"],
        ["Larkspur Cleaning", "30/05/2025", "FR14 2004 1010 0505 0001 3M02 606", "3,015.75"],
        ["Total", "", "", "16,598.25"],
    ]
    ruled = Table(payments, colWidths=[44 * mm, 26 * mm, 68 * mm, 26 * mm], hAlign="LEFT")
    ruled.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), "Vera", 8.5),
            ("FONT", (0, 0), (-1, 0), "VeraBd", 8.5),
            ("FONT", (0, -1), (-1, -1), "VeraBd", 8.5),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#dde6ee")),
            ("GRID", (0, 0), (-1, -1), 0.6, colors.black),
            ("ALIGN", (3, 0), (3, -1), "RIGHT"),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ]
    )
    people = [
        ["Name", "Role", "Telephone", "E-mail"],
        ["Marguerite Holloway", "Director", "+44 20 7946 0100", "m.holloway@northgate.example"],
        ["Tobias Lindqvist", "Purchasing", "+44 20 7946 0958", "t.lindqvist@northgate.example"],
        ["Amara Okafor", "Accounts", "+44 20 7946 0321", "amara.okafor@northgate.example"],
        ["Ruben Castellanos", "Repairs", "+44 20 7946 0654", "r.castellanos@northgate.example"],
    ]
    open_table = Table(people, colWidths=[42 * mm, 26 * mm, 38 * mm, 58 * mm], hAlign="LEFT")
    open_table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), "Vera", 8.5),
            ("FONT", (0, 0), (-1, 0), "VeraBd", 8.5),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ]
    )
    return [
        Paragraph("5. Payments above 1,500 pounds", HEADING),
        Paragraph(
            "The table lists single payments only. Regular fees are in the accounts of the trust.",
            BODY,
        ),
        ruled,
        Paragraph("Table 1. Payments by supplier, with the account they went to.", CAPTION),
        Paragraph(
            "Small purchases were made with the card of the trust, number 4111 1111 1111 1111, valid "
            "until 08/27. The card that was lost in May (5555 5555 5555 4444) has been blocked and "
            "was not used by anybody else.",
            BODY,
        ),
        Paragraph("6. Staff who order", HEADING),
        Paragraph("These four may place orders in the name of the trust.", BODY),
        open_table,
        Paragraph("Table 2. Staff with the right to order.", CAPTION),
        Paragraph("7. Steps until the end of the year", HEADING),
        bullets(
            "Tender for the lifts: papers out by 1 August, offers until 12 September 2025.",
            "Tender for cleaning: Ruben Castellanos writes the list of rooms by 20 August.",
            "Storm damage: the insurer, policy NHT-2025-00417, sends its expert on 5 August.",
            numbered=True,
        ),
        PageBreak(),
    ]


def fourth_page() -> list[Flowable]:
    """Return a figure with its caption, and a picture with text in it."""
    return [
        Paragraph("8. Spending by month", HEADING),
        Chart(),
        Paragraph("Figure 1. Spending in thousands of pounds, January to June 2025.", CAPTION),
        Paragraph(
            "June is high since three yearly fees fall due on the first of the month. Without them the "
            "line would be almost flat, as Tobias Lindqvist showed in his talk of 8 July.",
            BODY,
        ),
        Paragraph("9. A letter that came with the last invoice", HEADING),
        Paragraph("The slip below was pinned to the invoice. It is kept as a picture.", BODY),
        Picture(io.BytesIO(slip()), 100 * mm, 40 * mm, hAlign="LEFT"),
        Paragraph("Figure 2. Slip of 27 June 2025.", CAPTION),
        Paragraph("10. Approval", HEADING),
        Paragraph(
            "Read and approved by the board on 21 July 2025 in Thornbury. The minutes are signed by "
            "Dr. Amara Okafor and by the chair, Sir Edmund Whitlock, 4 Orchard Rise, Thornbury TH1 9BN.",
            BODY,
        ),
    ]


def slip() -> bytes:
    """Return a PNG of a note with text in it."""
    picture = Image.new("RGB", (1000, 400), "#fff6d8")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((8, 8, 991, 391), outline="#b08d3c", width=5)
    large, plain = (ImageFont.truetype(str(FONTS / "Vera.ttf"), size) for size in (42, 34))
    draw.text((50, 40), "Please call me back today", fill="#202020", font=large)
    draw.text((50, 130), "Gwendolyn Pryce, Brightwater", fill="#202020", font=plain)
    draw.text((50, 195), "Telephone +44 20 7946 0812", fill="#202020", font=plain)
    draw.text((50, 260), "gwen.pryce@brightwater.example", fill="#202020", font=plain)
    draw.text((50, 325), "Re: order 77-2031, second payment", fill="#202020", font=plain)
    out = io.BytesIO()
    picture.quantize(32).save(out, "PNG", optimize=True)
    return out.getvalue()


def letter() -> bytes:
    """Return the letter that is scanned, as a PDF of one page."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    canvas.setFont("VeraBd", 17)
    canvas.drawString(MARGIN, HEIGHT - 25 * mm, "Alderman & Voss")
    canvas.setFont("Vera", 8.5)
    canvas.drawString(MARGIN, HEIGHT - 30 * mm, "Solicitors, 7 Quayside Row, Port Elling PE3 6DA")
    canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 25 * mm, "Telephone +44 20 7946 0189")
    canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 30 * mm, "office@alderman-voss.example")
    canvas.line(MARGIN, HEIGHT - 33 * mm, WIDTH - MARGIN, HEIGHT - 33 * mm)
    story = [
        Paragraph("Mrs. Eleanor Whitcombe<br/>32 Saltmarsh Lane<br/>Port Elling PE1 4RT", LETTER),
        Paragraph("12 September 2025", LETTER),
        Paragraph("<b>Your claim against Meridian Travel, our reference AV/2025/0638</b>", LETTER),
        Paragraph("Dear Mrs. Whitcombe,", LETTER),
        Paragraph(
            "Thank you for your letter of 4 September. We have now heard from Meridian Travel. The "
            "company accepts that the ferry of 17 June was cancelled without notice and offers to "
            "pay back the fare, the two nights in the hotel and a sum for the lost time.",
            LETTER,
        ),
        Paragraph(
            "We advise you to accept. A hearing would hardly be held before next spring, and the sum "
            "is close to what a court would award. Your daughter, Miss Josephine Whitcombe, was "
            "included in the booking, so that her share is paid to you as well.",
            LETTER,
        ),
        letter_table(),
        Paragraph(
            "The money goes to your account GB29 NWBK 6016 1331 9268 19 unless you tell us of another "
            "one by 30 September. The deposit on your card 4012 8888 8888 1881 is released at the same "
            "time. For our files we need a copy of your passport; we have your date of birth as "
            "22/11/1968.",
            LETTER,
        ),
        Paragraph(
            "If anything is unclear, write to Mr. Leopold Ashgrove at l.ashgrove@alderman-voss.example "
            "or call him on +44 20 7946 0190 between nine and noon.",
            LETTER,
        ),
        Paragraph("Yours sincerely,", LETTER),
        Spacer(1, 24),
        Paragraph("Philippa Voss<br/>Partner", LETTER),
    ]
    frame = Frame(MARGIN, 24 * mm, WIDTH - 2 * MARGIN, HEIGHT - 63 * mm, 0, 0, 0, 0)
    frame.addFromList(story, canvas)
    if story:
        raise RuntimeError("the letter does not fit on its page")
    canvas.setFont("Vera", 7.5)
    canvas.drawCentredString(
        WIDTH / 2, 14 * mm, "Alderman & Voss is a trading name of A. Voss Ltd. No. 0417732"
    )
    canvas.save()
    return out.getvalue()


LETTER = ParagraphStyle("letter", parent=BODY, fontSize=10.5, leading=15.5, spaceAfter=11)


def letter_table() -> Table:
    """Return the small table of the letter."""
    rows = [
        ["What is paid", "Pounds"],
        ["Ferry, two adults", "214.00"],
        ["Hotel, two nights", "186.50"],
        ["Lost time", "150.00"],
        ["Sum", "550.50"],
    ]
    table = Table(rows, colWidths=[70 * mm, 30 * mm], hAlign="LEFT", spaceAfter=14)
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), "Vera", 10),
            ("FONT", (0, 0), (-1, 0), "VeraBd", 10),
            ("GRID", (0, 0), (-1, -1), 0.7, colors.black),
            ("ALIGN", (1, 0), (1, -1), "RIGHT"),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ]
    )
    return table


def render(pdf: bytes) -> Image.Image:
    """Return the first page at 200 dpi in grey."""
    with pymupdf.open(stream=pdf) as document:
        pixmap = document[0].get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
        return Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples)


def scanned(paper: Image.Image) -> bytes:
    """Return the page as a flatbed scanner would: turned by 1.5 degrees, soft, shaded, grainy; JPEG."""
    turned = paper.rotate(-1.5, Image.Resampling.BICUBIC, fillcolor=250)
    soft = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.7)), np.float32)
    height, width = soft.shape
    # Ink is not black and paper not white; a shadow lies along the left edge, where the book was bound.
    values = 38 + soft * (232 - 38) / 255
    values *= 1 - 0.16 * np.exp(-np.arange(width, dtype=np.float32) / 260)[None, :]
    values *= 1 - 0.05 * np.linspace(0, 1, height, dtype=np.float32)[:, None]
    rng = np.random.default_rng(2025)
    values += rng.normal(0, 6, (height, width)).astype(np.float32)
    specks = rng.integers(0, (height, width), (160, 2))
    values[specks[:, 0], specks[:, 1]] = 60
    out = io.BytesIO()
    picture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    picture.save(out, "JPEG", quality=38, dpi=(200, 200))
    return out.getvalue()


def as_pdf(jpeg: bytes) -> bytes:
    """Return a PDF whose only page is the picture, as scanners write it."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    path = DEMO / ".scan.jpg"
    path.write_bytes(jpeg)  # from a file of this kind reportlab takes the bytes as they are
    try:
        canvas.drawImage(str(path), 0, 0, WIDTH, HEIGHT)
        canvas.save()
    finally:
        path.unlink()
    return out.getvalue()


def photographed(paper: Image.Image) -> bytes:
    """Return the page as a telephone sees it: from one side, in warm light, lying on its side (EXIF)."""
    width, height = paper.size
    size = (1350, 1800)
    # Corners of the page within the photograph, and what of the page lies at the photograph's corners.
    corners = [(70, 90), (1290, 60), (1325, 1750), (30, 1730)]
    coefficients = perspective(corners, [(0, 0), (width, 0), (width, height), (0, height)])
    desk = 92
    view = paper.transform(
        size,
        Image.Transform.PERSPECTIVE,
        coefficients,
        Image.Resampling.BICUBIC,
        fillcolor=desk,
    ).filter(ImageFilter.GaussianBlur(0.6))
    grey = np.asarray(view, np.float32)
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    light = 1.0 - 0.28 * ((x / size[0] - 0.35) ** 2 + (y / size[1] - 0.4) ** 2)
    grey = (26 + grey * 0.86) * light
    grey += np.random.default_rng(7).normal(0, 2.5, grey.shape).astype(np.float32)
    warm = np.stack([grey * 1.02, grey * 0.98, grey * 0.9], axis=-1).clip(0, 255)
    picture = Image.fromarray(warm.astype(np.uint8)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=52, exif=exif)
    return out.getvalue()


def perspective(seen: list[tuple[int, int]], flat: list[tuple[int, int]]) -> list[float]:
    """Return the eight numbers that Pillow wants for the map from seen points to flat ones."""
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, flat, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
        values += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows, float), np.array(values))]


if __name__ == "__main__":
    main()
