"""Word F1 and character error rate of what an OCR engine read against a page's text layer."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_FOLD = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "\u00ad": "",
    }
)
_LEADERS = re.compile(r"[._·…-]{3,}$")  # dot leaders glued to a word of a table of contents
_ONLY_LEADERS = re.compile(r"[._·…-]+")


@dataclass(frozen=True, slots=True)
class Placed:
    """A word with its box (x0, y0, x1, y1) in pixels of the clean page."""

    text: str
    box: tuple[float, float, float, float]

    @property
    def center(self) -> tuple[float, float]:
        """Middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True, slots=True)
class Score:
    """Counts that add up over pages."""

    hits: int = 0
    truth_words: int = 0
    read_words: int = 0
    edits: int = 0
    truth_characters: int = 0

    def __add__(self, other: Score) -> Score:
        """Add the counts of another page."""
        return Score(
            self.hits + other.hits,
            self.truth_words + other.truth_words,
            self.read_words + other.read_words,
            self.edits + other.edits,
            self.truth_characters + other.truth_characters,
        )

    @property
    def f1(self) -> float:
        """Word F1, 0.0-1.0."""
        return 2 * self.hits / max(1, self.truth_words + self.read_words)

    @property
    def cer(self) -> float:
        """Edits per character of the truth."""
        return self.edits / max(1, self.truth_characters)


def fold(text: str) -> str:
    """Return the text in NFKC with quotes and dashes folded to ASCII and leaders removed.

    >>> fold("ﬁne"), fold("“a”"), fold("Index....."), fold("....")
    ('fine', '"a"', 'Index', '')
    """
    text = unicodedata.normalize("NFKC", text).translate(_FOLD)
    return "" if _ONLY_LEADERS.fullmatch(text) else _LEADERS.sub("", text)


def tokens(words: Iterable[Placed]) -> list[str]:
    """Return the folded words, split at white space, empty ones left out."""
    return [token for word in words for token in fold(word.text).split() if token]


def score(lines: Sequence[Sequence[Placed]], read: Sequence[Placed]) -> Score:
    """Return the counts for one page.

    Args:
        lines: the truth: words of each line of the text layer.
        read: all words read, with their places, in any order.
    """
    truth = [word for line in lines for word in line]
    wanted, got = Counter(tokens(truth)), Counter(tokens(read))
    edits, characters = _character_edits(lines, read)
    return Score(sum((wanted & got).values()), wanted.total(), got.total(), edits, characters)


def _character_edits(lines: Sequence[Sequence[Placed]], read: Sequence[Placed]) -> tuple[int, int]:
    """Return edits and characters of the truth, white space left out.

    Each word read goes to the line of the truth in which its middle lies, so the order in which an engine
    gives its lines does not count. Words that lie in no line are insertions.
    """
    boxes = [
        (
            min(w.box[0] for w in line),
            min(w.box[1] for w in line),
            max(w.box[2] for w in line),
            max(w.box[3] for w in line),
        )
        for line in lines
    ]
    assigned: list[list[Placed]] = [[] for _ in lines]
    edits = 0
    for word in read:
        x, y = word.center
        best, best_distance = -1, 1.0
        for index, (x0, y0, x1, y1) in enumerate(boxes):
            height = y1 - y0
            aside = max(x0 - x, x - x1, 0.0) / height
            off = abs(y - (y0 + y1) / 2) / (0.75 * height)
            if aside < 2 and off + aside / 2 < best_distance:
                best, best_distance = index, off + aside / 2
        if best < 0:
            edits += len(_bare([word]))
        else:
            assigned[best].append(word)
    characters = 0
    for line, found in zip(lines, assigned, strict=True):
        wanted = _bare(line)
        got = _bare(sorted(found, key=lambda word: word.center[0]))
        edits += distance(wanted, got)
        characters += len(wanted)
    return edits, characters


def _bare(words: Iterable[Placed]) -> str:
    return "".join("".join(fold(word.text).split()) for word in words)


def distance(a: str, b: str) -> int:
    """Return the Levenshtein distance.

    >>> distance("kitten", "sitting")
    3
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]
