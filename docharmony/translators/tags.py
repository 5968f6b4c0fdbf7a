"""Language tags: what people write (``eng``, ``de_AT``, ``zh-Hant``) as BCP 47, and when two are one."""

from __future__ import annotations

from functools import cache

from ..errors import UsageError

# Written forms of one language, or names of it, between which nobody translates.
_SAME = {"nb": "no", "nn": "no", "cmn": "zh", "fil": "tl", "sh": "sr", "bs": "sr", "hr": "sr"}


@cache
def normal(tag: str) -> str:
    """Return the tag in BCP 47: the shortest code, region in capitals, underscores as hyphens.

    >>> normal("spa"), normal("pt_br"), normal("zh-hant")
    ('es', 'pt-BR', 'zh-Hant')

    Raises:
        UsageError: it is no language tag.
    """
    import langcodes

    try:
        found = langcodes.standardize_tag(tag.strip().replace("_", "-"))
        if langcodes.tag_is_valid(found) and found != "und":
            return found
    except ValueError:  # LanguageTagError is one
        pass
    raise UsageError(
        f"{tag!r} is not a language",
        hint="Write a code such as en, de, pt-BR or zh-Hans; names are not understood.",
    )


@cache
def language(tag: str) -> str:
    """Return the language alone.

    >>> language("pt-BR"), language("zh-Hant")
    ('pt', 'zh')
    """
    return tag.replace("_", "-").partition("-")[0].lower()


@cache
def region(tag: str) -> str:
    """Return the region, ``""`` where the tag has none.

    >>> region("zh-Hant-HK"), region("fr")
    ('HK', '')
    """
    parts = tag.replace("_", "-").split("-")[1:]
    return next((part.upper() for part in parts if len(part) == 2 or part.isdigit()), "")


@cache
def script(tag: str) -> str:
    """Return the script that the tag names, ``""`` where it names none.

    >>> script("sr-Latn"), script("sr")
    ('Latn', '')
    """
    parts = tag.replace("_", "-").split("-")[1:]
    return next((part.title() for part in parts if len(part) == 4 and part.isalpha()), "")


@cache
def alpha3(tag: str) -> str:
    """Return the three-letter code of ISO 639-3.

    >>> alpha3("es"), alpha3("nb"), alpha3("pt-BR")
    ('spa', 'nob', 'por')
    """
    import langcodes

    try:
        return str(langcodes.Language.get(tag).to_alpha3())
    except LookupError:
        return language(tag)


def same(a: str, b: str) -> bool:
    """Return whether a text in ``a`` needs no translation into ``b``.

    Regions do not count, and scripts only where both are named. Norwegian's two forms, and the
    standards of Serbo-Croatian in one script, are near enough to be left alone.

    >>> same("en-GB", "en"), same("nb", "no"), same("zh-Hans", "zh-Hant"), same("es", "pt")
    (True, True, False, False)
    """
    first, second = language(a), language(b)
    if script(a) and script(b) and script(a) != script(b):
        return False
    return first == second or _SAME.get(first, first) == _SAME.get(second, second)
