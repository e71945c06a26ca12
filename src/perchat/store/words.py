"""
What the words of a text are, and when they match what is looked for.

Letters are compared as ``perchat.model.name.search_fold`` does: without case, accents and
compatibility forms. Scripts that put
no blanks between words (Chinese, Japanese, Korean, Thai and their neighbours) are cut
into single characters, so that any part of a sentence is found; symbols such as emoji
are words too. A word that was asked for may be several of these in a row.

Every index has to find exactly what ``Sought`` finds.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from perchat.model.history import Match
from perchat.model.name import search_fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perchat.model.history import HistoryQuery

__all__ = ["WORDS_VERSION", "Phrase", "Sought", "for_index", "words"]

WORDS_VERSION = f"2/{unicodedata.unidata_version}"
"""Changes when a text may have other words than before: what was indexed has to be again."""

_LONGEST = 64  # characters; what is longer is cut into pieces, on both sides

_ASCII_WORD = re.compile("[A-Za-z0-9]+")
_UNSEEN = re.compile("[\u00ad\u034f\u200c-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1980-\u19df\u1a20-\u1aaf"  # Thai to Tham
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u318f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds an unspaced character with its marks, and a word or symbol."""
    marks, symbols = _ranges("Mn", "Mc", "Me"), _ranges("So")
    return re.compile(f"([{_UNSPACED}][{marks}]*)"), re.compile(f"[\\w{marks}]+|[{symbols}]")


def _ranges(*categories: str) -> str:
    """Return the characters of some categories, as what stands in a pattern's brackets."""
    runs: list[list[int]] = []
    for code in range(0x80, 0x20000):
        if unicodedata.category(chr(code)) in categories:
            if runs and runs[-1][1] == code - 1:
                runs[-1][1] = code
            else:
                runs.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)


def _cut(text: str) -> list[str]:
    if text.isascii():
        found = _ASCII_WORD.findall(text)
    else:
        unspaced, word = _patterns()
        apart = " ".join(unspaced.split(_UNSEEN.sub("", text).replace("_", " ")))
        found = word.findall(apart)
    if max(map(len, found), default=0) > _LONGEST:
        return [piece for one in found for piece in _pieces(one)]
    return found


def _pieces(word: str) -> Iterator[str]:
    return (word[start : start + _LONGEST] for start in range(0, len(word), _LONGEST))


def words(text: str) -> str:
    """Return the words of a text as they are compared, parted by blanks."""
    return " ".join(_cut(search_fold(text)))


def for_index(text: str) -> str:
    """
    Return a text whose words SQLite's ``ascii`` tokenizer finds; empty when it has none.

    It finds those of a text in ASCII itself, unless one is too long.
    """
    if not text.isascii() or max(map(len, text.split()), default=0) > _LONGEST:
        return words(text)
    return text if _ASCII_WORD.search(text) else ""


def _exact(text: str) -> str:
    return " ".join(_cut(unicodedata.normalize("NFC", text)))


@dataclass(frozen=True, slots=True)
class Phrase:
    """
    Words that have to follow one another.

    Attributes:
        folded: As ``words`` gives them.
        exact: With case and accents, where these count.

    """

    folded: str
    exact: str = ""

    def is_in(self, folded: str, exact: str) -> bool:
        """Tell whether a text has them, given between blanks in both forms."""
        return f" {self.folded} " in folded and (not self.exact or f" {self.exact} " in exact)


class Sought:
    """
    What the text of a message has to have, of a query.

    Attributes:
        anything: Nothing is asked of the text.
        nothing: No text can have it: there is something, but no word.
        phrases: What is looked for.
        all: Whether every phrase has to be there.
        case_sensitive: Whether finding the folded words is not enough.

    """

    __slots__ = ("all", "anything", "case_sensitive", "nothing", "phrases")

    def __init__(self, query: HistoryQuery) -> None:
        parts = [query.text] if query.match is Match.PHRASE else query.text.split()
        self.phrases = tuple(_phrases(parts, case_sensitive=query.case_sensitive))
        self.anything = not query.text.strip()
        self.nothing = not self.anything and not self.phrases
        self.all = query.match is Match.ALL
        self.case_sensitive = query.case_sensitive

    def is_in(self, text: str) -> bool:
        """Tell whether a text has it."""
        if not self.phrases:
            return self.anything
        folded = f" {words(text)} "
        exact = f" {_exact(text)} " if self.case_sensitive else ""
        found = (phrase.is_in(folded, exact) for phrase in self.phrases)
        return all(found) if self.all else any(found)


def _phrases(parts: Iterable[str], *, case_sensitive: bool) -> Iterable[Phrase]:
    made = (Phrase(words(part), _exact(part) if case_sensitive else "") for part in parts)
    return dict.fromkeys(phrase for phrase in made if phrase.folded)
