"""Which pairs of languages apertium has here, and which Debian packages bring more."""

from __future__ import annotations

from collections.abc import Sequence

from docharmony.translators.tags import alpha3, language, region

# Packages of Debian 12; most translate both ways.
PACKAGES = (
    "afr-nld", "arg-cat", "bel-rus", "br-fr", "cat-ita", "cat-srd", "dan-nor", "en-gl", "eng-cat",
    "eng-spa", "eo-ca", "eo-en", "eo-es", "eo-fr", "es-gl", "es-pt", "es-ro", "eu-en", "eu-es",
    "fr-es", "fra-cat", "fra-frp", "hbs-eng", "hbs-mkd", "hbs-slv", "ind-zlm", "isl-eng", "isl-swe",
    "mkd-bul", "mkd-eng", "nno-nob", "oc-ca", "oc-es", "oci-fra", "pol-szl", "por-cat", "pt-gl",
    "rus-ukr", "spa-arg", "spa-ast", "spa-cat", "spa-ita", "srd-ita", "swe-dan", "swe-nor", "urd-hin",
)  # fmt: skip
# Names that apertium has for languages besides their own codes.
_OTHERS = {
    "sr": ("hbs",), "hr": ("hbs",), "bs": ("hbs",), "no": ("nob", "nor", "nno"), "nb": ("nor",),
    "nn": ("nor",), "ms": ("zlm",),
}  # fmt: skip


def names(tag: str) -> list[str]:
    """Return what apertium may call a language, the likeliest first.

    >>> names("es"), names("hr")
    (['spa', 'es'], ['hrv', 'hr', 'hbs'])
    """
    own = language(tag)
    return list(dict.fromkeys((alpha3(own), own, *_OTHERS.get(own, ()))))


def mode(installed: Sequence[str], source: str, target: str) -> str | None:
    """Return the installed mode that translates between two languages; None where there is none.

    A mode for the region wanted comes first: ``es-pt_BR`` for pt-BR.

    >>> mode(["es-pt", "es-pt_BR", "pt-es"], "es", "pt-BR"), mode(["eng-spa"], "es", "en")
    ('es-pt_BR', None)
    """
    for suffix in (f"_{region(target)}", "") if region(target) else ("",):
        for left in names(source):
            for right in names(target):
                if f"{left}-{right}{suffix}" in installed:
                    return f"{left}-{right}{suffix}"
    return None


def package(source: str, target: str) -> str | None:
    """Return the Debian package with this pair; None where Debian has none.

    >>> package("en", "es"), package("es", "en"), package("en", "de")
    ('apertium-eng-spa', 'apertium-eng-spa', None)
    """
    wanted = set(names(source)), set(names(target))
    for pair in PACKAGES:
        left, right = pair.split("-")
        if (left in wanted[0] and right in wanted[1]) or (left in wanted[1] and right in wanted[0]):
            return f"apertium-{pair}"
    return None
