"""Detector of national ids: what identifies a person to a state, by each country's own checksum."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

from .base import Match


@dataclass(frozen=True)
class _Id:
    """One country's id.

    Attributes:
        label: what it is, for people.
        module: its validator below the package ``stdnum``; ``""`` where the shape is all there is.
        shape: how it is written.
        words: words that announce it.
        alone: whether shape and checksum are proof enough without such a word.
    """

    label: str
    module: str
    shape: str
    words: str
    alone: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.,/-])(?:{self.shape})(?![\w/-])(?![.,]\d)")

    @cached_property
    def context(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![^\W_])(?:{self.words})(?![^\W\d_])", re.IGNORECASE)

    def is_valid(self, value: str) -> bool:
        if not self.module:
            return True
        return bool(import_module(f"stdnum.{self.module}").is_valid(value))


_S = r"[ \n.-]?"
_TAX = r"tax\s+(?:id|no|number|file|identification)\w*"
_ID = r"(?:national|personal|identity|id)\s*(?:id|no|nr|number|card|code)\w*"

IDS: tuple[_Id, ...] = (
    _Id("German tax id", "de.idnr", rf"\d{{2}}{_S}\d{{3}}{_S}\d{{3}}{_S}\d{{3}}",
        rf"steuer\w*|idnr\.?|identifikationsnummer|tin|{_TAX}"),
    _Id("German social insurance number", "", r"\d{2} ?[0-3]\d[01]\d{3} ?[A-Z] ?\d{3}",
        r"sozialversicherung\w*|rentenversicherung\w*|versicherungsnummer|sv-?n\w*|rvnr", False),
    _Id("French social security number", "fr.nir",
        r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
        r"nir|s[ée]curit[ée]\s+sociale|insee", True),
    _Id("Spanish DNI", "es.dni", rf"\d{{2}}\.?\d{{3}}\.?\d{{3}}{_S}[A-Z]", r"dni|nif", True),
    _Id("Spanish NIE", "es.nie", rf"[XYZ]{_S}\d{{7}}{_S}[A-Z]", r"nie", True),
    _Id("Italian tax code", "it.codicefiscale",
        r"(?:[A-Z]{3} ?){2}[\dLMNP-V]{2}[A-EHLMPRST][\dLMNP-V]{2} ?[A-Z][\dLMNP-V]{3}[A-Z]",
        r"codice\s+fiscale|c\.?f", True),
    _Id("Dutch citizen number", "nl.bsn", rf"\d{{4}}{_S}\d{{2}}{_S}\d{{3}}|\d{{8,9}}",
        r"bsn|burgerservice\w*|sofi\w*|persoonsnummer"),
    _Id("UK National Insurance number", "",
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
        r" ?\d{2} ?\d{2} ?\d{2} ?[A-D]", r"ni\s?n\w*|national\s+insurance", True),
    _Id("UK NHS number", "gb.nhs", rf"\d{{3}}{_S}\d{{3}}{_S}\d{{4}}", r"nhs"),
    _Id("UK tax reference", "gb.utr", rf"\d{{5}}{_S}\d{{5}}K?", rf"utr|{_TAX}|taxpayer\s+ref\w*"),
    _Id("Polish PESEL", "pl.pesel", r"\d{11}", r"pesel"),
    _Id("Swedish personal number", "se.personnummer", r"(?:19|20)?\d{6}[-+]\d{4}",
        r"person\w*|pnr", True),
    _Id("Swedish personal number", "se.personnummer", r"(?:19|20)?\d{10}", r"person\w*|pnr"),
    _Id("Norwegian birth number", "no.fodselsnummer", r"\d{6} ?\d{5}",
        r"f[øo]dsels\w*|personn\w*|fnr"),
    _Id("Finnish personal code", "fi.hetu", r"\d{6}[-+A-FU-Y]\d{3}[\dA-Y]", r"henkil\w*|hetu", True),
    _Id("Danish CPR number", "dk.cpr", r"\d{6}-\d{4}|\d{10}", r"cpr\w*|personn\w*"),
    _Id("Belgian national number", "be.nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", "", True),
    _Id("Belgian national number", "be.nn", rf"\d{{6}}{_S}\d{{3}}{_S}\d{{2}}",
        r"rijksregister\w*|registre\s+national|niss|insz|nn"),
    _Id("Portuguese NIF", "pt.nif", r"\d{3} ?\d{3} ?\d{3}", r"nif|contribuinte"),
    _Id("Portuguese citizen card", "pt.cc", r"\d{8} ?\d ?[A-Z\d]{2}\d", r"cc|cart[ãa]o\s+\w+", False),
    _Id("Swiss AHV number", "ch.ssn", r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}", r"ahv\w*|avs", True),
    _Id("Austrian social insurance number", "at.vnr", r"\d{4} ?\d{6}",
        r"sozialversicherung\w*|svnr|sv-?n\w*|versicherungsnummer"),
    _Id("Irish PPS number", "ie.pps", r"\d{7} ?[A-W][A-IW]?", r"pps\w*", True),
    _Id("Czech birth number", "cz.rc", r"\d{6}/\d{3,4}", r"rodn\w*|r\.?č", True),
    _Id("Czech or Slovak birth number", "cz.rc", r"\d{9,10}", r"rodn\w*|r\.?č"),
    _Id("Romanian CNP", "ro.cnp", r"[1-9]\d{12}", r"cnp|cod\s+numeric"),
    _Id("Bulgarian EGN", "bg.egn", r"\d{10}", r"егн|egn"),
    _Id("Greek AMKA", "gr.amka", r"\d{11}", r"αμκα|amka|α\.μ\.κ\.α"),
    _Id("Croatian OIB", "hr.oib", r"\d{11}", r"oib"),
    _Id("Slovenian EMŠO", "si.emso", r"\d{13}", r"em[šs]o|jmbg|матични"),
    _Id("Baltic personal code", "ee.ik", r"[1-6]\d{10}", r"isikukood|asmens\s+\w+|personal\s+code|ik"),
    _Id("Icelandic kennitala", "is_.kennitala", r"\d{6}-\d{4}", r"kennitala|kt", True),
    _Id("Turkish identity number", "tr.tckimlik", r"[1-9]\d{10}", r"kimlik\w*|t\.?c\.?|tckn"),
    _Id("Ukrainian tax number", "ua.rntrc", r"\d{10}", r"рнокпп|іпн|ідентифікаційний"),
    _Id("Brazilian CPF", "br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", r"cpf", True),
    _Id("Brazilian CPF", "br.cpf", r"\d{11}", r"cpf"),
    _Id("Mexican CURP", "mx.curp", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", r"curp", True),
    _Id("Chilean RUT", "cl.rut", r"\d{1,2}\.\d{3}\.\d{3}-[\dKk]|\d{7,8}-[\dKk]", r"ru[tn]", True),
    _Id("Argentinian CUIT", "ar.cuit", r"\d{2}-\d{8}-\d", r"cui[tl]", True),
    _Id("Canadian SIN", "ca.sin", rf"\d{{3}}{_S}\d{{3}}{_S}\d{{3}}",
        r"sin|nas|social\s+insurance|assurance\s+sociale"),
    _Id("Australian tax file number", "au.tfn", rf"\d{{3}}{_S}\d{{3}}{_S}\d{{2,3}}",
        rf"tfn|{_TAX}"),
    _Id("South African id", "za.idnr", r"\d{6} ?\d{4} ?[01]\d{2}", rf"rsa|sa\s+id|{_ID}"),
    _Id("Israeli id", "il.idnr", r"\d{8,9}|\d{1}-\d{7}-\d", rf"ת\.?ז|זהות|teudat|{_ID}"),
    _Id("Indian Aadhaar", "in_.aadhaar", r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}",
        r"aadha?ar|uidai|uid|आधार"),
    _Id("Indian PAN", "in_.pan", r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]", r"pan", True),
    _Id("Chinese resident id", "cn.ric", r"[1-9]\d{16}[\dXx]", r"身份证\w*", True),
    _Id("Japanese My Number", "jp.in_", r"\d{4}[ -]?\d{4}[ -]?\d{4}", r"個人番号|マイナンバー|"
        r"my\s?number"),
    _Id("South Korean registration number", "kr.rrn", r"\d{6}-[1-8]\d{6}", r"주민\w*|rrn", True),
    _Id("Thai id", "th.pin", r"\d-\d{4}-\d{5}-\d{2}-\d|\d{13}", rf"เลขประจำตัว\w*|{_ID}"),
    _Id("Malaysian NRIC", "my.nric", r"\d{6}-\d{2}-\d{4}", r"nric|mykad|kad\s+pengenalan", True),
    _Id("Indonesian NIK", "id.nik", r"\d{16}", r"nik|ktp"),
    _Id("Pakistani CNIC", "pk.cnic", r"\d{5}-\d{7}-\d", r"cnic", True),
)  # fmt: skip

# Says "this is somebody's id" in general; a valid checksum of any country is then enough.
_REACH = 60


class NationalId:
    """Personal and tax ids of many countries: right shape and checksum, a word where needed."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the ids in each text."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        for kind in IDS:
            for found in kind.pattern.finditer(text):
                start, end = found.span()
                told = bool(kind.words) and kind.context.search(text, max(0, start - _REACH), start)
                if not (told or kind.alone) or not kind.is_valid(found.group()):
                    continue
                yield Match(start, end, kind.label, 1.0 if told else 0.8)
