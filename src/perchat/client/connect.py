"""
From nothing to a chat session in one call, and back in reverse order.

Address of the chat service: the one given, else the provisioned one, else, only
when asked for, the legacy ``sip:ocschat@domain``.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, overload

from perchat.client.application import ApplicationEndpoint
from perchat.client.arguments import checked_endpoint_id
from perchat.client.chat import PersistentChatEndpoint
from perchat.client.living import living
from perchat.client.opening import Opening
from perchat.client.platform import CollaborationPlatform
from perchat.client.userendpoint import UserEndpoint
from perchat.errors import ChatServerNotConfigured
from perchat.net.connector import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from perchat.client.application import Proxy
    from perchat.client.credentials import Credentials
    from perchat.client.endpoint import LocalEndpoint
    from perchat.client.living import LivingChat
    from perchat.client.options import EndpointOptions
    from perchat.client.reconnect import ReconnectPolicy
    from perchat.client.trustedapplication import TrustedApplication

__all__ = ["chat_address", "connect_application", "connect_user"]

_log = logging.getLogger("perchat.chat")


@overload
def connect_user(
    uri: str,
    *,
    credential: Credentials,
    server: str | None = None,
    port: int | None = None,
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    transport: Transport = Transport.TLS,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    user_agent: str | None = None,
    endpoint_id: str | None = None,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: None = None,
) -> Opening[PersistentChatEndpoint]: ...


@overload
def connect_user(
    uri: str,
    *,
    credential: Credentials,
    server: str | None = None,
    port: int | None = None,
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    transport: Transport = Transport.TLS,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    user_agent: str | None = None,
    endpoint_id: str | None = None,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: ReconnectPolicy,
) -> Opening[LivingChat]: ...


def connect_user(
    uri: str,
    *,
    credential: Credentials,
    server: str | None = None,
    port: int | None = None,
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    transport: Transport = Transport.TLS,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    user_agent: str | None = None,
    endpoint_id: str | None = None,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: ReconnectPolicy | None = None,
) -> Opening[PersistentChatEndpoint] | Opening[LivingChat]:
    """
    Sign in as a user and open the chat session.

    Await it and ``terminate`` what you get, or use ``async with``: either closes
    chat, endpoint and platform, also when a step fails or is cancelled.

    Args:
        uri: The user, ``sip:user@domain`` or ``user@domain``.
        credential: How to sign in, or how to in each realm: ``{realm: credential}``.
        server: Host of a server or pool, or ``host:port``.
        port: 5061 with TLS and 5060 with TCP unless given.
        ca: PEM file of the authorities to trust; the system's without it.
        crl: PEM file of their revocation lists; then each needs one that is up to date.
        transport: TLS, unless the server's operator allows plain TCP.
        chat_uri: The chat service; the provisioned one without it.
        legacy_lookup: Whether ``sip:ocschat@domain`` is tried when none is provisioned.
        user_agent: The program's name.
        endpoint_id: Names this device among the user's; made up without it.
        options: Further habits of the endpoint.
        trace: File to append what goes over the wire to, secrets masked.
        reconnect: Come back after lost connections, the first one included, and let chat,
            rooms and streams go on.

    Raises:
        ValueError: An argument cannot be used; at once.
        PersistentChatDisabled: Policy does not let this user use persistent chat.
        ChatServerNotConfigured: No chat service is known.
        RealTimeError: Signing in failed, see ``UserEndpoint.establish``.
        ChatServerConnectionError: See ``PersistentChatEndpoint.establish``.

    """
    uri = uri if ":" in uri else f"sip:{uri}"
    epid = checked_endpoint_id(endpoint_id)  # the same across connections

    def once() -> Opening[PersistentChatEndpoint]:
        platform = CollaborationPlatform.client(
            user_agent, transport=transport, ca=ca, crl=crl, trace=trace
        )
        endpoint = UserEndpoint(
            platform,
            uri,
            server=server,
            port=port,
            credential=credential,
            endpoint_id=epid,
            provision=chat_uri is None,
            options=options,
        )
        return _opening(platform, endpoint, chat_uri, legacy_lookup=legacy_lookup)

    return _lasting(once, reconnect, uri)


@overload
def connect_application(
    application: TrustedApplication,
    uri: str,
    *,
    proxy: Proxy | None = None,
    proxy_certificate: str | None = None,
    trusted_names: Iterable[str] = (),
    listen: Sequence[str] = ("",),
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    register: bool = False,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: None = None,
) -> Opening[PersistentChatEndpoint]: ...


@overload
def connect_application(
    application: TrustedApplication,
    uri: str,
    *,
    proxy: Proxy | None = None,
    proxy_certificate: str | None = None,
    trusted_names: Iterable[str] = (),
    listen: Sequence[str] = ("",),
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    register: bool = False,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: ReconnectPolicy,
) -> Opening[LivingChat]: ...


def connect_application(
    application: TrustedApplication,
    uri: str,
    *,
    proxy: Proxy | None = None,
    proxy_certificate: str | None = None,
    trusted_names: Iterable[str] = (),
    listen: Sequence[str] = ("",),
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    register: bool = False,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: ReconnectPolicy | None = None,
) -> Opening[PersistentChatEndpoint] | Opening[LivingChat]:
    """
    Act as a user, trusted by a certificate, and open the chat session.

    To be awaited or entered as ``connect_user``.

    Args:
        application: As registered with the server.
        uri: The user it acts as, ``sip:user@domain`` or ``user@domain``.
        proxy: The server or pool, ``(host, port)`` or ``host:port``.
        proxy_certificate: The name its certificate carries, when that is not the host.
        trusted_names: Who may connect to the application.
        listen: Addresses of this machine to listen on; all without it.
        ca: PEM file of the authorities to trust; the system's without it.
        crl: PEM file of their revocation lists; then each needs one that is up to date.
        chat_uri: The chat service; the provisioned one without it.
        legacy_lookup: Whether ``sip:ocschat@domain`` is tried when none is provisioned.
        register: Whether to register as well.
        options: Further habits of the endpoint.
        trace: File to append what goes over the wire to, secrets masked.
        reconnect: Come back after lost connections, the first one included, and let chat,
            rooms and streams go on.

    Raises:
        ValueError: An argument cannot be used; at once.
        TlsFailure: The certificate, ours or the server's, cannot be used.
        ConnectionFailure: The application's port is taken, or the server unreachable.
        AuthenticationError: The server does not trust us; ``reason`` tells what differs.
        RealTimeError: See ``ApplicationEndpoint.establish``.
        ChatServerConnectionError: See ``PersistentChatEndpoint.establish``.

    """
    uri = uri if ":" in uri else f"sip:{uri}"
    names = tuple(trusted_names)

    def once() -> Opening[PersistentChatEndpoint]:
        platform = CollaborationPlatform.trusted(
            application, trusted_names=names, listen=listen, ca=ca, crl=crl, trace=trace
        )
        endpoint = ApplicationEndpoint(
            platform,
            uri,
            proxy=proxy,
            proxy_certificate=proxy_certificate,
            register=register,
            provision=chat_uri is None,
            options=options,
        )
        return _opening(platform, endpoint, chat_uri, legacy_lookup=legacy_lookup)

    return _lasting(once, reconnect, uri)


def _lasting(
    once: Callable[[], Opening[PersistentChatEndpoint]],
    reconnect: ReconnectPolicy | None,
    name: str,
) -> Opening[PersistentChatEndpoint] | Opening[LivingChat]:
    first = once()  # arguments are checked before anything is awaited
    return first if reconnect is None else living(once, reconnect, name)


def _opening(
    platform: CollaborationPlatform,
    endpoint: LocalEndpoint,
    chat_uri: str | None,
    *,
    legacy_lookup: bool,
) -> Opening[PersistentChatEndpoint]:
    async def opened() -> PersistentChatEndpoint:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(platform)
            await stack.enter_async_context(endpoint)
            address = await chat_address(endpoint, chat_uri, legacy_lookup=legacy_lookup)
            chat = PersistentChatEndpoint(address, endpoint)
            await chat.establish()
            chat._carry(stack.pop_all())
            return chat

    return Opening(opened, PersistentChatEndpoint.terminate)


async def chat_address(
    endpoint: LocalEndpoint, given: str | None = None, *, legacy_lookup: bool = False
) -> str:
    """
    Return the chat service's address, and log where it is from.

    Raises:
        PersistentChatDisabled: Policy does not let this user use persistent chat.
        ChatServerNotConfigured: None was given or provisioned, and the legacy one not wanted.
        ProvisioningError: What is provisioned is not a SIP address.

    """
    address, source = await _choose(endpoint, given, legacy_lookup=legacy_lookup)
    _log.info("chat service %s (%s)", address, source)
    return address


async def _choose(
    endpoint: LocalEndpoint, given: str | None, *, legacy_lookup: bool
) -> tuple[str, str]:
    if given is not None:
        return given, "given"
    provisioning = await endpoint.provisioning()
    try:
        return provisioning.chat.require_uri(), "provisioned"
    except ChatServerNotConfigured:
        if not legacy_lookup:
            raise
    return f"sip:ocschat@{endpoint.domain}", "legacy lookup"
