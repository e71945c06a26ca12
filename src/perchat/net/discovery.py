"""
Finding the servers of a SIP domain ([MS-CONMGMT], RFC 3263 §4).

First the SRV records, those for the inside of the organisation before those for the
outside; without any, the host names that administrators set up by custom. The bare
domain is not tried: its host is as a rule a web server, which answers nobody on a SIP port.

Whom to believe: DNS is not protected, so the certificate has to carry a name that the
*user's* domain vouches for. That is the target where it lies in the domain (what Lync
calls strict DNS naming), or the domain itself (RFC 5922 §4). A target elsewhere, as with
a hoster, has to show a certificate for the domain; with ``strict=False``, for those whose
DNS cannot be tampered with, its own name does, too.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import ServerDiscoveryError
from perchat.net.names import host_name
from perchat.net.resolver import SystemResolver, in_order
from perchat.net.transport import DEFAULT_PORTS, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.net.resolver import Resolver, ServiceRecord

__all__ = ["FoundServer", "find_servers"]

_log = logging.getLogger("perchat.net")
_SERVICES = {
    Transport.TLS: ("_sipinternaltls._tcp", "_sip._tls"),
    Transport.TCP: ("_sipinternal._tcp", "_sip._tcp"),
}
_HOSTS = {  # 443 is where servers at the edge of an organisation listen for people outside
    Transport.TLS: (("sipinternal", 5061), ("sip", 5061), ("sipexternal", 443), ("sip", 443)),
    Transport.TCP: (("sipinternal", 5060), ("sip", 5060)),
}


@dataclass(frozen=True, slots=True)
class FoundServer:
    """
    A server to try.

    Attributes:
        host: Its name, or an address.
        port: Where it listens.
        names: Any of these has to be in its certificate.
        source: The query that gave it, for messages.

    """

    host: str
    port: int
    names: tuple[str, ...]
    source: str

    @property
    def host_port(self) -> str:
        """``host:port`` as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def find_servers(
    domain: str,
    *,
    transport: Transport = Transport.TLS,
    resolver: Resolver | None = None,
    strict: bool = True,
    below: Callable[[int], int] = secrets.randbelow,
) -> tuple[FoundServer, ...]:
    """
    Return the servers of ``domain`` in the order to try them; at least one.

    Args:
        domain: The part of a SIP URI behind the ``@``; an IP address stands for itself.
        transport: Only servers that speak it are looked for.
        resolver: Whom to ask; the system without it.
        strict: See the module.
        below: Chooses by weight; ``below(n)`` gives a random number under n.

    Raises:
        ServerDiscoveryError: There is none; every query that was tried is named, with its
            outcome.

    """
    if address := _address(domain):
        return (FoundServer(address, DEFAULT_PORTS[transport], (address,), "its address"),)
    if (name := host_name(domain)) is None:
        raise ServerDiscoveryError(f"not a domain: {domain!r}")
    search = _Search(name, transport, resolver or SystemResolver(), strict, below)
    found = await search.services() or await search.hosts()
    if not found:
        raise ServerDiscoveryError(
            f"no server found for {name} over {transport.name}; tried {'; '.join(search.tried)}"
        )
    _log.debug("servers of %s: %s", name, ", ".join(server.host_port for server in found))
    return found


class _Search:
    """One search; ``tried`` is what it did, for whoever has to find out why it failed."""

    def __init__(
        self,
        domain: str,
        transport: Transport,
        resolver: Resolver,
        strict: bool,
        below: Callable[[int], int],
    ) -> None:
        self._domain = domain
        self._transport = transport
        self._resolver = resolver
        self._strict = strict
        self._below = below
        self.tried: list[str] = []

    async def services(self) -> tuple[FoundServer, ...]:
        queries = [f"{service}.{self._domain}" for service in _SERVICES[self._transport]]
        answers = await asyncio.gather(*(self._records(query) for query in queries))
        unique: dict[tuple[str, int], FoundServer] = {}
        for query, (records, outcome) in zip(queries, answers, strict=True):
            servers = self._servers(query, records)
            if not servers:
                self.tried.append(f"SRV {query} ({outcome})")
            for server in servers:
                unique.setdefault((server.host, server.port), server)
        return tuple(unique.values())

    async def hosts(self) -> tuple[FoundServer, ...]:
        hosts = [(f"{label}.{self._domain}", port) for label, port in _HOSTS[self._transport]]
        names = list(dict.fromkeys(host for host, _ in hosts))
        outcomes = await asyncio.gather(*(self._outcome(name) for name in names))
        absent = {name: why for name, why in zip(names, outcomes, strict=True) if why}
        self.tried += [f"host {name} ({why})" for name, why in absent.items()]
        return tuple(
            FoundServer(host, port, (host, self._domain), f"host name {host}")
            for host, port in hosts
            if host not in absent
        )

    async def _records(self, query: str) -> tuple[Sequence[ServiceRecord], str]:
        try:
            records = await self._resolver.services(query)
        except ServerDiscoveryError as error:
            return (), str(error)
        return in_order(records, self._below), _outcome_of(records)

    async def _outcome(self, host: str) -> str:
        try:
            return "" if await self._resolver.addresses(host) else "no such host"
        except ServerDiscoveryError as error:
            return str(error)

    def _servers(self, query: str, records: Sequence[ServiceRecord]) -> list[FoundServer]:
        found = []
        for record in records:
            host = host_name(record.target)
            if host and record.port and (names := self._names(host)):
                found.append(FoundServer(host, record.port, names, f"SRV {query}"))
            elif record.target:
                _log.warning("ignoring the target %r of SRV %s", record.target, query)
        return found

    def _names(self, host: str) -> tuple[str, ...]:
        domain = self._domain
        if host == domain or host.endswith(f".{domain}") or not self._strict:
            return (host, domain)
        return (domain,) if self._transport is Transport.TLS else ()  # TCP proves nothing


def _outcome_of(records: Sequence[ServiceRecord]) -> str:
    if not records:
        return "no such record"
    if all(not record.target for record in records):
        return "declares that there is no service"
    return f"names only {', '.join(record.target for record in records)}, which is not trusted"


def _address(domain: str) -> str | None:
    try:
        return str(ipaddress.ip_address(domain.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None
