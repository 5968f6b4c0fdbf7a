"""The kinds of private data that docharmony itself finds: name -> (target, summary). Light to import."""

from __future__ import annotations

_HERE = "docharmony.detect"

KINDS: dict[str, tuple[str, str]] = {
    "email": (f"{_HERE}.pii_contact:Email", "e-mail addresses"),
    "phone": (f"{_HERE}.pii_contact:Phone", "telephone numbers, international and national"),
    "url": (f"{_HERE}.pii_contact:Url", "web addresses"),
    "ip": (f"{_HERE}.pii_contact:Ip", "IP addresses, version 4 and 6"),
    "iban": (f"{_HERE}.pii_numbers:Iban", "bank accounts (IBAN, checksum)"),
    "credit_card": (f"{_HERE}.pii_numbers:CreditCard", "payment card numbers (checksum)"),
    "ssn": (f"{_HERE}.pii_numbers:Ssn", "US social security numbers"),
    "national_id": (f"{_HERE}.pii_ids:NationalId", "personal and tax ids of 30 countries"),
    "passport": (f"{_HERE}.pii_told:PASSPORT", "passports and identity cards, after such a word"),
    "driving_licence": (f"{_HERE}.pii_told:DRIVING_LICENCE", "driving licences, after such a word"),
    "bank_account": (
        f"{_HERE}.pii_told:BANK_ACCOUNT",
        "account and routing numbers, after such a word",
    ),
    "medical_record": (
        f"{_HERE}.pii_told:MEDICAL_RECORD",
        "numbers of patients and of health insurance, after such a word",
    ),
    "vehicle": (f"{_HERE}.pii_told:VEHICLE", "vehicle identification numbers (check digit)"),
    "date_of_birth": (f"{_HERE}.pii_birth:DateOfBirth", "dates near words of birth"),
}
