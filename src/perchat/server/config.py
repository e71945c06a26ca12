"""
The server's settings, each documented once, read from ``perchat.toml``.

Paths are taken from the folder the file is in. What is left out has the default
shown here; what is not known is refused, so that a slip of the pen is noticed.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from perchat.errors import ConfigurationError
from perchat.model.uri import SipUri
from perchat.server.trust import trusted_networks

__all__ = [
    "AdministrationConfig",
    "ChatConfig",
    "FilesConfig",
    "HealthConfig",
    "LimitsConfig",
    "ListenConfig",
    "PathsConfig",
    "PresenceConfig",
    "ServerConfig",
    "SignInConfig",
    "checked_domain",
    "checked_host",
    "is_loopback",
    "load_config",
    "new_config_text",
    "split_address",
    "with_ports",
]

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, not listened on
_URL = re.compile(r"https://[^/\s:@]+(?::\d{1,5})?/?", re.IGNORECASE)
_YEAR = 366 * 86400
_SCHEMES = {"ntlm": "NTLM", "kerberos": "Kerberos"}  # as a challenge spells them

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Percent: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=100)]
Seconds: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=_YEAR)]


class ListenConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Where the server listens.

    Attributes:
        tls: Address and port for SIP over TLS; port 0 picks a free one, empty switches it off.
        tcp: The same for plain TCP. Bodies travel readable there: only loopback is accepted
            unless ``plain_tcp_anywhere`` is true.
        plain_tcp_anywhere: Accept a ``tcp`` address beyond loopback.
        https: Address and port for files over HTTPS; empty leaves rooms without files.
        http: The same without TLS, for clients that came by plain TCP; loopback only.
        patience: Seconds that a start waits for an address which is taken; 0 for none.

    """

    tls: str = "127.0.0.1:5061"
    tcp: str = "127.0.0.1:5060"
    plain_tcp_anywhere: bool = False
    https: str = "127.0.0.1:5443"
    http: str = ""
    patience: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 5.0


class PathsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Files the server needs.

    Attributes:
        database: Everything that outlives the process.
        secret_key: Encrypts password hashes in the database; keep it apart from backups of it.
        authority: The certificates clients should trust (PEM).
        client_authority: Whose certificates trusted applications show (PEM); empty means
            ``authority``, if that file is there.
        client_revocations: Their revocation lists (PEM): an application whose certificate is in
            one is refused, and all are while a list is missing or out of date. Read again when
            it changes; empty checks none.
        certificate: The server's certificate, leaf first (PEM).
        certificate_key: Its private key (PEM).
        files: The folder of the files in rooms, ``ROOM/GUID.ext``; on one file system.

    """

    database: str = "perchat.db"
    secret_key: str = "secret.key"  # noqa: S105 - a file name
    authority: str = "pki/ca.pem"
    client_authority: str = ""
    client_revocations: str = ""
    certificate: str = "pki/server.pem"
    certificate_key: str = "pki/server-key.pem"
    files: str = "files"


class SignInConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Signing in.

    Attributes:
        deadline: Seconds a connection may take to sign in before it is closed.
        registration_expires: Seconds a registration lasts without a refresh.
        association_lifetime: Seconds a security association lasts before a new sign-in is due.
        keep_alive: Seconds between keep-alives asked of clients; a connection silent for
            three times as long is closed.
        challenge_limit: Failed or unfinished attempts on one connection before it is refused.
        failures: Wrong passwords for one account from one address before the next has to wait a
            second, then twice as long each time.
        address_failures: Wrong passwords from one address for any accounts before those who never
            signed in from there have to wait.
        account_failures: Wrong passwords for one account from anywhere before those places have
            to wait where its user has never signed in.
        longest_wait: Seconds that the longest of these waits lasts.
        protocols: What is offered, ``ntlm`` and ``kerberos``, the preferred one first.
        keytab: The key of the Kerberos service ``sip/HOST@REALM``, as kadmin's ktadd writes it.
        kerberos_realm: Whose ``NAME@REALM`` signs in as ``sip:NAME@DOMAIN``; empty means
            the domain in capitals.
        kerberos_users: Principals with another name here: ``"asmith@CORP.EXAMPLE" = "alice"``.
        trust: Loopback addresses or networks from where users are taken at their word, without
            password or signature: ``["127.0.0.1"]``. For measuring; empty trusts nobody.

    """

    deadline: Annotated[float, msgspec.Meta(gt=0, le=_YEAR)] = 60.0
    registration_expires: Seconds = 600
    association_lifetime: Seconds = 8 * 3600
    keep_alive: Seconds = 300
    challenge_limit: Count = 10
    failures: Count = 5
    address_failures: Count = 50
    account_failures: Count = 100
    longest_wait: Seconds = 900
    protocols: tuple[Literal["ntlm", "kerberos"], ...] = ("ntlm",)
    keytab: str = ""
    kerberos_realm: str = ""
    kerberos_users: dict[str, str] = {}
    trust: tuple[str, ...] = ()

    @property
    def schemes(self) -> tuple[str, ...]:
        """The protocols as a challenge spells them."""
        return tuple(_SCHEMES[protocol] for protocol in self.protocols)


class ChatConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The chat service.

    Attributes:
        pool_uri: The address that clients are provisioned with; empty means ``sip:perchat@DOMAIN``.
        service_uri: The address that a look-up at ``pool_uri`` answers with; empty means the same.
        further_uris: More addresses of the service that clients are told of; each can hold a
            session of its own beside that at ``pool_uri``.
        management_url: A page for managing rooms, told to clients; empty for none.
        legacy_uri: Where clients of the 2010 generation call; empty means ``sip:ocschat@DOMAIN``.
        display_name: Tells the rooms of several pools apart.
        session_expires: Seconds a silent chat session lives (RFC 4028); at least 90.

    """

    pool_uri: str = ""
    service_uri: str = ""
    further_uris: tuple[str, ...] = ()
    management_url: str = ""
    legacy_uri: str = ""
    display_name: str = "Persistent Chat"
    session_expires: Annotated[int, msgspec.Meta(ge=90, le=_YEAR)] = 1800  # RFC 4028 §4


class LimitsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Bounds; whatever breaks one is refused and logged, and nobody else notices.

    Attributes:
        connections: Open connections in all.
        sessions_per_connection: Chat dialogs at one time on one connection.
        inbox: Commands of one session waiting for their turn.
        outbox: Messages to one session waiting to be sent; beyond, the session ends.
        outbox_window: Messages to one session sent and not yet answered.
        unsent_bytes: Bytes waiting for a slow peer before its connection is cut.
        message_bytes: UTF-8 bytes of a chat message.
        story_bytes: UTF-8 bytes of a story.
        search_results: Results of any search.
        history_messages: Messages of one history answer.
        moderation_messages: Messages that one command of a moderator looks at or changes; its
            client asks on.
        administration_values: Principals, or message numbers, that one command of an
            administrator or moderator may name.
        participant_updates: Users in a room above which nobody is told who comes, goes, or is
            there; each of them costs a message to each other.
        resend_seconds: Seconds for which a post that a client sends again, as it may after a
            lost connection, is known and not stored twice.
        body_bytes: Bytes of a SIP body.
        header_bytes: Bytes of all SIP headers of a message.
        message_seconds: Seconds a message that has begun may stay incomplete.
        unauthenticated_connections: Open connections that have not signed in; beyond it the
            oldest of them is closed, as it is beyond ``connections``.
        unauthenticated_percent: Of the server's processor time, for all connections together
            that have not signed in; beyond it they are not read from for a while.
        unauthenticated_address_percent: The same for those of one address (IPv6: of one /64).
        unauthenticated_body_bytes: Bytes of a SIP body before a sign-in.
        unauthenticated_header_bytes: Bytes of all SIP headers of a message before a sign-in.
        unauthenticated_bytes: Bytes of incomplete messages before a sign-in, of all connections
            together; beyond it the oldest of them is closed.
        unauthenticated_address_bytes: The same for those of one address.
        elements_per_second: XML elements a second that a session may send in large documents;
            beyond it its connection is not read from for a while.
        looks_per_second: Times a second that the journal is looked at, at most, for all together
            who ask for what is not known here: another process may have made it a moment ago.

    """

    connections: Count = 20_000
    sessions_per_connection: Count = 8
    inbox: Count = 200
    outbox: Count = 2_000
    outbox_window: Count = 64
    unsent_bytes: Count = 4 * 1024 * 1024
    message_bytes: Count = 8_192
    story_bytes: Count = 65_536
    search_results: Count = 999
    history_messages: Count = 500
    moderation_messages: Count = 1_000
    administration_values: Count = 1_000
    participant_updates: Count = 75
    resend_seconds: Seconds = 86_400
    body_bytes: Count = 1_048_576
    header_bytes: Count = 65_536
    message_seconds: float = 30.0
    unauthenticated_connections: Count = 2_000
    unauthenticated_percent: Percent = 30
    unauthenticated_address_percent: Percent = 20
    unauthenticated_body_bytes: Count = 4_096
    unauthenticated_header_bytes: Count = 24_576
    unauthenticated_bytes: Count = 32 * 1024 * 1024
    unauthenticated_address_bytes: Count = 8 * 1024 * 1024
    elements_per_second: Count = 20_000
    looks_per_second: Count = 50


class FilesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Files in rooms: what one may have, and what their transfer may take.

    Attributes:
        url: Where clients reach ``listen.https``, ``https://HOST[:PORT]``; empty means ``host``
            and the port that is listened on.
        file_kilobytes: The largest file; more is refused while it comes.
        chunk_kilobytes: The most of a file in one request.
        token_seconds: Seconds within which a transfer that was allowed has to be done.
        tokens_per_user: Transfers a user may have under way; the oldest gives way.
        connections: HTTP connections at a time; for one more, one whose request is not whole is
            closed, of the address that has most, and if there is none, the new one gets 503.
        address_connections: The same for one address (IPv6: for one /64).
        unfinished_kilobytes: Of all uploads under way together, by the sizes they announced.
        unfinished_kilobytes_per_user: The same for one user. Of both, one file of the largest
            size has room in any case.
        stalled_seconds: Seconds without a piece after which an upload gives way when another
            needs its room.
        workers: Threads that read and write files.
        head_seconds: Seconds a connection may take to ask for something.
        request_seconds: Seconds a request may take to arrive whole.

    """

    url: str = ""
    file_kilobytes: Annotated[int, msgspec.Meta(ge=1, le=2**31)] = 20_000
    chunk_kilobytes: Annotated[int, msgspec.Meta(ge=1, le=16_384)] = 512
    token_seconds: Seconds = 1_800
    tokens_per_user: Count = 100
    connections: Count = 64
    address_connections: Count = 16
    unfinished_kilobytes: Count = 2_000_000
    unfinished_kilobytes_per_user: Count = 200_000
    stalled_seconds: Seconds = 120
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    head_seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 15.0
    request_seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 60.0


class PresenceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Presence: what users publish of themselves, and who is told.

    Attributes:
        contacts: Users whose presence one connection may be told of, over its subscriptions.
        publication_bytes: Bytes of all that the devices of a user publish.
        notify_seconds: Seconds between two rounds of telling what changed; of a user who
            changes more often than that, the last state is told.

    """

    contacts: Count = 250
    publication_bytes: Count = 32_768
    notify_seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 0.5


class HealthConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Readings of how the server does; without any of these settings none are made.

    Attributes:
        socket: A Unix socket, for the server's own user alone, that tells them over HTTP,
            ``/status`` as JSON, for ``perchat status``, and ``/metrics`` for Prometheus; in the
            folder of the settings unless it says another; empty switches it off.
        listen: Loopback address and port that tell the same to whoever is on this machine;
            empty switches it off.
        log_seconds: Seconds between readings in the log; 0 writes none.

    """

    socket: str = "perchat.sock"
    listen: str = ""
    log_seconds: Annotated[int, msgspec.Meta(ge=0, le=_YEAR)] = 0


class AdministrationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Administration, by the command line and by programs.

    Attributes:
        follow_seconds: Seconds that a change waits at most until the servers that run on the
            database have followed it; 0 does not wait.

    """

    follow_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 5.0


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The whole file.

    Attributes:
        domain: The SIP domain whose users sign in here.
        host: The server's name towards clients; empty means ``sip.DOMAIN``.
        node: Tells the nodes of a pool apart; never change it while sessions stand.
        folder: Where the file is; not a setting.

    """

    domain: str
    host: str = ""
    node: str = "node-1"
    listen: ListenConfig = ListenConfig()
    paths: PathsConfig = PathsConfig()
    sign_in: SignInConfig = SignInConfig()
    chat: ChatConfig = ChatConfig()
    limits: LimitsConfig = LimitsConfig()
    files: FilesConfig = FilesConfig()
    presence: PresenceConfig = PresenceConfig()
    health: HealthConfig = HealthConfig()
    administration: AdministrationConfig = AdministrationConfig()
    folder: Path = Path()

    def path(self, relative: str) -> Path:
        """Return a path of the file as seen from here."""
        return self.folder / relative

    @property
    def client_authority(self) -> Path | None:
        """Whose certificates clients may show; None when they are not asked for one."""
        if self.paths.client_authority:
            return self.path(self.paths.client_authority)
        authority = self.path(self.paths.authority)
        return authority if authority.exists() else None

    @property
    def client_revocations(self) -> Path | None:
        """The revocation lists of those authorities; None when none are looked at."""
        return self.path(self.paths.client_revocations) if self.paths.client_revocations else None

    @property
    def host_name(self) -> str:
        """The server's name towards clients."""
        return self.host or f"sip.{self.domain}"

    def near_address(self, *, tcp: bool) -> str:
        """
        Return where a client on this machine reaches the server, ``host:port``.

        Raises:
            ConfigurationError: The settings do not tell.

        """
        kind, address = ("tcp", self.listen.tcp) if tcp else ("tls", self.listen.tls)
        if not address:
            raise ConfigurationError(f"listen.{kind} is switched off in the settings")
        host, port = split_address(address)
        if not port:
            raise ConfigurationError(
                f"listen.{kind} leaves the port to the system; give --server HOST:PORT"
            )
        return f"{_EVERYWHERE.get(host) or (f'[{host}]' if ':' in host else host)}:{port}"

    @property
    def pool_uri(self) -> str:
        """The provisioned address of the chat service."""
        return self.chat.pool_uri or f"sip:perchat@{self.domain}"

    @property
    def service_uri(self) -> str:
        """The address a look-up is answered with."""
        return self.chat.service_uri or self.pool_uri

    @property
    def pool_uris(self) -> tuple[str, ...]:
        """All addresses clients are told of, the default one first."""
        return (self.pool_uri, *self.chat.further_uris)

    @property
    def chat_uris(self) -> frozenset[str]:
        """All addresses at which the chat service answers."""
        return frozenset((*self.pool_uris, self.service_uri, self.legacy_uri))

    @property
    def legacy_uri(self) -> str:
        """The address of the generation before provisioning."""
        return self.chat.legacy_uri or f"sip:ocschat@{self.domain}"


def load_config(file: Path) -> ServerConfig:
    """
    Read and check the settings.

    Raises:
        ConfigurationError: Missing, unreadable or wrong; the message names file and setting.

    """
    try:
        config = msgspec.convert(
            {**_read(file), "folder": str(file.parent)}, ServerConfig, dec_hook=_decode
        )
        config = msgspec.structs.replace(config, domain=checked_domain(config.domain))
        _check(config)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {_complaint(error)}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    return config


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            "there is no such file; make one with perchat init, or name yours with --config"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"is not TOML: {error}") from error


def _complaint(error: msgspec.ValidationError) -> str:
    """Return what is wrong with which setting: ``listen.tls: Expected `str`, got `int```."""
    text = str(error).replace("Object contains unknown field", "no such setting:")
    what, _, where = text.partition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if where else what


def with_ports(
    config: ServerConfig,
    *,
    tls: int | None = None,
    tcp: int | None = None,
    https: int | None = None,
) -> ServerConfig:
    """
    Return the settings with other ports; None leaves one as it is.

    Files are served on a free port, too, where that is asked of a SIP listener: whoever
    does starts several servers on a machine.
    """
    listen = config.listen
    if https is None and 0 in (tls, tcp) and listen.https:
        https = 0
    listen = msgspec.structs.replace(
        listen,
        tls=_with_port(listen.tls, tls),
        tcp=_with_port(listen.tcp, tcp),
        https=_with_port(listen.https, https),
    )
    return msgspec.structs.replace(config, listen=listen)


def _with_port(address: str, port: int | None) -> str:
    if port is None:
        return address
    host = address.rpartition(":")[0] or "127.0.0.1"
    return f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_domain(text: str) -> str:
    """
    Return a domain as it is compared: lower case, without a dot at its end.

    Raises:
        ConfigurationError: It is none.

    """
    domain = text.lower().removesuffix(".")
    labels = domain.split(".")
    if len(domain) > 200 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise ConfigurationError(
            f"{text!r} is not a domain such as example.com (letters beyond a-z are written xn--...)"
        )
    return domain


def checked_host(text: str) -> str:
    """Return a host's name or IP address, lower case; ConfigurationError when it is neither."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return checked_domain(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{text!r} is neither a host's name nor an IP address") from error


def split_address(text: str) -> tuple[str, int]:
    """
    Split ``host:port``; brackets around an IPv6 address are taken off.

    Raises:
        ConfigurationError: Not of that form.

    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigurationError(f"{text!r} is not host:port with a port up to 65535")
    return host.strip("[]"), int(port)


def new_config_text(domain: str) -> str:
    """Return the file ``perchat init`` writes: what an operator changes first."""
    return f"""\
# Settings of this Perchat server. What is left out has its default; the reference lists all.

domain = "{domain}"

[listen]
tls = "127.0.0.1:5061"    # open to your network with "0.0.0.0:5061"
tcp = "127.0.0.1:5060"    # not encrypted, therefore loopback only; "" switches it off
https = "127.0.0.1:5443"  # files in rooms; "" switches it off

[chat]
display_name = "Persistent Chat"
"""


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(f"settings of type {kind}")


def _check(config: ServerConfig) -> None:
    _check_listeners(config.listen)
    _check_files(config)
    _check_protocols(config.sign_in)
    _check_health(config.health)
    trusted_networks(config.sign_in.trust)
    if config.host:
        checked_host(config.host)
    for uri in config.chat_uris:
        try:
            SipUri(uri)
        except ValueError as error:
            raise ConfigurationError(f"[chat]: {error}") from error


def _check_protocols(sign_in: SignInConfig) -> None:
    if not sign_in.protocols or len(set(sign_in.protocols)) < len(sign_in.protocols):
        raise ConfigurationError('sign_in.protocols names each once: ["kerberos", "ntlm"]')
    if "kerberos" in sign_in.protocols and not sign_in.keytab:
        raise ConfigurationError("sign_in.protocols has kerberos: name its key in sign_in.keytab")


def _check_health(health: HealthConfig) -> None:
    if health.listen and not is_loopback(split_address(health.listen)[0]):
        raise ConfigurationError(f"health.listen {health.listen} is not loopback, as it has to be")


def _check_files(config: ServerConfig) -> None:
    listen, url = config.listen, config.files.url
    for address in filter(None, (listen.https, listen.http)):
        split_address(address)
    if listen.http and not is_loopback(split_address(listen.http)[0]):
        raise ConfigurationError(
            f"listen.http {listen.http} is not loopback and HTTP is not encrypted; use listen.https"
        )
    if url and not _URL.fullmatch(url):
        raise ConfigurationError(f"files.url {url!r} is not https://HOST or https://HOST:PORT")


def _check_listeners(listen: ListenConfig) -> None:
    if not listen.tls and not listen.tcp:
        raise ConfigurationError("listen.tls and listen.tcp are both empty; name one")
    for address in filter(None, (listen.tls, listen.tcp)):
        split_address(address)
    if listen.plain_tcp_anywhere or not listen.tcp:
        return
    if not is_loopback(split_address(listen.tcp)[0]):
        raise ConfigurationError(
            f"listen.tcp {listen.tcp} is not loopback and TCP is not encrypted;"
            " use listen.tls, or set listen.plain_tcp_anywhere = true"
        )
