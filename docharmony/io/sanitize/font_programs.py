"""TrueType and OpenType programs without the glyphs that nothing shows.

Outlines, advances, names and character codes of all other glyphs go; what is kept of a glyph are its very
bytes. Numbers stay as they were until :meth:`Sfnt.renumbered` is called.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence

_TABLES = frozenset(
    {"head", "hhea", "hmtx", "maxp", "loca", "glyf", "cvt ", "fpgm", "prep", "cmap", "post", "CFF "}
)


class FontProgramError(ValueError):
    """A font program that cannot be cut with certainty."""


def broken() -> tuple[type[Exception], ...]:
    """Return what reading, cutting and writing a broken program raises, here and in fontTools."""
    from fontTools.ttLib import TTLibError

    return (
        FontProgramError, TTLibError, ArithmeticError, AssertionError, AttributeError, EOFError,
        LookupError, RecursionError, TypeError, ValueError, struct.error,
    )  # fmt: skip


class Sfnt:
    """A TrueType or OpenType program.

    Args:
        data: of the file.

    Raises:
        FontProgramError, or what fontTools raises: it cannot be read.
    """

    def __init__(self, data: bytes) -> None:
        from fontTools.ttLib import TTFont

        self._font = TTFont(io.BytesIO(data), lazy=True, recalcBBoxes=False, recalcTimestamp=False)
        reader = self._font.reader
        self.tables: dict[str, bytes] = {str(t): reader[t] for t in reader.keys() if t in _TABLES}  # noqa: SIM118
        self._version = reader.sfntVersion
        self.count = struct.unpack_from(">H", self.tables["maxp"], 4)[0]
        self._font.setGlyphOrder([f"g{gid}" for gid in range(self.count)])
        self.names = self._post()
        self.cmaps = self._font["cmap"].tables if "cmap" in self.tables else []
        self.offsets: list[int] = []
        if "glyf" in self.tables:
            self._long = struct.unpack_from(">h", self.tables["head"], 50)[0] != 0
            loca = self.tables["loca"]
            kind, scale = ("I", 1) if self._long else ("H", 2)
            self.offsets = [
                scale * at for at in struct.unpack_from(f">{self.count + 1}{kind}", loca)
            ]
            if sorted(self.offsets) != self.offsets or self.offsets[-1] > len(self.tables["glyf"]):
                raise FontProgramError("odd order of glyphs")

    def characters(self) -> dict[tuple[int, int], dict[int, int]]:
        """Return (platform, encoding) -> character code -> glyph number."""
        result: dict[tuple[int, int], dict[int, int]] = {}
        for table in self.cmaps:
            codes = getattr(table, "cmap", None)
            if not isinstance(codes, dict) or table.format == 14:
                raise FontProgramError("odd table of characters")
            found = result.setdefault((table.platformID, table.platEncID), {})
            found.update({code: int(name[1:]) for code, name in codes.items()})
        return result

    def outlined(self) -> int:
        """Return how many glyphs have an outline."""
        return sum(a < b for a, b in zip(self.offsets, self.offsets[1:], strict=False))

    def cut(self, kept: Collection[int]) -> bytes:
        """Return the program with these glyphs, the parts they are made of, and glyph 0."""
        kept = self.closed({0, *kept})
        if "glyf" in self.tables:
            glyf, offsets = bytearray(), [0]
            for gid in range(self.count):
                if gid in kept:
                    glyf += self._glyph(gid)
                    glyf += bytes(-len(glyf) % 4)
                offsets.append(len(glyf))
            if not self._long and len(glyf) > 2 * 0xFFFF:
                raise FontProgramError("too long for its table of places")
            places = offsets if self._long else [at // 2 for at in offsets]
            self.tables["glyf"] = bytes(glyf) or bytes(1)
            self.tables["loca"] = struct.pack(
                f">{self.count + 1}{'I' if self._long else 'H'}", *places
            )
        self._cut_metrics(kept)
        if self.cmaps:
            for table in self.cmaps:
                table.cmap = {c: name for c, name in table.cmap.items() if int(name[1:]) in kept}
            self.tables["cmap"] = self._font["cmap"].compile(self._font)
        if "post" in self.tables:
            self._cut_names(kept)
        return self._assembled()

    def shape(self, gid: int) -> bytes:
        """Return the outline of a glyph, with its parts written out: the same whatever its number."""
        body = self._glyph(gid) if self.offsets and gid < self.count else b""
        parts = _places_of_parts(body)
        inner = b"".join(self.shape(_number(body, at)) for at in parts)
        return _with_parts(body, dict.fromkeys((_number(body, at) for at in parts), 0)) + inner

    def renumbered(self, order: Sequence[int]) -> bytes:
        """Return the program with these glyphs, in this order; it must name the parts, too."""
        fresh = {old: new for new, old in enumerate(order)}
        if "glyf" in self.tables:
            glyf, offsets = bytearray(), [0]
            for old in order:
                glyf += _with_parts(self._glyph(old), fresh)
                glyf += bytes(-len(glyf) % 4)
                offsets.append(len(glyf))
            places = offsets if self._long else [at // 2 for at in offsets]
            kind = "I" if self._long else "H"
            self.tables["glyf"] = bytes(glyf) or bytes(1)
            self.tables["loca"] = struct.pack(f">{len(places)}{kind}", *places)
        if {"hhea", "hmtx"} <= self.tables.keys():
            rows = self._metrics()
            self.tables["hmtx"] = b"".join(rows[old] for old in order)
            self.tables["hhea"] = self.tables["hhea"][:34] + struct.pack(">H", len(order))
        if self.cmaps:
            for table in self.cmaps:
                table.cmap = {
                    c: f"g{fresh[int(name[1:])]}"
                    for c, name in table.cmap.items()
                    if int(name[1:]) in fresh
                }
            self.tables["cmap"] = self._font["cmap"].compile(self._font)
        maxp = self.tables["maxp"]
        self.tables["maxp"] = maxp[:4] + struct.pack(">H", len(order)) + maxp[6:]
        self.names = {fresh[old]: name for old, name in self.names.items() if old in fresh}
        self.count = len(order)
        if "post" in self.tables:
            self._cut_names(set(self.names))
        return self._measured(self._assembled())

    def _measured(self, data: bytes) -> bytes:
        """Return a program with extremes of its own glyphs: they were those of letters that are gone."""
        from fontTools.ttLib import TTFont

        if not {"head", "hhea", "hmtx"} <= self.tables.keys():
            return data
        font = TTFont(io.BytesIO(data), recalcBBoxes=False, recalcTimestamp=False)
        tags = ["hhea", "head"]
        font["hhea"].recalc(font)
        if "glyf" in font:
            tags.append("maxp")
            font["maxp"].recalc(font)
            glyphs = [font["glyf"][name] for name in font.getGlyphOrder()]
            lengths = [len(g.program.getBytecode()) for g in glyphs if hasattr(g, "program")]
            font["maxp"].maxSizeOfInstructions = max(lengths, default=0)
        elif "CFF " in font:
            head, box = font["head"], font["CFF "].cff[0].FontBBox
            head.xMin, head.yMin, head.xMax, head.yMax = (round(value) for value in box)
        for tag in tags:
            self.tables[tag] = font[tag].compile(font)
        return self._assembled()

    def box(self) -> list[int]:
        """Return the box around all glyphs, in thousandths of an em."""
        head = self.tables["head"]
        scale = 1000 / (int.from_bytes(head[18:20]) or 1000)
        return [round(value * scale) for value in struct.unpack_from(">4h", head, 36)]

    def drop(self, *tags: str) -> None:
        """Leave tables out."""
        for tag in tags:
            self.tables.pop(tag, None)
        if "cmap" in tags:
            self.cmaps = []

    def recode(self, codes: Mapping[int, int]) -> None:
        """Give character codes of one byte, and those with a prefix as symbols have it, new ones."""
        for table in self.cmaps:
            table.cmap = {
                at & 0xFF00 | codes[at & 0xFF]: name
                for at, name in table.cmap.items()
                if at & 0xFF in codes
            }

    def _metrics(self) -> list[bytes]:
        """Return the advance and the bearing of each glyph."""
        body, long = self.tables["hmtx"], struct.unpack_from(">H", self.tables["hhea"], 34)[0]
        rows = []
        for gid in range(self.count):
            last = 4 * (min(gid, long - 1))
            bearing = last + 2 if gid < long else 4 * long + 2 * (gid - long)
            rows.append((body[last : last + 2] + body[bearing : bearing + 2]).ljust(4, b"\0"))
        return rows

    def _assembled(self) -> bytes:
        from fontTools.ttLib.sfnt import SFNTWriter

        out = io.BytesIO()
        writer = SFNTWriter(out, len(self.tables), self._version)
        for tag in sorted(self.tables):
            writer[tag] = self.tables[tag]
        writer.close()
        return out.getvalue()

    def _glyph(self, gid: int) -> bytes:
        return self.tables["glyf"][self.offsets[gid] : self.offsets[gid + 1]]

    def closed(self, kept: set[int]) -> set[int]:
        """Return glyphs that are there, and the parts of those that are made of others."""
        kept = set(kept)
        waiting = list(kept) if self.offsets else []
        while waiting:
            gid = waiting.pop()
            for part in _parts(self._glyph(gid)) if gid < self.count else ():
                if part not in kept:
                    kept.add(part)
                    waiting.append(part)
        return {gid for gid in kept if gid < self.count}

    def _cut_metrics(self, kept: set[int]) -> None:
        if not {"hhea", "hmtx"} <= self.tables.keys():
            return
        body = bytearray(self.tables["hmtx"])
        long = struct.unpack_from(">H", self.tables["hhea"], 34)[0]
        for gid in range(self.count):
            if gid in kept or (gid == long - 1 and any(other >= long for other in kept)):
                continue
            at, size = (4 * gid, 4) if gid < long else (4 * long + 2 * (gid - long), 2)
            stop = min(at + size, len(body))
            body[at:stop] = bytes(max(0, stop - at))
        self.tables["hmtx"] = bytes(body)

    def _post(self) -> dict[int, str]:
        """Return glyph number -> name."""
        from fontTools.ttLib.standardGlyphOrder import standardGlyphOrder

        body = self.tables.get("post", b"")
        version = body[:4]
        if version == b"\0\1\0\0":
            return dict(enumerate(standardGlyphOrder[: self.count]))
        if version != b"\0\2\0\0":
            return {}
        count = struct.unpack_from(">H", body, 32)[0]
        indices = struct.unpack_from(f">{count}H", body, 34)
        own, at = [], 34 + 2 * count
        while at < len(body):
            own.append(body[at + 1 : at + 1 + body[at]].decode("latin-1"))
            at += 1 + body[at]
        names = [*standardGlyphOrder, *own]
        return {gid: names[i] for gid, i in enumerate(indices) if i < len(names)}

    def _cut_names(self, kept: set[int]) -> None:
        head = self.tables["post"][4:32].ljust(28, b"\0")
        names = {gid: name for gid, name in self.names.items() if gid in kept}
        if not names:
            self.tables["post"] = b"\0\3\0\0" + head
            return
        from fontTools.ttLib.standardGlyphOrder import standardGlyphOrder

        own: list[str] = []
        indices = []
        for gid in range(self.count):
            name = names.get(gid, ".notdef")
            if name in standardGlyphOrder:
                indices.append(standardGlyphOrder.index(name))
            else:
                indices.append(len(standardGlyphOrder) + len(own))
                own.append(name)
        rows = b"".join(bytes((len(n.encode("latin-1")),)) + n.encode("latin-1") for n in own)
        table = struct.pack(f">H{self.count}H", self.count, *indices)
        self.tables["post"] = b"\0\2\0\0" + head + table + rows


def _parts(glyph: bytes) -> Iterable[int]:
    """Yield the glyph numbers that a composite glyph is made of."""
    return (_number(glyph, at) for at in _places_of_parts(glyph))


def _number(glyph: bytes, at: int) -> int:
    return int.from_bytes(glyph[at : at + 2])


def _with_parts(glyph: bytes, fresh: Mapping[int, int]) -> bytes:
    """Return a glyph with other numbers of its parts."""
    body = bytearray(glyph)
    for at in _places_of_parts(glyph):
        body[at : at + 2] = fresh[_number(glyph, at)].to_bytes(2)
    return bytes(body)


def _places_of_parts(glyph: bytes) -> list[int]:
    """Return where a composite glyph names the glyphs that it is made of (OpenType, table glyf)."""
    if len(glyph) < 12 or struct.unpack_from(">h", glyph)[0] >= 0:
        return []
    found, at, more = [], 10, True
    while more:
        flags = _number(glyph, at)
        found.append(at + 2)
        at += 4 + (4 if flags & 1 else 2)
        at += 2 if flags & 8 else 4 if flags & 0x40 else 8 if flags & 0x80 else 0
        more = bool(flags & 0x20)
    return found
