"""Names of rooms and categories: what one may be, and when two are the same."""

from __future__ import annotations

import re
import unicodedata

from perchat.model.plaintext import check_characters

__all__ = [
    "NAME_LIMIT",
    "checked_description",
    "checked_name",
    "fold",
    "name_key",
    "search_fold",
]

NAME_LIMIT = 256
"""Characters a name or a description may have, as in the original's database."""


_STEERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What makes text read in another order than it is written."""

_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u043c\u0442\u043a\u0432\u043d"
    "\u03b1\u03bf\u03c1\u03bd\u03ba\u03b9\u03c5\u03c7\u03c4\u03f2\u0131\u0237",
    "aeopcyxijsdqwhmtkbhaopvkiuxtcij",
)
"""Cyrillic and Greek letters that cannot be told from Latin ones (as in UTS 39)."""


def fold(name: str) -> str:
    """Return what two names have in common when they count as the same."""
    return unicodedata.normalize("NFC", name).casefold()


_MARKS = re.compile(  # Latin, Greek and Cyrillic, Hebrew points, Arabic vowel signs
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670]"
)
_STROKES = str.maketrans(  # letters that Unicode does not take apart, as people type them plain
    {
        "\u00e6": "ae",
        "\u0153": "oe",
        "\u00f8": "o",
        "\u0111": "d",
        "\u0127": "h",
        "\u0131": "i",
        "\u0142": "l",
        "\u0167": "t",
        "\u01b6": "z",
    }
)


def search_fold(text: str) -> str:
    """
    Return what two texts have in common for who searches: the one rule of all searches.

    Case, compatibility forms, and the marks of Latin, Greek, Cyrillic, Hebrew and Arabic letters
    make no difference, nor do strokes and ligatures of Latin ones: ``Café`` is ``cafe``,
    ``Łódź`` ``lodz``, ``Ёлка`` ``елка``, ``Йод`` ``иод``.
    """
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", plain))
    return unicodedata.normalize("NFC", bare.translate(_STROKES))


def name_key(name: str) -> str:
    """
    Return what two names of rooms have in common when people could take one for the other.

    Compatibility forms, case, letters of other alphabets that look the same, blanks and
    what is not seen make no difference.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return " ".join(seen.translate(_LOOKALIKES).split())


def checked_name(text: str, limit: int = NAME_LIMIT) -> str:
    """
    Return the name in normal form C, without blanks around it.

    Raises:
        ValueError: Empty to the eye, too long, or with control characters or such as turn the
            direction of text; the message is for people.

    """
    name = checked_description(text, limit)
    if not name_key(name):
        raise ValueError("a name needs at least one character")
    return name


def checked_description(text: str, limit: int = NAME_LIMIT) -> str:
    """Do the same for a text that may be empty."""
    plain = unicodedata.normalize("NFC", text).strip()
    if len(plain) > limit:
        raise ValueError(f"{len(plain)} characters, but {limit} are the most: {plain[:40]!r}...")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in plain):
        raise ValueError(f"control characters are not allowed: {plain!r}")
    check_characters(plain, "a name or description")
    if not _STEERING.isdisjoint(plain):
        raise ValueError(f"characters that turn the direction of text are not allowed: {plain!r}")
    return plain
