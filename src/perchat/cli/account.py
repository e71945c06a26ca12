"""
Who signs in, and where: the options that all commands of a user share.

What is not said is taken from the settings of a server on this machine, if there are
any and they are for the user's domain: its listener and the authority to trust.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perchat.cli.options import (
    DEFAULT_CONFIG,
    load,
    password_stdin_option,
    sign_in_password,
    trace_option,
)
from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.server.config import ServerConfig

__all__ = ["Account", "as_user"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    Who signs in, and where.

    Attributes:
        address: ``user@domain``.
        server: ``host`` or ``host:port``; None has one looked up.
        ca: The authorities to trust; None means the system's.
        crl: Their revocation lists; None looks none up.
        trace: Where to keep what goes over the wire; None keeps nothing.

    """

    address: str
    password: str = field(repr=False)
    server: str | None
    tcp: bool
    ca: Path | None
    crl: Path | None = None
    trace: Path | None = None

    def connect(self) -> AbstractAsyncContextManager[PersistentChatEndpoint]:
        """
        Return the connection, to be entered.

        Raises:
            ConfigurationError: User or server are not of the form they have.

        """
        import perchat  # its names are loaded when they are used

        try:
            return perchat.connect_user(
                f"sip:{self.address}",
                server=self.server,
                ca=self.ca,
                crl=self.crl,
                credential=perchat.PasswordCredential(self.address, self.password),
                transport=perchat.Transport.TCP if self.tcp else perchat.Transport.TLS,
                user_agent="perchat-cli",
                trace=self.trace,
            )
        except ValueError as error:
            raise ConfigurationError(str(error)) from error


def as_user(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a client and hand the command its ``account``."""

    @click.option("--as", "user", required=True, metavar="USER", help="Who signs in.")
    @click.option(
        "--server", metavar="HOST:PORT", help="The server; that of the settings without it."
    )
    @click.option(
        "--ca",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Certificates to trust (PEM); the settings' authority without it.",
    )
    @click.option(
        "--crl",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Their revocation lists (PEM); each authority needs one then.",
    )
    @click.option("--tcp", is_flag=True, help="Plain TCP instead of TLS.")
    @password_stdin_option
    @trace_option
    @click.option(
        "--config",
        "config_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        envvar="PERCHAT_CONFIG",
        help="Settings of a server on this machine; also PERCHAT_CONFIG.",
    )
    @functools.wraps(command)
    def wrapper(
        *,
        user: str,
        server: str | None,
        ca: Path | None,
        crl: Path | None,
        tcp: bool,
        password_stdin: bool,
        trace: Path | None,
        config_file: Path | None,
        **words: Any,
    ) -> None:
        where = _complete(user, server, ca, tcp=tcp, file=config_file)
        password = sign_in_password(where["address"], from_stdin=password_stdin)
        account = Account(**where, tcp=tcp, password=password, crl=crl, trace=trace)
        command(account, **words)

    return wrapper


def _complete(
    user: str, server: str | None, ca: Path | None, *, tcp: bool, file: Path | None
) -> dict[str, Any]:
    """Return address, server and authority, with what the settings know."""
    name, _, domain = user.removeprefix("sip:").partition("@")
    config = None if domain and server and ca else _settings(file)
    if not domain and config is None:
        raise ConfigurationError(f"which domain? give --as {user}@DOMAIN, or --config FILE")
    if config is not None and (domain or config.domain).lower() == config.domain:
        domain = config.domain
        server = server or config.near_address(tcp=tcp)
        ca = ca or config.path(config.paths.authority)
    return {"address": f"{name}@{domain}", "server": server, "ca": ca}


def _settings(file: Path | None) -> ServerConfig | None:
    """Return the settings that are named, else those in this folder if there are any."""
    if file is None and not DEFAULT_CONFIG.exists():
        return None
    return load(file or DEFAULT_CONFIG)
