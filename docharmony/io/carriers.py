"""What a document carries besides its pages, and what becomes of it: a policy for each carrier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from ..errors import ConfigError

Profile = Literal["minimal", "publish"]
Policy = Literal["clean", "remove", "keep"]

CHOICES: Mapping[str, str] = {
    "attachments": "embedded files, file annotations, portfolios",
    "actions": "JavaScript and other actions",
    "annotations": "comments and their authors, links, popups",
    "forms": "values and names of form fields, XFA",
    "bookmarks": "bookmarks",
    "destinations": "named destinations, page labels",
    "tags": "the structure tree and its alternative texts",
    "layers": "names of layers",
    "metadata": "document information, XMP",
    "image_texts": "EXIF and comments in JPEG images",
    "application_data": "thumbnails, private data of programs, article threads",
}
"""Carriers that a user can decide on."""

# Nobody decides on these: what they clean could bring a removed text back.
_ALWAYS = ("astray", "unused", "fonts", "type3", "strings")


def policies(profile: Profile | Literal["keep"], given: Mapping[str, str]) -> dict[str, Policy]:
    """Return the policy of every carrier: those of the profile, with what was given on top.

    ``clean`` takes out what holds a hit, and what cannot be searched; ``remove`` takes out all;
    ``keep`` takes out what holds a hit and keeps the rest, also what cannot be searched.

    >>> policies("minimal", {"attachments": "keep"})["attachments"]
    'keep'

    Raises:
        ConfigError: no such carrier or policy.
    """
    for name, policy in given.items():
        if name not in CHOICES:
            raise ConfigError(
                f"no such carrier: {name!r}", hint=f"Choose from: {', '.join(CHOICES)}."
            )
        if policy not in ("clean", "remove", "keep"):
            raise ConfigError(
                f"no such policy: {policy!r}",
                where=name,
                hint="Choose clean, remove or keep.",
            )
    usual: Policy = "remove" if profile == "publish" else "clean"
    chosen: dict[str, Policy] = dict.fromkeys((*CHOICES, *_ALWAYS), usual)
    chosen.update({name: cast(Policy, policy) for name, policy in given.items()})
    return chosen
