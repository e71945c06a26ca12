"""
Where a registrar sends us, and whether we go there (RFC 3261 §8.1.3.4).

The servers it names are tried in their order, none twice in one sign-in, so that a circle
ends. Its word is not enough to believe them: over TLS nothing but TLS will do, and a
certificate has to carry a name that was good before: its own where that lies in the
user's domain, else the domain itself or the name of the server that sent us there.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.errors import RegisterError
from perchat.net.connector import DEFAULT_PORTS, Transport
from perchat.net.discovery import FoundServer
from perchat.net.names import host_name
from perchat.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.client.signedin import SignedIn, SignInTarget
    from perchat.sip.uri import Uri

__all__ = ["Redirects"]

_log = logging.getLogger("perchat.signin")


class Redirects:
    """The way of one sign-in, with at most so many turns."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turns = 0
        self._tried: set[tuple[str, int]] = set()

    def onwards(self, sign_in: SignedIn, error: RegisterError) -> SignInTarget:
        """
        Return where to sign in instead.

        Raises:
            RegisterError: ``error`` itself, if it sends us nowhere; else why we do not go.

        """
        if not error.moved_to or sign_in.server is None:
            raise error
        here = sign_in.server
        self._tried.add((here.host.lower(), here.port))
        self._turns += 1
        if self._turns > self._most:
            raise _stays(error, f"that was {self._turns} times, and {self._most} are the most")
        found = tuple(self._untried(_servers(error.moved_to, here, sign_in.target)))
        if not found:
            raise _stays(error, "no server there is new and as safe as this one")
        _log.info("%s sends us to %s", here.host_port, ", ".join(one.host_port for one in found))
        return replace(sign_in.target, servers=found[: self._most])

    def _untried(self, servers: Iterable[FoundServer]) -> Iterable[FoundServer]:
        return (one for one in servers if (one.host, one.port) not in self._tried)


def _servers(uris: Iterable[str], here: FoundServer, target: SignInTarget) -> Iterable[FoundServer]:
    for uri in map(parse_uri, uris):
        if uri.is_sip and _transport(uri, target.transport) is target.transport:
            host = uri.host.strip("[]").rstrip(".").lower()
            port = uri.port or DEFAULT_PORTS[target.transport]
            names = _names(host, here, target.uri.domain)
            yield FoundServer(host, port, names, f"redirected by {here.host_port}")


def _transport(uri: Uri, otherwise: Transport) -> Transport | None:
    if uri.scheme == "sips":
        return Transport.TLS
    said = uri.params.get("transport") or otherwise.value
    return {one.value: one for one in Transport}.get(said.lower())


def _names(host: str, here: FoundServer, domain: str) -> tuple[str, ...]:
    """Return the names that its certificate may carry."""
    own = host_name(host)
    if own and f".{own}".endswith(f".{domain.lower()}"):
        return (own,)
    return tuple(dict.fromkeys((*here.names, domain)))


def _stays(error: RegisterError, why: str) -> RegisterError:
    return RegisterError(
        f"{error}: sent to {', '.join(error.moved_to)}; {why}",
        status=error.status,
        diagnostics=error.diagnostics,
        request=error.request,
        reason=error.reason,
        moved_to=error.moved_to,
    )
