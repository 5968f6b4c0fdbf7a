"""Detector of dates of birth: dates that stand near a word of birth, in many languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .base import Match

_WORDS = re.compile(
    r"(?<![^\W_])(?:"
    r"date\s+of\s+birth|birth\s?-?date|birth\s?day|d\.?\s?o\.?\s?b|born(?:\s+on)?|b\.\s?(?=\d)|"
    r"geboren(?:\s+am)?|geb\.?(?=\W)(?:\s?am)?|geburts(?:datum|tag)\w*|"
    r"date\s+de\s+naissance|n[ée]e?\(?e?\)?(?:\s+le)?(?=[\s:,])|naissance|"
    r"fecha\s+de\s+nacimiento|nacid[oa](?:/a|\(a\))?(?:\s+el)?|nacimiento|"
    r"data\s+di\s+nascita|nat[oa](?:/a|\(a\))?(?:\s+il)?(?=[\s:,])|nascita|"
    r"data\s+de\s+nascimento|nascid[oa](?:/a|\(a\))?(?:\s+em)?|nascimento|"
    r"geboortedatum|geboren(?:\s+op)?|data\s+urodzenia|urodzon[ya]|ur\.|"
    r"f[öø]dd?(?:elsedatum|selsdato|t|\.)?(?=\W)|fødselsdag|syntym[äa]aika|syntynyt|"
    r"datum\s+narozen[íi]|narozen[aáý]?|nar\.|d[áa]tum\s+narodenia|datum\s+rođenja|"
    r"sz[üu]let(?:ett|[ée]si)\w*(?:\s+\w+)?|data\s+na[șs]terii|n[ăa]scut[ăa]?|do[ğg]um\s+tarihi|"
    r"ημερομηνία\s+γέννησης|γεννήθηκε|дата\s+рождения|родил(?:ся|ась)|дата\s+народження|"
    r"дата\s+на\s+раждане|tanggal\s+lahir|ng[àa]y\s+sinh|生年月日|出生日期|出生(?:年月日?|于)?|생년월일|"
    r"תאריך\s+לידה|تاريخ\s+الميلاد|\*\s?(?=\d)"
    r")",
    re.IGNORECASE,
)
_MONTHS = (
    r"jan\w*|feb\w*|m[aä]r\w*|[aá]pr\w*|avr\w*|abr\w*|ma[ijy]\w*|mag\w*|mei|jun\w*|juin|juni|giu\w*|"
    r"jul\w*|juil\w*|lug\w*|aug\w*|ao[uû]t|ago\w*|sep\w*|set\w*|okt\w*|oct\w*|ott\w*|out\w*|nov\w*|"
    r"de[cszk]\w*|dic\w*|d[ée]c\w*|f[ée]v\w*|ene\w*|gen\w*|dez\w*|styczni\w*|lut\w*|marca|kwie\w*|"
    r"maja|czerw\w*|lip\w*|sierp\w*|wrze\w*|pa[zź]dz\w*|list\w*|grud\w*|leden|ledna|[úu]nor\w*|"
    r"b[řr]ez\w*|dub\w*|kv[ěe]t\w*|[čc]erv\w*|srp\w*|z[áa][řr]\w*|[řr][íi]j\w*|pros\w*|"
    r"янв\w*|фев\w*|мар\w*|апр\w*|ма[йя]|июн\w*|июл\w*|авг\w*|сен\w*|окт\w*|ноя\w*|дек\w*"
)
# Digits as a reader of scans may give them.
_D = r"[\dOIl]"
_DATE = re.compile(
    rf"(?<![^\W_])(?:{_D}{{1,2}}\s?[./\u2013-]\s?{_D}{{1,2}}\s?[./\u2013-]\s?{_D}{{2,4}}"
    rf"|{_D}{{4}}\s?[./\u2013-]\s?{_D}{{1,2}}\s?[./\u2013-]\s?{_D}{{1,2}}"
    rf"|{_D}{{1,2}}(?:st|nd|rd|th|er|[.ºª])?[\s-]{{0,2}}(?:de\s|of\s|di\s)?(?:{_MONTHS})\.?,?[\s-]{{1,2}}"
    rf"(?:de\s|del\s)?{_D}{{4}}"
    rf"|(?:{_MONTHS})\.?[\s-]{_D}{{1,2}}(?:st|nd|rd|th)?,?\s{_D}{{4}}"
    r"|\d{4}\s?[年년]\s?\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일]"
    r"|\d{2}\s\d{2}\s\d{4}|(?:19|20)\d{2}[01]\d[0-3]\d|[0-3]\d[01]\d(?:19|20)\d{2})(?![^\W_])",
    re.IGNORECASE,
)
# How far behind the word the date may stand: a label above its box, a place between them.
_REACH = 60


class DateOfBirth:
    """Dates that follow, or directly precede, a word of birth."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the dates of birth in each text."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        dates = [found.span() for found in _DATE.finditer(text)]
        if not dates:
            return
        words = [found.span() for found in _WORDS.finditer(text)]
        for start, end in dates:
            before = max((last for _, last in words if 0 <= start - last <= _REACH), default=None)
            if before is not None:
                # A date between them is the one meant, unless dates alone follow, as in a table.
                between = [(s, e) for s, e in dates if before <= s and e <= start]
                if not between:
                    yield Match(start, end, "date of birth", 0.95)
                elif not _without(text, between, start):
                    yield Match(start, end, "date of birth", 0.6)
            elif any(0 <= first - end <= 3 and text[first] != "*" for first, _ in words):
                yield Match(start, end, "date of birth", 0.7)


def _without(text: str, dates: Sequence[tuple[int, int]], end: int) -> str:
    """Return what stands between the first date and ``end`` besides dates, stripped."""
    ends = [*(first for first, _ in dates[1:]), end]
    return "".join(text[e:s].strip() for (_, e), s in zip(dates, ends, strict=True))
