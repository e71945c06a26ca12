"""
TLS contexts, and why a handshake failed, in words.

TLS 1.2 is the oldest version spoken. Clients verify chain and host name; there is
no switch to turn that off, only other roots to trust.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError, TlsFailure, TlsFailureReason

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["client_context", "server_context", "tls_failure"]

_REASONS = (  # words of OpenSSL's verify messages, most telling first
    ("hostname mismatch", TlsFailureReason.WRONG_NAME),
    ("ip address mismatch", TlsFailureReason.WRONG_NAME),
    ("not yet valid", TlsFailureReason.NOT_YET_VALID),
    ("expired", TlsFailureReason.EXPIRED),
    ("revoked", TlsFailureReason.REVOKED),
    ("purpose", TlsFailureReason.WRONG_USAGE),
    ("self-signed", TlsFailureReason.UNTRUSTED),
    ("self signed", TlsFailureReason.UNTRUSTED),
    ("unable to get", TlsFailureReason.UNTRUSTED),
    ("unknown ca", TlsFailureReason.UNTRUSTED),
    ("verify failed", TlsFailureReason.UNTRUSTED),
    ("eof occurred", TlsFailureReason.REMOTE_DISCONNECTED),
)
_ADVICE = {
    TlsFailureReason.UNTRUSTED: "trust the server's authority (option ca / --ca)",
    TlsFailureReason.WRONG_NAME: "use a host name that the server's certificate carries",
    TlsFailureReason.EXPIRED: "renew the server's certificate, or set this machine's clock",
    TlsFailureReason.NOT_YET_VALID: "set this machine's clock, or wait",
    TlsFailureReason.WRONG_USAGE: "give the server a certificate for server authentication",
    TlsFailureReason.REVOKED: "renew the server's certificate",
    TlsFailureReason.REMOTE_DISCONNECTED: "check that the port speaks TLS and accepts clients",
    TlsFailureReason.NEGOTIATION: "check that the port speaks TLS 1.2 or newer",
}


def client_context(ca: Path | None = None) -> ssl.SSLContext:
    """
    Return a context that trusts ``ca`` (a PEM file), or the system's roots without it.

    Raises:
        ConfigurationError: The file cannot be read as PEM certificates.

    """
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"cannot read certificates from {ca}: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """
    Return a context that shows ``certificate`` (PEM, leaf first) and proves it with ``key``.

    Raises:
        ConfigurationError: A file is missing, unreadable, or they do not fit together.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"cannot use certificate {certificate} with key {key}: {error}"
        ) from error
    return context


def tls_failure(error: Exception, host: str) -> TlsFailure:
    """Tell why a handshake with ``host`` failed, and what to do about it."""
    text = getattr(error, "verify_message", "") or str(error)
    reason = next(
        (reason for words, reason in _REASONS if words in text.lower()),
        TlsFailureReason.NEGOTIATION,
    )
    if isinstance(error, ConnectionError):
        reason = TlsFailureReason.REMOTE_DISCONNECTED
    plain = re.sub(r"\s*\(_ssl\.c:\d+\)", "", text).strip() or type(error).__name__
    advice = _ADVICE[reason]
    return TlsFailure(f"TLS with {host} failed ({reason.value}): {plain}; {advice}", reason=reason)
