"""
One connection that a user's requests go by, whoever vouched for the user.

Registering, refreshing and asking for settings have the order and the spelling of the
clients that Lync Server 2013 knows ([MS-SIPREGE], [MS-SIP]).
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.client.failures import subscribe_failure
from perchat.client.link import Link
from perchat.errors import OperationTimeout, ProvisioningError
from perchat.lync.diagnostics import read_diagnostics
from perchat.lync.provisioning import (
    PROVISIONING_EVENT,
    PROVISIONING_TYPE,
    Provisioning,
    provisioning_request,
)
from perchat.lync.registration import DEREGISTRATION_EVENT, instance_uuid
from perchat.net.connection import ConnectionSettings
from perchat.net.connector import open_connection, open_first
from perchat.net.discovery import FoundServer, find_servers
from perchat.sip.message import Headers, Request
from perchat.sip.subscription import subscribe_headers
from perchat.sip.uri import parse_uri
from perchat.sip.useragent import UserAgentSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from perchat.client.options import ClientTimers
    from perchat.model.uri import SipUri
    from perchat.net.connection import Connection, Guard
    from perchat.net.connector import Transport
    from perchat.net.resolver import Resolver
    from perchat.net.trace import Tracer
    from perchat.sip.message import Response

__all__ = ["DEFAULT_EXPIRES", "Granted", "SignInTarget", "SignedIn"]

_log = logging.getLogger("perchat.signin")

_METHODS = "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS, NOTIFY, BENOTIFY"
_TIMEOUT = re.compile(r"(?:^|;)\s*timeout\s*=\s*(\d{1,6})")
DEFAULT_EXPIRES = 600


@dataclass(frozen=True, slots=True)
class SignInTarget:
    """
    Who signs in where; all that a sign-in needs to know and that does not change.

    Attributes:
        host: The server; None has one looked up for the user's domain.
        server_name: The server's certificate carries it; the host without it.
        resolver: Finds servers and their addresses; the system without it.
        sent_by: Host and port of our Via; those of the connection without it.
        servers: Where a registrar sent us, tried in their order in place of ``host``.

    """

    uri: SipUri
    host: str | None
    port: int
    transport: Transport
    tls: ssl.SSLContext | None
    user_agent: str
    schemes: frozenset[str]
    epid: str
    headers: Mapping[str, str]
    timers: ClientTimers
    tracer: Tracer | None = None
    server_name: str | None = None
    resolver: Resolver | None = None
    sent_by: str | None = None
    servers: tuple[FoundServer, ...] = ()


@dataclass(frozen=True, slots=True)
class Granted:
    """
    What the registrar granted.

    Attributes:
        response: Its final answer.
        expires: Seconds until it has to be refreshed.
        gruu: This device's own address; empty when the registrar gives none.
        keep_alive: Seconds of silence it allows; 0 when it does not say.

    """

    response: Response
    expires: int
    gruu: str
    keep_alive: int


class SignedIn(ABC):
    """
    One connection, and what is asked of the server in its user's name.

    Attributes:
        contact: Goes with every request; empty until it is known.
        link: The connection.
        server: Whom it goes to; None until it stands.

    """

    _guard: Guard | None = None

    def __init__(
        self,
        target: SignInTarget,
        *,
        on_lost: Callable[[Exception], None],
        on_deregistered: Callable[[str], None],
    ) -> None:
        self.target = target
        self.contact = ""
        self.server: FoundServer | None = None
        self._on_deregistered = on_deregistered
        self.link = Link(on_notify=self._notified, on_lost=on_lost)
        self._call_id = secrets.token_hex(16)
        self._cseq = 0
        self._expected: dict[str, asyncio.Future[bytes]] = {}

    # --- steps, in their order ---

    async def connect(self) -> None:
        """
        Open the connection.

        Raises:
            ServerDiscoveryError: No server was given, and none was found.
            ConnectionFailure: Unreachable or refused.
            TlsFailure: The server cannot be trusted, or does not speak TLS.
            OperationTimeout: Nothing answered.

        """
        _, self.server = await open_first(await self._servers(), self._connect_to)

    async def _servers(self) -> Sequence[FoundServer]:
        """Return the server that was given, or look for those of the user's domain."""
        target = self.target
        if target.servers:
            return target.servers
        if target.host is None:
            return await find_servers(
                target.uri.domain, transport=target.transport, resolver=target.resolver
            )
        names = (target.server_name or target.host,)
        return (FoundServer(target.host, target.port, names, "given"),)

    async def _connect_to(self, server: FoundServer) -> Connection:
        target = self.target
        _log.info("connecting to %s over %s", server.host_port, target.transport.name)
        connection = await open_connection(
            self.link,
            server.host,
            server.port,
            transport=target.transport,
            agent=self._agent,
            tls=target.tls,
            server_name=server.names,
            guard=self._guard,
            settings=ConnectionSettings(tracer=target.tracer),
            resolver=target.resolver,
            timeout=target.timers.connect,
        )
        _log.info("connected to %s over %s", server.host_port, target.transport.name)
        return connection

    @abstractmethod
    async def register(self, headers: Mapping[str, str] | None = None) -> Granted:
        """
        Have ourselves accepted; also refreshes.

        Raises:
            AuthenticationError: We were not accepted, or do not accept the server.
            RegisterError: Refused for another reason.
            ServerPolicyError: Refused with a warning.
            OperationTimeout: No answer in time.
            ConnectionFailure: The connection ended.

        """

    def renewal_due(self) -> float:
        """Return in how many seconds what was proved has to be proved anew."""
        return float("inf")

    async def unregister(self) -> None:
        """Say goodbye to the registrar; what it answers does not matter."""
        request = self._register_request({}, ("Expires", "0"))
        await self.link.exchange(request, self.target.timers.goodbye)

    async def provisioning(self) -> Provisioning:
        """
        Ask for the settings that the server keeps for this user.

        Raises:
            PublishSubscribeError: The server refused the query.
            ProvisioningError: What came makes no sense.
            OperationTimeout: Nothing came.
            ConnectionFailure: The connection ended.

        """
        return Provisioning.parse(await self._settings())

    def request(
        self, method: str, to: str, *headers: tuple[str, str], body: bytes = b""
    ) -> Request:
        """Return a request of this user to ``to``, outside any dialog."""
        return Request(
            method,
            to,
            Headers(
                (
                    ("From", self._from()),
                    ("To", f"<{to}>"),
                    ("CSeq", f"1 {method}"),
                    ("Call-ID", secrets.token_hex(16)),
                    *((("Contact", self.contact),) if self.contact else ()),
                    *headers,
                )
            ),
            body,
        )

    # --- registering ---

    def _agent(self, sent_by: str) -> UserAgentSettings:
        return UserAgentSettings(
            via=f"TLS {self.target.sent_by}" if self.target.sent_by else sent_by,
            user_agent=self.target.user_agent,
            allow=tuple(_METHODS.split(", ")),
        )

    def _register_request(self, more: Mapping[str, str], *extra: tuple[str, str]) -> Request:
        self._cseq += 1
        return Request(
            "REGISTER",
            f"sip:{self.target.uri.domain}",
            Headers(
                (
                    ("From", self._from()),
                    ("To", f"<{self.target.uri}>"),
                    ("CSeq", f"{self._cseq} REGISTER"),
                    ("Call-ID", self._call_id),
                    ("Contact", self._binding()),
                    ("Supported", "gruu-10, adhoclist, msrtc-event-categories"),
                    ("Event", "registration"),
                    ("ms-keep-alive", "UAC;hop-hop=yes"),
                    *more.items(),
                    *extra,
                )
            ),
        )

    def _from(self) -> str:
        return f"<{self.target.uri}>;tag={secrets.token_hex(5)};epid={self.target.epid}"

    def _binding(self) -> str:
        host, port = self.link.connection.sockname
        shown = f"[{host}]" if ":" in host else host
        return (
            f"<sip:{shown}:{port};transport={self.target.transport.value}>"
            f';methods="{_METHODS}";proxy=replace'
            f';+sip.instance="<urn:uuid:{instance_uuid(self.target.epid)}>"'
        )

    def _registered(self, response: Response) -> Granted:
        gruu = self._gruu(response)
        self.contact = f"<{gruu or self.target.uri}>"
        keep_alive = _TIMEOUT.search(response.headers.get("ms-keep-alive") or "")
        return Granted(
            response=response,
            expires=response.expires or DEFAULT_EXPIRES,
            gruu=gruu,
            keep_alive=int(keep_alive[1]) if keep_alive else 0,
        )

    def _gruu(self, response: Response) -> str:
        instance = str(instance_uuid(self.target.epid)).lower()
        for contact in response.contacts:
            if instance in (contact.param("+sip.instance") or "").lower():
                return contact.param("gruu") or ""
        return ""

    # --- settings ---

    async def _settings(self) -> bytes:
        request = self._settings_request()
        arrival: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._expected[request.call_id] = arrival
        wait = self.target.timers.request
        try:
            async with asyncio.timeout(wait):
                response = await self.link.exchange(request, wait)
                if response.status >= 300:
                    raise subscribe_failure(response)
                if not self._is_ours(response.to.uri):
                    raise ProvisioningError(f"the settings of {response.to.uri} came, not ours")
                return response.body or await arrival
        except OperationTimeout:
            raise
        except TimeoutError as error:
            raise OperationTimeout(f"the settings did not come within {wait:g} s") from error
        finally:
            del self._expected[request.call_id]

    def _is_ours(self, uri: str) -> bool:
        return parse_uri(uri).address.lower() == self.target.uri.lower()

    def _settings_request(self) -> Request:
        return self.request(
            "SUBSCRIBE",
            self.target.uri,
            *subscribe_headers(PROVISIONING_EVENT, accept=PROVISIONING_TYPE, expires=0),
            ("Supported", "com.microsoft.autoextend"),
            ("Content-Type", PROVISIONING_TYPE),
            body=provisioning_request(),
        )

    def _notified(self, request: Request) -> bool:
        event = (request.headers.get("Event") or "").partition(";")[0].strip().lower()
        if event == DEREGISTRATION_EVENT:
            said = request.body.decode("utf-8", "replace").strip()
            why = read_diagnostics(request.headers).reason
            self._on_deregistered(f"{why} ({said})" if why else said)
            return True
        arrival = self._expected.get(request.call_id)
        if arrival is None or not self._is_ours(request.from_.uri):
            return False
        if request.body and not arrival.done():
            arrival.set_result(request.body)
        return True
