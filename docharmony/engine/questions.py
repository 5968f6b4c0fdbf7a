"""What the language model for questions is shown, in words its experts are trained on.

The document comes first, so that what the model made of it serves every question on it.
"""

from __future__ import annotations

ABSENT = "not in the document"
END = "<|im_end|>"


def document(context: str) -> str:
    """Return what stands before every question on a document.

    Args:
        context: passages, separated by blank lines; lines of a passage on lines of their own.
    """
    return f"Document:\n{context.strip()}\n\n"


def question(text: str) -> str:
    """Return one question; the answer follows after a blank, and END.

    >>> question(" Who\\nsigned? ")
    'Question: Who signed?\\nAnswer:'
    """
    return f"Question: {' '.join(text.split())}\nAnswer:"
