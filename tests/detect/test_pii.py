"""Kinds of private data: what must be found, and what must be left alone. All values are made up."""

from __future__ import annotations

import time
from importlib import import_module

import pytest

from docharmony.detect.base import Detector
from docharmony.detect.pii import KINDS


def detector(kind: str) -> Detector:
    module, _, name = KINDS[kind][0].partition(":")
    target = getattr(import_module(module), name)
    made: Detector = target() if isinstance(target, type) else target
    return made


def found(kind: str, text: str) -> list[str]:
    (matches,) = detector(kind).find([text])
    return sorted({text[m.start : m.end] for m in matches}, key=text.index)


YES = {
    "email": [
        ("write to jane.roe+x@mail.exam-ple.co.uk, please", "jane.roe+x@mail.exam-ple.co.uk"),
        ("<müller@bücher.example.de>", "müller@bücher.example.de"),
        ("(jane@example.org).", "jane@example.org"),
        ("jane @ example.org", "jane @ example.org"),
        ("jane (at) example [dot] org", "jane (at) example [dot] org"),
        ("root@[10.0.0.1] today", "root@[10.0.0.1]"),
        ("to jane.roe@exam-\nple.com, or", "jane.roe@exam-\nple.com"),
        ("jane.roe@\nexample.com", "jane.roe@\nexample.com"),
        ("to jane@example.org.\nThanks", "jane@example.org"),
    ],
    "phone": [
        ("+49 30 901820", "+49 30 901820"),
        ("call (212) 555-0123 now", "(212) 555-0123"),
        ("1-800-555-0199", "1-800-555-0199"),
        ("020 7946 0958", "020 7946 0958"),
        ("01 42 68 53 00", "01 42 68 53 00"),
        ("0049 30 901820", "0049 30 901820"),
        ("Tel.: 1234567", "1234567"),
        ("Phone no. 555-0123", "555-0123"),
        ("Mobile (private): 0171 1234567", "0171 1234567"),
        ("+1 212 555 0123 ext. 45", "+1 212 555 0123 ext. 45"),
        ("(11) 91234-5678", "(11) 91234-5678"),
        ("+49 30\n901820", "+49 30\n901820"),
        ("Ph 98765 43210", "98765 43210"),
        ("P: 98765 43210", "98765 43210"),
    ],
    "url": [
        ("see https://example.org/a?b=(c).", "https://example.org/a?b=(c)"),
        ("(www.example.de)", "www.example.de"),
        ("at example.co.uk/x, and", "example.co.uk/x"),
        ("ftp://files.example.org", "ftp://files.example.org"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
    ],
    "ip": [
        ("from 192.168.0.12.", "192.168.0.12"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1:8080", "10.0.0.1"),
        ("fe80::1%eth0 is", "fe80::1%eth0"),
        ("[2001:db8::8a2e:370:7334]:80", "2001:db8::8a2e:370:7334"),
        ("::1", "::1"),
    ],
    "iban": [
        ("IBAN: DE89 3704 0044 0532 0130 00 BIC", "DE89 3704 0044 0532 0130 00"),
        ("GB82WEST12345698765432,", "GB82WEST12345698765432"),
        ("DE89 3704 0044\n0532 0130 00", "DE89 3704 0044\n0532 0130 00"),
        ("NO93 8601 1117 947 and more", "NO93 8601 1117 947"),
        ("DE89 37O4 0044 0532 O13O 00", "DE89 37O4 0044 0532 O13O 00"),  # misread zeros
        ("IBAN DE88 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"),  # a misread digit
    ],
    "credit_card": [
        ("4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("5500-0000-0000-0004.", "5500-0000-0000-0004"),
        ("3782 822463 10005", "3782 822463 10005"),
        ("6011000990139424", "6011000990139424"),
        ("4111\n1111\n1111\n1111", "4111\n1111\n1111\n1111"),
        ("41ll 1111 1111 1111", "41ll 1111 1111 1111"),
        ("4111 1111\n1111 1111", "4111 1111\n1111 1111"),
        ("4111-1111-\n1111-1111", "4111-1111-\n1111-1111"),
        ("Visa 4111 1111 1111 1112", "4111 1111 1111 1112"),  # a misread digit
    ],
    "ssn": [
        ("123-45-6789", "123-45-6789"),
        ("SSN: 123456789", "123456789"),
        ("Social Security Number\n123 45 6789", "123 45 6789"),
        ("ITIN 900-70-1234", "900-70-1234"),
        ("123-45-\n6789", "123-45-\n6789"),
    ],
    "national_id": [
        ("Steuer-ID: 36 574 261 809", "36 574 261 809"),
        ("2 95 10 99 126 111 93", "2 95 10 99 126 111 93"),
        ("DNI 54362315K", "54362315K"),
        ("X2482300W", "X2482300W"),
        ("codice fiscale RCCMNL83S18D969H", "RCCMNL83S18D969H"),
        ("BSN 111222333", "111222333"),
        ("AB 12 34 56 C", "AB 12 34 56 C"),
        ("NHS No: 943 476 5870", "943 476 5870"),
        ("PESEL 44051401359", "44051401359"),
        ("880320-0016", "880320-0016"),
        ("390.533.447-05", "390.533.447-05"),
        ("CPF: 39053344705", "39053344705"),
        ("131052-308T", "131052-308T"),
        ("756.9217.0769.85", "756.9217.0769.85"),
        ("85.07.30-033.28", "85.07.30-033.28"),
        ("rodné číslo 710319/2745", "710319/2745"),
        ("CNP 1630615123457", "1630615123457"),
        ("Aadhaar 2341 2341 2346", "2341 2341 2346"),
        ("11010519491231002X", "11010519491231002X"),
        ("12.531.909-2", "12.531.909-2"),
    ],
    "passport": [
        ("Passport No. C01X00T47, issued 2019", "C01X00T47"),
        ("Reisepass-Nr.: C01X00T47", "C01X00T47"),
        ("Passport number Nationality\n123456789 USA", "123456789"),
        ("паспорт 45 04 123456".replace("45 04", "4504"), "4504 123456"),
        ("ID card no: L01X00T471", "L01X00T471"),
        ("carte d’identité 880692310285", "880692310285"),
    ],
    "driving_licence": [
        ("Driver's license D1234567 CLASS B", "D1234567"),
        ("Driver’s License No: 123 456 789", "123 456 789"),
        ("driving licence MORGA657054SM9IJ", "MORGA657054SM9IJ"),
        ("Führerschein-Nr. B072RRE2I55", "B072RRE2I55"),
    ],
    "bank_account": [
        ("Account No. 12345678 Amount 250000", "12345678"),
        ("Routing number: 021000021", "021000021"),
        ("sort code 12-34-56", "12-34-56"),
        ("Kto-Nr. 48567", "48567"),
        ("BLZ 370 400 44", "370 400 44"),
        ("número de cuenta: 0049 1500 05 1234567892", "0049 1500 05 1234567892"),
    ],
    "medical_record": [
        ("MRN: 00123456", "00123456"),
        ("Patient ID 12-345-678", "12-345-678"),
        ("Member ID: XYZ123456789", "XYZ123456789"),
        ("Versicherten-Nr. A123456780", "A123456780"),
    ],
    "vehicle": [
        ("a car, 1M8GDM9AXKP042788", "1M8GDM9AXKP042788"),
        ("VIN: WDB9066331S123456", "WDB9066331S123456"),
    ],
    "date_of_birth": [
        ("born on 12.05.1990 in Bonn", "12.05.1990"),
        ("DOB: 3 May 1980", "3 May 1980"),
        ("geb. am 3. März 1975", "3. März 1975"),
        ("née le 12 juin 1988", "12 juin 1988"),
        ("Date of birth\n\n1999-02-01\n\nIssued", "1999-02-01"),
        ("生年月日 1990年5月12日", "1990年5月12日"),
        ("nato a Roma il 12/05/1990", "12/05/1990"),
        ("fecha de nacimiento: 12 de mayo de 1990", "12 de mayo de 1990"),
        ("Date of birth: OI/O2/1999", "OI/O2/1999"),
        ("* 03.05.1980", "03.05.1980"),
        ("May 12, 1990 (born)", "May 12, 1990"),
        ("дата рождения: 12.05.1990", "12.05.1990"),
    ],
}
NO = {
    "email": ["a@b", "@home", "foo @ bar", "5 @ 3.50 each", "at example dot", "user@localhost"],
    "phone": [
        "12.05.1990", "2023-11-05 12:30", "invoice 20231105", "page 12-34", "3.14159265358979",
        "4111 1111 1111 1111", "ISBN 978-3-16-148410-0", "192.168.100.200", "12 345 678",
        "1,234,567.00", "10 20 30 40 50 60", "2024 2025 2026 2027", "IBAN DE89 3704 0044 0532 0130 00",
        "123-45-6789", "1999-2001 2002-2004", "100 200 300 400", "pp. 101-117", "10115 Berlin",
        "11 (2007/11/23 v1.2)",
    ],
    "url": ["e.g. this", "i.e. that", "the file main.py", "U.S. law", "jane@example.com", "Inc.The",
            "3.com", "end.Next", "README.md"],
    "ip": ["256.1.1.1", "version 1.2.3.4", "v1.2.3.4", "1.2.3.4.5", "std::cout", "12:30:45",
           "Foo::Bar", "section 1.2.3.4", "1.2.3"],
    "iban": ["DE88370400440532013000", "NO 12 DE 20 something else", "DE89", "order AB12 3456 7890",
             "XX89 3704 0044 0532 0130 00"],
    "credit_card": ["4111 1111 1111 1112", "1234567890123456", "12345678901234567890",
                    "0000 0000 0000 0000", "20231105123456", "ISBN 9783161484100"],
    "ssn": ["000-12-3456", "666-12-3456", "123456789", "123 45 6789", "555-12-34567", "2023-45-6789"],
    "national_id": ["36574261809", "44051401359", "111222333", "12345678A", "880320-0017",
                    "390.533.447-06", "order 1234567890", "131052-308X"],
    "passport": ["passport fee 80.00", "C01X00T47", "a passport issued 2019-04-12", "Passport 2024"],
    "driving_licence": ["D1234567", "120 mg/dl 1234567", "driver's license issued 2019-04-12"],
    "bank_account": ["account 12345678", "on account of 12345 votes", "1234567890",
                     "account no longer holds 12,345"],
    "medical_record": ["the patient was 12345678", "record 12345678", "policy of 20231105"],
    "vehicle": ["1M8GDM9A1KP042788", "VIN 12345", "11111111111111111"],
    "date_of_birth": ["Invoice date 12.05.1990", "the native 12.05.1990", "born in Bonn",
                      "reborn 12.05.1990", "chapter 3.5.1980"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), [(k, *row) for k in YES for row in YES[k]])
def test_finds(kind: str, text: str, value: str) -> None:
    assert found(kind, text) == [value]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in NO for text in NO[kind]])
def test_leaves_alone(kind: str, text: str) -> None:
    assert found(kind, text) == []


def test_every_kind_is_tested_both_ways() -> None:
    assert set(YES) == set(NO) == set(KINDS)


def test_an_address_that_goes_on_over_a_line_goes_whole() -> None:
    assert "jane-\nroe@example.com" in found("email", "by jane-\nroe@example.com")


def test_several_numbers_after_one_word() -> None:
    text = "Account numbers: 12345678 and 87654321, in 250000 words"
    assert found("bank_account", text) == ["12345678", "87654321"]


def test_only_the_date_next_to_the_word_of_birth_is_one() -> None:
    assert found("date_of_birth", "born on 12.05.1990, hired on 01.02.2020") == ["12.05.1990"]


def test_of_a_row_of_dates_under_a_word_of_birth_any_may_be_meant() -> None:
    text = "Issued Date of birth\n01/02/2020 12/05/1990"
    assert found("date_of_birth", text) == ["01/02/2020", "12/05/1990"]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_keep_their_order_and_empty_texts_are_fine(kind: str) -> None:
    text, value = YES[kind][0]
    first, second, third = detector(kind).find(["", text, ""])
    assert (first, third) == ([], [])
    assert [text[m.start : m.end] for m in second] == [value]
    for match in second:
        assert 0.0 < match.confidence <= 1.0
        assert value not in match.rule


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "1" * 20_000, "1 " * 10_000, "1-" * 10_000, "a" * 20_000, "a." * 10_000, "a@" * 10_000,
        ":" * 20_000, "a:" * 10_000, "DE89 " * 4_000, "(" * 20_000, "0" + " (0)" * 5_000,
        "born " * 4_000, "\n" * 20_000, "www." * 5_000, "Tel. 0" * 3_000,
    ],
    ids=range(15),
)  # fmt: skip
def test_hostile_texts_take_little_time(kind: str, text: str) -> None:
    finder = detector(kind)
    finder.find([YES[kind][0][0]])  # load its tables
    started = time.perf_counter()
    finder.find([text])
    assert time.perf_counter() - started < 5.0
