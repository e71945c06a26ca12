"""
The envelope that nearly all posts are, read without building a tree.

One line of chat with plain attributes and text is known by a pattern. Whatever is
written in another way (a prefix, a comment, an entity in an attribute) is None here and
read by `perchat.xccos.decoder` as any document; what is read here is what that reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perchat.xccos.chat import line_feeds, line_of
from perchat.xccos.primitives import Envelope

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["plain_line"]

_ILLEGAL = "\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff"  # XML 1.0 §2.2
_PAIRS = r'((?: [A-Za-z:]{1,16}+="[^"<&\x00-\x1f\ufffe\uffff]*+"){1,16})'
_TEXT = rf"([^<>&{_ILLEGAL}]*+(?:&(?:amp|lt|gt|quot|apos);[^<>&{_ILLEGAL}]*+)*)"
_LINE = re.compile(
    rf"<xccos{_PAIRS}><grpchat{_PAIRS}><chat>{_TEXT}</chat>"
    rf"(?:<rtf>{_TEXT}</rtf>)?</grpchat></xccos>"
)
_OF_ENVELOPE = {f" {name}=": name for name in ("envid", "ver", "xmlns", "xmlns:xsd", "xmlns:xsi")}
_OF_LINE = {
    f" {name}=": name
    for name in (
        "alert",
        "author",
        "authdisp",
        "chanUri",
        "chatId",
        "clientId",
        "id",
        "seqid",
        "ts",
    )
}
_REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_LONGEST_ID = 64


def plain_line(body: bytes) -> Envelope | None:
    """Return an envelope with one line of chat; None when it may be something else."""
    try:
        found = _LINE.fullmatch(body.decode())
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    head, line, text, rtf = found.groups()
    envelope, given = _pairs(head, _OF_ENVELOPE), _pairs(line, _OF_LINE)
    envid = envelope.get("envid", "").strip()
    if not envid or len(envid) > _LONGEST_ID or not given:
        return None
    try:
        chat = line_of(given.get, _read(text), None if rtf is None else _read(rtf))
    except ValueError:
        return None  # who reads it in full tells why
    return Envelope(envid, (chat,))


def _pairs(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return attributes by name; none at all if one is not known, or comes twice."""
    parts = text.split('"')  # the pattern has seen that names and values take turns
    try:
        given = {known[name]: value for name, value in zip(parts[::2], parts[1::2], strict=False)}
    except KeyError:
        return {}
    return given if len(given) == len(parts) // 2 else {}


def _read(text: str) -> str:
    """Read text as XML does: line ends are LF, references what they stand for."""
    text = line_feeds(text)
    if "&" in text:
        for reference, character in _REFERENCES:
            text = text.replace(reference, character)
    return text
