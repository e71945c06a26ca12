"""
The text that is signed, and the headers that carry the signature ([MS-SIPAE] 3.2).

A signature protects who speaks to whom in which transaction, not the body and
not the route: without TLS below it, an onlooker could still change a message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.sip.message import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perchat.sip.message import Message

__all__ = ["SignedText", "auth_value", "parameters", "parse_auth", "quoted"]

_PLAIN = frozenset({"version"})  # written without quotes
_SCHEME = re.compile(r"\s*+([A-Za-z0-9\-]++)\s*+")
# A group is repeated by * and not by *+: Python before 3.11.5 then takes what does not match.
_PARAMETER = re.compile(
    r'([A-Za-z0-9\-]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*)"|([^\s,"]*+))\s*+(?:,|\Z)\s*+'
)
_PARAMETERS = re.compile(f"(?:{_PARAMETER.pattern})*")


class SignedText:
    """What signatures cover under one association."""

    __slots__ = ("_middle", "_start", "_version")

    def __init__(self, *, scheme: str, realm: str, targetname: str, version: int) -> None:
        """
        Write once what is the same in all messages.

        Args:
            scheme: ``NTLM`` or ``Kerberos``.
            realm: As the challenge gave it.
            targetname: As the challenge gave it.
            version: 2 leaves out the To URI and the asserted identity.

        """
        self._start = f"<{scheme}><"
        self._middle = f"><{realm}><{targetname}><"
        self._version = version

    def of(self, message: Message, nonce: str, counter: str) -> bytes:
        """
        Return what a signature of ``message`` covers.

        Args:
            message: It needs From, To, Call-ID and CSeq.
            nonce: ``crand`` of a client, ``srand`` of a server, as it stands in the header.
            counter: ``cnum`` or ``snum``, likewise.

        """
        before = f"{self._start}{nonce}><{counter}{self._middle}{message.call_id}><"
        text = f"{before}{message.cseq.number}{self._end(message)}"
        return text.encode("utf-8", "surrogateescape")

    def frame(self, message: Message) -> tuple[bytes, bytes, bytes]:
        """
        Return the same but for what is new in each message.

        That is ``nonce><counter`` behind the first text and the number of CSeq behind the
        second.
        """
        texts = self._start, f"{self._middle}{message.call_id}><", self._end(message)
        before, between, after = (text.encode("utf-8", "surrogateescape") for text in texts)
        return before, between, after

    def _end(self, message: Message) -> str:
        known, sender, receiver = message.headers.by_name(), message.from_, message.to
        expires = known["expires"][0] if "expires" in known else ""
        text = f"><{message.cseq.method}><{sender.uri}><{sender.tag}>"
        if self._version > 2:
            text += f"<{receiver.uri}><{receiver.tag}>{_identity(known)}<{expires}>"
        else:
            text += f"<{receiver.tag}><{expires}>"
        return f"{text}<{message.status}>" if isinstance(message, Response) else text


def parse_auth(value: str) -> tuple[str, Mapping[str, str]]:
    """
    Split an authentication header into its scheme and its parameters.

    Names come in lower case; quotes are taken off the values.

    Raises:
        RemoteProtocolError: It is not a scheme with ``name=value`` pairs, or names one twice.

    """
    scheme = _SCHEME.match(value)
    if not scheme:
        raise RemoteProtocolError("authentication header without a scheme")
    at = scheme.end()
    if not _PARAMETERS.fullmatch(value, at):
        raise RemoteProtocolError("damaged authentication header")
    found = _PARAMETER.findall(value, at)
    values = {name.lower(): text or plain for name, text, plain in found}
    if len(values) < len(found):
        raise RemoteProtocolError("damaged authentication header")
    if "\\" in value:
        values |= {name.lower(): _unescaped(text) for name, text, _ in found if text}
    return scheme[1], values


def auth_value(scheme: str, **values: str) -> str:
    """Build such a header; underscores in names stand for hyphens, empty values stay."""
    return f"{scheme} {parameters(**values)}"


def parameters(**values: str) -> str:
    """Build what follows the scheme of such a header."""
    pairs = ((name.replace("_", "-"), value) for name, value in values.items())
    return ", ".join(
        f"{name}={value if name in _PLAIN else quoted(value)}" for name, value in pairs
    )


def quoted(text: str) -> str:
    """Put ``text`` between quotes (RFC 3261 §25.1)."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


# What is not closed is not looked at again from within: a quote reaches to the end.
_ADDRESS_URI = re.compile(
    r'<([^<>]*)>|"(?:[^"\\]|\\.?)*(?:"|\Z)|(?:sip|tel):[^,;\s]+', re.IGNORECASE
)


def _identity(known: Mapping[str, Sequence[str]]) -> str:
    """Return the fields of the asserted sip: and tel: URI."""
    values = known.get("p-asserted-identity") or known.get("p-preferred-identity")
    if not values:
        return "<><>"
    texts = [match[1] or match[0] for value in values for match in _ADDRESS_URI.finditer(value)]
    uris = {uri.partition(":")[0].lower(): uri for uri in reversed(texts)}
    return f"<{uris.get('sip', '')}><{uris.get('tel', '')}>"
