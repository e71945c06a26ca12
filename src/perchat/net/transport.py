"""What SIP travels on."""

from __future__ import annotations

from enum import Enum

__all__ = ["DEFAULT_PORTS", "Transport"]


class Transport(Enum):
    """How SIP travels; TLS unless told otherwise."""

    TLS = "tls"
    TCP = "tcp"


DEFAULT_PORTS = {Transport.TLS: 5061, Transport.TCP: 5060}  # RFC 3261 §19.1.2
