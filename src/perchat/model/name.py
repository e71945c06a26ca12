"""Names of rooms and categories: what one may be, and when two are the same."""

from __future__ import annotations

import unicodedata

__all__ = ["NAME_LIMIT", "checked_description", "checked_name", "fold"]

NAME_LIMIT = 256
"""Characters a name or a description may have, as in the original's database."""


def fold(name: str) -> str:
    """Return what two names have in common when they count as the same."""
    return unicodedata.normalize("NFC", name).casefold()


def checked_name(text: str, limit: int = NAME_LIMIT) -> str:
    """
    Return the name in normal form C, without blanks around it.

    Raises:
        ValueError: Empty, too long, or with control characters; the message is for people.

    """
    name = checked_description(text, limit)
    if not name:
        raise ValueError("a name needs at least one character")
    return name


def checked_description(text: str, limit: int = NAME_LIMIT) -> str:
    """Do the same for a text that may be empty."""
    plain = unicodedata.normalize("NFC", text).strip()
    if len(plain) > limit:
        raise ValueError(f"{len(plain)} characters, but {limit} are the most: {plain[:40]!r}...")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in plain):
        raise ValueError(f"control characters are not allowed: {plain!r}")
    return plain
