"""
What a trusted application says of itself, and the words in which it is refused.

It is known by its certificate. Its first request names what the administrator
registered: host and port in Via, its GRUU in Contact, its name in User-Agent, and in
From the user that it acts as. Whatever differs is told apart by an id of its own.

The ids are ours, at the end of the range that [MS-OCER] leaves to applications.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Self

from perchat.errors import AuthenticationReason, RemoteProtocolError
from perchat.lync.address import address_of
from perchat.lync.diagnostics import Refused
from perchat.sip.uri import parse_uri

if TYPE_CHECKING:
    from perchat.sip.message import Request

__all__ = ["ApplicationClaim", "Distrust", "distrust_reason", "products", "sender"]

_SIPS_PORT = 5061
_SERVICE = "srvr:"


class Distrust(IntEnum):
    """Why a request is not accepted as a trusted application's; the ids of ``ms-diagnostics``."""

    NO_CERTIFICATE = 5990
    UNKNOWN_CERTIFICATE = 5991
    UNKNOWN_APPLICATION = 5992
    WRONG_HOST = 5993
    WRONG_PORT = 5994
    WRONG_GRUU = 5995
    NOT_A_USER = 5996
    NOT_GRANTED = 5997

    def refused(self, detail: str, *, source: str) -> Refused:
        """Return the answer that says so; ``detail`` is a sentence with the values at fault."""
        return Refused(403, int(self), detail, source=source)


_REASONS = {
    Distrust.NO_CERTIFICATE: AuthenticationReason.UNTRUSTED_CERTIFICATE,
    Distrust.UNKNOWN_CERTIFICATE: AuthenticationReason.UNTRUSTED_CERTIFICATE,
    Distrust.UNKNOWN_APPLICATION: AuthenticationReason.UNKNOWN_APPLICATION,
    Distrust.WRONG_HOST: AuthenticationReason.WRONG_HOST,
    Distrust.WRONG_PORT: AuthenticationReason.WRONG_PORT,
    Distrust.WRONG_GRUU: AuthenticationReason.WRONG_GRUU,
    Distrust.NOT_A_USER: AuthenticationReason.NOT_A_USER,
    Distrust.NOT_GRANTED: AuthenticationReason.IDENTITY_NOT_GRANTED,
}


def distrust_reason(error_id: int) -> AuthenticationReason | None:
    """Return what an id of ``ms-diagnostics`` means for the application; None for others."""
    return _REASONS.get(Distrust(error_id)) if error_id in set(Distrust) else None


@dataclass(frozen=True, slots=True)
class ApplicationClaim:
    """
    What a request says of the application that sent it.

    Attributes:
        products: The words of its User-Agent, without versions and remarks.
        host: Where the top Via says it was sent from, lower case.
        port: The port there.
        gruu: Its Contact, the GRUU of a service.
        user: The address-of-record in From, lower case.

    """

    products: tuple[str, ...]
    host: str
    port: int
    gruu: str
    user: str

    @classmethod
    def of(cls, request: Request) -> Self | None:
        """Read a request; None when it does not claim to be an application's."""
        gruu = _gruu(request)
        if not gruu:
            return None
        via = request.via
        return cls(
            products(request.headers.get("User-Agent") or ""),
            via.host.lower(),
            via.port or _SIPS_PORT,
            gruu,
            sender(request),
        )


def sender(request: Request) -> str:
    """Return the address-of-record in From, lower case."""
    return address_of(request.from_.uri)


def products(user_agent: str) -> tuple[str, ...]:
    """Return the product names of a User-Agent (RFC 3261 §20.41), remarks left out."""
    words = "".join(_outside_remarks(user_agent)).split()
    return tuple(name for word in words if (name := word.partition("/")[0]))


def _outside_remarks(text: str) -> list[str]:
    depth, kept = 0, []
    for letter in text:
        depth += (letter == "(") - (letter == ")" and depth > 0)
        kept.append(letter if depth == 0 and letter != ")" else " ")
    return kept


def _gruu(request: Request) -> str:
    contacts = request.headers.get_all("Contact")
    if not any(_SERVICE in value.lower() for value in contacts):
        return ""  # as of most, found without reading them
    try:
        contact = request.contact
        uri = None if contact is None else parse_uri(contact.uri)
    except RemoteProtocolError:
        return ""
    if contact is None or uri is None or "gruu" not in uri.params:
        return ""
    return contact.uri if (uri.params.get("opaque") or "").lower().startswith(_SERVICE) else ""
