"""Set new text into a PDF: text that stays text, in the document's own font or an embedded subset."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from ...geometry import Affine, BBox
from ...typeset.faces import Face
from ...typeset.fit import SetLine
from ...typeset.shape import Run
from .pdf_area import Area
from .pdf_in_place import NewText, Spot
from .pdf_links import spread
from .pdf_objects import dictionary
from .pdf_own_fonts import OwnType
from .pdf_tags import adopt, renewed
from .setting import Planned, Segment, ShapedType, spots, upright

Color = tuple[int, int, int]

# Tables that a PDF viewer, which is told glyph numbers and places, has no use for.
_DROPPED = ("GSUB", "GPOS", "GDEF", "name", "post", "OS/2", "cmap", "gasp", "kern", "DSIG", "FFTM")


# Text render mode of text that is not seen, and a difference in colour (0-255) that rounding can make.
_UNSEEN, _SAME_COLOUR = 3, 4


@dataclass
class _Embedded:
    """A face on its way into the file: its dictionary, and the glyphs used so far with their text."""

    face: Face
    font: Any
    name: str
    glyphs: dict[int, str] = field(default_factory=dict)


class Setter:
    """Writes planned texts into pages of one PDF. Call :meth:`finish` before saving."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._embedded: dict[str, _Embedded] = {}
        # Names that no earlier run can have given.
        self._prefix = f"/DH{os.urandom(3).hex()}"

    def draw(
        self,
        page: pikepdf.Page,
        matrix: Affine,
        planned: Sequence[tuple[Planned, Area]],
        ruled: Sequence[Planned] = (),
    ) -> None:
        """Append texts to a page's content: those that cannot stand where the old ones stood.

        Args:
            page: the page.
            matrix: from its user space to the displayed page.
            planned: what is set, with the area of the old text: its layer and its tag go on.
            ruled: texts, wherever they stand, of which parts may be underlined.
        """
        back = matrix.inverse()
        added: dict[str, dict[str, Any]] = {"/Font": {}, "/Properties": {}}
        out: list[str] = []
        for item, area in planned:
            lines = self._wrapped(item, back, added["/Font"])
            number = adopt(self._pdf, page, area.mark[1]) if area.mark else None
            if area.mark and number is not None:
                tag = pikepdf.Name(area.mark[0]).unparse().decode("ascii")
                lines = [f"{tag} <</MCID {number}>> BDC", *lines, "EMC"]
            elif "/StructTreeRoot" in self._pdf.Root:
                lines = ["/Artifact BMC", *lines, "EMC"]
            if area.layer is not None:
                name = f"{self._prefix}l{area.layer.objgen[0]}"
                added["/Properties"][name] = area.layer
                lines = [f"/OC {name} BDC", *lines, "EMC"]
            out += lines
        under = [line for item in ruled for line in _underlined(item, back)]
        if under and "/StructTreeRoot" in self._pdf.Root:
            under = ["/Artifact BMC", *under, "EMC"]
        out += under
        if not out:
            return
        resources = pikepdf.Dictionary(dict(dictionary(page.get("/Resources")).items()))
        for category, entries in added.items():
            if entries:
                old = dictionary(resources.get(category))
                resources[category] = pikepdf.Dictionary({**dict(old.items()), **entries})
        page.obj["/Resources"] = resources
        content = "\nQ\n" + "\n".join(out) + "\n"
        page.contents_add(self._pdf.make_stream(b"q\n"), prepend=True)
        page.contents_add(self._pdf.make_stream(content.encode("ascii")))

    def in_place(self, page: pikepdf.Page, item: Planned, area: Area, spot: Spot) -> NewText:
        """Return a text for the place in the stream where the old one stood."""
        setting, fonts = item.setting, dict[str, Any]()
        state = spot.state
        lines = self._lines(item, state.ctm.inverse(), fonts)
        operators = pikepdf.parse_content_stream(
            self._pdf.make_stream("\n".join(lines).encode("ascii"))
        )
        if area.mark is not None:
            renewed(self._pdf, page, area.mark[1])
        mode = int(state.mode)
        if not setting.visible:
            mode = _UNSEEN
        elif mode == _UNSEEN:
            mode = 0
        told = state.fill.rgb
        other = told is not None and max(
            abs(a - b) for a, b in zip(told, setting.color, strict=True)
        )
        # What was drawn in a colour of its own space, a spot colour or a pattern, stays in it.
        rgb = setting.color if setting.visible and other and other > _SAME_COLOUR else None
        if setting.visible and any(part.color != setting.color for part in setting.inline):
            if state.fill.set_by is None:
                raise ValueError("a colour that cannot be set back")
            rgb = setting.color
        return NewText(list(operators), fonts, mode, rgb)

    def form(self, item: Planned, back: Affine) -> tuple[list[str], dict[str, Any]]:
        """Return the operators of a text for a form of its own, and the fonts that they name.

        Args:
            item: the text.
            back: from the axes that it was planned in to those of the form.
        """
        fonts: dict[str, Any] = {}
        return self._wrapped(item, back, fonts), fonts

    def _wrapped(self, item: Planned, back: Affine, fonts: dict[str, Any]) -> list[str]:
        setting = item.setting
        begin = [f"q {_filled(setting.color)}", "BT 0 Tr"]
        lines = begin if setting.visible else ["q", f"BT {_UNSEEN} Tr"]
        lines.append("0 Tc 0 Tw 100 Tz 0 Ts")
        return [*lines, *self._lines(item, back, fonts), "ET", "Q"]

    def _lines(self, item: Planned, back: Affine, fonts: dict[str, Any]) -> list[str]:
        lines: list[str] = []
        setting = item.setting
        color = setting.color
        for line in item.layout.lines:
            for part in item.segments(line):
                if isinstance(part.type, OwnType):
                    if setting.visible and item.color(part.number) != color:
                        color = item.color(part.number)
                        lines.append(_filled(color))
                    name = f"{self._prefix}o{part.type.font.objgen[0]}"
                    fonts[name] = part.type.font
                    lines += self._own(item, part.type, line, part, name, back)
                elif isinstance(part.type, ShapedType):
                    new, color = self._shaped(item, part.type, line, part, back, fonts, color)
                    lines += new
        return lines

    def _own(
        self, item: Planned, own: OwnType, line: SetLine, part: Segment, name: str, back: Affine
    ) -> list[str]:
        layout = item.layout
        if item.setting.direction == "ttb":
            shown = [
                f"{_numbers(place.then(back))} Tm <{own.codes[character].hex()}> Tj"
                for character, place in upright(item, line, part)
            ]
            return [f"{name} 1 Tf", *shown]
        scale, rise = 1.0, 0.0
        if part.number is not None:
            scale, rise = item.inline(part.number).scale, item.inline(part.number).rise
        size = layout.size * scale
        above = rise * layout.size - line.y
        place = Affine.translate(part.x, above).then(item.frame.matrix).then(back)
        parts: list[str] = []
        codes = ""
        for character in part.text:
            code = own.codes.get(character)
            shift = layout.tracking + line.spread(character)
            if code is None:  # a space that the font does not have
                shift += 0.25 * size
            else:
                codes += code.hex()
            if shift:
                parts.append(f"<{codes}>" if codes else "")
                parts.append(f"{-1000 * shift / size:.2f}")
                codes = ""
        if codes:
            parts.append(f"<{codes}>")
        whole = " ".join(part for part in parts if part)
        return [f"{name} {size:.4g} Tf", f"{_numbers(place)} Tm", f"[{whole}] TJ"]

    def _shaped(
        self,
        item: Planned,
        kind: ShapedType,
        line: SetLine,
        part: Segment,
        back: Affine,
        fonts: dict[str, Any],
        color: Color,
    ) -> tuple[list[str], Color]:
        """Return the operators, and the colour that they leave."""
        shaped = kind.shape(part.text, part.start)
        places = iter(spots(item, line, part, shaped))
        out: list[str] = []
        for run in shaped.runs:
            if item.setting.visible and item.color(run.look) != color:
                color = item.color(run.look)
                out.append(_filled(color))
            embedded = self._embed(run.face)
            fonts[embedded.name] = embedded.font
            out.append(f"{embedded.name} 1 Tf")
            own = [next(places) for _ in run.glyphs]
            told = self._note(embedded, run, shaped.text)
            span = shaped.text[min(g.start for g in run.glyphs) : max(g.end for g in run.glyphs)]
            if not told:
                out.append(f"/Span <</ActualText <FEFF{span.encode('utf-16-be').hex()}>>> BDC")
            out += _shown(run, own, back)
            if not told:
                out.append("EMC")
        return out, color

    def _note(self, embedded: _Embedded, run: Run, text: str) -> bool:
        """Note what the glyphs mean; return whether a table of glyph by glyph tells it all."""
        told = True
        for glyph in run.glyphs:
            meaning = text[glyph.start : glyph.end]
            meaning = " " if meaning.isspace() else meaning  # one glyph for all of them
            known = embedded.glyphs.setdefault(glyph.number, meaning)
            told &= bool(meaning) and known == meaning
        return told

    def _embed(self, face: Face) -> _Embedded:
        key = f"{face.info.path}:{face.info.index}"
        if key not in self._embedded:
            font = self._pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Font))
            self._embedded[key] = _Embedded(face, font, f"{self._prefix}f{len(self._embedded)}")
        return self._embedded[key]

    def finish(self) -> None:
        """Embed the glyphs that were used."""
        for embedded in self._embedded.values():
            _write_font(self._pdf, embedded)


def _underlined(item: Planned, back: Affine) -> Iterator[str]:
    """Yield the operators that draw rules under a text, and under parts of it."""
    setting, size = item.setting, item.layout.size
    if not setting.visible or setting.direction == "ttb":
        return
    parts = [(part.start, part.end, part.underline, part.color) for part in setting.inline]
    borders = [0, *(place for start, end, *_ in parts for place in (start, end)), 1 << 30]
    for start, end in zip(borders[::2], borders[1::2], strict=True):
        parts.append((start, end, setting.underline, setting.color))
    for start, end, (depth, thick), color in parts:
        for x0, x1, base in spread(item, start, end) if thick else ():
            top = base - (depth - thick / 2) * size
            box = BBox(x0, top - thick * size, x1, top).polygon()
            spots = [back.apply(item.frame.matrix.apply(corner)) for corner in box]
            path = " ".join(
                f"{x:.4f} {y:.4f} {'l' if number else 'm'}" for number, (x, y) in enumerate(spots)
            )
            yield f"q {_filled(color)} {path} h f Q"


def _filled(color: Color) -> str:
    red, green, blue = (f"{value / 255:.4g}" for value in color)
    return f"{red} {green} {blue} rg"


def _shown(run: Run, places: Sequence[tuple[Any, int, Affine]], back: Affine) -> list[str]:
    """Return operators that show glyphs where they belong, many of them with one TJ."""
    out: list[str] = []
    shown: list[str] = []
    pen: Affine | None = None
    upem = run.face.upem
    for face, number, local in places:
        place = local.then(back)
        step = 0.0
        if pen is not None:
            try:
                offset = place.then(pen.inverse())
            except ValueError:
                offset = Affine(e=0.0, f=1.0)
            step = offset.e
            if abs(offset.f) > 1e-3 or abs(step) > 50:
                out.append(f"[{' '.join(shown)}] TJ")
                shown, pen = [], None
        if pen is None:
            out.append(f"{_numbers(place)} Tm")
        elif abs(step) > 5e-4:
            shown.append(f"{-1000 * step:.1f}")
        shown.append(f"<{number:04x}>")
        # What the viewer adds is the whole number in the table of widths.
        width = round(face.hb_font.get_glyph_h_advance(number) * 1000 / upem) / 1000
        pen = Affine.translate(width, 0.0).then(place)
    if shown:
        out.append(f"[{' '.join(shown)}] TJ")
    return out


def _numbers(matrix: Affine) -> str:
    return " ".join(f"{value:.5f}".rstrip("0").rstrip(".") for value in matrix)


def _write_font(pdf: pikepdf.Pdf, embedded: _Embedded) -> None:
    """Fill in the font dictionary: a Type 0 font whose codes are glyph numbers."""
    import uharfbuzz as hb

    face = embedded.face
    wanted = hb.SubsetInput()
    wanted.flags = hb.SubsetFlags.RETAIN_GIDS | hb.SubsetFlags.NO_LAYOUT_CLOSURE
    wanted.flags |= hb.SubsetFlags.NO_HINTING
    wanted.glyph_set.update([0, *embedded.glyphs])
    wanted.drop_table_tag_set.update(int.from_bytes(tag.encode("ascii")) for tag in _DROPPED)
    subset = hb.subset(face.hb_face, wanted)
    upem = face.upem
    tag = "".join(
        chr(65 + (zlib.crc32(str(sorted(embedded.glyphs)).encode()) >> 4 * i) % 26)
        for i in range(6)
    )
    plain = "".join(c for c in face.info.name if c.isalnum() and c.isascii()) or "Face"
    style = ("Bold" if face.info.bold else "") + ("Italic" if face.info.italic else "")
    name = pikepdf.Name(f"/{tag}+{plain}{'-' + style if style else ''}")
    extents = face.hb_font.get_font_extents("ltr")
    to_thousand = 1000 / upem
    descriptor = pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor,
        FontName=name,
        Flags=4 | (64 if face.info.italic else 0),
        FontBBox=[
            -1000,
            round(extents.descender * to_thousand),
            2000,
            round(extents.ascender * to_thousand),
        ],
        ItalicAngle=-12 if face.info.italic else 0,
        Ascent=round(extents.ascender * to_thousand),
        Descent=round(extents.descender * to_thousand),
        CapHeight=round(face.cap_height * 1000),
        StemV=140 if face.info.bold else 80,
    )
    if "CFF " in subset.table_tags:
        program = pdf.make_stream(bytes(subset.reference_table("CFF ").data))
        program["/Subtype"] = pikepdf.Name.CIDFontType0C
        descriptor["/FontFile3"] = program
        kind = pikepdf.Name.CIDFontType0
    else:
        data = bytes(subset.blob.data)
        program = pdf.make_stream(data)
        program["/Length1"] = len(data)
        descriptor["/FontFile2"] = program
        kind = pikepdf.Name.CIDFontType2
    widths = pikepdf.Array()
    for glyph in sorted(embedded.glyphs):
        advance = round(face.hb_font.get_glyph_h_advance(glyph) * to_thousand)
        widths.append(glyph)
        widths.append(pikepdf.Array([advance]))
    descendant = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=kind,
        BaseFont=name,
        CIDSystemInfo=pikepdf.Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        W=widths,
        DW=0,
    )
    if kind == pikepdf.Name.CIDFontType2:
        descendant["/CIDToGIDMap"] = pikepdf.Name.Identity
    font = embedded.font
    font["/Subtype"] = pikepdf.Name.Type0
    font["/BaseFont"] = name
    font["/Encoding"] = pikepdf.Name("/Identity-H")
    font["/DescendantFonts"] = pikepdf.Array([pdf.make_indirect(descendant)])
    font["/ToUnicode"] = pdf.make_stream(_unicode_table(embedded.glyphs))


def _unicode_table(glyphs: dict[int, str]) -> bytes:
    """Return a ToUnicode CMap."""
    known = [(g, t) for g, t in sorted(glyphs.items()) if t]
    blocks = []
    for at in range(0, len(known), 100):
        part = known[at : at + 100]
        rows = "".join(f"<{g:04x}> <{t.encode('utf-16-be').hex()}>\n" for g, t in part)
        blocks.append(f"{len(part)} beginbfchar\n{rows}endbfchar\n")
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        + "".join(blocks)
        + "endcmap CMapName currentdict /CMap defineresource pop end end\n"
    ).encode("ascii")
