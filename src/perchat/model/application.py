"""
Programs that are trusted by their certificate, and for whom they may speak.

An application signs in to nobody: mutual TLS says which host it is, the register says
what runs there and as which users it may act.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["RegisteredApplication", "checked_gruu", "checked_port", "checked_product"]

_PRODUCT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~-]{0,62}[A-Za-z0-9])?")
_SERVICE = re.compile(r"opaque=srvr:[^;\s]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RegisteredApplication:
    """
    An application as the administrator registered it.

    Attributes:
        name: The key; its requests name it as their product.
        fqdn: The host it runs on, lower case.
        port: Where it listens.
        gruu: Its own address, the Contact of its requests.
        certificate_names: Host names, lower case; its certificate carries one of them.
        identities: The users it may act as; nobody else.

    """

    name: str
    fqdn: str
    port: int
    gruu: SipUri
    certificate_names: frozenset[str]
    identities: frozenset[SipUri]

    def is_called(self, products: Collection[str]) -> bool:
        """Whether one of the products of a User-Agent, versions left out, is its name."""
        return self.name.casefold() in {product.casefold() for product in products}


def checked_product(text: str) -> str:
    """Return an application's name, or ValueError: it has to be one word of a User-Agent."""
    if not _PRODUCT.fullmatch(text):
        raise ValueError(
            f"{text!r} cannot name an application: up to 64 letters a-z, digits and . _ ~ -"
        )
    return text


def checked_port(port: int) -> int:
    """Return a port, or ValueError."""
    if not 1 <= port <= 65535:
        raise ValueError(f"port {port} is not between 1 and 65535")
    return port


def checked_gruu(text: str) -> SipUri:
    """
    Return a trusted application's GRUU, or ValueError.

    Blanks and line breaks, which copying leaves, are taken out.
    """
    gruu = SipUri("".join(text.split()))
    parameters = gruu.partition(";")[2].split(";")
    if not gruu.is_gruu or not any(map(_SERVICE.fullmatch, parameters)):
        raise ValueError(
            f"not the GRUU of a trusted application: {text!r};"
            " it has the form sip:host@domain;gruu;opaque=srvr:name:id"
        )
    return gruu
