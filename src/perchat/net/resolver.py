"""
Finding things by name: addresses of hosts, services of domains (RFC 1035, RFC 2782).

``Resolver`` is the seam: what stands behind it may be the system, a DNS server of one's
choice, or a test's dictionary.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from perchat.errors import ServerDiscoveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import dns.asyncresolver
    import dns.rdtypes.IN.SRV

__all__ = ["DnsResolver", "Resolver", "ServiceRecord", "SystemResolver", "in_order"]

_MOST = 16  # records of one answer that are looked at


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """
    One SRV record (RFC 2782).

    Attributes:
        priority: Lower ones are tried first.
        weight: The share of the load among those of one priority.
        port: Where the service listens.
        target: Its host, without the root's dot; empty declares that there is no service.

    """

    priority: int
    weight: int
    port: int
    target: str


class Resolver(Protocol):
    """Answers what the DNS answers."""

    async def services(self, name: str) -> Sequence[ServiceRecord]:
        """
        Return the SRV records of ``name``, in any order; none when there is no such name.

        Raises:
            ServerDiscoveryError: Nobody could be asked, or the answer makes no sense.

        """

    async def addresses(self, host: str) -> Sequence[str]:
        """
        Return the IP addresses of ``host``, the best first; none when there is no such host.

        Raises:
            ServerDiscoveryError: Nobody could be asked, or the answer makes no sense.

        """


class DnsResolver:
    """Asks DNS servers, those of the system unless others are given."""

    def __init__(
        self, nameservers: Sequence[str] = (), *, port: int = 53, lifetime: float = 5.0
    ) -> None:
        """
        Take the servers' addresses; nothing is asked yet.

        Args:
            nameservers: IP addresses; the system's settings without any.
            port: Where they listen, UDP and TCP.
            lifetime: Seconds for one question, repetitions included.

        """
        self._nameservers = tuple(nameservers)
        self._port = port
        self._lifetime = lifetime
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def services(self, name: str) -> Sequence[ServiceRecord]:
        """Return the SRV records of ``name``."""
        answers = await self._ask(name, "SRV")
        return tuple(_record(answer) for answer in answers)[:_MOST]

    async def addresses(self, host: str) -> Sequence[str]:
        """Return the AAAA and A records of ``host``."""
        six, four = await asyncio.gather(self._ask(host, "AAAA"), self._ask(host, "A"))
        return tuple(str(record.address) for record in [*six, *four])[:_MOST]

    async def _ask(self, name: str, kind: str) -> list[Any]:
        import dns.exception  # late: only those who look for servers need it
        import dns.resolver

        try:
            resolver = self._resolver = self._resolver or self._made()
            answer = await resolver.resolve(f"{name.rstrip('.')}.", kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise ServerDiscoveryError(f"DNS cannot tell {kind} of {name}: {error}") from error
        return list(answer)

    def _made(self) -> dns.asyncresolver.Resolver:
        import dns.asyncresolver  # late, as above

        resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
        if self._nameservers:
            resolver.nameservers = list(self._nameservers)
            resolver.port = self._port
        resolver.lifetime = self._lifetime
        return resolver


def _record(answer: dns.rdtypes.IN.SRV.SRV) -> ServiceRecord:
    target = answer.target.to_text(omit_final_dot=True)
    none = target == "."  # RFC 2782: decidedly not available
    return ServiceRecord(answer.priority, answer.weight, answer.port or 0, "" if none else target)


class SystemResolver:
    """Asks the system for addresses, with its hosts file and all, and its DNS for services."""

    def __init__(self) -> None:
        self._dns = DnsResolver()

    async def services(self, name: str) -> Sequence[ServiceRecord]:
        """Return the SRV records of ``name``."""
        return await self._dns.services(name)

    async def addresses(self, host: str) -> Sequence[str]:
        """Return what getaddrinfo knows, in the order of RFC 6724."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_HOST:
                return ()
            raise ServerDiscoveryError(f"cannot look up {host}: {error.strerror}") from error
        except (OSError, UnicodeError) as error:
            raise ServerDiscoveryError(f"cannot look up {host!r}: {error}") from error
        return tuple(dict.fromkeys(str(address[0]) for *_, address in found))[:_MOST]


_NO_SUCH_HOST = {
    code
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if (code := getattr(socket, name, None)) is not None
}


def in_order(
    records: Iterable[ServiceRecord], below: Callable[[int], int]
) -> tuple[ServiceRecord, ...]:
    """
    Return ``records`` in the order to try them (RFC 2782, Usage rules).

    ``below(n)`` gives a random number from 0 to n-1, as ``secrets.randbelow`` does.
    """
    ordered: list[ServiceRecord] = []
    waiting = sorted(records, key=lambda r: (r.priority, r.weight > 0, r.target, r.port))
    while waiting:
        equal = [r for r in waiting if r.priority == waiting[0].priority]
        chosen = _chosen(equal, below(sum(r.weight for r in equal) + 1))
        waiting.remove(chosen)
        ordered.append(chosen)
    return tuple(ordered)


def _chosen(equal: Sequence[ServiceRecord], number: int) -> ServiceRecord:
    running = 0
    for record in equal:
        running += record.weight
        if running >= number:
            return record
    return equal[-1]
