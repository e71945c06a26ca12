"""
TLS contexts for both ends, with and without certificates of clients.

TLS 1.2 is the oldest version spoken. Clients verify chain and host name; there is
no switch to turn that off, only other roots to trust.

When a handshake fails, asyncio closes the socket and keeps back the alert that would
tell the peer why (RFC 8446 §6.2). The contexts here send it, on the socket that
``telling`` names, so that either end can say what was wrong.
"""

from __future__ import annotations

import contextlib
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from typing import Self

    from perchat.net.certificates import Certificate

__all__ = ["Authorities", "ReloadableContext", "client_context", "server_context", "telling"]

# The socket of the handshake that begins next. Taken out by it, as tasks that are born
# later inherit the variable and must not find it there.
_handshaking: ContextVar[list[socket.socket] | None] = ContextVar("_handshaking", default=None)
_AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class ReloadableContext:
    """
    A context that can be replaced while a listener uses it.

    Each connection keeps what it was made with; the next one gets ``current``. The whole
    context is replaced and not only its certificate: OpenSSL keeps one certificate for
    each kind of key, so a new one of another kind would stand beside the old one.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.current = context

    def replace(self, context: ssl.SSLContext) -> None:
        """Use ``context``, complete and checked, for every connection from now on."""
        self.current = context


@dataclass(frozen=True, slots=True)
class Authorities:
    """
    Name the authorities that are trusted, and how revoked certificates are known.

    Attributes:
        ca: PEM file of their certificates; the system's without it.
        crl: PEM file of their revocation lists; nothing is looked up without it.

    """

    ca: Path | None = None
    crl: Path | None = None

    @classmethod
    def of(cls, ca: Path | str | None, crl: Path | str | None = None) -> Self:
        """Take both as a program gives them."""
        return cls(None if ca is None else Path(ca), None if crl is None else Path(crl))

    def client_context(self, certificate: Certificate | None = None) -> ssl.SSLContext:
        """Return what servers are verified with; see ``client_context``."""
        return client_context(self.ca, certificate=certificate, crl=self.crl)


def client_context(
    ca: Path | None = None,
    *,
    certificate: Certificate | None = None,
    crl: Path | None = None,
) -> ssl.SSLContext:
    """
    Return a context that trusts ``ca`` (a PEM file), or the system's roots without it.

    Args:
        ca: Whom to trust.
        certificate: Is shown to servers that ask for one (mutual TLS).
        crl: PEM file of revocation lists; then every server's authority needs one.

    Raises:
        ConfigurationError: A file cannot be read as PEM.
        TlsFailure: The certificate and its key cannot be used.

    """
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _trust(context, ca)
    if certificate is not None:
        certificate.load_into(context)
    _check_revocation(context, crl)
    return context


def server_context(
    certificate: Path | Certificate,
    key: Path | None = None,
    *,
    client_ca: Path | None = None,
    require_client: bool = False,
    crl: Path | None = None,
) -> ssl.SSLContext:
    """
    Return a context that shows ``certificate``.

    Args:
        certificate: A PEM file, leaf first, or a certificate that knows its key.
        key: PEM file of the key, where ``certificate`` is a file without it.
        client_ca: PEM file of the authorities of clients. Clients are then asked for a
            certificate, and one that does not verify is refused.
        require_client: Whether clients without a certificate are refused as well.
        crl: PEM file of revocation lists; then every client's authority needs one.

    Raises:
        ConfigurationError: A file is missing, unreadable, or they do not fit together.
        TlsFailure: The certificate and its key cannot be used.

    """
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show(context, certificate, key)
    if client_ca is not None:
        _trust(context, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    elif require_client:
        raise ConfigurationError("clients need a certificate, but no authority of clients is set")
    _check_revocation(context, crl)
    return context


@contextlib.contextmanager
def telling(sock: socket.socket) -> Iterator[None]:
    """Have the one handshake that begins within the block send its alert, if any, on ``sock``."""
    waiting = [sock]
    token = _handshaking.set(waiting)
    try:
        yield
    finally:
        _handshaking.reset(token)
        waiting.clear()


def _show(context: ssl.SSLContext, certificate: Path | Certificate, key: Path | None) -> None:
    if not isinstance(certificate, Path):
        certificate.load_into(context)
        return
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"cannot use certificate {certificate} with key {key or certificate}: {error}"
        ) from error


def _trust(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"cannot read certificates from {ca}: {error}") from error


def _check_revocation(context: ssl.SSLContext, crl: Path | None) -> None:
    if crl is None:
        return
    try:
        context.load_verify_locations(cafile=crl)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"cannot read revocation lists from {crl}: {error}") from error
    if not context.cert_store_stats()["crl"]:
        raise ConfigurationError(f"{crl} holds no revocation list (PEM, X509 CRL)")
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


class _Telling(ssl.SSLObject):
    """Sends the alert of a failed handshake before anybody closes the socket."""

    outgoing: ssl.MemoryBIO | None = None
    socket: socket.socket | None = None

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except _AGAIN:
            raise
        except ssl.SSLError:
            self._tell()
            raise

    def _tell(self) -> None:
        if self.outgoing is not None and self.socket is not None:
            with contextlib.suppress(OSError):  # who is gone need not be told
                self.socket.send(self.outgoing.read())


class _Context(ssl.SSLContext):
    sslobject_class = _Telling

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        wrapped = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(wrapped, _Telling):
            waiting = _handshaking.get()
            wrapped.outgoing, wrapped.socket = outgoing, waiting.pop() if waiting else None
        return wrapped
