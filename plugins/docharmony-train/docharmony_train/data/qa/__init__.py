"""Made documents with known answers: invoices, receipts, forms, statements, letters and more.

A document is a function of its seed and split: facts of a kind of document in one of eight languages
(``content``), set in a layout put together from independent choices (``layout``), drawn by PyMuPDF
(``paper``), with questions whose answers, pages and boxes are known (``asking``), and as a scan
(``scans``). Everything in them is invented. No torch in here.

Held out by construction: ``dev`` knows five languages, seven kinds, some ways to draw each component,
most labels and paraphrases; ``test`` draws with components, labels, paraphrases and two kinds that
``dev`` never has; ``languages`` is ``test`` in three languages that ``dev`` never has.
"""

from __future__ import annotations

from .made import KINDS, LANGUAGES, SPLITS, MadeDocument, make
from .parts import Fact, Question
from .scans import Scan, scan

__all__ = [
    "KINDS",
    "LANGUAGES",
    "SPLITS",
    "Fact",
    "MadeDocument",
    "Question",
    "Scan",
    "make",
    "scan",
]
