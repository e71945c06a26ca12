"""
Messages made from other messages: answers, ACK, CANCEL, and requests made complete.

What a message repeats it repeats as text, so that nothing is lost that we do not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.errors import LocalProtocolError
from perchat.sip.message import Headers, Request, Response, indexed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ack_of", "cancel_of", "completed", "response_to"]

_NONE = ("",)
_COMPLETED = frozenset(("via", "max-forwards", "from", "to", "call-id", "cseq"))


def response_to(
    request: Request,
    status: int,
    reason: str,
    *,
    tag: str = "",
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
) -> Response:
    """Return an answer, with ``tag`` in To unless the request had one (§8.2.6.2)."""
    known, call_id = request.headers.by_name(), request.call_id
    sender, to, cseq = known.get("from", _NONE), known.get("to", _NONE), known.get("cseq", _NONE)
    if tag and "tag" not in request.to.params:
        to = (f"{to[0]};tag={tag}",)
    index = {"from": sender, "to": to, "call-id": (call_id,), "cseq": cseq}
    if "timestamp" in known:
        headers = (("Timestamp", known["timestamp"][0]), *headers)
    if vias := known.get("via", ()):
        index["via"] = vias
    items = [("Via", via) for via in vias]
    items += ("From", sender[0]), ("To", to[0]), ("Call-ID", call_id), ("CSeq", cseq[0])
    items += headers
    return Response(status, reason, Headers(items, indexed(headers, index)), body)


def completed(request: Request, via: str, new_id: Callable[[], str]) -> Request:
    """
    Add what every request has to have (§8.1.1); ``via`` is its only Via.

    Raises:
        LocalProtocolError: It lacks From or To, which are for the caller to say.

    """
    headers = request.headers
    sender, target = headers.get("From"), headers.get("To")
    if sender is None or target is None:
        raise LocalProtocolError("From and To are for the caller to say")
    if not request.from_.tag:
        sender = f"{request.from_};tag={new_id()}"
    head = (
        ("Via", via),
        ("Max-Forwards", headers.get("Max-Forwards") or "70"),
        ("From", sender),
        ("To", target),
        ("Call-ID", headers.get("Call-ID") or new_id()),
        ("CSeq", headers.get("CSeq") or f"1 {request.method}"),
    )
    rest = [item for item in headers if item[0].lower() not in _COMPLETED]
    return Request(request.method, request.uri, Headers((*head, *rest)), request.body)


def ack_of(invite: Request, response: Response) -> Request:
    """Return the ACK of a failed INVITE (§17.1.1.3)."""
    return _beside(invite, "ACK", response.headers.get("To") or "")


def cancel_of(invite: Request) -> Request:
    """Return the CANCEL of an INVITE that is under way (§9.1)."""
    return _beside(invite, "CANCEL", invite.headers.get("To") or "")


def _beside(invite: Request, method: str, to: str) -> Request:
    known = invite.headers
    items = (
        ("Via", known.get_all("Via")[0]),
        ("Max-Forwards", "70"),
        *(("Route", value) for value in known.get_all("Route")),
        ("From", known.get("From") or ""),
        ("To", to),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq.number} {method}"),
    )
    return Request(method, invite.uri, Headers(items))
