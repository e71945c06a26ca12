"""
The server's settings, each documented once, read from ``perchat.toml``.

Paths are taken from the folder the file is in. What is left out has the default
shown here; what is not known is refused, so that a slip of the pen is noticed.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path

import msgspec

from perchat.errors import ConfigurationError

__all__ = [
    "ChatConfig",
    "LimitsConfig",
    "ListenConfig",
    "PathsConfig",
    "ServerConfig",
    "SignInConfig",
    "is_loopback",
    "load_config",
    "new_config_text",
    "split_address",
    "with_ports",
]


class ListenConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Where the server listens.

    Attributes:
        tls: Address and port for SIP over TLS; port 0 picks a free one, empty switches it off.
        tcp: The same for plain TCP. Bodies travel readable there: only loopback is accepted
            unless ``plain_tcp_anywhere`` is true.
        plain_tcp_anywhere: Accept a ``tcp`` address beyond loopback.

    """

    tls: str = "127.0.0.1:5061"
    tcp: str = "127.0.0.1:5060"
    plain_tcp_anywhere: bool = False


class PathsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Files the server needs.

    Attributes:
        database: Everything that outlives the process.
        secret_key: Encrypts password hashes in the database; keep it apart from backups of it.
        authority: The certificates clients should trust (PEM).
        certificate: The server's certificate, leaf first (PEM).
        certificate_key: Its private key (PEM).

    """

    database: str = "perchat.db"
    secret_key: str = "secret.key"  # noqa: S105 - a file name
    authority: str = "pki/ca.pem"
    certificate: str = "pki/server.pem"
    certificate_key: str = "pki/server-key.pem"


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

    """

    deadline: float = 60.0
    registration_expires: int = 600
    association_lifetime: int = 8 * 3600
    keep_alive: int = 300
    challenge_limit: int = 10


class ChatConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The chat service.

    Attributes:
        pool_uri: The address that clients are provisioned with; empty means ``sip:perchat@DOMAIN``.
        service_uri: The address that a look-up at ``pool_uri`` answers with; empty means the same.
        legacy_uri: Where clients of the 2010 generation call; empty means ``sip:ocschat@DOMAIN``.
        display_name: Tells the rooms of several pools apart.
        session_expires: Seconds a silent chat session lives (RFC 4028); at least 90.

    """

    pool_uri: str = ""
    service_uri: str = ""
    legacy_uri: str = ""
    display_name: str = "Persistent Chat"
    session_expires: int = 1800


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
        body_bytes: Bytes of a SIP body.
        header_bytes: Bytes of all SIP headers of a message.
        message_seconds: Seconds a message that has begun may stay incomplete.

    """

    connections: int = 20_000
    sessions_per_connection: int = 8
    inbox: int = 200
    outbox: int = 2_000
    outbox_window: int = 64
    unsent_bytes: int = 4 * 1024 * 1024
    message_bytes: int = 8_192
    story_bytes: int = 65_536
    search_results: int = 999
    history_messages: int = 500
    body_bytes: int = 1_048_576
    header_bytes: int = 65_536
    message_seconds: float = 30.0


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
    folder: Path = Path()

    def path(self, relative: str) -> Path:
        """Return a path of the file as seen from here."""
        return self.folder / relative

    @property
    def host_name(self) -> str:
        """The server's name towards clients."""
        return self.host or f"sip.{self.domain}"

    @property
    def pool_uri(self) -> str:
        """The provisioned address of the chat service."""
        return self.chat.pool_uri or f"sip:perchat@{self.domain}"

    @property
    def service_uri(self) -> str:
        """The address a look-up is answered with."""
        return self.chat.service_uri or self.pool_uri

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
        raw = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{file} does not exist; make it with: perchat init DIR"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read {file}: {error}") from error
    try:
        config = msgspec.convert(
            {**raw, "folder": str(file.parent)}, ServerConfig, dec_hook=_decode
        )
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    _check(config, file)
    return config


def with_ports(
    config: ServerConfig, *, tls: int | None = None, tcp: int | None = None
) -> ServerConfig:
    """Return the settings with other ports; None leaves one as it is."""
    listen = config.listen
    listen = msgspec.structs.replace(
        listen, tls=_with_port(listen.tls, tls), tcp=_with_port(listen.tcp, tcp)
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

[chat]
display_name = "Persistent Chat"
"""


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(f"settings of type {kind}")


def _check(config: ServerConfig, file: Path) -> None:
    if not config.listen.tls and not config.listen.tcp:
        raise ConfigurationError(f"{file}: listen.tls and listen.tcp are both empty")
    if config.listen.tls:
        split_address(config.listen.tls)
    if config.listen.tcp:
        host, _ = split_address(config.listen.tcp)
        if not is_loopback(host) and not config.listen.plain_tcp_anywhere:
            raise ConfigurationError(
                f"{file}: listen.tcp {config.listen.tcp} is not loopback and TCP is not encrypted;"
                " use listen.tls, or set listen.plain_tcp_anywhere = true"
            )
    if config.chat.session_expires < 90:  # RFC 4028 §4
        raise ConfigurationError(f"{file}: chat.session_expires is below 90 seconds")
