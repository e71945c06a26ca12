"""
Declines compression politely ([MS-SIPCOMP] 3.2.5).

A client may ask for it with NEGOTIATE as the first request of a connection; an
error keeps the connection as it is. TLS below makes compression a risk, not a
gain: compressed lengths tell of what is inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.lync.diagnostics import Refused

if TYPE_CHECKING:
    from perchat.sip.message import Request

__all__ = ["NEGOTIATE", "answer_negotiate"]

NEGOTIATE = "NEGOTIATE"


def answer_negotiate(request: Request) -> Refused | None:
    """Return how to decline; None when the request is another one."""
    return Refused(488) if request.method == NEGOTIATE else None
