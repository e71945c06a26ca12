"""
Why TLS failed, in words people can act on.

OpenSSL tells three kinds of story: what it found wrong with the peer's certificate
(a verify code), what the peer found wrong with us (an alert, RFC 8446 §6.2), and
that the bytes are no TLS. Each is a row below: a reason, what happened, what to do.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass

from perchat.errors import TlsFailure, TlsFailureReason

__all__ = ["tls_failure"]

_R = TlsFailureReason


@dataclass(frozen=True, slots=True)
class _Story:
    reason: TlsFailureReason
    what: str
    remedy: str


_UNTRUSTED = _Story(
    _R.UNTRUSTED,
    "the peer's certificate is not from an authority that is trusted here",
    "trust the peer's authority (option ca / --ca), or have the peer send its whole chain",
)
_WRONG_NAME = _Story(
    _R.WRONG_NAME,
    "the peer's certificate carries another name",
    "use a host name that the certificate carries, or renew it with this name",
)
_NO_LIST = _Story(
    _R.UNTRUSTED,
    "whether the peer's certificate was revoked cannot be told: its authority's list is missing",
    "add that authority's certificate revocation list",
)
_OLD_LIST = _Story(
    _R.UNTRUSTED,
    "whether the peer's certificate was revoked cannot be told: the list is out of date",
    "fetch the authority's newest certificate revocation list, or set this machine's clock",
)
_VERIFY = {  # X509_V_ERR_*, openssl/x509_vfy.h
    3: _NO_LIST,
    9: _Story(
        _R.NOT_YET_VALID,
        "the peer's certificate is not valid yet",
        "set this machine's clock, or wait until the certificate begins",
    ),
    10: _Story(
        _R.EXPIRED,
        "the peer's certificate has expired",
        "renew the peer's certificate, or set this machine's clock",
    ),
    11: _OLD_LIST,
    12: _OLD_LIST,
    23: _Story(
        _R.REVOKED,
        "the peer's certificate was revoked by its authority",
        "give the peer a new certificate, and ask why the old one was revoked",
    ),
    26: _Story(
        _R.WRONG_USAGE,
        "the peer's certificate was not issued for this use",
        "give a server a certificate for server authentication, a client one for client"
        " authentication; an application needs both",
    ),
    62: _WRONG_NAME,
    64: _WRONG_NAME,
}

_REFUSED_WHOLE = _Story(
    _R.LOCAL_CERTIFICATE_UNUSABLE,
    "the peer does not accept the certificate that it was shown",
    "look into the peer's log",
)
_ALERTS = {  # what the peer says of us
    "UNKNOWN_CA": _Story(
        _R.LOCAL_CERTIFICATE_UNUSABLE,
        "the peer does not trust the authority of the certificate that it was shown",
        "have the peer trust that authority, or show a certificate of one that it trusts",
    ),
    "CERTIFICATE_EXPIRED": _Story(
        _R.LOCAL_CERTIFICATE_UNUSABLE,
        "the peer says that the certificate it was shown is expired or not valid yet",
        "renew the certificate, and compare the clocks of both machines",
    ),
    "CERTIFICATE_REVOKED": _Story(
        _R.LOCAL_CERTIFICATE_UNUSABLE,
        "the peer says that the certificate it was shown was revoked",
        "use a new certificate",
    ),
    "UNSUPPORTED_CERTIFICATE": _Story(
        _R.LOCAL_CERTIFICATE_UNUSABLE,
        "the peer says that the certificate it was shown was not issued for this use",
        "use a certificate for both server and client authentication",
    ),
    "CERTIFICATE_REQUIRED": _Story(
        _R.LOCAL_CERTIFICATE_NOT_FOUND,
        "the peer asks for a certificate, and none was shown",
        "connect with a certificate that the peer trusts",
    ),
    "BAD_CERTIFICATE": _REFUSED_WHOLE,
    "CERTIFICATE_UNKNOWN": _REFUSED_WHOLE,
    "ACCESS_DENIED": _REFUSED_WHOLE,
}

_NO_CERTIFICATE = _Story(
    _R.NEGOTIATION,
    "the peer showed no certificate, and one is required",
    "have the peer connect with a certificate of an authority that is trusted here",
)
_NOT_TLS = _Story(
    _R.NEGOTIATION,
    "what the peer sent is not TLS",
    "check the port; plain TCP needs Transport.TCP on both ends",
)
_VERSIONS = _Story(
    _R.NEGOTIATION,
    "there is no version of TLS that both ends speak",
    "have both ends speak TLS 1.2 or newer",
)
_CIPHERS = _Story(
    _R.NEGOTIATION,
    "there is no cipher that both ends speak",
    "have both ends speak the usual ciphers of TLS 1.2 or newer",
)
_HUNG_UP = _Story(
    _R.REMOTE_DISCONNECTED,
    "the peer hung up before TLS was agreed on",
    "check that the port speaks TLS and admits this machine, and look into the peer's log",
)
_SILENT = _Story(
    _R.REMOTE_DISCONNECTED,
    "the peer fell silent before TLS was agreed on",
    "check that the port speaks TLS, and look into the peer's log",
)
_OTHER = _Story(
    _R.NEGOTIATION,
    "the ends could not agree",
    "check that the port speaks TLS 1.2 or newer",
)
_REASONS = {  # names of OpenSSL's errors, SSL_R_*
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": _NO_CERTIFICATE,
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "HTTP_REQUEST": _NOT_TLS,
    "HTTPS_PROXY_REQUEST": _NOT_TLS,
    "UNKNOWN_PROTOCOL": _NOT_TLS,
    "RECORD_LAYER_FAILURE": _NOT_TLS,
    "BAD_RECORD_TYPE": _NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
    "UNEXPECTED_MESSAGE": _NOT_TLS,
    "UNSUPPORTED_PROTOCOL": _VERSIONS,
    "VERSION_TOO_LOW": _VERSIONS,
    "NO_PROTOCOLS_AVAILABLE": _VERSIONS,
    "NO_SHARED_CIPHER": _CIPHERS,
    "UNEXPECTED_EOF_WHILE_READING": _HUNG_UP,
}
_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_ALERT_(\w+)")
_PLACE = re.compile(r" ?\(_ssl\.c:\d+\)|^\[[^\]]*\]\s*")


def tls_failure(error: Exception, peer: str) -> TlsFailure:
    """Return what to raise, or to write down, for a handshake with ``peer`` that failed."""
    story = _story(error)
    detail = _PLACE.sub("", getattr(error, "verify_message", "") or str(error)).strip()
    shown = f" ({detail})" if detail else ""
    return TlsFailure(
        f"TLS with {peer} failed: {story.reason.value}: {story.what}{shown}; {story.remedy}",
        reason=story.reason,
    )


def _story(error: Exception) -> _Story:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY.get(getattr(error, "verify_code", 0), _UNTRUSTED)
    if isinstance(error, ConnectionAbortedError):  # asyncio's word for its own patience
        return _SILENT
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError):
        return _HUNG_UP
    reason = str(getattr(error, "reason", None) or "")
    if alert := _ALERT.fullmatch(reason):
        return _alert(alert[1])
    return _REASONS.get(reason, _OTHER)


def _alert(name: str) -> _Story:
    if name in ("PROTOCOL_VERSION", "INSUFFICIENT_SECURITY"):
        return _VERSIONS
    return _ALERTS.get(name, _OTHER)
