"""
Who can be reached where: the bindings of addresses-of-record (RFC 3261 §10).

Pure and in memory. An endpoint is told apart by its instance where it names one
(RFC 5626 §4.1, [MS-SIPREGE] 3.2), else by its contact; a binding registered again is
replaced, so that a client that comes back with a new connection has one binding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError

if TYPE_CHECKING:
    from perchat.sip.message import Request

__all__ = ["Binding", "Registrar", "address_of_record"]


def address_of_record(request: Request) -> str:
    """
    Return whom a REGISTER is about (§10.3, step 5).

    Raises:
        RemoteProtocolError: To names nobody who can be registered.

    """
    address = request.to.address
    if not address.is_sip or address.user is None:
        raise RemoteProtocolError(f"not an address-of-record: {request.to.uri}")
    return address.address


@dataclass(frozen=True, slots=True)
class Binding:
    """
    One endpoint of a user.

    Attributes:
        contact: The Contact as the endpoint wrote it.
        instance: ``+sip.instance`` or epid, empty when it named neither.
        call_id: Of the REGISTER; with ``cseq`` it tells old requests from new ones.
        expires_at: Monotonic seconds.

    """

    aor: str
    contact: str
    instance: str
    call_id: str
    cseq: int
    expires_at: float

    @property
    def endpoint(self) -> str:
        """What identifies the endpoint."""
        return self.instance or self.contact


class Registrar:
    """The bindings of one server. Time is monotonic seconds."""

    def __init__(self, *, max_bindings: int = 32) -> None:
        self._max_bindings = max_bindings  # of one address-of-record
        self._bindings: dict[str, dict[str, Binding]] = {}

    def register(self, binding: Binding, now: float) -> bool:
        """
        Add or refresh a binding; whether the endpoint was not bound before.

        Raises:
            RemoteProtocolError: An older request came late (500, §10.3), or the user
                has too many endpoints (403).

        """
        bound = self._bindings.setdefault(binding.aor, {})
        known = bound.get(binding.endpoint)
        self._check(known, binding.call_id, binding.cseq)
        fresh = known is None or known.expires_at <= now
        if known is None and len(bound) >= self._max_bindings:
            raise RemoteProtocolError(f"too many endpoints of {binding.aor}", status=403)
        bound[binding.endpoint] = binding
        return fresh

    def remove(self, aor: str, endpoint: str, call_id: str = "", cseq: int = 0) -> Binding | None:
        """Take one binding away; None when there was none."""
        bound = self._bindings.get(aor, {})
        self._check(bound.get(endpoint), call_id, cseq)
        removed = bound.pop(endpoint, None)
        self._forget_if_empty(aor)
        return removed

    def remove_all(self, aor: str) -> list[Binding]:
        """Take all bindings of a user away, as ``Contact: *`` asks (§10.2.2)."""
        return list(self._bindings.pop(aor, {}).values())

    def bindings(self, aor: str, now: float) -> list[Binding]:
        """Return what stands, the oldest endpoint first."""
        bound = self._bindings.get(aor, {})
        return [binding for binding in bound.values() if binding.expires_at > now]

    def next_expiry(self) -> float | None:
        """Return when to call `expire`."""
        times = [one.expires_at for bound in self._bindings.values() for one in bound.values()]
        return min(times, default=None)

    def expire(self, now: float) -> list[Binding]:
        """Forget and return what has run out."""
        gone = [
            binding
            for bound in self._bindings.values()
            for binding in bound.values()
            if binding.expires_at <= now
        ]
        for binding in gone:
            del self._bindings[binding.aor][binding.endpoint]
            self._forget_if_empty(binding.aor)
        return gone

    def _check(self, known: Binding | None, call_id: str, cseq: int) -> None:
        if known is not None and known.call_id == call_id and cseq <= known.cseq:
            raise RemoteProtocolError(f"CSeq {cseq} is not after {known.cseq}", status=500)

    def _forget_if_empty(self, aor: str) -> None:
        if not self._bindings.get(aor, True):
            del self._bindings[aor]
