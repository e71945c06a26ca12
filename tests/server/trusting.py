"""A server of contoso.com that knows the application of the original's how-to page."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import perchat
from perchat.net.certificates import Certificate
from perchat.server.admin import administration
from perchat.server.applicationadmin import application_administration, issue_for, write_settings
from perchat.server.install import install
from tests.server.harness import PASSWORD, Raw, Sample, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.server.config import ServerConfig

DOMAIN = "contoso.com"
NAME = "PersistentChat.Test"
FQDN = "client.contoso.com"
PORT = 4585
GRUU = "sip:client.contoso.com@contoso.com;gruu;opaque=srvr:grsample:uCFg9SltSVSXRkVxjKxvJwAA"
POOL = "pool0.contoso.com"
BOT = "sip:reportbot@contoso.com"
_hosts = itertools.count(1)
QUICK = perchat.EndpointOptions(timers=perchat.ClientTimers(request=5.0, goodbye=0.5, echo=2.0))


@dataclass(frozen=True, slots=True)
class Trusting:
    """
    The server, and what the application has.

    Attributes:
        certificate: Certificate and key, PEM.
        listen: An address of the loopback that no other test listens on.

    """

    sample: Sample
    certificate: Path
    settings: Path
    listen: str = field(default_factory=lambda: own_loopback())  # noqa: PLW0108 - defined below

    @property
    def ca(self) -> Path:
        return self.sample.ca

    def application(self, **changes: Any) -> perchat.TrustedApplication:
        """Return what the page has, on a port that is free unless it is given."""
        values: dict[str, Any] = {
            "user_agent": NAME,
            "fqdn": FQDN,
            "port": PORT,
            "gruu": GRUU,
            "certificate": Certificate.from_files(self.certificate),
        }
        return perchat.TrustedApplication(**values | changes)

    def issue(self, fqdn: str) -> Certificate:
        """Return another certificate of the server's authority."""
        folder = self.certificate.parent.with_name(f"issued-{fqdn}")
        return Certificate.from_files(issue_for(self.sample.config, fqdn, folder))

    def platform(self, **changes: Any) -> perchat.CollaborationPlatform:
        return perchat.CollaborationPlatform.trusted(
            self.application(**changes), listen=[self.listen], ca=self.ca
        )

    def endpoint(
        self, platform: perchat.CollaborationPlatform, uri: str = BOT, **options: Any
    ) -> perchat.ApplicationEndpoint:
        return perchat.ApplicationEndpoint(
            platform, uri, proxy=self.sample.tls, proxy_certificate=POOL, options=QUICK, **options
        )

    @contextlib.asynccontextmanager
    async def established(
        self, uri: str = BOT, *, register: bool = False, **changes: Any
    ) -> AsyncIterator[perchat.ApplicationEndpoint]:
        async with (
            self.platform(**changes) as platform,
            self.endpoint(platform, uri, register=register) as endpoint,
        ):
            yield endpoint

    @contextlib.asynccontextmanager
    async def chatting(self, **changes: Any) -> AsyncIterator[perchat.PersistentChatEndpoint]:
        async with (
            self.established(**changes) as endpoint,
            perchat.PersistentChatEndpoint("sip:perchat@contoso.com", endpoint) as chat,
        ):
            yield chat

    def user(self, name: str) -> contextlib.AbstractAsyncContextManager[Any]:
        return perchat.connect_user(
            f"{name}@{DOMAIN}",
            server=self.sample.addresses.sip_tls,
            ca=self.ca,
            credential=perchat.PasswordCredential(f"{name}@{DOMAIN}", PASSWORD),
            options=QUICK,
        )

    @contextlib.asynccontextmanager
    async def raw(self, certificate: Path | None = None) -> AsyncIterator[Raw]:
        """Connect with TLS and say nothing yet."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if certificate is not None:
            context.load_cert_chain(certificate)
        reader, writer = await asyncio.open_connection(
            *self.sample.tls, ssl=context, server_hostname=POOL
        )
        try:
            yield Raw(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


def own_loopback() -> str:
    """Return a loopback address where nobody else's test listens on the page's port."""
    process = os.getpid()
    return f"127.{64 + (process >> 8) % 64}.{process % 256}.{next(_hosts)}"


async def make_trusting(folder: Path) -> tuple[ServerConfig, Path, Path]:
    """Make contoso.com: reportbot, alice and bob in Ops; the application acts as reportbot."""
    config = await install(folder, DOMAIN, [POOL])
    async with administration(config) as admin:
        await admin.add_user("reportbot", None, service=True)
        for name in ("alice", "bob"):
            await admin.add_user(name, PASSWORD)
        await admin.add_category("Company")
        await admin.add_room("Ops", "Company", members=("reportbot", "alice", "bob"))
    async with application_administration(config) as register:
        added = await register.add(NAME, fqdn=FQDN, port=PORT, act_as=[BOT], gruu=GRUU)
    certificate = issue_for(config, FQDN, folder / "issued")
    return config, certificate, write_settings(added, certificate)


@contextlib.asynccontextmanager
async def trusting(folder: Path) -> AsyncIterator[Trusting]:
    config, certificate, settings = await make_trusting(folder)
    async with running(config) as sample:
        yield Trusting(sample, certificate, settings)


def first_request(
    *,
    host: str = f"{FQDN}:{PORT}",
    contact: str = f"<{GRUU}>",
    agent: str = NAME,
    user: str = BOT,
    method: str = "OPTIONS",
    cseq: int = 1,
    extra: tuple[str, ...] = (),
) -> bytes:
    """The application's first request, as it stands on the wire."""
    lines = (
        f"{method} sip:{DOMAIN} SIP/2.0",
        f"Via: SIP/2.0/TLS {host};branch=z9hG4bKfirst{cseq}",
        "Max-Forwards: 70",
        f"From: <{user}>;tag=a1;epid=0123456789",
        f"To: <sip:{DOMAIN}>",
        f"Call-ID: first-{cseq}",
        f"CSeq: {cseq} {method}",
        f"User-Agent: {agent}",
        *((f"Contact: {contact}",) if contact else ()),
        *extra,
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
