"""Whom a URI means, as directories compare it: lower case, without port and parameters."""

from __future__ import annotations

from perchat.caching import cached_if_short
from perchat.sip.uri import parse_uri

__all__ = ["address_of"]


@cached_if_short(2048)
def address_of(uri: str) -> str:
    """
    Return the address-of-record of a URI (RFC 3261 §10.3), lower case.

    Raises:
        RemoteProtocolError: It is no URI.

    """
    return parse_uri(uri).address.lower()
