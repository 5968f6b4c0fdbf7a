"""Faces: found in the system's font folders, else the ones built into MuPDF.

Nothing is bundled. ``DOCHARMONY_FONTS`` names further folders, which come first; the value ``none``
in it turns the system's folders off. Fonts are opened by memory map and looked at by HarfBuzz.
"""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..model import Family

# Faces of the same metrics, or at least of the same look; the first that is installed is taken.
_LIKE: tuple[tuple[tuple[str, ...], Family, tuple[str, ...]], ...] = (
    (("arialnarrow", "helveticanarrow", "helveticacondensed"), "sans", ("Liberation Sans Narrow",)),
    (("calibri", "carlito"), "sans", ("Carlito",)),
    (("verdana", "dejavusans", "bitstreamvera"), "sans", ("DejaVu Sans",)),
    (("cambria", "caladea"), "serif", ("Caladea",)),
    (("georgia",), "serif", ("Gelasio", "DejaVu Serif")),
    (("notoserif",), "serif", ("Noto Serif",)),
    # TeX's own: Latin Modern has the widths of Computer Modern, and letters with accents.
    (("cmr", "cmb", "cmti", "cmsl", "sfrm", "sfbx", "sfti", "sfsl", "ecrm", "ecbx", "ecti", "ecsl"),
     "serif", ("LM Roman 10",)),
    (("cmss", "sfss", "ecss"), "sans", ("LM Sans 10",)),
    (("cmtt", "sftt", "ectt"), "mono", ("LM Mono 10",)),
    (("notosans", "opensans", "segoeui", "roboto", "lato"), "sans", ("Noto Sans",)),
)  # fmt: skip
_CHAINS: dict[Family, tuple[str, ...]] = {
    "sans": ("Liberation Sans", "Arimo", "Nimbus Sans", "Arial", "Helvetica", "Noto Sans",
             "FiraGO"),
    "serif": ("Liberation Serif", "Tinos", "Nimbus Roman", "Times New Roman", "Noto Serif"),
    "mono": ("Liberation Mono", "Cousine", "Nimbus Mono PS", "Courier New", "Noto Sans Mono"),
    "hand": ("Caveat", "Patrick Hand", "Comic Neue", "Comic Relief", "URW Chancery L",
             "Z003", "Comic Sans MS"),
}  # fmt: skip
_BUILT_IN: dict[Family, tuple[str, str, str, str]] = {
    "sans": ("helv", "hebo", "heit", "hebi"),
    "serif": ("tiro", "tibo", "tiit", "tibi"),
    "mono": ("cour", "cobo", "coit", "cobi"),
    "hand": ("tiit", "tibi", "tiit", "tibi"),
}
# TeX's trees below /usr/share, and where in them the faces of most of its documents are.
_TEX, _LATIN_MODERN = ("texmf", "texlive/texmf-dist"), "fonts/opentype/public/lm"
# Words in a font's name that tell its class; the first that fits wins.
_CLASSES: tuple[tuple[Family, tuple[str, ...]], ...] = (
    ("mono", ("mono", "courier", "consol", "typewriter", "cmtt", "lmmono", "fixed", "menlo")),
    ("hand", ("hand", "script", "chancery", "comic", "brush", "caveat", "cursive")),
    ("sans", ("sans", "helvet", "arial", "gothic", "verdana", "calibri", "cmss", "lmsans",
              "frutiger", "univers", "segoe", "roboto", "lato", "tahoma", "grotesk", "myriad")),
    ("serif", ("serif", "times", "roman", "cmr", "cmb", "cmti", "lmroman", "georgia", "garamond",
               "cambria", "palat", "book", "minion", "ming", "song", "mincho", "sfrm", "nimbusrom")),
)  # fmt: skip
# Latin, Greek and Cyrillic letters come before this one.
_EUROPEAN = 0x530
_CJK_BY_LANGUAGE = {
    "ja": "JP",
    "ko": "KR",
    "zh": "SC",
    "zh-tw": "TC",
    "zh-hk": "HK",
    "zh-hant": "TC",
}


@dataclass(frozen=True, slots=True)
class FaceInfo:
    """What is known of an installed face.

    Attributes:
        path: of the font file, or ``"builtin:NAME"``.
        index: number in a collection.
        name: its family, e.g. ``"Liberation Sans"``.
        bold: weight.
        italic: slant.
    """

    path: str
    index: int
    name: str
    bold: bool
    italic: bool


class Face:
    """A face ready for shaping; made once for a file by :func:`load`."""

    def __init__(self, info: FaceInfo) -> None:
        import uharfbuzz as hb

        self.info = info
        if info.path.startswith("builtin:"):
            self.hb_face = hb.Face(_built_in(info.path.removeprefix("builtin:")))
        else:
            self.hb_face = hb.Face(hb.Blob.from_file_path(info.path), info.index)
        self.hb_font = hb.Font(self.hb_face)
        self.upem = int(self.hb_face.upem) or 1000

    @cached_property
    def characters(self) -> frozenset[int]:
        """Code points that it has glyphs for."""
        return frozenset(self.hb_face.unicodes)

    @property
    def tables(self) -> frozenset[str]:
        """Tags of the tables of the font file."""
        return frozenset(self.hb_face.table_tags)

    @cached_property
    def ascent(self) -> float:
        """Height of its letters above the baseline in em."""
        return min(1.2, float(self._extents.ascender) / self.upem)

    @cached_property
    def descent(self) -> float:
        """Depth of its letters below the baseline in em, positive."""
        return min(0.5, -float(self._extents.descender) / self.upem)

    @cached_property
    def x_height(self) -> float:
        """Height of a small x in em."""
        return self._metric("X_HEIGHT") or 0.5

    @cached_property
    def cap_height(self) -> float:
        """Height of a capital in em."""
        return self._metric("CAP_HEIGHT") or 0.7

    @property
    def _extents(self) -> Any:
        return self.hb_font.get_font_extents("ltr")

    def _metric(self, tag: str) -> float:
        import uharfbuzz as hb

        value = self.hb_font.get_metric_position(getattr(hb.OTMetricsTag, tag))
        if value:
            return float(value) / self.upem
        letter = self.hb_font.get_nominal_glyph(ord("x" if tag == "X_HEIGHT" else "H"))
        box = self.hb_font.get_glyph_extents(letter) if letter else None
        return box.y_bearing / self.upem if box else 0.0


@cache
def load(info: FaceInfo) -> Face:
    """Return the face of a file, opened once."""
    return Face(info)


def classify(name: str, otherwise: Family = "sans") -> Family:
    """Return the class that a font's name speaks of; ``otherwise`` where it says nothing.

    >>> classify("ABCDEF+TimesNewRomanPS-BoldMT"), classify("CourierNew"), classify("F1")
    ('serif', 'mono', 'sans')
    """
    plain = name.lower().replace(" ", "").replace("-", "")
    for family, words in _CLASSES:
        if any(word in plain for word in words):
            return family
    return otherwise


def is_bold(name: str) -> bool:
    """Return whether a font's name speaks of a bold face; TeX's say it in their own way.

    >>> is_bold("Arial-BoldMT"), is_bold("ABCDEF+CMBX12"), is_bold("CMR10")
    (True, True, False)
    """
    plain = name.lower().partition("+")[2] or name.lower()
    return any(mark in plain for mark in ("bold", "black", "heavy", "cmssbx")) or plain.startswith(
        ("cmb", "ecbx", "ecrb", "sfbx", "sfrb", "ecxb")
    )


def is_italic(name: str) -> bool:
    """Return whether a font's name speaks of a slanted face.

    >>> is_italic("Times-Italic"), is_italic("CMTI10"), is_italic("CMTT10")
    (True, True, False)
    """
    plain = name.lower().partition("+")[2] or name.lower()
    return (
        "italic" in plain
        or "oblique" in plain
        or plain.startswith(
            ("cmti", "cmsl", "cmbxti", "cmbxsl", "ecti", "ecsl", "sfti", "sfsl", "cmssi")
        )
    )


@lru_cache(maxsize=4)
def _catalogue(folders: str | None) -> tuple[FaceInfo, ...]:
    found: dict[tuple[str, int], FaceInfo] = {}
    for folder in _folders(folders):
        for root, _, names in os.walk(folder):
            for name in sorted(names):
                if name.lower().endswith((".ttf", ".otf", ".ttc", ".otc")):
                    for info in _look(os.path.join(root, name)):
                        found.setdefault((info.path, info.index), info)
    return tuple(found.values())


def installed() -> tuple[FaceInfo, ...]:
    """Return the faces of the font folders."""
    return _catalogue(os.environ.get("DOCHARMONY_FONTS"))


def _folders(given: str | None) -> list[Path]:
    extra = [part for part in (given or "").split(os.pathsep) if part]
    folders = [Path(part) for part in extra if part != "none"]
    if "none" in extra:
        return folders
    home = Path.home()
    if sys.platform == "win32":
        return [*folders, Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"]
    if sys.platform == "darwin":
        mac = [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
        return [*folders, *mac]
    data = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    system = [Path(part) / "fonts" for part in data.split(":") if part]
    system += [Path("/usr/share") / tree / _LATIN_MODERN for tree in _TEX]
    return [*folders, home / ".local/share/fonts", home / ".fonts", *system]


def _look(path: str) -> Iterator[FaceInfo]:
    import uharfbuzz as hb

    try:
        blob = hb.Blob.from_file_path(path)
        count = int(hb.Face(blob, 0).count or 1)
    except (OSError, hb.HarfBuzzError):
        return
    for index in range(min(count, 32)):
        face = hb.Face(blob, index)
        if face.has_var_data or not {"cmap", "head"} <= set(face.table_tags):
            continue  # a variable font would have to be cut to one instance before it is embedded
        names = hb.OTNameIdPredefined
        family = face.get_name(names.TYPOGRAPHIC_FAMILY) or face.get_name(names.FONT_FAMILY) or ""
        style = face.get_name(names.TYPOGRAPHIC_SUBFAMILY) or face.get_name(names.FONT_SUBFAMILY)
        words = (style or "").lower().replace(" ", "")
        if words[:1].isdigit():  # drawn for one size, which the name of the old kind tells
            words = words.lstrip("0123456789")
            family = face.get_name(names.FONT_FAMILY) or family
        if words in {"", "regular", "book", "roman", "normal", "bold", "italic", "oblique",
                     "bolditalic", "boldoblique", "narrow", "light", "medium"}:  # fmt: skip
            italic = "italic" in words or "oblique" in words
            yield FaceInfo(path, index, family, "bold" in words, italic)


def chain(
    family: Family = "sans",
    *,
    bold: bool = False,
    italic: bool = False,
    like: str = "",
    language: str = "",
) -> Chain:
    """Return the faces to set text in, the best first.

    Args:
        family: class of the face.
        bold: weight.
        italic: slant.
        like: name of the font that stood there; one of the same name or metrics comes first.
        language: BCP 47; decides between the faces for Chinese, Japanese and Korean.
    """
    return _chain(installed(), family, bold, italic, like, language.lower())


@lru_cache(maxsize=256)
def _chain(
    known: tuple[FaceInfo, ...], family: Family, bold: bool, italic: bool, like: str, language: str
) -> Chain:
    plain = like.partition("+")[2] or like
    plain = plain.lower().replace(" ", "").replace("-", "").replace(",", "")
    wanted: list[str] = []
    if plain:
        wanted += [i.name for i in known if i.name and plain.startswith(_squash(i.name))]
        wanted.sort(key=len, reverse=True)
        for marks, _, names in _LIKE:
            if plain.startswith(marks):
                wanted += names
    wanted += _CHAINS[family]
    by_name: dict[str, list[FaceInfo]] = {}
    for info in known:
        by_name.setdefault(info.name, []).append(info)
    ordered: list[FaceInfo] = []
    for name in dict.fromkeys(wanted):
        ordered += sorted(by_name.get(name, ()), key=lambda i: _far(i, bold, italic))[:1]
    built = _BUILT_IN[family][bold + 2 * italic]
    ordered.append(FaceInfo(f"builtin:{built}", 0, built, bold, italic))
    serif = family == "serif"
    rest = [i for i in known if i not in ordered]
    cjk = next((v for k, v in _CJK_BY_LANGUAGE.items() if language.startswith(k)), "SC")
    if language in _CJK_BY_LANGUAGE:
        cjk = _CJK_BY_LANGUAGE[language]
    rest.sort(
        key=lambda i: (
            _far(i, bold, italic),
            not i.name.startswith("Noto"),
            not i.name.startswith("Noto Serif" if serif else "Noto Sans"),
            not i.name.endswith(f"CJK {cjk}") and "CJK" in i.name,
            "Mono" in i.name or "Display" in i.name or "Looped" in i.name,
            i.name in ("Noto Nastaliq Urdu", "Noto Kufi Arabic", "Noto Rashi Hebrew"),
        )
    )
    cjk_face = FaceInfo("builtin:cjk", 0, "Droid Sans Fallback", False, False)
    return Chain((*ordered, *rest, cjk_face))


def _squash(name: str) -> str:
    return name.lower().replace(" ", "")


def _far(info: FaceInfo, bold: bool, italic: bool) -> int:
    return 2 * (info.bold != bold) + (info.italic != italic)


class Chain:
    """Faces in order of preference; each character is set in the first that has it."""

    def __init__(self, infos: Sequence[FaceInfo]) -> None:
        self.infos = tuple(infos)
        self._by_character: dict[str, Face | None] = {}

    @cached_property
    def first(self) -> Face:
        """The face that the line is measured by."""
        return load(self.infos[0])

    def suited(self, text: str) -> Chain:
        """Return the chain with the first face in front that has all European letters of a text.

        Some letters of another face stand out from the others of their word.
        """
        letters = {ord(c) for c in text if c.isalpha() and ord(c) < _EUROPEAN}
        letters |= {ord(c) for c in text if "\u1e00" <= c <= "\u1fff"}
        if letters <= self.first.characters:
            return self
        for info in self.infos[1:]:
            if letters <= load(info).characters:
                return Chain((info, *(other for other in self.infos if other != info)))
        return self

    def face_for(self, cluster: str) -> Face | None:
        """Return the first face with all characters of a cluster, or None."""
        if cluster not in self._by_character:
            points = {ord(c) for c in cluster if c not in "\u200c\u200d\ufe0e\ufe0f"}
            self._by_character[cluster] = next(
                (face for face in map(load, self.infos) if points <= face.characters), None
            )
        return self._by_character[cluster]

    def missing(self, text: str) -> str:
        """Return the characters that no face has."""
        return "".join(
            sorted({c for c in text if not c.isspace() and self.face_for(c) is None and _drawn(c)})
        )


def _drawn(character: str) -> bool:
    import unicodedata

    return unicodedata.category(character) not in ("Cf", "Cc")


# --- the faces built into MuPDF ------------------------------------------------------------------


def _built_in(name: str) -> bytes:
    """Return one of MuPDF's own fonts as a font file."""
    import pymupdf

    font = pymupdf.Font(name)
    data = bytes(font.buffer)
    if data[:4] in (b"\0\1\0\0", b"OTTO", b"true"):
        return data
    tables = _tables(font, data)
    head, body = b"", b""
    for tag, table in sorted(tables.items()):
        place = 12 + 16 * len(tables) + len(body)
        head += struct.pack(">4sIII", tag.encode("ascii"), 0, place, len(table))
        body += table + b"\0" * (-len(table) % 4)
    return struct.pack(">4sHHHH", b"OTTO", len(tables), 0, 0, 0) + head + body


def _tables(font: Any, cff: bytes) -> dict[str, bytes]:
    """Return the tables that make a bare CFF font an OpenType font (OpenType 1.9)."""
    glyphs: dict[int, int] = {}
    for point in font.valid_codepoints():
        glyph = font.has_glyph(point)
        if glyph:
            glyphs[point] = glyph
    count = int(font.glyph_count)
    advances = [0] * count
    for point, glyph in glyphs.items():
        advances[glyph] = round(font.glyph_advance(point) * 1000)
    ascent, descent = round(font.ascender * 1000), round(font.descender * 1000)
    groups = b"".join(struct.pack(">III", p, p, g) for p, g in sorted(glyphs.items()))
    subtable = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, len(groups) // 12) + groups
    return {
        "CFF ": cff,
        "head": struct.pack(
            ">IIIIHHQQhhhhHHhhh",
            0x10000, 0x10000, 0, 0x5F0F3CF5, 0, 1000, 0, 0, 0, descent, 1000, ascent, 0, 8, 2, 0, 0,
        ),
        "hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, ascent, descent, 0, 1000,
                            0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, count),
        "maxp": struct.pack(">IH", 0x5000, count),
        "hmtx": b"".join(struct.pack(">Hh", advance, 0) for advance in advances),
        "cmap": struct.pack(">HHHHI", 0, 1, 3, 10, 12) + subtable,
    }  # fmt: skip
