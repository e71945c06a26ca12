"""
The composition root: the one place that knows all parts.

Built from the settings, run until told to stop. Stopping is orderly: nobody new,
connections closed after what is being sent, rooms left, the journal told, the
database closed. Being killed instead loses nothing that was acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perchat.chat.service import ChatService
from perchat.cluster.feed import Feed
from perchat.cluster.wakeup import LocalWakeup
from perchat.net.connection import ConnectionSettings
from perchat.net.listener import Listener, listen
from perchat.net.quota import Quota, QuotaSettings
from perchat.net.tls import server_context
from perchat.server.admin import admin_for
from perchat.server.backoff import Backoff, BackoffSettings
from perchat.server.clientcertificates import SipContext
from perchat.server.config import ServerConfig, split_address
from perchat.server.decoding import Decoding
from perchat.server.fanout import Fanout
from perchat.server.files import open_files
from perchat.server.health import Health
from perchat.server.routing import ALLOW, SUPPORTED, FrontEnd
from perchat.server.services import EnvelopeIds, Services, wall_clock
from perchat.server.singlesignon import SingleSignOn
from perchat.server.storage import chat_settings, open_store
from perchat.server.tasks import Tasks
from perchat.server.threads import Threads
from perchat.server.trust import warn_of_trust
from perchat.sip.parser import ParserLimits
from perchat.sip.useragent import UserAgentSettings
from perchat.store.directory import Directory, load_key

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from perchat.model.uri import SipUri
    from perchat.store.base import Store

__all__ = ["Addresses", "serve"]

_log = logging.getLogger(__name__)
_PATIENCE = 5.0  # seconds for connections and their work to end
_EXPIRY_CHECK = 5.0  # seconds
_GARBAGE = (5_000, 20, 100)  # sessions are many objects: small looks often, at all of them seldom
_SWITCH_INTERVAL = 0.0005  # seconds; lets the store's writer in when the loop is busy


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running server listens, ``host:port``; None where it does not."""

    sip_tls: str | None = None
    sip_tcp: str | None = None
    https: str | None = None
    http: str | None = None


async def serve(
    config: ServerConfig,
    *,
    ready: Callable[[Addresses], None],
    stop: asyncio.Event,
    accept_loss: bool = False,
) -> None:
    """
    Run a server until ``stop`` is set; ``ready`` is called once every listener is up.

    Nothing is appended, and no file removed, before the node is ours and every address is.
    With ``accept_loss`` a database is taken as it is that lacks what was written last.

    Raises:
        ConfigurationError: A file of the settings is missing or cannot be used.
        ConnectionFailure: An address is taken.
        NodeInUse: Another server runs on the database as this node.
        DatabaseIncomplete: The database lacks what was written last.
        StorageError: The database cannot be opened, or was replaced under us.

    """
    sys.setswitchinterval(_SWITCH_INTERVAL)
    tls = SipContext(config) if config.listen.tls else None
    key = load_key(config.path(config.paths.secret_key))
    single_sign_on = await asyncio.to_thread(SingleSignOn.of, config)
    async with open_store(config, serving=True, accept_loss=accept_loss) as store:
        await store.claim(config.node)  # before anything is appended, removed or listened on
        wakeup = LocalWakeup()
        settings = chat_settings(config)
        chat = ChatService(store, wakeup, settings)
        with _unwrapped():
            async with asyncio.TaskGroup() as group:
                tasks, ids = Tasks(group), EnvelopeIds(wall_clock())
                feed = Feed(store, wakeup, pause=1 / config.limits.looks_per_second)
                backoff, threads = Backoff(_backoff(config)), Threads(1, "perchat-decode")
                fanout = Fanout(chat, feed, ids, tasks, backoff)
                directory = Directory(store, key)
                services = Services(
                    config,
                    chat,
                    directory,
                    fanout,
                    tasks,
                    ids,
                    partial(admin_for, store, directory, settings, wakeup=wakeup),
                    quota=Quota(_quota(config)),
                    backoff=backoff,
                    decoding=Decoding(threads, float(config.limits.elements_per_second)),
                    single_sign_on=single_sign_on,
                )
                fanout.on_trust_changed = partial(_recheck, services)
                fanout.on_walls_changed = services.presences.walls_changed
                running: list[asyncio.Task[None]] = []
                try:
                    async with (
                        open_files(
                            config, chat, services.quota, _web_tls(config)
                        ) as services.files,
                        _watched(services, store, group),
                        _listening(services, tls) as listeners,
                    ):
                        await _start(chat)
                        running += [
                            group.create_task(fanout.run()),
                            group.create_task(fanout.rounds.run()),
                            group.create_task(services.presences.run()),
                            group.create_task(_expire_registrations(services)),
                            group.create_task(_look_when_woken(store, feed)),
                            *([group.create_task(tls.follow())] if tls else []),
                        ]
                        for listener in listeners:
                            listener.begin()
                        ready(_addresses(services, listeners))
                        await stop.wait()
                    await chat.stop()
                finally:
                    for task in running:
                        task.cancel()
                    tasks.cancel()
                    threads.close()


async def _start(chat: ChatService) -> None:
    with _collecting_later():
        await chat.start()
    _spare_collections()


async def _look_when_woken(store: Store, feed: Feed) -> None:
    """Follow at once what another process says that it appended."""
    while True:
        await store.grown()
        feed.look()


@contextlib.asynccontextmanager
async def _watched(
    services: Services, store: Store, group: asyncio.TaskGroup
) -> AsyncIterator[None]:
    """Read how the server does, for as long as the block runs, if the settings want it."""
    settings = services.config.health
    if not settings.listen and not settings.socket and not settings.log_seconds:
        yield
        return
    from perchat.server.healthpage import serving_health  # late: few ask

    health = Health(services, store)
    watching = group.create_task(health.run(settings.log_seconds))
    try:
        async with serving_health(services.config, health.read):
            yield
    finally:
        watching.cancel()


def _spare_collections() -> None:
    """Have what was loaded never looked at by the collector, and the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


async def _expire_registrations(services: Services) -> None:
    """Close the connections of endpoints that did not refresh their registration."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_EXPIRY_CHECK)
        for binding in services.registrar.expire(loop.time()):
            if front_end := services.endpoints.get((binding.aor, binding.endpoint)):
                _log.info("registration of %s expired", binding.aor)
                front_end.end("registration expired")


def _recheck(services: Services, changed: SipUri | None) -> None:
    for front_end in list(services.connections):
        if changed is None or front_end.may_speak_for(changed):
            front_end.recheck()


@contextlib.asynccontextmanager
async def _listening(
    services: Services, tls: SipContext | None
) -> AsyncIterator[Sequence[Listener]]:
    """Have the addresses of SIP for as long as the block runs; at its end all connections end."""
    listeners = await _listeners(services, tls)
    try:
        warn_of_trust(services.config.sign_in.trust, [one.host_port for one in listeners])
        yield listeners
    finally:
        for listener in listeners:
            listener.close()
        await _close_connections(services)


def _addresses(services: Services, listeners: Sequence[Listener]) -> Addresses:
    found = {listener.secure: listener.host_port for listener in listeners}
    web = services.files.addresses if services.files else {}
    return Addresses(found.get(True), found.get(False), web.get(True), web.get(False))


async def _listeners(services: Services, tls: SipContext | None) -> list[Listener]:
    config, listeners = services.config, []
    settings = _connection_settings(config, services.quota)
    wanted = [(config.listen.tls, tls), (config.listen.tcp, None)]
    try:
        for address, context in wanted:
            if address:
                host, port = split_address(address)
                listeners.append(
                    await listen(
                        partial(FrontEnd, services),
                        host,
                        port,
                        agent=_agent,
                        tls=context,
                        settings=settings,
                        patience=config.listen.patience,
                        begin=False,
                    )
                )
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


async def _close_connections(services: Services) -> None:
    for front_end in list(services.connections):
        front_end.close()
    try:
        async with asyncio.timeout(_PATIENCE):
            await services.tasks.idle()
    except TimeoutError:
        _log.warning("stopping with work left: %s", services.tasks.names())


def _agent(sent_by: str) -> UserAgentSettings:
    return UserAgentSettings(via=sent_by, allow=ALLOW, supported=SUPPORTED)


def _backoff(config: ServerConfig) -> BackoffSettings:
    sign_in = config.sign_in
    return BackoffSettings(
        failures=sign_in.failures,
        address_failures=sign_in.address_failures,
        account_failures=sign_in.account_failures,
        longest=float(sign_in.longest_wait),
    )


def _quota(config: ServerConfig) -> QuotaSettings:
    limits = config.limits
    return QuotaSettings(
        share=limits.unauthenticated_percent / 100,
        address_share=limits.unauthenticated_address_percent / 100,
        held=limits.unauthenticated_bytes,
        address_held=limits.unauthenticated_address_bytes,
        limits=ParserLimits(
            headers=min(limits.unauthenticated_header_bytes, limits.header_bytes),
            body=min(limits.unauthenticated_body_bytes, limits.body_bytes),
        ),
    )


def _connection_settings(config: ServerConfig, quota: Quota) -> ConnectionSettings:
    limits = config.limits
    return ConnectionSettings(
        limits=ParserLimits(headers=limits.header_bytes, body=limits.body_bytes),
        max_unsent=limits.unsent_bytes,
        message_timeout=limits.message_seconds,
        idle_timeout=config.sign_in.keep_alive * 3.0,
        quota=quota,
    )


def _web_tls(config: ServerConfig) -> ssl.SSLContext | None:
    """Return the same for who comes over HTTPS, of whom no certificate is asked."""
    if not config.listen.https:
        return None
    paths = config.paths
    return server_context(config.path(paths.certificate), config.path(paths.certificate_key))


@contextlib.contextmanager
def _collecting_later() -> Iterator[None]:
    """Let what is made meanwhile stay out of every collection: millions of values that last."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """Raise the one error of a group as itself."""
    try:
        yield
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise
