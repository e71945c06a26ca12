"""
Messages' plain text taken apart.

Nothing is lost: the ``raw`` texts of the parts make up the text again. What only
looks like a link, or leads where none should, stays words.
"""

from __future__ import annotations

import re
from html import unescape

from perchat.model.parts import (
    STORY,
    STORY_END,
    Emoticon,
    EmoticonPart,
    FilePart,
    LinkPart,
    MessagePart,
    RoomLinkPart,
    StoryTitlePart,
    TextPart,
)
from perchat.model.uri import RoomUri

__all__ = ["flattened", "parse_parts", "read_link", "story_title"]

_EMOTICONS = {emoticon.code: emoticon for emoticon in Emoticon}
_ANCHOR = r"(?P<anchor><[aA]\s[^<>]*>[^<]*</[aA]\s*>)"
_BARE = r"(?P<bare>\b(?i:https?://|ma-chan://|ma-filelink:)[^\s<>\"]+)"
_FACE = "|".join(map(re.escape, sorted(_EMOTICONS, key=len, reverse=True)))
_TOKEN = re.compile(rf"{_ANCHOR}|{_BARE}|(?P<face>(?<!\w)(?:{_FACE})(?!\w))")
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""", re.IGNORECASE)
_PUNCTUATION = ".,;:!?)'*"
_NAME_AND_SIZE = re.compile(r"(.*) \(([^()]*)\)", re.DOTALL)


def parse_parts(text: str) -> tuple[MessagePart, ...]:
    """Return the parts of a message's plain text; their ``raw`` texts are the text again."""
    title = _read_title(text)
    parts: list[MessagePart] = [title] if title else []
    plain = place = len(title.raw) if title else 0
    while match := _TOKEN.search(text, place):
        part = _read_part(match)
        if part is None:
            place = match.end()
            continue
        if plain < match.start():
            parts.append(TextPart(text[plain : match.start()]))
        parts.append(part)
        plain = place = match.start() + len(part.raw)
    if plain < len(text):
        parts.append(TextPart(text[plain:]))
    return tuple(parts)


def _read_part(match: re.Match[str]) -> MessagePart | None:
    """Return what was found, None when it is only words after all."""
    if match.lastgroup == "face":
        return EmoticonPart(_EMOTICONS[match[0]])
    if match.lastgroup == "bare":
        url = match[0].rstrip(_PUNCTUATION)
        return read_link(url, "", url)
    opening, _, rest = match[0].partition(">")
    href = _HREF.search(opening)
    if href is None:
        return None
    url = unescape(next(filter(None, href.groups()), "")).strip()
    return read_link(url, unescape(rest.rpartition("<")[0]), match[0])


def read_link(url: str, text: str, source: str) -> MessagePart | None:
    """Return the link to a page, a room or a file; None when it should lead nowhere."""
    try:
        if (scheme := url.partition(":")[0].lower()) == "ma-filelink":
            return _read_file(url, text, source)
        if scheme == "ma-chan":
            return RoomLinkPart(RoomUri(url), text, source=source)
        return LinkPart(url, text, source=source)
    except ValueError:
        return None


def _read_file(url: str, text: str, source: str) -> FilePart:
    """Read a file's link; without words of its own it is called as in the repository."""
    match = _NAME_AND_SIZE.fullmatch(text)
    name, size = match.groups() if match else (text, "")
    return FilePart(name or url.rpartition("/")[2], url, size, source=source)


def _read_title(text: str) -> StoryTitlePart | None:
    if not text.startswith(STORY):
        return None
    line, end, _ = text.partition("\n")
    title, _, rest = line.removeprefix(STORY).partition(STORY_END)
    source = line[: len(line) - len(rest)] if rest else line + end
    try:
        return StoryTitlePart(title.strip(), source=source)
    except ValueError:
        return None


def story_title(text: str) -> str | None:
    """Return the title of a story, None when the text is none."""
    title = _read_title(text)
    return title.title if title else None


def flattened(text: str) -> str:
    """Return the text for clients that show it as it is: a link as its words and its URL."""
    if "</" not in text and not text.startswith(STORY):
        return text
    return "".join(map(_flat, parse_parts(text)))


def _flat(part: MessagePart) -> str:
    match part:
        case LinkPart(url=url) | RoomLinkPart(room=url) | FilePart(uri=url):
            return url if part.display == url else f"{part.display} <{url}>"
        case StoryTitlePart():
            return f"{part.title}\n"
        case TextPart() | EmoticonPart():
            return part.raw
