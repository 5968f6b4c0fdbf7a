"""CFF programs without the glyphs that nothing shows: the others keep their instructions.

Subroutines are written out. Numbers of glyphs stay as they were until :meth:`Cff.renumbered` is called.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...geometry import Affine
from .font_programs import FontProgramError, Sfnt

_MOST_GLYPHS = 65535
_THOUSANDTH = (
    0.001,
    0.0,
    0.0,
    0.001,
    0.0,
    0.0,
)  # from units to an em, where a program says nothing


class Cff:
    """A CFF program.

    Args:
        data: the table or bare program.
        around: the OpenType file that the table is of.

    Raises:
        FontProgramError, or what fontTools raises: it cannot be read.
    """

    def __init__(self, data: bytes, around: Sfnt | None = None) -> None:
        from fontTools.cffLib import CFFFontSet

        self._around = around
        self._set = CFFFontSet()
        self._set.decompile(io.BytesIO(data), None)
        if len(self._set.fontNames) != 1:
            raise FontProgramError("several fonts")
        self._top = self._set[0]
        self._set.desubroutinize()
        self.keyed = hasattr(self._top, "ROS")
        self.order: list[str] = list(self._top.charset)
        if len(set(self.order)) != len(self.order) or len(self.order) > _MOST_GLYPHS:
            raise FontProgramError("names that are not unique")

    @property
    def recodes(self) -> bool:
        """Whether the program has codes of its own."""
        return not self.keyed and not isinstance(getattr(self._top, "Encoding", ""), str)

    def by_cid(self) -> Mapping[int, int]:
        """Return CID -> glyph number."""
        if not self.keyed:
            return {gid: gid for gid in range(len(self.order))}
        return {0: 0} | {int(n[3:]): gid for gid, n in enumerate(self.order) if n.startswith("cid")}

    def encoding(self) -> list[str]:
        """Return the name that each of the 256 codes has in the program itself."""
        from fontTools.encodings.StandardEncoding import StandardEncoding

        own = getattr(self._top, "Encoding", "StandardEncoding")
        if own == "StandardEncoding":
            return list(StandardEncoding)
        if isinstance(own, str):
            raise FontProgramError("an encoding of experts")
        return list(own)

    def outlined(self) -> int:
        """Return how many glyphs there are."""
        return len(self.order)

    def programs(self) -> list[list[Any]]:
        """Return the instructions of each glyph."""
        result = []
        for name in self.order:
            charstring = self._top.CharStrings[name]
            charstring.decompile()
            result.append(list(charstring.program))
        return result

    def cut(self, kept: Collection[int], name: str, codes: Collection[int] = ()) -> bytes:
        """Return the program with these glyphs, the parts they are made of, and glyph 0.

        Args:
            kept: glyph numbers.
            name: the program's new name.
            codes: whose names in the program's own encoding must stay.
        """
        from fontTools.ttLib import TTFont

        before = self.programs()
        kept = self.closed({0, *kept}, before)
        encoded = [] if self.keyed else self.encoding()
        strings, stays = self._top.CharStrings, {self.order[gid] for gid in kept}
        taken = {int(n[3:]) for n in stays if self.keyed and n.startswith("cid")}
        free = (cid for cid in range(1, 2 * _MOST_GLYPHS) if cid not in taken)
        order = list(self.order)
        for gid, old in enumerate(self.order):
            if gid in kept:
                continue
            strings[old].setProgram(["endchar"])
            order[gid] = f"cid{next(free):05d}" if self.keyed else f"g{gid}"
        if len(set(order)) != len(order):
            raise FontProgramError("names that look like ours")
        places = {n: strings.charStrings[old] for n, old in zip(order, self.order, strict=True)}
        strings.charStrings = places
        self._top.charset = order
        if encoded and not isinstance(self._top.Encoding, str):
            self._top.Encoding = [n if n in stays else ".notdef" for n in encoded]
        for key in ("Notice", "Copyright", "UniqueID", "XUID", "FullName"):
            self._top.rawDict.pop(key, None)
            self._top.__dict__.pop(key, None)
        self._set.fontNames[0] = name
        scales = self._scales()
        if self.keyed and "FontMatrix" in self._top.rawDict:
            # A matrix like the default one is not written, and those of the parts would stand alone.
            del self._top.rawDict["FontMatrix"]
            self._top.__dict__.pop("FontMatrix", None)
            for part, matrix in zip(self._top.FDArray, scales, strict=True):
                part.FontMatrix = matrix
        out = io.BytesIO()
        self._set.compile(out, TTFont(recalcBBoxes=False))
        self._check(out.getvalue(), kept, before, encoded, codes, scales)
        return out.getvalue()

    def _scales(self) -> list[list[float]]:
        """Return the matrix of each part of a program, or of all of it, from its units to an em."""
        own = list(self._top.rawDict.get("FontMatrix", _THOUSANDTH))
        if not self.keyed:
            return [own]
        given = "FontMatrix" in self._top.rawDict
        parts = []
        for part in self._top.FDArray:
            inner = part.rawDict.get("FontMatrix")
            if inner is None:
                parts.append(own)
            elif not given:
                parts.append(list(inner))
            else:
                product = Affine(*inner).then(Affine(*own))
                parts.append([round(value, 9) for value in product])
        return parts

    def renumbered(
        self, order: Sequence[int], names: Sequence[str], codes: Mapping[int, str] | None = None
    ) -> bytes:
        """Return the program with these glyphs, in this order, called by these names.

        That is the file around it, where there is one.

        Args:
            order: old numbers by new ones.
            names: new ones; those of a program keyed by CID are ignored: there numbers are the CIDs.
            codes: the program's own encoding; None leaves it, but for the names.
        """
        from fontTools.ttLib import TTFont

        before, scales = self.programs(), self._scales()
        strings, old = self._top.CharStrings, self.order
        called = dict(zip((old[gid] for gid in order), names, strict=True))
        if self.keyed:
            called = {
                old[gid]: f"cid{new:05d}" if new else old[gid] for new, gid in enumerate(order)
            }
            select = getattr(self._top, "FDSelect", None)
            if select is not None:
                select.gidArray = [select[gid] for gid in order]
        strings.charStrings = {called[old[gid]]: strings.charStrings[old[gid]] for gid in order}
        if self.recodes:
            rows = [codes.get(c, ".notdef") for c in range(256)] if codes else self.encoding()
            self._top.Encoding = [called.get(name, ".notdef") for name in rows]
        self._top.charset = [called[old[gid]] for gid in order]
        self._top.recalcFontBBox()
        out = io.BytesIO()
        self._set.compile(out, TTFont(recalcBBoxes=False))
        new = Cff(out.getvalue())
        if new.programs() != [before[gid] for gid in order] or new._scales() != scales:
            raise FontProgramError("it did not come out the same")
        if self._around is None:
            return out.getvalue()
        self._around.tables["CFF "] = out.getvalue()
        return self._around.renumbered(order)

    def shape(self, gid: int) -> str:
        """Return the instructions of a glyph."""
        charstring = self._top.CharStrings[self.order[gid]]
        charstring.decompile()
        return repr(charstring.program)

    def closed(self, kept: set[int], programs: list[list[Any]] | None = None) -> set[int]:
        """Return glyphs and the parts of accented letters: four numbers before the end name them."""
        from fontTools.encodings.StandardEncoding import StandardEncoding

        programs = self.programs() if programs is None else programs
        kept = {gid for gid in kept if gid < len(programs)}
        for gid in list(kept):
            last = programs[gid][-5:]
            if (
                len(last) == 5
                and last[4] == "endchar"
                and not any(isinstance(x, str) for x in last[:4])
            ):
                for code in last[2:4]:
                    if StandardEncoding[int(code)] in self.order:
                        kept.add(self.order.index(StandardEncoding[int(code)]))
        return kept

    def _check(
        self,
        data: bytes,
        kept: set[int],
        before: list[list[Any]],
        encoded: list[str],
        codes: Collection[int],
        scales: list[list[float]],
    ) -> None:
        """Raise if the program that was written says something else of what is kept."""
        new = Cff(data)
        after = new.programs()
        if new._scales() != scales:
            raise FontProgramError("its size did not come out the same")
        if len(after) != len(before) or any(
            before[gid] != after[gid] or self.order[gid] != new.order[gid] for gid in kept
        ):
            raise FontProgramError("it did not come out the same")
        if encoded:
            stays = {self.order[gid] for gid in kept}
            fresh = new.encoding()
            if any(encoded[c] in stays and encoded[c] != fresh[c] for c in codes):
                raise FontProgramError("its encoding did not come out the same")
