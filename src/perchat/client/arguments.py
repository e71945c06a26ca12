"""Arguments checked before anything is sent: ValueError and TypeError come at once."""

from __future__ import annotations

import re
import secrets

from perchat.model.uri import SipUri
from perchat.net.connector import DEFAULT_PORTS, Transport

__all__ = ["checked_endpoint_id", "checked_owner", "server_address"]

_HOST_PORT = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_ENDPOINT_ID = re.compile(r"[A-Za-z0-9]{1,16}")  # [MS-SIPRE] epid


def checked_owner(uri: str) -> SipUri:
    """Return a person's address, or ValueError: no device's, no phone's, nothing guessed."""
    if not isinstance(uri, str):
        raise TypeError(f"the owner is an address, not {type(uri).__name__}")
    owner = SipUri(uri)
    if owner.address != owner or ":" in owner[len("sip:") :]:
        raise ValueError(f"the owner is sip:user@domain without port or parameters: {uri!r}")
    return owner


def server_address(
    server: str | None, port: int | None, transport: Transport
) -> tuple[str | None, int]:
    """Read ``host``, ``host:port`` or ``[v6]:port``; ValueError for anything else."""
    if server is None:
        if transport is not Transport.TLS or port is not None:
            raise ValueError("server= is needed: without it one is looked up, for TLS only")
        return None, 0
    found = _HOST_PORT.fullmatch(server)
    if found is None or (found["port"] and port is not None):
        raise ValueError(f"not a server's host or host:port: {server!r}")
    number = int(found["port"]) if found["port"] else port
    number = DEFAULT_PORTS[transport] if number is None else number
    if not 1 <= number <= 65535:
        raise ValueError(f"port {number} is not between 1 and 65535")
    return found["v6"] or found["host"], number


def checked_endpoint_id(given: str | None) -> str:
    """Return the id of a device, made up when none is given."""
    if given is None:
        return secrets.token_hex(6)
    if not _ENDPOINT_ID.fullmatch(given):
        raise ValueError(f"an endpoint id is 1 to 16 letters or digits: {given!r}")
    return given
