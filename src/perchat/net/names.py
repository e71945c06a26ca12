"""
Who a certificate speaks for, and whom we trust to be somebody.

A SIP peer is known by the DNS names of its certificate (RFC 5922 §7.1), Lync adds the
subject's common name. A wildcard is nobody's name (RFC 5922 §7.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TrustedNames", "host_name", "peer_names"]

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?!(?:.*\.)?[0-9]+\Z){_LABEL}(?:\.{_LABEL})*")  # an address is no name


def host_name(text: str) -> str | None:
    """Return a host name in lower case and without its root dot; None when it is none."""
    name = text.removesuffix(".").lower()
    return name if len(name) <= 253 and _HOST.fullmatch(name) else None


def peer_names(certificate: Mapping[str, object] | None) -> frozenset[str]:
    """
    Return the host names, lower case, of a certificate as the ssl module shows it.

    The ssl module shows those that it has verified and nothing else, so the names of a
    peer without certificate, or with one that nobody checked, are none.
    """
    certificate = certificate or {}
    found = [*_common_names(certificate.get("subject")), *_dns(certificate.get("subjectAltName"))]
    return frozenset(name for text in found if (name := host_name(text)))


def _common_names(subject: object) -> list[str]:
    parts = subject if isinstance(subject, tuple) else ()
    return [value for part in parts for kind, value in part if kind == "commonName"]


def _dns(alternatives: object) -> list[str]:
    pairs = alternatives if isinstance(alternatives, tuple) else ()
    return [value for kind, value in pairs if kind == "DNS"]


class TrustedNames:
    """
    Hosts that may speak as servers or applications.

    An entry is one host, ``app.contoso.com``, or with a dot in front every host below a
    domain: ``.contoso.com`` is ``app.contoso.com`` and ``a.b.contoso.com``, but not
    ``contoso.com``.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """
        Take the entries, in any case.

        Raises:
            ConfigurationError: An entry is no host name; wildcards are not.

        """
        self.entries = frozenset(_entry(text) for text in entries)

    def match(self, names: Iterable[str]) -> str | None:
        """Return the first of ``names``, in alphabetical order, that is trusted."""
        return next((name for name in sorted(names) if name in self), None)

    def __contains__(self, name: object) -> bool:
        host = host_name(name) if isinstance(name, str) else None
        return host is not None and (host in self.entries or self._below(host))

    def __repr__(self) -> str:
        return f"TrustedNames({sorted(self.entries)})"

    def _below(self, host: str) -> bool:
        labels = host.split(".")
        return any(f".{'.'.join(labels[i:])}" in self.entries for i in range(1, len(labels)))


def _entry(text: str) -> str:
    name = host_name(text.removeprefix("."))
    if name is None:
        raise ConfigurationError(
            f"not a host name to trust: {text!r}; write app.contoso.com for one host,"
            " .contoso.com for all below a domain"
        )
    return f".{name}" if text.startswith(".") else name
