"""The register of places in which a secret can hide."""

from __future__ import annotations

from collections.abc import Callable

from ..book import Book

Place = Callable[[Book], None]
PLACES: dict[str, Place] = {}
# Places whose words go with what is removed, or that change what the page looks like.
INEXACT = frozenset(
    {
        "free_text_annotation", "form_field_value", "link_uri", "link_uri_percent", "widget_default",
        "choice_field_options", "file_annotation", "signature_field", "redact_annotation",
        "highlight_contents", "sound_annotation", "unknown_font",
        "image_shared_by_pages",  # a field of another place can stand on it, and goes with it
    }
)  # fmt: skip
NEEDS_TWO_PAGES = frozenset({"over_two_pages", "form_shared_by_pages", "image_shared_by_pages"})


def place(function: Place) -> Place:
    PLACES[function.__name__] = function
    return function
