"""Type 1 programs without the glyphs that nothing shows (Adobe Type 1 Font Format, chapters 2, 6 to 8).

Only what names or draws a removed glyph is taken out of the text of the program: its entry in
CharStrings, its code in Encoding, and the subroutines that it alone calls. All else stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .font_programs import FontProgramError

_EEXEC, _CHARSTRING = 55665, 4330
_ENTRY = re.compile(rb"\s*/([^\s/{}\[\]()<>%]+)\s+(\d+)\s+\S+ ")
_GLYPHS = re.compile(rb"/CharStrings\s+\d+\s+dict\s+dup\s+begin")
_SUBR = re.compile(rb"\s*dup\s+(\d+)\s+(\d+)\s+\S+ ")
_END = re.compile(rb"\s*(?:noaccess\s+(?:def|put)|\S+)")
_CODE = re.compile(rb"dup\s+(\d+)\s*/(\S+)\s+put\b[ \t]*\r?\n?")
# Texts and numbers that tell one cut of a font from another.
_TEXTS = re.compile(
    rb"/(?:version|Notice|Copyright|FullName|FamilyName)\s*\([^()]*\)[^/\r\n]*\r?\n?"
)
_NUMBERS = re.compile(rb"/(?:UniqueID\s+\d+|XUID\s*\[[^\]]*\])\s+(?:readonly\s+)?def[ \t]*\r?\n?")
_FIRST_SUBRS = range(5)  # flex and hint replacement, called by number
_HEX = b"0123456789ABCDEFabcdef"


@dataclass
class _Entry:
    """A glyph or subroutine: where it stands in the text of the program, and its instructions."""

    start: int
    end: int
    code: bytes


class Type1:
    """A Type 1 program.

    Args:
        data: of the file, its encrypted part in binary or hexadecimal.

    Raises:
        FontProgramError: it cannot be read.
    """

    keyed = False

    def __init__(self, data: bytes) -> None:
        mark = data.find(b"eexec")
        if not data.lstrip()[:2] == b"%!" or mark < 0:
            raise FontProgramError("no Type 1 program")
        start = mark + 5
        while start < len(data) and data[start] in b" \t\r\n":
            start += 1
        self._clear = data[: mark + 5] + b"\n"
        self._private = _decrypted(data[start:])
        body = self._private
        stop = body.rfind(b"closefile")
        if stop < 0 or len(_GLYPHS.findall(body)) != 1:
            raise FontProgramError("an odd private part")
        self._private = body[: stop + 9] + b"\n"
        found = re.search(rb"/lenIV\s+(-?\d+)", body)
        self._skip = int(found[1]) if found else 4
        if self._skip < 0:
            raise FontProgramError("instructions that are not encrypted")
        self._glyphs = dict(self._entries())
        self._subrs = dict(self._routines())
        self.order = list(self._glyphs)
        self.lengths = (0, 0, 0)  # of the three parts, once cut
        if ".notdef" not in self._glyphs or not self._clear.isascii():
            raise FontProgramError("an odd clear part")

    def _entries(self) -> Iterator[tuple[str, _Entry]]:
        body = self._private
        head = _GLYPHS.search(body)
        assert head is not None  # counted before
        at = head.end()
        while (match := _ENTRY.match(body, at)) is not None:
            yield match[1].decode("latin-1"), self._entry(match, at)
            at = self._after(match)
        if not re.match(rb"\s*end\b", body[at : at + 20]):
            raise FontProgramError("an odd list of glyphs")

    def _routines(self) -> Iterator[tuple[int, _Entry]]:
        body = self._private
        head = re.search(rb"/Subrs\s+\d+\s+array", body)
        at = head.end() if head else len(body)
        while (match := _SUBR.match(body, at)) is not None:
            yield int(match[1]), self._entry(match, at)
            at = self._after(match)

    def _entry(self, match: re.Match[bytes], start: int) -> _Entry:
        from fontTools.misc import eexec

        code = self._private[match.end() : match.end() + int(match[2])]
        plain, _ = eexec.decrypt(code, _CHARSTRING)
        return _Entry(start, self._after(match), plain[self._skip :])

    def _after(self, match: re.Match[bytes]) -> int:
        end = _END.match(self._private, match.end() + int(match[2]))
        if end is None:
            raise FontProgramError("it breaks off")
        return end.end()

    def encoding(self) -> list[str]:
        """Return the name that each of the 256 codes has in the program itself."""
        from fontTools.encodings.StandardEncoding import StandardEncoding

        if re.search(rb"/Encoding\s+StandardEncoding\s+def", self._clear):
            return list(StandardEncoding)
        names = [".notdef"] * 256
        for match in _CODE.finditer(self._clear):
            if int(match[1]) < 256:
                names[int(match[1])] = match[2].decode("latin-1")
        return names

    def outlined(self) -> int:
        """Return how many glyphs there are."""
        return len(self.order)

    def cut(self, kept: Collection[int], name: str, codes: Collection[int] = ()) -> bytes:
        """Return the program with these glyphs, the parts they are made of, and .notdef.

        Args:
            kept: places of glyphs in ``order``.
            name: the program's new name.
            codes: whose names in the program's own encoding must stay.
        """
        stays = {".notdef", *(self.order[gid] for gid in kept if gid < len(self.order))}
        for glyph in list(stays):
            stays |= self._parts(glyph)
        called: set[int] = set(_FIRST_SUBRS)
        for glyph in stays:
            self._follow(self._glyphs[glyph].code, [], called, 0)
        private = self._cut_private(stays, called)
        clear = _CODE.sub(
            lambda match: match[0] if match[2].decode("latin-1") in stays else b"", self._clear
        )
        clear = _NUMBERS.sub(b"", _TEXTS.sub(b"", clear))
        clear = re.sub(rb"/FontName\s*/\S+", b"/FontName /" + name.encode("ascii"), clear)
        # The first line, and comments, name the program too.
        lines = [row for row in clear.splitlines() if not row.startswith(b"%")]
        clear = b"\n".join([b"%!PS-AdobeFont-1.0: " + name.encode("ascii"), *lines]) + b"\n"
        data = self._written(clear, private)
        self._check(data, stays, called, codes)
        return data

    @property
    def recodes(self) -> bool:
        """Whether the program has codes of its own."""
        return _CODE.search(self._clear) is not None

    def shape(self, gid: int) -> bytes:
        """Return the instructions of a glyph."""
        return self._glyphs[self.order[gid]].code

    def closed(self, kept: Collection[int]) -> set[int]:
        """Return glyphs and the parts of accented letters."""
        parts = {name for gid in kept for name in self._parts(self.order[gid])}
        return {*kept, *map(self.order.index, parts)}

    def renumbered(
        self, order: Sequence[int], names: Sequence[str], codes: Mapping[int, str] | None = None
    ) -> bytes:
        """Return the program with its glyphs in another order, called by these names.

        Args:
            order: places of glyphs in ``order``.
            names: new ones.
            codes: names of glyphs by the program's own codes; None leaves these.
        """
        called = dict(zip((self.order[gid] for gid in order), names, strict=True))
        entries = [self._glyphs[name] for name in called]
        start = min(entry.start for entry in self._glyphs.values())
        end = max(entry.end for entry in self._glyphs.values())
        rows = [
            re.sub(rb"/\S+", b"/" + new.encode("latin-1"), self._private[e.start : e.end], count=1)
            for e, new in zip(entries, called.values(), strict=True)
        ]
        private = self._private[:start] + b"".join(rows) + self._private[end:]
        private = re.sub(
            rb"(/CharStrings\s+)\d+(?=\s+dict)", b"\\g<1>%d" % len(rows), private, count=1
        )
        clear = self._clear
        if self.recodes:
            named = self.encoding()
            own = codes or {c: name for c, name in enumerate(named) if name in called}
            lines = [
                b"dup %d /%s put\n" % (code, called[name].encode("latin-1"))
                for code, name in sorted(own.items())
                if name in called
            ]
            at = _CODE.search(clear).start()  # type: ignore[union-attr]
            clear = clear[:at] + b"".join(lines) + _CODE.sub(b"", clear[at:])
        data = self._written(clear, private)
        new = Type1(data)
        if [new._glyphs[name].code for name in names] != [entry.code for entry in entries]:
            raise FontProgramError("it did not come out the same")
        return data

    def _written(self, clear: bytes, private: bytes) -> bytes:
        """Return a program of these parts, and note their lengths."""
        data = clear + _encrypted(private) + b"\n" + (b"0" * 64 + b"\n") * 8 + b"cleartomark\n"
        self.lengths = len(clear), len(data) - len(clear) - 533, 533
        return data

    def _cut_private(self, stays: set[str], called: set[int]) -> bytes:
        body = self._private
        out, at = bytearray(), 0
        edits = [(e.start, e.end, b"") for n, e in self._glyphs.items() if n not in stays]
        edits += [(e.start, e.end, b"") for n, e in self._subrs.items() if n not in called]
        for start, end, new in sorted(edits):
            out += body[at:start] + new
            at = end
        out += body[at:]
        body = _NUMBERS.sub(b"", bytes(out))
        last = max(called & self._subrs.keys(), default=-1)
        body = re.sub(rb"(/Subrs\s+)\d+(?=\s+array)", b"\\g<1>%d" % (last + 1), body, count=1)
        return re.sub(rb"(/CharStrings\s+)\d+(?=\s+dict)", b"\\g<1>%d" % len(stays), body)

    def _parts(self, glyph: str) -> set[str]:
        """Return the letters that an accented one is made of (the operator seac)."""
        from fontTools.encodings.StandardEncoding import StandardEncoding

        found: set[str] = set()
        numbers: list[float] = []
        for item in _tokens(self._glyphs[glyph].code):
            if isinstance(item, float):
                numbers.append(item)
            else:
                if item == (12, 6) and len(numbers) >= 2:
                    names = {StandardEncoding[int(code)] for code in numbers[-2:]}
                    found |= names & self._glyphs.keys()
                numbers = []
        return found

    def _follow(self, code: bytes, stack: list[float], called: set[int], depth: int) -> None:
        """Add the subroutines that instructions call, by running them."""
        if depth > 12:
            raise FontProgramError("subroutines in a circle")
        other: list[float] = []
        for item in _tokens(code):
            if isinstance(item, float):
                stack.append(item)
            elif item == (10, 0):  # callsubr
                number = int(stack.pop()) if stack else -1
                if number not in self._subrs:
                    raise FontProgramError("a subroutine that is not there")
                called.add(number)
                self._follow(self._subrs[number].code, stack, called, depth + 1)
            elif item == (12, 16):  # callothersubr
                _, count = int(stack.pop()), int(stack.pop())
                other = [stack.pop() for _ in range(min(count, len(stack)))]
                other.reverse()
            elif item == (12, 17):  # pop
                stack.append(other.pop() if other else 3.0)
            elif item == (12, 12):  # div
                below = stack.pop()
                stack.append(stack.pop() / (below or 1.0))
            elif item != (11, 0):  # return; all others empty the stack
                stack.clear()

    def _check(
        self, data: bytes, stays: set[str], called: set[int], codes: Collection[int]
    ) -> None:
        """Raise if the program that was written says something else of what is kept."""
        new = Type1(data)
        same = (
            new._glyphs.keys() == stays
            and new._subrs.keys() == called & self._subrs.keys()
            and all(new._glyphs[n].code == self._glyphs[n].code for n in stays)
            and all(new._subrs[n].code == self._subrs[n].code for n in called & self._subrs.keys())
        )
        before, after = self.encoding(), new.encoding()
        if not same or any(before[c] in stays and before[c] != after[c] for c in codes):
            raise FontProgramError("it did not come out the same")


def _tokens(code: bytes) -> Iterator[float | tuple[int, int]]:
    """Yield the numbers and operators of a Type 1 charstring."""
    at = 0
    while at < len(code):
        first = code[at]
        if first >= 32:
            size = 1 if first <= 246 else 2 if first <= 254 else 5
            if at + size > len(code):
                raise FontProgramError("instructions that break off")
            if first <= 246:
                yield float(first - 139)
            elif first <= 250:
                yield float((first - 247) * 256 + code[at + 1] + 108)
            elif first <= 254:
                yield float(-(first - 251) * 256 - code[at + 1] - 108)
            else:
                yield float(int.from_bytes(code[at + 1 : at + 5], signed=True))
            at += size
        elif first == 12:
            if at + 2 > len(code):
                raise FontProgramError("instructions that break off")
            yield 12, code[at + 1]
            at += 2
        else:
            yield first, 0
            at += 1


def _decrypted(data: bytes) -> bytes:
    """Return the private part: what follows eexec, decrypted."""
    from fontTools.misc import eexec

    if len(data) >= 4 and all(byte in _HEX for byte in data[:4]):
        digits = re.sub(rb"\s", b"", data)
        end = next((i for i, byte in enumerate(digits) if byte not in _HEX), len(digits))
        data = bytes.fromhex(digits[: end - end % 2].decode("ascii"))
    plain, _ = eexec.decrypt(data, _EEXEC)
    return bytes(plain[4:])


def _encrypted(private: bytes) -> bytes:
    from fontTools.misc import eexec

    # Four bytes come first; of zeros the coded ones are no hexadecimal digits, as must be.
    coded, _ = eexec.encrypt(bytes(4) + private, _EEXEC)
    return bytes(coded)
