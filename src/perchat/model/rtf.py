"""
Messages' RTF taken apart: what it says and links to, without how it looks.

Reads what chat clients write (RTF 1.9: text, Unicode, code pages, hyperlink fields) and
passes over everything else. Any text at all can be read; what is no RTF yields what words
it holds. Time and memory grow with the length of the text only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from perchat.model.richtext import parse_parts, read_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.model.parts import MessagePart

__all__ = ["check_rtf", "parse_rtf"]

_TOKEN = re.compile(
    r"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?[0-9]{1,9})? ?"
    r"|\\'(?P<hex>[0-9A-Fa-f]{2})"
    r"|\\(?P<symbol>.)"
    r"|(?P<brace>[{}])"
    r"|[\r\n]+"
    r"|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)
_SAID = {  # words and symbols that stand for characters
    "par": "\n",
    "line": "\n",
    "sect": "\n",
    "page": "\n",
    "row": "\n",
    "tab": "\t",
    "cell": "\t",
    "bullet": "•",
    "emdash": "—",
    "endash": "–",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "emspace": "\u2003",
    "enspace": "\u2002",
    "\\": "\\",
    "{": "{",
    "}": "}",
    "~": "\u00a0",
    "_": "\u2011",
    "\n": "\n",
    "\r": "\n",
}
_PASSED_OVER = frozenset(  # destinations that say nothing
    {
        "fonttbl",
        "colortbl",
        "stylesheet",
        "info",
        "pict",
        "object",
        "header",
        "footer",
        "footnote",
        "listtable",
        "listoverridetable",
        "rsidtbl",
        "themedata",
    }
)
_HYPERLINK = re.compile(r'\s*HYPERLINK\s+(?:\\l\s+)?"?([^"\s]+)"?', re.IGNORECASE)


_BEGINNING = re.compile(r"\{\\rtf[0-9]*(?![A-Za-z])")


def check_rtf(rtf: str) -> None:
    r"""
    Refuse a text that is no RTF document: one group that begins with ``{\rtf`` and is closed.

    What the group says is read as tolerantly as by ``parse_rtf``; this is only about its frame
    (RTF 1.9, "Syntax").

    Raises:
        ValueError: Says what is wrong, and where.

    """
    if not _BEGINNING.match(rtf):
        raise ValueError(f"no RTF, which begins with {{\\rtf1: {rtf[:40]!r}")
    depth = place = 0
    while match := _TOKEN.match(rtf, place):
        place = match.end()
        if match["word"] == "bin":
            place += max(int(match["number"] or 0), 0)
        elif match["brace"]:
            depth += 1 if match["brace"] == "{" else -1
            if not depth:
                break
    if depth or place > len(rtf):
        raise ValueError(f"no RTF: {depth or 1} of its groups are not closed")
    if rtf[place:].strip():
        raise ValueError(f"no RTF: its document ends before character {place + 1}")


def parse_rtf(rtf: str) -> tuple[MessagePart, ...]:
    """Return what a message in RTF is made of; () when it says nothing."""
    reader = _Reader()
    place = 0
    while match := _TOKEN.match(rtf, place):
        place = match.end() + reader.take(match)
    return reader.parts()


@dataclass(slots=True)
class _Field:
    """A field: what it is, and what is shown for it."""

    instruction: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def part(self) -> MessagePart | None:
        """Return the link that it is, None for another field."""
        link = _HYPERLINK.match("".join(self.instruction))
        return read_link(link[1], "".join(self.shown).strip(), "") if link else None


@dataclass(frozen=True, slots=True)
class _Group:
    """
    What holds until the brace closes.

    Attributes:
        out: Where text goes; None where it is passed over.
        field: The field that this is a part of.
        owns: Whether the field ends with this group.
        fallbacks: Characters that stand in for a Unicode one with readers that know none.

    """

    out: list[str] | None
    field: _Field | None = None
    owns: bool = False
    fallbacks: int = 1


class _Reader:
    """Takes RTF token by token."""

    def __init__(self) -> None:
        self._said: list[str | MessagePart] = []
        self._text: list[str] = []
        self._groups: list[_Group] = []
        self._group = _Group(self._text)
        self._page = "cp1252"
        self._bytes = bytearray()
        self._skip = 0
        self._high = 0  # the first half of a surrogate pair

    def take(self, token: re.Match[str]) -> int:
        """Take a token; returns how many characters after it are no RTF."""
        if token["hex"]:
            self._byte(int(token["hex"], 16))
            return 0
        self._flush()
        if token["text"]:
            self._words(token["text"])
        elif token["brace"]:
            self._brace(token["brace"])
        elif token["word"] == "bin":
            return max(int(token["number"] or 0), 0)
        elif sign := token["word"] or token["symbol"]:
            self._sign(sign, token["number"])
        return 0

    def parts(self) -> tuple[MessagePart, ...]:
        """Return what was said."""
        self._flush()
        while self._groups:
            self._brace("}")
        self._end_text()
        if self._said and isinstance(self._said[-1], str):
            self._said[-1] = self._said[-1].rstrip("\n")
        return tuple(
            part
            for said in self._said
            for part in (parse_parts(said) if isinstance(said, str) else (said,))
        )

    # --- tokens ---

    def _sign(self, sign: str, number: str | None) -> None:
        if sign in _SAID:
            self._words(_SAID[sign])
        elif sign in _PASSED_OVER or sign == "*":
            self._group = replace(self._group, out=None)
        elif act := _WORDS.get(sign):
            act(self, int(number or 0))

    def _brace(self, brace: str) -> None:
        self._skip = 0
        if brace == "{":
            self._groups.append(self._group)
            self._group = replace(self._group, owns=False)
        elif self._groups:
            ended, self._group = self._group, self._groups.pop()
            if ended.owns and ended.field is not None:
                self._end_field(ended.field)

    def _words(self, text: str) -> None:
        passed = min(self._skip, len(text))
        self._skip -= passed
        if self._group.out is not None:
            self._group.out.append(text[passed:])

    def _byte(self, value: int) -> None:
        if self._skip:
            self._skip -= 1
        else:
            self._bytes.append(value)

    def _flush(self) -> None:
        """Read the bytes of a code page that stood together."""
        if not self._bytes:
            return
        text, self._bytes = bytes(self._bytes).decode(self._page, "replace"), bytearray()
        if self._group.out is not None:
            self._group.out.append(text)

    # --- words that do something ---

    def _unicode(self, number: int) -> None:
        code = number & 0xFFFF
        if 0xD800 <= code < 0xDC00:
            self._high = code
        else:
            if self._high and 0xDC00 <= code < 0xE000:
                code = 0x10000 + ((self._high - 0xD800) << 10) + (code - 0xDC00)
            self._high = 0
            self._skip = 0
            self._words("\ufffd" if 0xD800 <= code < 0xE000 else chr(code))
        self._skip = self._group.fallbacks

    def _fallbacks(self, number: int) -> None:
        self._group = replace(self._group, fallbacks=max(number, 0))

    def _code_page(self, number: int) -> None:
        try:
            "".encode(f"cp{number}")
        except LookupError:
            return
        self._page = f"cp{number}"

    def _field(self, _number: int) -> None:
        if self._group.field is None:  # a field within one belongs to it
            self._group = replace(self._group, field=_Field(), owns=True)

    def _instruction(self, _number: int) -> None:
        if self._group.field is not None:
            self._group = replace(self._group, out=self._group.field.instruction)

    def _result(self, _number: int) -> None:
        if self._group.field is not None:
            self._group = replace(self._group, out=self._group.field.shown)

    # --- what was said ---

    def _end_field(self, ended: _Field) -> None:
        part = ended.part()
        if part is None:
            self._words("".join(ended.shown))
        elif self._group.out is self._text:
            self._end_text()
            self._said.append(part)

    def _end_text(self) -> None:
        if text := "".join(self._text):
            self._said.append(text)
        self._text.clear()


_WORDS: dict[str, Callable[[_Reader, int], None]] = {
    "u": _Reader._unicode,  # noqa: SLF001 - its own table
    "uc": _Reader._fallbacks,  # noqa: SLF001
    "ansicpg": _Reader._code_page,  # noqa: SLF001
    "field": _Reader._field,  # noqa: SLF001
    "fldinst": _Reader._instruction,  # noqa: SLF001
    "fldrslt": _Reader._result,  # noqa: SLF001
}
