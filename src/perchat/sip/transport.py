"""
What is due between a message and the connection it comes by (RFC 3261 §18).

Where a response goes is no question here: over TCP and TLS it goes back by the
connection its request came by (§18.2.2), and a user agent belongs to one connection.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.sip.header import parse_vias

if TYPE_CHECKING:
    from perchat.sip.message import Request

__all__ = ["PING", "PONG", "received"]

PING = b"\r\n\r\n"  # RFC 5626 §3.5.1
PONG = b"\r\n"


def received(request: Request, host: str, port: int) -> Request:
    """
    Note in the top Via where a request really came from.

    ``received`` is added when the sender named another host (§18.2.1), ``rport`` gets
    its value when it was asked for (RFC 3581 §4); otherwise the request is unchanged.
    """
    via = request.via
    asked = "rport" in via.params
    if via.host.strip("[]") == host and not asked:
        return request
    added = {"rport": str(port), "received": host} if asked else {"received": host}
    first, *others = request.headers.get_all("Via")
    _, *rest = parse_vias(first)
    top = via._replace(params={**via.params, **added})
    texts = [", ".join(str(one) for one in (top, *rest)), *others]
    return replace(request, headers=request.headers.replaced("Via", *texts))
